//! Indices among the inputs, checked on the host as they are bound, for libraries whose kernels would abort, clamp or wrap. An index that is computed on the device is not
//! seen here.

use std::collections::BTreeMap;

use portbench_graph::{DType, Graph, Op, ValueId};

use crate::error::BackendError;
use crate::tensor::HostTensor;

/// What each input of an entry may hold at most, and what was bound that breaks it.
#[derive(Default)]
pub(super) struct Ranges {
    limits: BTreeMap<String, i64>,
    broken: BTreeMap<String, i64>,
}

impl Ranges {
    /// The limits that the ops of an entry set its inputs.
    pub(super) fn of(graph: &Graph) -> Self {
        let mut ranges = Self::default();
        for node in &graph.nodes {
            let types = graph.arg_types(node);
            let size = |operand: usize, axis: usize| types[operand].shape[axis] as i64;
            match &node.op {
                Op::Gather { axis } | Op::GatherAlong { axis } => {
                    ranges.limit(graph, node.args[1], size(0, *axis) - 1);
                }
                Op::Embedding => ranges.limit(graph, node.args[0], size(1, 0) - 1),
                Op::CrossEntropy => ranges.limit(graph, node.args[1], size(0, 1) - 1),
                Op::UpdateSlice { axis } => {
                    ranges.limit(graph, node.args[2], size(0, *axis) - size(1, *axis));
                }
                Op::Attention(attrs) if attrs.position => {
                    if let Some(position) = node.args.last() {
                        ranges.limit(graph, *position, size(1, 2) - size(0, 2));
                    }
                }
                _ => {}
            }
        }
        ranges
    }

    fn limit(&mut self, graph: &Graph, value: ValueId, limit: i64) {
        let mut node = graph.node(value);
        // These leave every element as it is.
        while let (Op::Reshape { .. } | Op::Permute { .. } | Op::Broadcast { .. }, Some(first)) =
            (&node.op, node.args.first())
        {
            node = graph.node(*first);
        }
        if let Op::Input { name, .. } = &node.op {
            let known = self.limits.entry(name.clone()).or_insert(limit);
            *known = limit.min(*known);
        }
    }

    /// Looks at a value on the host.
    pub(super) fn bind(&mut self, name: &str, value: &HostTensor) {
        self.broken.remove(name);
        let Some(&limit) = self.limits.get(name) else { return };
        if value.ty().dtype != DType::I64 {
            return;
        }
        if let Some(index) = value.to_i64().into_iter().find(|index| !(0..=limit).contains(index)) {
            self.broken.insert(name.to_owned(), index);
        }
    }

    /// Refuses to execute on what is broken.
    pub(super) fn check(&self, entry: &str) -> Result<(), BackendError> {
        let Some((name, index)) = self.broken.iter().next() else { return Ok(()) };
        let limit = self.limits.get(name).copied().unwrap_or(-1);
        Err(BackendError::Value {
            place: format!("input `{name}` of entry `{entry}`"),
            message: format!("index {index} is outside 0..{}", limit + 1),
        })
    }
}

#[cfg(test)]
mod tests {
    use portbench_graph::{ProgramBuilder, Type};

    use super::*;

    #[test]
    fn inputs_are_held_against_the_smallest_table_that_they_reach() {
        let mut program = ProgramBuilder::new("ranges", DType::F32);
        program.entry("forward", |g| {
            let ids = g.input("ids", Type::new(DType::I64, [2, 3]));
            let large = g.input("large", Type::new(DType::F32, [9, 4]));
            let small = g.input("small", Type::new(DType::F32, [5, 4]));
            let first = g.embedding(ids, large);
            let flat = g.reshape(ids, &[6]);
            let second = g.gather(small, flat, 0);
            g.output("first", first);
            g.output("second", second);
        });
        let program = program.finish().unwrap();
        let mut ranges = Ranges::of(&program.entries[0]);
        let ids = |worst: f64| {
            HostTensor::from_f64(Type::new(DType::I64, [2, 3]), &[0., 1., 2., 3., 4., worst]).unwrap()
        };
        ranges.bind("ids", &ids(4.0));
        ranges.check("forward").unwrap();
        for worst in [5.0, -1.0] {
            ranges.bind("ids", &ids(worst));
            assert_eq!(
                ranges.check("forward").unwrap_err().to_string(),
                format!("input `ids` of entry `forward`: index {worst} is outside 0..5")
            );
        }
        ranges.bind("ids", &ids(0.0));
        ranges.check("forward").unwrap();
    }
}
