//! Properties of random programs.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::HashSet;

use portbench_graph::{
    AttentionOptions, BinaryKind, CompareKind, DType, GeluKind, Graph, GraphBuilder, Init, Liveness, Op,
    Program, ProgramBuilder, Type, UnaryKind, Value, rewrite,
};
use proptest::prelude::*;

/// Applies one randomly chosen op to randomly chosen values of the pool `[4, 6]`, keeping the type.
fn step(g: &mut GraphBuilder<'_>, pool: &[Value], choice: u8, a: usize, b: usize) -> Value {
    let x = pool[a % pool.len()];
    let y = pool[b % pool.len()];
    let dtype = g.dtype();
    let w6 = |g: &mut GraphBuilder<'_>| g.param("norm.weight", &[6], Init::Constant { value: 1.0 });
    match choice % 18 {
        0 => g.binary(BinaryKind::ALL[b % BinaryKind::ALL.len()], x, y),
        1 => g.unary(UnaryKind::ALL[b % UnaryKind::ALL.len()], x),
        2 => g.affine(x, 0.1 + b as f64, -0.7),
        3 => g.softmax(x),
        4 => g.log_softmax(x),
        5 => {
            let w = w6(g);
            g.layer_norm(x, w, Some(w), 1e-5)
        }
        6 => {
            let w = w6(g);
            g.rms_norm(x, w, 1e-6)
        }
        7 => g.gelu(x, if b.is_multiple_of(2) { GeluKind::Erf } else { GeluKind::Tanh }),
        8 => {
            let y = g.silu(x);
            g.relu(y)
        }
        9 => {
            let w = g.scope("fc", |g| g.param("weight", &[6, 6], Init::Normal { std: 0.1 }));
            g.linear(x, w, None)
        }
        10 => {
            let t = g.permute(x, &[1, 0]);
            let m = g.matmul(x, t);
            g.matmul(m, y)
        }
        11 => {
            let axis = b % 2;
            let s = if b.is_multiple_of(3) { g.max(x, &[axis]) } else { g.sum(x, &[axis]) };
            g.broadcast(s, &[4, 6])
        }
        12 => {
            let c = g.compare(CompareKind::ALL[b % CompareKind::ALL.len()], x, y);
            g.select(c, x, y)
        }
        13 => {
            let left = g.slice(x, 1, 0, 2);
            let right = g.slice(y, 1, 2, 4);
            g.concat(&[right, left], 1)
        }
        14 => {
            let ids = g.arg_max(x, 1);
            let ids = g.reshape(ids, &[4]);
            g.gather(y, ids, 0)
        }
        15 => {
            let q = g.reshape(x, &[1, 2, 4, 3]);
            let k = g.slice(q, 1, 0, 1);
            let options =
                AttentionOptions { scale: 0.6, causal: b.is_multiple_of(2), mask: None, position: None };
            let y = g.attention([q, k, k], options);
            g.reshape(y, &[4, 6])
        }
        16 => g.top_k_routing(x, 1 + b % 6, b.is_multiple_of(2)),
        _ => {
            let cache = g.state("cache", Type::new(dtype, [8, 6]));
            let start = g.constant((b % 5) as f64, Type::scalar(DType::I64));
            let whole = g.update_slice(cache, x, start, 0);
            g.slice(whole, 0, 2, 4)
        }
    }
}

fn program(dtype: DType, steps: &[(u8, usize, usize)]) -> Program {
    let mut p = ProgramBuilder::new("random", dtype);
    p.entry("forward", |g| {
        let x = g.input("x", Type::new(dtype, [4, 6]));
        let y = g.input("y", Type::new(dtype, [4, 6]));
        let mut pool = vec![x, y];
        for &(choice, a, b) in steps {
            let v = g.scope(format!("step.{}", pool.len()), |g| step(g, &pool, choice, a, b));
            pool.push(v);
        }
        let last = pool[pool.len() - 1];
        g.output("out", last);
    });
    p.finish().expect("every step keeps the rules")
}

fn any_program() -> impl Strategy<Value = Program> {
    let dtype = prop::sample::select(vec![DType::F64, DType::F32, DType::Bf16, DType::F16]);
    (dtype, prop::collection::vec((any::<u8>(), 0usize..40, 0usize..40), 1..25))
        .prop_map(|(dtype, steps)| program(dtype, &steps))
}

fn rename_everything(p: &Program) -> Program {
    let mut p = p.clone();
    p.name = "renamed".into();
    for s in &mut p.params {
        s.name = format!("p.{}", s.name);
    }
    for s in &mut p.state {
        s.name = format!("s.{}", s.name);
    }
    for g in &mut p.entries {
        g.name = format!("e.{}", g.name);
        for n in &mut g.nodes {
            n.scope = "moved".into();
            match &mut n.op {
                Op::Input { name, .. } => *name = format!("i.{name}"),
                Op::Param { name } => *name = format!("p.{name}"),
                Op::State { name } => *name = format!("s.{name}"),
                _ => {}
            }
        }
        for (name, _) in &mut g.outputs {
            *name = format!("o.{name}");
        }
    }
    p
}

/// Follows the graph as an interpreter would, and fails when a dropped value is used or a kept one never dies.
fn check_liveness(g: &Graph) {
    let live = Liveness::of(g);
    let mut dropped = HashSet::new();
    for (i, n) in g.nodes.iter().enumerate() {
        for a in &n.args {
            assert!(!dropped.contains(a), "%{} is used by %{i} after it was dropped", a.0);
        }
        for d in live.dead_after(i) {
            assert!(d.index() <= i && dropped.insert(*d), "%{} is dropped twice or too early", d.0);
        }
    }
    let kept: HashSet<_> = g.outputs.iter().chain(&g.updates).map(|(_, v)| *v).collect();
    assert_eq!(dropped.len() + kept.len(), g.nodes.len());
    assert!(kept.is_disjoint(&dropped));
    let all: u64 = g.nodes.iter().map(|n| n.ty.bytes()).sum();
    assert!(live.peak_bytes(g) <= all);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn round_trips(p in any_program()) {
        prop_assert_eq!(&Program::from_json(&p.to_json().unwrap()).unwrap(), &p);
        prop_assert_eq!(&Program::from_text(&p.to_text().unwrap()).unwrap(), &p);
    }

    #[test]
    fn fingerprint_is_stable_under_renaming(p in any_program()) {
        let renamed = rename_everything(&p);
        renamed.verify().unwrap();
        prop_assert_eq!(p.fingerprint().unwrap(), renamed.fingerprint().unwrap());
    }

    #[test]
    fn every_decomposition_type_checks(p in any_program()) {
        let core = rewrite(&p, &|_, _| false).unwrap();
        prop_assert!(core.entries[0].nodes.iter().all(|n| !n.op.is_composite()));
        prop_assert_eq!(core.entries[0].output("out"), p.entries[0].output("out"));
        check_liveness(&core.entries[0]);
    }

    #[test]
    fn liveness_drops_each_value_once_and_in_time(p in any_program()) {
        check_liveness(&p.entries[0]);
    }

    #[test]
    fn readers_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(Program::from_json(&text).is_err());
        prop_assert!(Program::from_text(&text).is_err());
    }

    #[test]
    fn damaged_text_is_refused_or_valid(p in any_program(), at in any::<prop::sample::Index>(), with in any::<char>()) {
        let mut text: Vec<char> = p.to_text().unwrap().chars().collect();
        let at = at.index(text.len());
        text[at] = with;
        let text: String = text.into_iter().collect();
        if let Ok(read) = Program::from_text(&text) {
            prop_assert!(read.verify().is_ok());
        }
    }

    #[test]
    fn damaged_json_is_refused_or_valid(p in any_program(), from in any::<prop::sample::Index>(), len in 0usize..40) {
        let mut json = p.to_json().unwrap().into_bytes();
        let from = from.index(json.len());
        let to = (from + len).min(json.len());
        json.drain(from..to);
        if let Ok(read) = Program::from_json(&String::from_utf8_lossy(&json)) {
            prop_assert!(read.verify().is_ok());
        }
    }
}
