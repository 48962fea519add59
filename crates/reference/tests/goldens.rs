//! Single ops and training steps against f64 goldens that torch computed. The files are written by `scripts/test`, which sets
//! `PORTBENCH_REFERENCE_MODELS`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use portbench_backend::{Backend, CheckpointFile, CompileOptions, EntryId, HostTensor, ParamSource};
use portbench_graph::{
    AttentionOptions, DType, GeluKind, GraphBuilder, Init, Op, Optimizer, Program, ProgramBuilder, Schedule,
    TrainSpec, Type, UnaryKind, Value,
};
use portbench_reference::Reference;
use serde::Deserialize;

fn goldens() -> PathBuf {
    match std::env::var_os("PORTBENCH_REFERENCE_MODELS") {
        Some(path) => Path::new(&path).join("goldens"),
        None => panic!(
            "PORTBENCH_REFERENCE_MODELS is not set: run scripts/test, which writes the goldens and sets it"
        ),
    }
}

fn json<T: for<'de> Deserialize<'de>>(path: &Path) -> T {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Largest difference over the largest magnitude.
fn distance(got: &HostTensor, expected: &HostTensor) -> f64 {
    assert_eq!(got.dims(), expected.dims());
    let (got, expected) = (got.to_f64(), expected.to_f64());
    let size = expected.iter().fold(1e-3f64, |m, e| m.max(e.abs()));
    got.iter().zip(&expected).map(|(g, e)| (g - e).abs() / size).fold(0.0, f64::max)
}

#[derive(Deserialize)]
struct OpCase {
    op: serde_json::Value,
    operands: usize,
}

/// An op over operands that are parameters where they are floats, named as the file names them. The loss weighs the result by the
/// golden's cotangent.
fn program(name: &str, op: &Op, operands: &[Type], cotangent: Option<&Type>) -> Program {
    let mut p = ProgramBuilder::new(name, DType::F64);
    let build = |g: &mut GraphBuilder<'_>| {
        let args: Vec<Value> = operands
            .iter()
            .enumerate()
            .map(|(i, ty)| {
                let name = format!("{name}/{i}");
                match ty.dtype.is_float() {
                    true => g.param(&name, ty.dims(), Init::Constant { value: 0.0 }),
                    false => g.input(&name, ty.clone()),
                }
            })
            .collect();
        g.op(op.clone(), &args)
    };
    p.entry("forward", |g| {
        let out = build(g);
        g.output("out", out);
    });
    if let Some(cotangent) = cotangent {
        p.entry("train", |g| {
            let out = build(g);
            let c = g.input("cotangent", cotangent.clone());
            let product = g.mul(out, c);
            let flat = g.reshape(product, &[cotangent.shape.elements()]);
            let total = g.sum(flat, &[0]);
            let loss = g.reshape(total, &[]);
            g.output("loss", loss);
        });
        p.training(TrainSpec {
            entry: "train".into(),
            loss: "loss".into(),
            optimizer: Optimizer::Sgd { momentum: 0.0 },
            schedule: Schedule::Constant { rate: 1.0 },
            clip_norm: None,
        });
    }
    p.finish().unwrap()
}

#[test]
fn ops_and_their_gradients_are_torchs() {
    let cases: BTreeMap<String, OpCase> = json(&goldens().join("ops.json"));
    let path = goldens().join("ops.safetensors");
    let mut file = CheckpointFile::open(&path).unwrap();
    let (mut compared, mut differentiated) = (0, 0);
    for (name, case) in &cases {
        let op: Op = serde_json::from_value(case.op.clone()).unwrap_or_else(|e| panic!("{name}: {e}"));
        if matches!(op, Op::Attention(a) if a.position && !a.causal) {
            // The graph has no such attention: a position moves the causal edge.
            continue;
        }
        let operands: Vec<HostTensor> =
            (0..case.operands).map(|i| file.read(&format!("{name}/{i}")).unwrap()).collect();
        // torch calls the gradient of `floor` zero; here it has none.
        let passes = !matches!(op, Op::Unary { kind: UnaryKind::Floor });
        let cotangent = file.read(&format!("{name}/cotangent")).ok().filter(|_| passes);
        let types: Vec<Type> = operands.iter().map(|t| t.ty().clone()).collect();
        let program = program(name, &op, &types, cotangent.as_ref().map(HostTensor::ty));
        for decompose_all in [false, true] {
            let source = ParamSource::Checkpoint { files: vec![path.clone()] };
            let options = CompileOptions { decompose_all, ..CompileOptions::default() };
            let mut executable = Reference::exact().compile(&program, &source, &options).unwrap();
            for (i, t) in operands.iter().enumerate().filter(|(_, t)| !t.ty().dtype.is_float()) {
                for entry in 0..program.entries.len() {
                    executable.bind(EntryId(entry), &[(&format!("{name}/{i}"), t)]).unwrap();
                }
            }
            executable.execute(EntryId(0)).unwrap();
            let out = executable.fetch(EntryId(0), "out").unwrap();
            let expected = file.read(&format!("{name}/out")).unwrap();
            assert!(distance(&out, &expected) < 1e-13, "{name}: {:e}", distance(&out, &expected));
            compared += 1;
            let Some(cotangent) = &cotangent else { continue };
            executable.bind(EntryId(1), &[("cotangent", cotangent)]).unwrap();
            executable.execute(EntryId(1)).unwrap();
            for (i, before) in operands.iter().enumerate().filter(|(_, t)| t.ty().dtype.is_float()) {
                let after = executable.fetch_param(&format!("{name}/{i}")).unwrap().to_f64();
                let taken: Vec<f64> = before.to_f64().iter().zip(after).map(|(b, a)| b - a).collect();
                let gradient = HostTensor::from_f64(before.ty().clone(), &taken).unwrap();
                let expected = file.read(&format!("{name}/grad/{i}")).unwrap();
                let distance = distance(&gradient, &expected);
                // Operands of about 800 lose three digits in the subtraction that shows the gradient.
                assert!(distance < 1e-9, "{name}, gradient by operand {i}: {distance:e}");
                differentiated += 1;
            }
        }
    }
    assert!(compared > 120 && differentiated > 200, "{compared} results, {differentiated} gradients");
}

#[derive(Deserialize)]
struct TrainCase {
    model: String,
    train: TrainSpec,
}

const WIDTH: usize = 32;
const HEADS: usize = 4;
const HEAD: usize = 8;
const VOCABULARY: usize = 96;
const BATCH: usize = 2;
const LENGTH: usize = 12;

const INIT: Init = Init::Constant { value: 0.0 };

/// `[B,S,heads*HEAD]` to `[B,heads,S,HEAD]`.
fn split(g: &mut GraphBuilder<'_>, x: Value, heads: usize) -> Value {
    let x = g.reshape(x, &[BATCH, LENGTH, heads, HEAD]);
    g.permute(x, &[0, 2, 1, 3])
}

fn attend(g: &mut GraphBuilder<'_>, qkv: [Value; 3]) -> Value {
    let scale = 1.0 / (HEAD as f64).sqrt();
    let options = AttentionOptions { scale, causal: true, mask: None, position: None };
    let x = g.attention(qkv, options);
    let x = g.permute(x, &[0, 2, 1, 3]);
    g.reshape(x, &[BATCH, LENGTH, WIDTH])
}

fn gpt2(g: &mut GraphBuilder<'_>, ids: Value) -> Value {
    let wte = g.param("transformer.wte.weight", &[VOCABULARY, WIDTH], INIT);
    let wpe = g.param("transformer.wpe.weight", &[16, WIDTH], INIT);
    let positions = g.iota(1, Type::new(DType::I64, [BATCH, LENGTH]));
    let tokens = g.embedding(ids, wte);
    let places = g.embedding(positions, wpe);
    let mut x = g.add(tokens, places);
    let norm = |g: &mut GraphBuilder<'_>, name: &str, x| {
        g.scope(name, |g| {
            let w = g.param("weight", &[WIDTH], INIT);
            let b = g.param("bias", &[WIDTH], INIT);
            g.layer_norm(x, w, Some(b), 1e-5)
        })
    };
    let linear = |g: &mut GraphBuilder<'_>, name: &str, x, from, to| {
        g.scope(name, |g| {
            let w = g.param("weight", &[from, to], INIT);
            let b = g.param("bias", &[to], INIT);
            g.linear_in_out(x, w, Some(b))
        })
    };
    for layer in 0..2 {
        x = g.scope(format!("transformer.h.{layer}"), |g| {
            let y = norm(g, "ln_1", x);
            let y = linear(g, "attn.c_attn", y, WIDTH, 3 * WIDTH);
            let qkv = [0, 1, 2].map(|i| {
                let part = g.slice(y, 2, i * WIDTH, WIDTH);
                split(g, part, HEADS)
            });
            let y = attend(g, qkv);
            let y = linear(g, "attn.c_proj", y, WIDTH, WIDTH);
            let x = g.add(x, y);
            let y = norm(g, "ln_2", x);
            let y = linear(g, "mlp.c_fc", y, WIDTH, 4 * WIDTH);
            let y = g.gelu(y, GeluKind::Tanh);
            let y = linear(g, "mlp.c_proj", y, 4 * WIDTH, WIDTH);
            g.add(x, y)
        });
    }
    let x = norm(g, "transformer.ln_f", x);
    g.linear(x, wte, None)
}

fn llama(g: &mut GraphBuilder<'_>, ids: Value) -> Value {
    let norm = |g: &mut GraphBuilder<'_>, name: &str, x| {
        let w = g.param(&format!("{name}.weight"), &[WIDTH], INIT);
        g.rms_norm(x, w, 1e-5)
    };
    let linear = |g: &mut GraphBuilder<'_>, name: &str, x, from, to| {
        let w = g.param(&format!("{name}.weight"), &[to, from], INIT);
        g.linear(x, w, None)
    };
    let angle = |i: usize| {
        let frequency = 10_000f64.powf(-((i % (HEAD / 2)) as f64) / (HEAD / 2) as f64);
        (i / (HEAD / 2)) as f64 * frequency
    };
    let table = |g: &mut GraphBuilder<'_>, f: fn(f64) -> f64| {
        let values: Vec<f64> = (0..LENGTH * HEAD / 2).map(|i| f(angle(i))).collect();
        g.literal(&values, Type::new(DType::F64, [LENGTH, HEAD / 2]))
    };
    let (cos, sin) = (table(g, f64::cos), table(g, f64::sin));
    let embeddings = g.param("model.embed_tokens.weight", &[VOCABULARY, WIDTH], INIT);
    let mut x = g.embedding(ids, embeddings);
    for layer in 0..2 {
        x = g.scope(format!("model.layers.{layer}"), |g| {
            let y = norm(g, "input_layernorm", x);
            let [q, k, v] = [("q", HEADS), ("k", 2), ("v", 2)].map(|(name, heads)| {
                let part = linear(g, &format!("self_attn.{name}_proj"), y, WIDTH, heads * HEAD);
                split(g, part, heads)
            });
            let q = g.rotary(q, cos, sin);
            let k = g.rotary(k, cos, sin);
            let y = attend(g, [q, k, v]);
            let y = linear(g, "self_attn.o_proj", y, WIDTH, WIDTH);
            let x = g.add(x, y);
            let y = norm(g, "post_attention_layernorm", x);
            let gate = linear(g, "mlp.gate_proj", y, WIDTH, 48);
            let gate = g.silu(gate);
            let up = linear(g, "mlp.up_proj", y, WIDTH, 48);
            let y = g.mul(gate, up);
            let y = linear(g, "mlp.down_proj", y, 48, WIDTH);
            g.add(x, y)
        });
    }
    let x = norm(g, "model.norm", x);
    linear(g, "lm_head", x, WIDTH, VOCABULARY)
}

fn training_program(case: &TrainCase) -> Program {
    let model = if case.model.ends_with("gpt2") { gpt2 } else { llama };
    let mut p = ProgramBuilder::new("golden", DType::F64);
    p.entry("train", |g| {
        let ids = g.input("input_ids", Type::new(DType::I64, [BATCH, LENGTH]));
        let labels = g.input("labels", Type::new(DType::I64, [BATCH, LENGTH]));
        let logits = model(g, ids);
        let logits = g.reshape(logits, &[BATCH * LENGTH, VOCABULARY]);
        let labels = g.reshape(labels, &[BATCH * LENGTH]);
        let loss = g.cross_entropy(logits, labels);
        g.output("loss", loss);
    });
    p.training(case.train.clone());
    p.finish().unwrap()
}

/// Batch `step` of `[STEPS, BATCH, LENGTH]` ids.
fn batch(ids: &HostTensor, step: usize) -> HostTensor {
    HostTensor::from_i64(&[BATCH, LENGTH], &ids.to_i64()[step * BATCH * LENGTH..][..BATCH * LENGTH]).unwrap()
}

#[test]
fn three_training_steps_are_torchs() {
    let cases: BTreeMap<String, TrainCase> = json(&goldens().join("training.json"));
    let mut file = CheckpointFile::open(&goldens().join("training.safetensors")).unwrap();
    assert_eq!(cases.len(), 4);
    for (name, case) in &cases {
        let program = training_program(case);
        let files = vec![goldens().join(&case.model).join("model.safetensors")];
        let mut executable = Reference::exact()
            .compile(&program, &ParamSource::Checkpoint { files }, &CompileOptions::default())
            .unwrap();
        let [ids, labels, losses] =
            ["input_ids", "labels", "loss"].map(|n| file.read(&format!("{name}/{n}")).unwrap());
        for (step, expected) in losses.to_f64().into_iter().enumerate() {
            let (ids, labels) = (batch(&ids, step), batch(&labels, step));
            executable.bind(EntryId(0), &[("input_ids", &ids), ("labels", &labels)]).unwrap();
            executable.execute(EntryId(0)).unwrap();
            let loss = executable.fetch(EntryId(0), "loss").unwrap().to_f64()[0];
            assert!((loss - expected).abs() < 1e-10, "{name}, step {step}: {loss} instead of {expected}");
            for param in &program.params {
                let golden = file.read(&format!("{name}/param{}/{}", step + 1, param.name)).unwrap();
                let got = executable.fetch_param(&param.name).unwrap();
                let distance = distance(&got, &golden);
                assert!(distance < 1e-9, "{name}, `{}` after step {step}: {distance:e}", param.name);
            }
        }
    }
}
