//! Arithmetic and traffic of one execution of a task.

use portbench_graph::{Program, Work};
use portbench_measure::Task;

/// Work of one forward pass, one whole generate request, or one optimiser step. Decoding counts every position by itself. A training step counts three times its
/// forward pass, in arithmetic as in [`Program::training_flops`] and, as no better rule is at hand, in bytes. An entry that the program lacks counts nothing: the
/// worker will say that it is missing.
#[must_use]
pub fn task_work(program: &Program, task: &Task) -> Work {
    let work = |entry: &str, position| program.entry(entry).map_or_else(Work::default, |g| g.work(position));
    match task {
        Task::Forward { entry, .. } => work(entry, None),
        Task::Generate { prefill, decode, prompt, new_tokens, .. } => {
            let decoded: Work =
                (0..new_tokens.saturating_sub(1)).map(|i| work(decode, Some((prompt + i) as usize))).sum();
            work(prefill, Some(0)) + decoded
        }
        Task::Train { entry, .. } => {
            let forward = work(entry, None);
            forward + forward + forward
        }
    }
}
