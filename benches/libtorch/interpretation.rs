//! The graph on the tch back end against the same GPT-2 written by hand with tch: one decode step of 124M after a prompt of 128, and one
//! AdamW step of nanoGPT's small model.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![expect(clippy::print_stdout, reason = "a paired ratio is no criterion figure")]

use std::collections::HashMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use portbench_backend::{Backend, CompileOptions, EntryId, Executable, HostTensor};
use portbench_benches::paired;
use portbench_benches::programs::{PARAMS, adamw, gpt2_124m, ids, nano};
use portbench_benches_libtorch::{Dimensions, Gpt2, Trainer};
use portbench_graph::Program;
use portbench_models::Form;
use portbench_tch::TchBackend;
use tch::{Kind, Tensor};

const PROMPT: usize = 128;
const BATCH: usize = 12;
const SEQUENCE: usize = 64;

fn compile(program: &Program) -> Box<dyn Executable> {
    TchBackend::new("cpu").unwrap().compile(program, &PARAMS, &CompileOptions::default()).unwrap()
}

fn run(executable: &mut dyn Executable, entry: EntryId, inputs: &[(&str, &HostTensor)]) {
    executable.bind(entry, inputs).unwrap();
    executable.execute(entry).unwrap();
}

fn tensor(value: &HostTensor, kind: Kind) -> Tensor {
    let dims: Vec<i64> = value.dims().iter().map(|&d| d as i64).collect();
    Tensor::f_from_data_size(value.bytes(), &dims, kind).unwrap()
}

fn weights(program: &Program) -> HashMap<String, Tensor> {
    let mut source = PARAMS.open().unwrap();
    let load = |spec| (source.load(spec).unwrap(), spec.name.clone());
    program.params.iter().map(load).map(|(value, name)| (name, tensor(&value, Kind::Float))).collect()
}

/// Alternates both, because a virtual machine's speed drifts by more than they differ between criterion's blocks.
fn paired(name: &str, pairs: usize, graph: impl FnMut(), by_hand: impl FnMut()) {
    println!("{name}: graph / by hand = {}", paired::ratio(pairs, graph, by_hand).unwrap());
}

fn decode(c: &mut Criterion) {
    let program = gpt2_124m(Form::Generate { prompt: PROMPT, new_tokens: 64 }, 1).unwrap();
    let [prefill, step] = ["prefill", "decode"].map(|e| EntryId::of(&program, e).unwrap());
    let prompt = ids("prompt", &[1, PROMPT]).unwrap();
    let token = ids("token", &[1, 1]).unwrap();
    let mut group = c.benchmark_group("libtorch-gpt2-124m-decode");

    let mut executable = compile(&program);
    run(executable.as_mut(), prefill, &[("input_ids", &prompt), ("position", &HostTensor::scalar_i64(0))]);
    let position = HostTensor::scalar_i64(PROMPT as i64);
    let mut graph_step = || {
        run(executable.as_mut(), step, &[("input_ids", &token), ("position", &position)]);
        executable.fetch(step, "next").unwrap().to_i64()[0]
    };

    let dimensions = Dimensions { layers: 12, heads: 12, width: 768 };
    let model = Gpt2::new(dimensions, &weights(&program), (PROMPT + 64) as i64).unwrap();
    let by_hand_step = || {
        let logits = model.step(&tensor(&token, Kind::Int64), PROMPT as i64);
        logits.argmax(-1, false).int64_value(&[0])
    };
    let _ = model.step(&tensor(&prompt, Kind::Int64), 0);
    assert_eq!(by_hand_step(), graph_step(), "the two compute the same");
    paired("gpt2-124m-decode", 200, || _ = black_box(graph_step()), || _ = black_box(by_hand_step()));
    group.bench_function("graph", |b| b.iter(&mut graph_step));
    group.bench_function("by hand", |b| b.iter(by_hand_step));
    group.finish();
}

fn training(c: &mut Criterion) {
    let program = nano(Form::Training { sequence: SEQUENCE, spec: adamw(1e-3) }, BATCH).unwrap();
    let entry = EntryId::of(&program, "train").unwrap();
    let tokens = ids("tokens", &[BATCH, SEQUENCE]).unwrap();
    let labels = ids("labels", &[BATCH, SEQUENCE]).unwrap();
    let mut group = c.benchmark_group("libtorch-nanogpt-training-step");

    let mut executable = compile(&program);
    let mut graph_step = || {
        run(executable.as_mut(), entry, &[("input_ids", &tokens), ("labels", &labels)]);
        executable.fetch(entry, "loss").unwrap().to_f64()[0]
    };

    let dimensions = Dimensions { layers: 4, heads: 4, width: 128 };
    let mut trainer = Trainer::new(dimensions, &weights(&program), 1e-3).unwrap();
    let mut by_hand_step = || trainer.step(&tensor(&tokens, Kind::Int64), &tensor(&labels, Kind::Int64));
    for _ in 0..3 {
        let (graph, by_hand) = (graph_step(), by_hand_step());
        assert!((graph - by_hand).abs() < 1e-4 * by_hand, "the two compute the same: {graph} and {by_hand}");
    }
    paired("nanogpt-training-step", 100, || _ = black_box(graph_step()), || _ = black_box(by_hand_step()));
    group.bench_function("graph", |b| b.iter(&mut graph_step));
    group.bench_function("by hand", |b| b.iter(&mut by_hand_step));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = decode, training
}
criterion_main!(benches);
