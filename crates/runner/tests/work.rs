//! Arithmetic of a task is that of everything it executes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portbench_graph::{
    AttentionOptions, DType, Init, Optimizer, Program, ProgramBuilder, Schedule, TrainSpec, Type, Work,
};
use portbench_measure::Task;
use portbench_runner::task_work;

fn linear(training: bool) -> Program {
    let mut builder = ProgramBuilder::new("linear", DType::F32);
    builder.entry("step", |g| {
        let x = g.input("x", Type::new(DType::F32, [2, 8]));
        let w = g.param("w", &[4, 8], Init::Constant { value: 0.5 });
        let y = g.linear(x, w, None);
        let sum = g.sum(y, &[0, 1]);
        let loss = g.reshape(sum, &[]);
        g.output("loss", loss);
    });
    if training {
        builder.training(TrainSpec {
            entry: "step".into(),
            loss: "loss".into(),
            optimizer: Optimizer::Sgd { momentum: 0.0 },
            schedule: Schedule::Constant { rate: 1.0 },
            clip_norm: None,
        });
    }
    builder.finish().unwrap()
}

/// FLOPs by hand: 2 * 2 * 4 * 8 of the product, 8 of the sum.
const FORWARD: u64 = 2 * 2 * 4 * 8 + 8;

#[test]
fn a_forward_pass() {
    let task = Task::Forward { entry: "step".into(), units: 2 };
    assert_eq!(task_work(&linear(false), &task).flops, FORWARD);
}

#[test]
fn a_step_is_three_forward_passes() {
    let program = linear(true);
    let task =
        Task::Train { entry: "step".into(), loss: "loss".into(), units: 2, steps: None, evaluation: None };
    assert_eq!(task_work(&program, &task).flops, 3 * FORWARD);
    assert_eq!(program.training_flops(), Some(3 * FORWARD));
}

#[test]
fn an_entry_that_is_not_there_counts_nothing() {
    let task = Task::Forward { entry: "forward".into(), units: 2 };
    assert_eq!(task_work(&linear(false), &task), Work::default());
}

/// Attention alone, over a cache of 16 positions: `queries` at once.
fn attention(g: &mut portbench_graph::GraphBuilder<'_>, queries: usize) {
    let q = g.input("q", Type::new(DType::F32, [1, 1, queries, 4]));
    let k = g.state("k", Type::new(DType::F32, [1, 1, 16, 4]));
    let v = g.state("v", Type::new(DType::F32, [1, 1, 16, 4]));
    let position = g.input("position", Type::scalar(DType::I64));
    let options = AttentionOptions { scale: 0.5, causal: true, mask: None, position: Some(position) };
    let y = g.attention([q, k, v], options);
    g.output("y", y);
}

#[test]
fn a_request_counts_every_position_by_itself() {
    let mut builder = ProgramBuilder::new("cached", DType::F32);
    builder.entry("prefill", |g| attention(g, 8));
    builder.entry("decode", |g| attention(g, 1));
    let program = builder.finish().unwrap();
    let task = Task::Generate {
        prefill: "prefill".into(),
        decode: "decode".into(),
        batch: 1,
        prompt: 8,
        new_tokens: 4,
    };
    // 4 D + 5 a visible pair: 1 + ... + 8 of the prompt, then 9, 10 and 11 keys for the tokens at positions 8, 9 and 10.
    let pairs: u64 = (1..=11).sum();
    assert_eq!(task_work(&program, &task).flops, pairs * (4 * 4 + 5));
}
