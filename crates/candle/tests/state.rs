//! States: written in place, never seen through old outputs, reset, and a decoder that agrees with its own full forward pass.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{candle, error};
use portbench_backend::{EntryId, HostTensor};
use portbench_graph::{
    AttentionOptions, DType, GraphBuilder, Init, Program, ProgramBuilder, Type, UnaryKind, Value,
};

const HEADS: usize = 2;
const DEPTH: usize = 4;
const WIDTH: usize = HEADS * DEPTH;
const VOCABULARY: usize = 11;
const CAPACITY: usize = 8;

fn heads(g: &mut GraphBuilder<'_>, x: Value, s: usize) -> Value {
    let x = g.reshape(x, &[1, s, HEADS, DEPTH]);
    g.permute(x, &[0, 2, 1, 3])
}

/// One attention layer between an embedding and a head; with a cache when `position` is given.
fn layer(g: &mut GraphBuilder<'_>, s: usize, cached: bool) {
    let std = Init::Normal { std: 0.5 };
    let ids = g.input("ids", Type::new(DType::I64, [1, s]));
    let table = g.param("wte", &[VOCABULARY, WIDTH], std);
    let x = g.embedding(ids, table);
    let [q, k, v] = ["q", "k", "v"].map(|n| {
        let w = g.param(n, &[WIDTH, WIDTH], std);
        let y = g.linear(x, w, None);
        heads(g, y, s)
    });
    let scale = 0.5;
    let y = if cached {
        let position = g.input("position", Type::scalar(DType::I64));
        let [k, v] = [("cache.k", k), ("cache.v", v)].map(|(name, new)| {
            let cache = g.state(name, Type::new(DType::F32, [1, HEADS, CAPACITY, DEPTH]));
            let cache = g.update_slice(cache, new, position, 2);
            g.update(name, cache);
            cache
        });
        g.attention([q, k, v], AttentionOptions { scale, causal: true, mask: None, position: Some(position) })
    } else {
        g.attention([q, k, v], AttentionOptions { scale, causal: true, mask: None, position: None })
    };
    let y = g.permute(y, &[0, 2, 1, 3]);
    let y = g.reshape(y, &[1, s, WIDTH]);
    let y = g.add(x, y);
    let logits = g.linear(y, table, None);
    g.output("logits", logits);
}

fn decoder(prompt: usize, full: usize) -> Program {
    let mut builder = ProgramBuilder::new("decoder", DType::F32);
    builder.entry("forward", |g| layer(g, full, false));
    builder.entry("prefill", |g| layer(g, prompt, true));
    builder.entry("decode", |g| layer(g, 1, true));
    builder.finish().unwrap()
}

#[test]
fn decoding_agrees_with_the_full_forward_pass() {
    let (prompt, full) = (3, 7);
    let program = decoder(prompt, full);
    let [forward, prefill, decode] =
        ["forward", "prefill", "decode"].map(|name| EntryId::of(&program, name).unwrap());
    let tokens: Vec<i64> = (0..full as i64).map(|i| (i * 4 + 1) % VOCABULARY as i64).collect();
    let mut executable = candle(&program);
    let ids = HostTensor::from_i64(&[1, full], &tokens).unwrap();
    executable.bind(forward, &[("ids", &ids)]).unwrap();
    executable.execute(forward).unwrap();
    let want = executable.fetch(forward, "logits").unwrap().to_f64();
    let row = |i: usize| {
        HostTensor::from_f64(
            Type::new(DType::F32, [1, 1, VOCABULARY]),
            &want[i * VOCABULARY..(i + 1) * VOCABULARY],
        )
        .unwrap()
    };
    // Twice: the second sequence starts from a used cache, then from a reset one.
    for round in 0..3 {
        if round == 2 {
            executable.reset_state().unwrap();
        }
        let ids = HostTensor::from_i64(&[1, prompt], &tokens[..prompt]).unwrap();
        let position = HostTensor::scalar_i64(0);
        executable.bind(prefill, &[("ids", &ids), ("position", &position)]).unwrap();
        executable.execute(prefill).unwrap();
        for at in prompt..full {
            let ids = HostTensor::from_i64(&[1, 1], &tokens[at..=at]).unwrap();
            let position = HostTensor::scalar_i64(at as i64);
            executable.bind(decode, &[("ids", &ids), ("position", &position)]).unwrap();
            executable.execute(decode).unwrap();
            let got = executable.fetch(decode, "logits").unwrap();
            assert!(error(&got, &row(at)) < 1e-5, "round {round}, position {at}");
        }
    }
    let position = HostTensor::scalar_i64(CAPACITY as i64);
    executable.bind(decode, &[("position", &position)]).unwrap();
    let text = executable.execute(decode).unwrap_err().to_string();
    assert!(text.contains("index 8 is outside 0..8"), "{text}");
}

/// `state := state with x written at start`, beside outputs that show the old and the new value.
fn register(update: impl FnOnce(&mut GraphBuilder<'_>, Value, Value) -> Value) -> Program {
    common::forward(DType::F32, |g| {
        let old = g.state("s", Type::new(DType::F32, [4]));
        let x = g.input("x", Type::new(DType::F32, [2]));
        let new = update(g, old, x);
        g.update("s", new);
    })
}

fn run(executable: &mut Box<dyn portbench_backend::Executable>, x: [f32; 2], start: i64) {
    let x = HostTensor::from_f32(&[2], &x).unwrap();
    let start = HostTensor::scalar_i64(start);
    executable.bind(EntryId(0), &[("x", &x), ("start", &start)]).unwrap();
    executable.execute(EntryId(0)).unwrap();
}

fn fetch(executable: &mut Box<dyn portbench_backend::Executable>, name: &str) -> Vec<f64> {
    executable.fetch(EntryId(0), name).unwrap().to_f64()
}

#[test]
fn an_output_keeps_its_value_when_the_state_moves_on() {
    let program = register(|g, old, x| {
        let start = g.input("start", Type::scalar(DType::I64));
        let new = g.update_slice(old, x, start, 0);
        let tail = g.slice(new, 0, 2, 2);
        g.output("new", new);
        g.output("tail", tail);
        new
    });
    let mut executable = candle(&program);
    run(&mut executable, [1.0, 2.0], 0);
    assert_eq!(fetch(&mut executable, "new"), [1.0, 2.0, 0.0, 0.0]);
    run(&mut executable, [3.0, 4.0], 2);
    assert_eq!(fetch(&mut executable, "new"), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(fetch(&mut executable, "tail"), [3.0, 4.0]);
    executable.reset_state().unwrap();
    assert_eq!(fetch(&mut executable, "tail"), [3.0, 4.0]);
    run(&mut executable, [5.0, 6.0], 1);
    assert_eq!(fetch(&mut executable, "new"), [0.0, 5.0, 6.0, 0.0]);
}

#[test]
fn the_old_value_can_still_be_read_through_a_view() {
    let program = register(|g, old, x| {
        let start = g.input("start", Type::scalar(DType::I64));
        let view = g.slice(old, 0, 0, 2);
        let new = g.update_slice(old, x, start, 0);
        // Reads the view after the write.
        let negative = g.unary(UnaryKind::Neg, view);
        g.output("old", negative);
        new
    });
    let mut executable = candle(&program);
    run(&mut executable, [1.0, 2.0], 0);
    assert_eq!(fetch(&mut executable, "old"), [0.0, 0.0]);
    run(&mut executable, [3.0, 4.0], 0);
    assert_eq!(fetch(&mut executable, "old"), [-1.0, -2.0]);
}

#[test]
fn a_state_may_take_any_value() {
    let program = register(|g, old, x| {
        let _ = g.input("start", Type::scalar(DType::I64));
        let wide = g.concat(&[x, x], 0);
        let sum = g.add(old, wide);
        g.output("sum", sum);
        g.output("before", old);
        sum
    });
    let mut executable = candle(&program);
    run(&mut executable, [1.0, 2.0], 0);
    run(&mut executable, [1.0, 2.0], 0);
    assert_eq!(fetch(&mut executable, "sum"), [2.0, 4.0, 2.0, 4.0]);
    assert_eq!(fetch(&mut executable, "before"), [1.0, 2.0, 1.0, 2.0]);
}

#[test]
fn misuse_is_named() {
    let program = register(|g, old, x| {
        g.output("z", x);
        old
    });
    let mut executable = candle(&program);
    let x = HostTensor::from_f32(&[2], &[0.0; 2]).unwrap();
    let text = executable.execute(EntryId(0)).unwrap_err().to_string();
    assert_eq!(text, "input `x` of entry `forward`: is not bound");
    let text = executable.bind(EntryId(0), &[("y", &x)]).unwrap_err().to_string();
    assert_eq!(text, "input `y` of entry `forward`: is unknown; the entry takes x");
    let wrong = HostTensor::from_f32(&[1, 2], &[0.0; 2]).unwrap();
    let text = executable.bind(EntryId(0), &[("x", &wrong)]).unwrap_err().to_string();
    assert_eq!(text, "input `x` of entry `forward`: is f32[1,2], the program takes f32[2]");
    assert!(executable.fetch(EntryId(0), "y").is_err());
    assert!(executable.fetch_param("w").is_err());
    assert!(executable.execute(EntryId(3)).is_err());
}
