//! Arithmetic and traffic of one execution of a task.

use portbench_graph::{Graph, Program, Work};
use portbench_measure::Task;

/// The graphs that one execution of a task runs through, each as often as it runs, with the position of attention where it is known: one forward pass, one whole
/// generate request, or one optimiser step. Decoding counts every position by itself. A training step counts as three forward passes, in arithmetic as in
/// [`Program::training_flops`] and, as no better rule is at hand, in bytes. An entry that the program lacks counts nothing: the worker will say that it is missing.
#[must_use]
pub fn task_graphs<'p>(program: &'p Program, task: &Task) -> Vec<(&'p Graph, Option<usize>)> {
    let graph = |entry: &str, position| program.entry(entry).map(|graph| (graph, position));
    match task {
        Task::Forward { entry, .. } => graph(entry, None).into_iter().collect(),
        Task::Generate { prefill, decode, prompt, new_tokens, .. } => {
            let steps = 0..new_tokens.saturating_sub(1);
            let decoded = steps.filter_map(|i| graph(decode, Some((prompt + i) as usize)));
            graph(prefill, Some(0)).into_iter().chain(decoded).collect()
        }
        Task::Train { entry, .. } => [graph(entry, None); 3].into_iter().flatten().collect(),
    }
}

/// Work of one execution of a task: that of its [`task_graphs`].
#[must_use]
pub fn task_work(program: &Program, task: &Task) -> Work {
    task_graphs(program, task).into_iter().map(|(graph, position)| graph.work(position)).sum()
}
