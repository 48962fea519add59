//! Building, round trips, fingerprints and decompositions of small programs.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use portbench_graph::{
    AttentionOptions, DType, GraphError, Init, Op, Optimizer, Program, ProgramBuilder, Schedule, TrainSpec,
    Type, rewrite,
};

fn block(dtype: DType) -> Program {
    let mut p = ProgramBuilder::new("block", dtype);
    p.entry("decode", |g| {
        let ids = g.input("ids", Type::new(DType::I64, [2, 1]));
        let position = g.input("position", Type::scalar(DType::I64));
        let table = g.param("wte.weight", &[16, 8], Init::Normal { std: 0.02 });
        let x = g.embedding(ids, table);
        let x = g.scope("h.0", |g| {
            let w = g.param("norm.weight", &[8], Init::Constant { value: 1.0 });
            let normed = g.rms_norm(x, w, 1e-5);
            let heads = g.reshape(normed, &[2, 1, 2, 4]);
            let heads = g.permute(heads, &[0, 2, 1, 3]);
            let cache = g.state("k.0", Type::new(dtype, [2, 2, 6, 4]));
            let cache = g.update_slice(cache, heads, position, 2);
            g.update("k.0", cache);
            let y = g.attention(
                [heads, cache, cache],
                AttentionOptions { scale: 0.5, causal: true, mask: None, position: Some(position) },
            );
            let y = g.permute(y, &[0, 2, 1, 3]);
            let y = g.reshape(y, &[2, 1, 8]);
            g.add(x, y)
        });
        let logits = g.linear(x, table, None);
        let logits = g.reshape(logits, &[2, 16]);
        let next = g.arg_max(logits, 1);
        g.output("logits", logits);
        g.output("next", next);
    });
    p.finish().expect("a valid program")
}

#[test]
fn text_and_json_round_trip() {
    for dtype in [DType::F64, DType::F32, DType::Bf16, DType::F16] {
        let program = block(dtype);
        assert_eq!(Program::from_text(&program.to_text().unwrap()).unwrap(), program);
        assert_eq!(Program::from_json(&program.to_json().unwrap()).unwrap(), program);
    }
}

#[test]
fn fingerprint_ignores_names_and_sees_types() {
    let a = block(DType::F32);
    let mut renamed = a.clone();
    renamed.name = "other".into();
    for node in &mut renamed.entries[0].nodes {
        node.scope = "elsewhere".into();
        if let Op::Param { name } = &mut node.op {
            *name = format!("model.{name}");
        }
    }
    for p in &mut renamed.params {
        p.name = format!("model.{}", p.name);
    }
    renamed.verify().unwrap();
    assert_eq!(a.fingerprint().unwrap(), renamed.fingerprint().unwrap());
    assert_ne!(a.fingerprint().unwrap(), block(DType::Bf16).fingerprint().unwrap());
}

#[test]
fn rewriting_leaves_only_core_ops_of_the_same_types() {
    for dtype in [DType::F64, DType::F32, DType::Bf16] {
        let program = block(dtype);
        let core = rewrite(&program, &|_, _| false).unwrap();
        assert!(core.entries[0].nodes.iter().all(|n| !n.op.is_composite()));
        assert_eq!(core.entries[0].output("logits"), program.entries[0].output("logits"));
        assert_eq!(rewrite(&program, &|_, _| true).unwrap(), program);
    }
}

#[test]
fn every_mistake_is_reported_with_its_place() {
    let mut p = ProgramBuilder::new("broken", DType::F32);
    p.entry("forward", |g| {
        let x = g.input("x", Type::new(DType::F32, [2, 3]));
        let y = g.input("y", Type::new(DType::F32, [2, 4]));
        let z = g.scope("block", |g| g.add(x, y));
        let silent = g.relu(z);
        let w = g.matmul(x, y);
        g.output("silent", silent);
        g.output("w", w);
    });
    let Err(GraphError::Build { errors, .. }) = p.finish() else { panic!("expected build errors") };
    assert_eq!(errors.len(), 2);
    assert_eq!(errors[0].scope, "block");
    assert!(errors[0].message.contains("add(f32[2,3], f32[2,4])"), "{}", errors[0].message);
    assert!(errors.iter().all(|e| e.location.contains("builder.rs")));
}

#[test]
fn training_needs_a_scalar_loss() {
    let mut p = ProgramBuilder::new("mlp", DType::F32);
    p.entry("train", |g| {
        let x = g.input("x", Type::new(DType::F32, [2, 3]));
        let w = g.param("w", &[4, 3], Init::Normal { std: 0.1 });
        let y = g.linear(x, w, None);
        g.output("loss", y);
    });
    p.training(TrainSpec {
        entry: "train".into(),
        loss: "loss".into(),
        optimizer: Optimizer::Sgd { momentum: 0.0 },
        schedule: Schedule::Constant { rate: 0.1 },
        clip_norm: None,
    });
    let message = p.finish().unwrap_err().to_string();
    assert!(message.contains("scalar float loss"), "{message}");
}
