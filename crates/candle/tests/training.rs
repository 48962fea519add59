//! Training steps: hand-worked, and against the oracle op by op.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{SEED, candle, error, oracle, run_both};
use portbench_backend::{
    Backend, BackendError, CompileOptions, EntryId, HostTensor, ParamSource, Support, Use,
};
use portbench_candle::CandleBackend;
use portbench_graph::{
    AttentionOptions, BinaryKind, Conv2dAttrs, DType, DecayRule, GeluKind, GraphBuilder, Init, Op, Optimizer,
    Pool2dAttrs, Program, ProgramBuilder, Schedule, TrainSpec, Type, UnaryKind, Value,
};

fn spec(optimizer: Optimizer, rate: f64) -> TrainSpec {
    TrainSpec {
        entry: "train".into(),
        loss: "loss".into(),
        optimizer,
        schedule: Schedule::Constant { rate },
        clip_norm: None,
    }
}

const SGD: Optimizer = Optimizer::Sgd { momentum: 0.0 };

fn program(dtype: DType, spec: TrainSpec, build: impl FnOnce(&mut GraphBuilder<'_>)) -> Program {
    let mut builder = ProgramBuilder::new("training", dtype);
    builder.entry("train", build);
    builder.training(spec);
    builder.finish().unwrap()
}

/// A scalar that weighs every element of `y` differently, so that no gradient is zero by symmetry.
fn weighed(g: &mut GraphBuilder<'_>, y: Value) -> Value {
    let ty = g.ty(y);
    let n = ty.shape.elements();
    let y = g.reshape(y, &[n]);
    let ty = Type::new(ty.dtype, [n]);
    let weights = g.iota(0, ty);
    let weights = g.affine(weights, 0.37, 0.2);
    let weights = g.unary(UnaryKind::Sin, weights);
    let y = g.mul(y, weights);
    let y = g.sum(y, &[0]);
    g.reshape(y, &[])
}

/// Two SGD steps on `build`'s result, here and by the oracle; the parameters must agree.
fn check(what: &str, build: impl Fn(&mut GraphBuilder<'_>, DType) -> Value) {
    for (dtype, limit) in [(DType::F64, 1e-11), (DType::F32, 3e-5)] {
        let program = program(dtype, spec(SGD, 0.5), |g| {
            let y = build(g, dtype);
            let loss = weighed(g, y);
            g.output("loss", loss);
        });
        let (mut golden, mut got) = (oracle(&program), candle(&program));
        for step in 0..2 {
            run_both(&program, "train", 4, &mut [&mut golden, &mut got]);
            let loss = [&mut golden, &mut got].map(|e| e.fetch(EntryId(0), "loss").unwrap());
            assert!(error(&loss[1], &loss[0]) <= limit * 10.0, "{what} {dtype}: loss of step {step}");
        }
        for p in program.params.iter().filter(|p| p.trainable) {
            let start = portbench_backend::generate::tensor(SEED, &p.name, &p.ty, p.init.into()).unwrap();
            let want = golden.fetch_param(&p.name).unwrap();
            assert_ne!(want.to_f64(), start.to_f64(), "{what} {dtype}: {} has no gradient to check", p.name);
            let error = error(&got.fetch_param(&p.name).unwrap(), &want);
            assert!(error <= limit, "{what} {dtype}: {} differs by {error:e}", p.name);
        }
    }
}

const SPREAD: Init = Init::Normal { std: 1.0 };

#[test]
fn gradients_of_elementwise_functions() {
    for kind in UnaryKind::ALL {
        if kind == UnaryKind::Floor {
            continue;
        }
        check(kind.name(), |g, _| {
            let p = g.param("p", &[3, 4], Init::Uniform { bound: 0.4 });
            // Inside every function's domain, away from its poles.
            let x = g.affine(p, 1.0, 1.5);
            g.unary(kind, x)
        });
    }
    for kind in BinaryKind::ALL {
        check(kind.name(), |g, _| {
            let a = g.param("a", &[3, 4], Init::Uniform { bound: 0.9 });
            let b = g.param("b", &[3, 4], Init::Uniform { bound: 0.9 });
            let [a, b] = [a, b].map(|v| g.affine(v, 1.0, 1.5));
            g.binary(kind, a, b)
        });
    }
    check("select", |g, dtype| {
        let a = g.param("a", &[6], SPREAD);
        let b = g.param("b", &[6], SPREAD);
        let condition = g.input("c", Type::new(DType::Bool, [6]));
        let _ = dtype;
        g.select(condition, a, b)
    });
}

#[test]
fn gradients_of_reductions_and_views() {
    for axes in [vec![0], vec![1], vec![0, 2]] {
        check("sum", |g, _| {
            let p = g.param("p", &[2, 3, 4], SPREAD);
            g.sum(p, &axes)
        });
        check("max", |g, _| {
            let p = g.param("p", &[2, 3, 4], SPREAD);
            g.max(p, &axes)
        });
    }
    check("views", |g, _| {
        let p = g.param("p", &[2, 3, 4], SPREAD);
        let x = g.permute(p, &[2, 0, 1]);
        let s = g.slice(x, 0, 1, 2);
        let t = g.op(Op::Slice { axis: 0, start: 0, len: 2, step: 3 }, &[x]);
        let y = g.concat(&[s, t], 2);
        let y = g.op(Op::Pad { axis: 1, before: 1, after: 0, value: 2.0 }, &[y]);
        let y = g.reshape(y, &[6, 6]);
        let z = g.reshape(y, &[6, 1, 6]);
        g.broadcast(z, &[6, 2, 6])
    });
    check("update", |g, dtype| {
        let base = g.param("base", &[2, 5], SPREAD);
        let part = g.param("part", &[2, 2], SPREAD);
        let start = g.constant(1.0, Type::scalar(DType::I64));
        let _ = dtype;
        g.update_slice(base, part, start, 1)
    });
}

#[test]
fn gradients_of_products_and_look_ups() {
    check("matmul", |g, _| {
        let a = g.param("a", &[2, 3, 4], SPREAD);
        let b = g.param("b", &[2, 5, 4], SPREAD);
        let b = g.permute(b, &[0, 2, 1]);
        g.matmul(a, b)
    });
    check("linear", |g, dtype| {
        let x = g.input("x", Type::new(dtype, [2, 3, 4]));
        let w = g.param("w", &[5, 4], SPREAD);
        let bias = g.param("bias", &[5], SPREAD);
        let io = g.param("io", &[5, 2], SPREAD);
        let y = g.linear(x, w, Some(bias));
        g.linear_in_out(y, io, None)
    });
    check("embedding", |g, _| {
        let ids = g.input("ids", Type::new(DType::I64, [2, 3]));
        let table = g.param("table", &[4, 5], SPREAD);
        g.embedding(ids, table)
    });
    check("gather along", |g, _| {
        let ids = g.input("ids", Type::new(DType::I64, [2, 3]));
        let p = g.param("p", &[2, 4], SPREAD);
        g.gather_along(p, ids, 1)
    });
}

#[test]
fn gradients_of_convolutions_and_pools() {
    for (stride, padding, groups) in
        [([1, 1], [1, 1], 1), ([2, 2], [1, 1], 2), ([2, 2], [0, 1], 1), ([2, 1], [1, 1], 1)]
    {
        check("conv", |g, _| {
            let x = g.param("x", &[2, 4, 7, 7], SPREAD);
            let w = g.param("w", &[6, 4 / groups, 3, 3], SPREAD);
            let b = g.param("b", &[6], SPREAD);
            g.conv2d(x, w, Some(b), Conv2dAttrs { stride, padding, groups })
        });
    }
    for (kernel, stride, padding) in
        [([2, 2], [2, 2], [0, 0]), ([3, 3], [2, 2], [1, 1]), ([2, 2], [2, 2], [1, 1])]
    {
        let attrs = Pool2dAttrs { kernel, stride, padding };
        check("max pool", |g, _| {
            let x = g.param("x", &[2, 3, 7, 6], SPREAD);
            g.max_pool2d(x, attrs)
        });
        check("avg pool", |g, _| {
            let x = g.param("x", &[2, 3, 7, 6], SPREAD);
            g.avg_pool2d(x, attrs)
        });
    }
}

#[test]
fn gradients_of_composites() {
    check("softmax", |g, _| {
        let p = g.param("p", &[3, 5], SPREAD);
        g.softmax(p)
    });
    check("log softmax", |g, _| {
        let p = g.param("p", &[3, 5], SPREAD);
        g.log_softmax(p)
    });
    check("norms", |g, _| {
        let p = g.param("p", &[3, 6], SPREAD);
        let w = g.param("w", &[6], SPREAD);
        let b = g.param("b", &[6], SPREAD);
        let y = g.layer_norm(p, w, Some(b), 1e-5);
        let v = g.param("v", &[6], SPREAD);
        g.rms_norm(y, v, 1e-6)
    });
    check("batch norm", |g, _| {
        let p = g.param("p", &[2, 3, 4], SPREAD);
        let stats = ["w", "b"].map(|n| g.param(n, &[3], SPREAD));
        let mean = g.frozen_param("mean", &[3], SPREAD);
        let var = g.frozen_param("var", &[3], Init::Constant { value: 0.6 });
        let _ = (mean, var);
        let y = g.batch_norm(p, [stats[0], stats[1], mean, var], 1e-5);
        let sum = g.sum(y, &[2]);
        g.unary(UnaryKind::Tanh, sum)
    });
    for kind in [GeluKind::Erf, GeluKind::Tanh] {
        check("gelu", |g, _| {
            let p = g.param("p", &[3, 5], SPREAD);
            g.gelu(p, kind)
        });
    }
    check("silu and relu", |g, _| {
        let p = g.param("p", &[3, 5], SPREAD);
        let s = g.silu(p);
        let r = g.relu(p);
        g.add(s, r)
    });
    check("attention", |g, dtype| {
        let q = g.param("q", &[1, 4, 3, 4], SPREAD);
        let k = g.param("k", &[1, 2, 3, 4], SPREAD);
        let v = g.param("v", &[1, 2, 3, 4], SPREAD);
        let cos = g.input("cos", Type::new(dtype, [3, 2]));
        let sin = g.input("sin", Type::new(dtype, [3, 2]));
        let [q, k] = [q, k].map(|x| g.rotary(x, cos, sin));
        let mask = g.input("mask", Type::new(DType::Bool, [1, 1, 1, 3]));
        g.attention(
            [q, k, v],
            AttentionOptions { scale: 0.5, causal: true, mask: Some(mask), position: None },
        )
    });
    check("cross entropy", |g, _| {
        let p = g.param("p", &[3, 5], SPREAD);
        let targets = g.input("targets", Type::new(DType::I64, [3]));
        g.cross_entropy(p, targets)
    });
    check("experts", |g, dtype| {
        let x = g.param("x", &[3, 4], SPREAD);
        let router = g.param("router", &[2, 4], SPREAD);
        let _ = dtype;
        let logits = g.linear(x, router, None);
        let routing = g.top_k_routing(logits, 2, true);
        let experts: Vec<_> = (0..2)
            .map(|e| {
                let shapes = [("gate", [5, 4]), ("up", [5, 4]), ("down", [4, 5])];
                shapes.map(|(n, s)| g.param(&format!("{e}.{n}"), &s, SPREAD))
            })
            .collect();
        g.experts(x, routing, &experts, 2)
    });
}

/// `loss = mean((w x)^2)` of `w = [[1, 2]]`, `x = [3, 4]`: `dL/dw = 2 * 11 * [3, 4]`.
fn quadratic(spec: TrainSpec) -> Program {
    program(DType::F64, spec, |g| {
        let w = g.param("w", &[1, 2], Init::Constant { value: 1.0 });
        let x = g.literal(&[3.0, 4.0], Type::new(DType::F64, [2, 1]));
        let y = g.matmul(w, x);
        let y = g.mul(y, y);
        let loss = g.reshape(y, &[]);
        g.output("loss", loss);
    })
}

fn step(executable: &mut Box<dyn portbench_backend::Executable>) -> (f64, Vec<f64>) {
    executable.execute(EntryId(0)).unwrap();
    (executable.fetch(EntryId(0), "loss").unwrap().to_f64()[0], executable.fetch_param("w").unwrap().to_f64())
}

fn close(got: &[f64], want: &[f64]) {
    for (g, w) in got.iter().zip(want) {
        assert!((g - w).abs() <= 1e-12 * w.abs().max(1.0), "{got:?} against {want:?}");
    }
}

#[test]
fn sgd_by_hand() {
    // w x = 7; gradient 14 [3, 4] = [42, 56].
    let mut executable = candle(&quadratic(spec(SGD, 0.01)));
    let (loss, w) = step(&mut executable);
    assert_eq!(loss, 49.0);
    close(&w, &[0.58, 0.44]);
    // Momentum 0.5: the second step has w x = 3.5, g = [21, 28], v = [42, 56] / 2 + g.
    let mut executable = candle(&quadratic(spec(Optimizer::Sgd { momentum: 0.5 }, 0.01)));
    step(&mut executable);
    let (loss, w) = step(&mut executable);
    close(&[loss], &[12.25]);
    close(&w, &[0.58 - 0.42, 0.44 - 0.56]);
}

#[test]
fn clipping_by_hand() {
    // The norm of [42, 56] is 70.
    let clipped = TrainSpec { clip_norm: Some(7.0), ..spec(SGD, 0.01) };
    let (_, w) = step(&mut candle(&quadratic(clipped)));
    let factor = 7.0 / (70.0 + 1e-6);
    close(&w, &[1.0 - 0.42 * factor, 1.0 - 0.56 * factor]);
    let loose = TrainSpec { clip_norm: Some(700.0), ..spec(SGD, 0.01) };
    let (_, w) = step(&mut candle(&quadratic(loose)));
    close(&w, &[0.58, 0.44]);
}

#[test]
fn adamw_by_hand() {
    let (beta1, beta2, eps, weight_decay, rate) = (0.9, 0.99, 1e-8, 0.1, 0.05);
    let optimizer = Optimizer::AdamW { beta1, beta2, eps, weight_decay, decay: DecayRule::All };
    let mut executable = candle(&quadratic(spec(optimizer, rate)));
    let (mut w, mut m, mut v) = ([1.0f64, 1.0], [0.0f64; 2], [0.0f64; 2]);
    for t in 1..=4 {
        let y = 3.0 * w[0] + 4.0 * w[1];
        let g = [6.0 * y, 8.0 * y];
        for i in 0..2 {
            m[i] = beta1 * m[i] + (1.0 - beta1) * g[i];
            v[i] = beta2 * v[i] + (1.0 - beta2) * g[i] * g[i];
            let m_hat = m[i] / (1.0 - f64::powi(beta1, t));
            let v_hat = v[i] / (1.0 - f64::powi(beta2, t));
            w[i] -= rate * weight_decay * w[i];
            w[i] -= rate * m_hat / (v_hat.sqrt() + eps);
        }
        let (loss, got) = step(&mut executable);
        close(&[loss], &[y * y]);
        close(&got, &w);
    }
}

#[test]
fn decay_spares_vectors_when_it_is_for_matrices() {
    let optimizer =
        Optimizer::AdamW { beta1: 0.9, beta2: 0.99, eps: 1.0, weight_decay: 0.5, decay: DecayRule::Matrices };
    let program = program(DType::F64, spec(optimizer, 0.1), |g| {
        let w = g.param("w", &[1, 2], Init::Constant { value: 1.0 });
        let b = g.param("b", &[2], Init::Constant { value: 1.0 });
        let w = g.reshape(w, &[2]);
        let y = g.mul(w, b);
        let y = g.affine(y, 1e-9, 0.0);
        let y = g.sum(y, &[0]);
        let loss = g.reshape(y, &[]);
        g.output("loss", loss);
    });
    let mut executable = candle(&program);
    executable.execute(EntryId(0)).unwrap();
    let value =
        |e: &mut Box<dyn portbench_backend::Executable>, n: &str| e.fetch_param(n).unwrap().to_f64()[0];
    assert!((value(&mut executable, "w") - 0.95).abs() < 1e-6);
    assert!((value(&mut executable, "b") - 1.0).abs() < 1e-6);
}

#[test]
fn a_parameter_without_gradient_is_named() {
    let program = program(DType::F32, spec(SGD, 0.1), |g| {
        let w = g.param("w", &[2], SPREAD);
        let cut = g.param("cut", &[2], SPREAD);
        let whole = g.unary(UnaryKind::Floor, cut);
        let whole = g.cast(whole, DType::I64);
        let back = g.cast(whole, DType::F32);
        let y = g.mul(w, back);
        let y = g.sum(y, &[0]);
        let loss = g.reshape(y, &[]);
        g.output("loss", loss);
    });
    match candle(&program).execute(EntryId(0)) {
        Err(BackendError::MissingGradient { param }) => assert_eq!(param, "cut"),
        other => panic!("{other:?}"),
    }
}

/// A small classifier in mixed precision or not.
fn classifier(storage: DType, compute: DType) -> Program {
    let optimizer = Optimizer::AdamW {
        beta1: 0.9,
        beta2: 0.99,
        eps: 1e-8,
        weight_decay: 0.01,
        decay: DecayRule::Matrices,
    };
    let mut builder = ProgramBuilder::mixed("classifier", storage, compute);
    builder.entry("train", |g| {
        let ids = g.input("ids", Type::new(DType::I64, [16]));
        let labels = g.input("labels", Type::new(DType::I64, [16]));
        let std = Init::Normal { std: 0.3 };
        let table = g.param("table", &[16, 8], std);
        let x = g.embedding(ids, table);
        let w = g.param("ln.w", &[8], Init::Constant { value: 1.0 });
        let b = g.param("ln.b", &[8], Init::Constant { value: 0.0 });
        let x = g.layer_norm(x, w, Some(b), 1e-5);
        let up = g.param("up", &[32, 8], std);
        let x = g.linear(x, up, None);
        let x = g.gelu(x, GeluKind::Tanh);
        let head = g.param("head", &[4, 32], std);
        let bias = g.param("head.b", &[4], Init::Constant { value: 0.0 });
        let logits = g.linear(x, head, Some(bias));
        let loss = g.cross_entropy(logits, labels);
        g.output("loss", loss);
    });
    builder.training(TrainSpec { clip_norm: Some(1.0), ..spec(optimizer, 0.02) });
    builder.finish().unwrap()
}

#[test]
fn a_classifier_learns_in_every_precision() {
    for (storage, compute) in [
        (DType::F64, DType::F64),
        (DType::F32, DType::F32),
        (DType::F32, DType::Bf16),
        (DType::F32, DType::F16),
        (DType::Bf16, DType::Bf16),
    ] {
        let program = classifier(storage, compute);
        let mut executable = candle(&program);
        let ids: Vec<i64> = (0..16).collect();
        let labels: Vec<i64> = ids.iter().map(|i| (i * i) % 4).collect();
        let ids = HostTensor::from_i64(&[16], &ids).unwrap();
        let labels = HostTensor::from_i64(&[16], &labels).unwrap();
        executable.bind(EntryId(0), &[("ids", &ids), ("labels", &labels)]).unwrap();
        let mut losses = Vec::new();
        for _ in 0..60 {
            executable.execute(EntryId(0)).unwrap();
            losses.push(executable.fetch(EntryId(0), "loss").unwrap().to_f64()[0]);
        }
        assert!(losses[0] > 1.0 && losses[59] < 0.2, "{storage}/{compute}: {losses:?}");
        assert_eq!(executable.fetch_param("table").unwrap().ty().dtype, storage);
    }
}

#[test]
fn training_never_uses_a_kernel_without_backward_pass() {
    let backend = CandleBackend::cpu();
    let x = Type::new(DType::F32, [2, 3, 4, 8]);
    let row = Type::new(DType::F32, [8]);
    let angle = Type::new(DType::F32, [4, 4]);
    let cases: [(Op, Vec<&Type>); 4] = [
        (Op::LayerNorm { eps: 1e-5 }, vec![&x, &row, &row]),
        (Op::RmsNorm { eps: 1e-5 }, vec![&x, &row]),
        (Op::Rotary, vec![&x, &angle, &angle]),
        (Op::Softmax, vec![&x]),
    ];
    for (op, args) in cases {
        let fast = backend.support(&op, &args, &x, Use::Inference);
        let slow = backend.support(&op, &args, &x, Use::Training);
        assert!(matches!(fast, Support::Native { .. }), "{}", op.name());
        assert_ne!(fast, slow, "{}", op.name());
    }
}

#[test]
fn an_inference_entry_sees_trained_parameters() {
    let mut builder = ProgramBuilder::new("both", DType::F64);
    let build = |g: &mut GraphBuilder<'_>| {
        let w = g.param("w", &[2], Init::Constant { value: 1.0 });
        let y = g.mul(w, w);
        let y = g.sum(y, &[0]);
        let y = g.reshape(y, &[]);
        (w, y)
    };
    builder.entry("train", |g| {
        let (w, loss) = build(g);
        g.output("loss", loss);
        g.output("w", w);
    });
    builder.entry("forward", |g| {
        let (w, y) = build(g);
        g.output("y", y);
        g.output("w", w);
    });
    builder.training(spec(SGD, 0.25));
    let program = builder.finish().unwrap();
    let params = ParamSource::Generated { seed: SEED };
    let mut executable = CandleBackend::cpu().compile(&program, &params, &CompileOptions::default()).unwrap();
    executable.execute(EntryId(1)).unwrap();
    executable.execute(EntryId(0)).unwrap();
    // Outputs show the parameter as it was when they were computed.
    assert_eq!(executable.fetch(EntryId(0), "w").unwrap().to_f64(), [1.0, 1.0]);
    assert_eq!(executable.fetch(EntryId(1), "w").unwrap().to_f64(), [1.0, 1.0]);
    assert_eq!(executable.fetch_param("w").unwrap().to_f64(), [0.5, 0.5]);
    executable.execute(EntryId(1)).unwrap();
    assert_eq!(executable.fetch(EntryId(1), "y").unwrap().to_f64(), [0.5]);
}
