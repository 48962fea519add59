//! Every op against the oracle, in every element type, composites native and decomposed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{SEED, candle, error, forward, oracle, run_both};
use portbench_backend::{Backend, CompileOptions, EntryId, ParamSource};
use portbench_candle::CandleBackend;
use portbench_graph::{
    AttentionOptions, BinaryKind, CompareKind, Conv2dAttrs, DType, GeluKind, GraphBuilder, Init, Op,
    Pool2dAttrs, Type, UnaryKind, Value,
};

const FLOATS: [DType; 4] = [DType::F64, DType::F32, DType::Bf16, DType::F16];

/// What one rounding of a result, plus a few of its intermediate values, may cost.
fn tolerance(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => 1e-13,
        DType::F32 => 1e-5,
        DType::Bf16 => 2e-2,
        DType::F16 => 3e-3,
        _ => 0.0,
    }
}

/// Adds an output whose name may hold any text.
fn out(g: &mut GraphBuilder<'_>, name: &str, v: Value) {
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    g.output(&name, v);
}

/// Builds the op in each float type and holds every output, native and decomposed, against the oracle.
fn check(what: &str, build: impl Fn(&mut GraphBuilder<'_>, DType)) {
    for dtype in FLOATS {
        let program = forward(dtype, |g| build(g, dtype));
        let mut golden = oracle(&program);
        for decompose_all in [false, true] {
            let options = CompileOptions { decompose_all, ..CompileOptions::default() };
            let params = ParamSource::Generated { seed: SEED };
            let mut got = CandleBackend::cpu().compile(&program, &params, &options).unwrap();
            run_both(&program, "forward", 5, &mut [&mut golden, &mut got]);
            for (name, v) in &program.entries[0].outputs {
                let want = golden.fetch(EntryId(0), name).unwrap();
                let got = got.fetch(EntryId(0), name).unwrap();
                let ty = &program.entries[0].node(*v).ty;
                assert_eq!(got.ty(), ty, "{what} {name}");
                let error = error(&got, &want);
                let limit = if ty.dtype.is_float() { tolerance(dtype) } else { 0.0 };
                assert!(error <= limit, "{what} {name} in {dtype}, decomposed {decompose_all}: {error:e}");
            }
        }
    }
}

#[test]
fn elementwise_functions() {
    check("unary", |g, dtype| {
        let x = g.input("x", Type::new(dtype, [3, 5]));
        let positive = g.unary(UnaryKind::Abs, x);
        let positive = g.affine(positive, 1.0, 0.5);
        for kind in UnaryKind::ALL {
            let from = if matches!(kind, UnaryKind::Log | UnaryKind::Sqrt | UnaryKind::Recip) {
                positive
            } else {
                x
            };
            let y = g.unary(kind, from);
            out(g, kind.name(), y);
        }
        let scaled = g.affine(x, -0.3, 1.7);
        out(g, "affine", scaled);
    });
    check("binary", |g, dtype| {
        let a = g.input("a", Type::new(dtype, [4, 3]));
        let b = g.input("b", Type::new(dtype, [4, 3]));
        let b = g.unary(UnaryKind::Abs, b);
        let b = g.affine(b, 1.0, 0.5);
        for kind in BinaryKind::ALL {
            let left = if kind == BinaryKind::Pow { b } else { a };
            let y = g.binary(kind, left, b);
            out(g, kind.name(), y);
        }
        let two = g.constant(2.0, Type::new(dtype, [4, 3]));
        let squared = g.binary(BinaryKind::Pow, a, two);
        out(g, "square of negatives", squared);
    });
}

#[test]
fn comparisons_selections_and_casts() {
    check("compare", |g, dtype| {
        let a = g.input("a", Type::new(dtype, [6]));
        let b = g.input("b", Type::new(dtype, [6]));
        for kind in CompareKind::ALL {
            let y = g.compare(kind, a, b);
            out(g, kind.name(), y);
        }
        let condition = g.compare(CompareKind::Lt, a, b);
        let picked = g.select(condition, a, b);
        out(g, "select", picked);
        let i = g.input("i", Type::new(DType::I64, [6]));
        let j = g.iota(0, Type::new(DType::I64, [6]));
        for kind in [BinaryKind::Add, BinaryKind::Sub, BinaryKind::Mul, BinaryKind::Maximum] {
            let y = g.binary(kind, i, j);
            out(g, &format!("i64 {}", kind.name()), y);
        }
        let negative = g.unary(UnaryKind::Neg, i);
        out(g, "i64 neg", negative);
        let magnitude = g.unary(UnaryKind::Abs, negative);
        out(g, "i64 abs", magnitude);
        for to in DType::ALL {
            let y = g.cast(i, to);
            out(g, &format!("i64 to {to}"), y);
            let y = g.cast(condition, to);
            out(g, &format!("bool to {to}"), y);
            if to != DType::I64 {
                let y = g.cast(a, to);
                let y = g.cast(y, dtype);
                // The oracle is not rounded on the way.
                if to == dtype || matches!(to, DType::F64 | DType::Bool) {
                    out(g, &format!("float to {to}"), y);
                }
            }
        }
        let whole = g.affine(a, 3.0, 0.0);
        let whole = g.unary(UnaryKind::Floor, whole);
        let whole = g.cast(whole, DType::I64);
        out(g, "float to i64", whole);
    });
}

#[test]
fn reductions_and_views() {
    check("reduce", |g, dtype| {
        let x = g.input("x", Type::new(dtype, [2, 3, 4]));
        for axes in [vec![2], vec![0], vec![0, 2], vec![0, 1, 2]] {
            let y = g.sum(x, &axes);
            out(g, &format!("sum {axes:?}"), y);
            let y = g.max(x, &axes);
            out(g, &format!("max {axes:?}"), y);
        }
        let turned = g.permute(x, &[2, 0, 1]);
        let y = g.sum(turned, &[1]);
        out(g, "sum of a view", y);
        for axis in 0..3 {
            let y = g.arg_max(turned, axis);
            out(g, &format!("argmax {axis}"), y);
        }
        let flat = g.reshape(turned, &[6, 4]);
        out(g, "reshape of a view", flat);
        let part = g.slice(turned, 0, 1, 2);
        out(g, "slice", part);
        let stepped = g.op(Op::Slice { axis: 2, start: 0, len: 2, step: 2 }, &[turned]);
        out(g, "stepped slice", stepped);
        let joined = g.concat(&[turned, turned], 1);
        out(g, "concat", joined);
        let padded = g.op(Op::Pad { axis: 1, before: 1, after: 2, value: 0.5 }, &[turned]);
        out(g, "pad", padded);
        let one = g.slice(x, 1, 1, 1);
        let wide = g.broadcast(one, &[2, 5, 4]);
        out(g, "broadcast", wide);
    });
}

#[test]
fn products() {
    check("matmul", |g, dtype| {
        let a = g.input("a", Type::new(dtype, [2, 3, 4, 5]));
        let b = g.input("b", Type::new(dtype, [2, 3, 5, 6]));
        let y = g.matmul(a, b);
        out(g, "plain", y);
        // Axes that candle's kernel cannot walk: [3,2,..] seen as [2,3,..].
        let turned = g.permute(a, &[1, 0, 2, 3]);
        let turned = g.reshape(turned, &[3, 2, 4, 5]);
        let back = g.permute(turned, &[1, 0, 2, 3]);
        let y = g.matmul(back, b);
        out(g, "of views", y);
        let x = g.input("x", Type::new(dtype, [2, 3, 5]));
        let w = g.param("w", &[7, 5], Init::Normal { std: 0.5 });
        let io = g.param("io", &[5, 7], Init::Normal { std: 0.5 });
        let bias = g.param("bias", &[7], Init::Normal { std: 0.5 });
        let y = g.linear(x, w, Some(bias));
        out(g, "linear", y);
        let y = g.linear_in_out(x, io, None);
        out(g, "linear in-out", y);
        let five = g.reshape(a, &[1, 2, 3, 4, 5]);
        let five_b = g.reshape(b, &[1, 2, 3, 5, 6]);
        let y = g.matmul(five, five_b);
        out(g, "rank 5", y);
    });
}

#[test]
fn convolutions_and_pools() {
    check("conv", |g, dtype| {
        let x = g.input("x", Type::new(dtype, [2, 4, 7, 9]));
        let cases = [([1, 1], [1, 1], 1), ([2, 2], [0, 0], 2), ([2, 1], [1, 0], 1), ([2, 2], [0, 2], 1)];
        for (i, (stride, padding, groups)) in cases.into_iter().enumerate() {
            let w = g.param(&format!("w{i}"), &[6, 4 / groups, 3, 3], Init::Normal { std: 0.3 });
            let bias = g.param(&format!("b{i}"), &[6], Init::Normal { std: 0.3 });
            let y = g.conv2d(x, w, Some(bias), Conv2dAttrs { stride, padding, groups });
            out(g, &format!("conv {i}"), y);
        }
        let w = g.param("point", &[5, 4, 1, 1], Init::Normal { std: 0.3 });
        let y = g.conv2d(x, w, None, Conv2dAttrs { stride: [2, 2], padding: [0, 0], groups: 1 });
        out(g, "pointwise", y);
        for (i, (kernel, stride, padding)) in
            [([3, 3], [2, 2], [1, 1]), ([2, 2], [2, 2], [0, 0]), ([2, 3], [1, 2], [0, 1])]
                .into_iter()
                .enumerate()
        {
            let attrs = Pool2dAttrs { kernel, stride, padding };
            let y = g.max_pool2d(x, attrs);
            out(g, &format!("max {i}"), y);
            let y = g.avg_pool2d(x, attrs);
            out(g, &format!("avg {i}"), y);
        }
    });
}

#[test]
fn indexing() {
    check("index", |g, dtype| {
        let x = g.input("x", Type::new(dtype, [2, 5, 3]));
        let ids = g.input("ids", Type::new(DType::I64, [2, 2]));
        let y = g.gather(x, ids, 1);
        out(g, "gather", y);
        let along = g.input("along", Type::new(DType::I64, [2, 4, 3]));
        let y = g.gather_along(x, along, 1);
        out(g, "gather along", y);
        let table = g.param("table", &[5, 4], Init::Normal { std: 1.0 });
        let y = g.embedding(ids, table);
        out(g, "embedding", y);
        let part = g.input("part", Type::new(dtype, [2, 2, 3]));
        let start = g.input("start", Type::scalar(DType::I64));
        let y = g.update_slice(x, part, start, 1);
        out(g, "update", y);
        out(g, "its base", x);
    });
}

#[test]
fn norms_and_activations() {
    check("norm", |g, dtype| {
        let x = g.input("x", Type::new(dtype, [2, 3, 8]));
        let w = g.param("w", &[8], Init::Normal { std: 1.0 });
        let b = g.param("b", &[8], Init::Normal { std: 1.0 });
        let turned = g.permute(x, &[1, 0, 2]);
        for (name, v) in [("row", x), ("view", turned)] {
            let y = g.layer_norm(v, w, Some(b), 1e-5);
            out(g, &format!("layer norm {name}"), y);
            let y = g.rms_norm(v, w, 1e-6);
            out(g, &format!("rms norm {name}"), y);
            let y = g.softmax(v);
            out(g, &format!("softmax {name}"), y);
            let y = g.log_softmax(v);
            out(g, &format!("log softmax {name}"), y);
            let y = g.gelu(v, GeluKind::Tanh);
            out(g, &format!("gelu tanh {name}"), y);
            let y = g.gelu(v, GeluKind::Erf);
            out(g, &format!("gelu erf {name}"), y);
            let y = g.silu(v);
            out(g, &format!("silu {name}"), y);
            let y = g.relu(v);
            out(g, &format!("relu {name}"), y);
        }
        let y = g.layer_norm(x, w, None, 1e-5);
        out(g, "layer norm without bias", y);
        let stats = ["weight", "bias", "mean"].map(|n| g.param(n, &[3], Init::Normal { std: 1.0 }));
        let var = g.param("var", &[3], Init::Constant { value: 0.7 });
        let y = g.batch_norm(x, [stats[0], stats[1], stats[2], var], 1e-5);
        out(g, "batch norm", y);
        let targets = g.input("targets", Type::new(DType::I64, [6]));
        let logits = g.reshape(x, &[6, 8]);
        let y = g.cross_entropy(logits, targets);
        out(g, "cross entropy", y);
    });
}

#[test]
fn attention_in_every_form() {
    check("attention", |g, dtype| {
        let heads = g.input("q", Type::new(dtype, [2, 3, 4, 8]));
        let q = g.permute(heads, &[0, 2, 1, 3]);
        let k = g.input("k", Type::new(dtype, [2, 2, 5, 8]));
        let v = g.input("v", Type::new(dtype, [2, 2, 5, 6]));
        let mask = g.input("mask", Type::new(DType::Bool, [2, 1, 1, 5]));
        let position = g.input("position", Type::scalar(DType::I64));
        let plain = AttentionOptions { scale: 0.35, causal: false, mask: None, position: None };
        let causal = AttentionOptions { causal: true, ..plain };
        let forms = [
            ("plain", plain),
            ("causal", causal),
            ("masked", AttentionOptions { mask: Some(mask), ..plain }),
            ("masked and causal", AttentionOptions { mask: Some(mask), ..causal }),
        ];
        for (name, options) in forms {
            let y = g.attention([q, k, v], options);
            out(g, name, y);
        }
        let zero = g.constant(0.0, Type::scalar(DType::I64));
        let start = g.binary(BinaryKind::Minimum, position, zero);
        let options = AttentionOptions { position: Some(start), ..causal };
        let y = g.attention([q, k, v], options);
        out(g, "positioned", y);
        let first = g.slice(q, 2, 0, 1);
        let options = AttentionOptions { position: Some(position), ..causal };
        let y = g.attention([first, k, v], options);
        out(g, "one query", y);
        let cos = g.input("cos", Type::new(dtype, [3, 4]));
        let sin = g.input("sin", Type::new(dtype, [3, 4]));
        let y = g.rotary(q, cos, sin);
        out(g, "rotary", y);
    });
}

#[test]
fn experts_and_routing() {
    check("experts", |g, dtype| {
        let x = g.input("x", Type::new(dtype, [6, 8]));
        let logits = g.literal(
            &(0..24).map(|i| f64::from((i * 5) % 7) * 0.5).collect::<Vec<_>>(),
            Type::new(dtype, [6, 4]),
        );
        for renormalize in [false, true] {
            let routing = g.top_k_routing(logits, 2, renormalize);
            out(g, &format!("routing {renormalize}"), routing);
        }
        let routing = g.top_k_routing(logits, 2, true);
        let experts: Vec<_> = (0..4)
            .map(|e| {
                let shapes = [("gate", [10, 8]), ("up", [10, 8]), ("down", [8, 10])];
                shapes.map(|(n, s)| g.param(&format!("{e}.{n}"), &s, Init::Normal { std: 0.3 }))
            })
            .collect();
        let y = g.experts(x, routing, &experts, 2);
        out(g, "experts", y);
        let row = g.slice(x, 0, 2, 1);
        let row_routing = g.slice(routing, 0, 2, 1);
        let y = g.experts(row, row_routing, &experts, 2);
        out(g, "one row", y);
    });
}

#[test]
fn an_index_outside_is_named() {
    let program = forward(DType::F32, |g| {
        let ids = g.input("ids", Type::new(DType::I64, [2]));
        let table = g.param("table", &[5, 4], Init::Normal { std: 1.0 });
        let y = g.scope("wte", |g| g.embedding(ids, table));
        out(g, "y", y);
    });
    let mut executable = candle(&program);
    let ids = portbench_backend::HostTensor::from_i64(&[2], &[1, 5]).unwrap();
    executable.bind(EntryId(0), &[("ids", &ids)]).unwrap();
    let text = executable.execute(EntryId(0)).unwrap_err().to_string();
    assert_eq!(text, "entry `forward`, node 2 (embedding in wte): index 5 is outside 0..5");
    let ids = portbench_backend::HostTensor::from_i64(&[2], &[-1, 0]).unwrap();
    let mut executable = candle(&program);
    executable.bind(EntryId(0), &[("ids", &ids)]).unwrap();
    assert!(executable.execute(EntryId(0)).unwrap_err().to_string().contains("index -1"));
}
