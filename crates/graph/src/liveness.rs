//! Which values an interpreter may drop, and when.

use crate::program::{Graph, ValueId};

/// For each node, the values nothing uses after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Liveness {
    dead_after: Vec<Vec<ValueId>>,
}

impl Liveness {
    /// Liveness of a verified graph. Outputs and state updates are never dropped.
    #[must_use]
    pub fn of(graph: &Graph) -> Self {
        let n = graph.nodes.len();
        let mut last: Vec<usize> = (0..n).collect();
        for (i, node) in graph.nodes.iter().enumerate() {
            for a in &node.args {
                last[a.index()] = i;
            }
        }
        for (_, v) in graph.outputs.iter().chain(&graph.updates) {
            last[v.index()] = usize::MAX;
        }
        let mut dead_after = vec![Vec::new(); n];
        for (i, &at) in last.iter().enumerate() {
            if let Some(list) = dead_after.get_mut(at) {
                list.push(ValueId(i as u32));
            }
        }
        Self { dead_after }
    }

    /// Values whose last use is node `index`.
    #[must_use]
    pub fn dead_after(&self, index: usize) -> &[ValueId] {
        &self.dead_after[index]
    }

    /// Most bytes of computed values alive at once, sources not counted: what an interpreter that drops eagerly needs
    /// beside parameters, state and inputs.
    #[must_use]
    pub fn peak_bytes(&self, graph: &Graph) -> u64 {
        let size = |i: usize| {
            let node = &graph.nodes[i];
            if node.op.is_source() || node.op.is_view() { 0 } else { node.ty.bytes() }
        };
        let (mut now, mut peak) = (0u64, 0u64);
        for i in 0..graph.nodes.len() {
            now = now.saturating_add(size(i));
            peak = peak.max(now);
            for dead in &self.dead_after[i] {
                now = now.saturating_sub(size(dead.index()));
            }
        }
        peak
    }
}
