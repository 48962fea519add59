//! A program held against the table.

use std::fmt;

use portbench_graph::{DType, Graph, Node, Op, Optimizer, Program, Type};

use super::{Limit, Platform, When, limits};

/// A limit that a program meets.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The limit.
    pub limit: &'static Limit,
    /// Values that meet it; 0 where it is about the program as a whole.
    pub values: usize,
    /// The first of them, or the program.
    pub place: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Limit { verdict, certainty, what, way_out, .. } = self.limit;
        write!(f, "{verdict} ({certainty}): {what}; at {}", self.place)?;
        if self.values > 1 {
            write!(f, " and {} more", self.values - 1)?;
        }
        write!(f, "; {way_out}")
    }
}

/// What the platform does not take of the program as it is, the worst first. Nothing is compiled and nothing has to be installed.
///
/// An empty answer says that no known limit is met, not that the program compiles: the compiler has the last word.
#[must_use]
pub fn check(program: &Program, platform: Platform) -> Vec<Finding> {
    let mut findings: Vec<Finding> = limits()
        .iter()
        .filter(|limit| limit.holds_on(platform))
        .filter_map(|limit| find(limit, limit.when.as_ref()?, program))
        .collect();
    findings.sort_by_key(|f| f.limit.verdict);
    findings
}

/// The limits that an op meets there by itself, whatever the program around it, the worst first.
#[must_use]
pub fn of_op(op: &Op, args: &[&Type], result: &Type, platform: Platform) -> Vec<&'static Limit> {
    let meets = |when: &When| {
        let alone = !when.training && when.more_than_gib.is_none();
        alone && when.of_values() && when.meets(op, args, result)
    };
    let mut met: Vec<&Limit> = limits()
        .iter()
        .filter(|limit| limit.holds_on(platform) && limit.when.as_ref().is_some_and(meets))
        .collect();
    met.sort_by_key(|limit| limit.verdict);
    met
}

fn find(limit: &'static Limit, when: &When, program: &Program) -> Option<Finding> {
    if when.training && program.training.is_none() {
        return None;
    }
    let bytes = resident_bytes(program);
    if when.more_than_gib.is_some_and(|gib| bytes <= gib << 30) {
        return None;
    }
    if !when.of_values() {
        let place = match when.more_than_gib {
            Some(_) => {
                format!("program `{}`, {:.1} GiB at least", program.name, bytes as f64 / (1u64 << 30) as f64)
            }
            None => format!("program `{}`", program.name),
        };
        return Some(Finding { limit, values: 0, place });
    }
    let mut hits = program.entries.iter().flat_map(|graph| {
        graph
            .nodes
            .iter()
            .enumerate()
            .filter(move |(_, node)| when.meets(&node.op, &graph.arg_types(node), &node.ty))
            .map(move |hit| (graph, hit))
    });
    let (graph, (index, node)) = hits.next()?;
    Some(Finding { limit, values: 1 + hits.count(), place: place(graph, index, node) })
}

fn place(graph: &Graph, index: usize, node: &Node) -> String {
    let name = match &node.op {
        Op::Input { name, .. } | Op::Param { name } | Op::State { name } => format!(" `{name}`"),
        _ if node.scope.is_empty() => String::new(),
        _ => format!(" in {}", node.scope),
    };
    format!("{} %{index} {} {}{name}", graph.name, node.op.name(), node.ty)
}

impl When {
    /// Whether it looks at values, and not at the program as a whole.
    pub(super) fn of_values(&self) -> bool {
        !self.ops.is_empty() || !self.dtypes.is_empty() || self.beyond_32_bit
    }

    fn meets(&self, op: &Op, args: &[&Type], result: &Type) -> bool {
        let named = self.ops.is_empty() || self.ops.iter().any(|name| name == op.name());
        let dtype = self.dtypes.is_empty()
            || self.dtypes.contains(&result.dtype)
            || args.iter().any(|t| self.dtypes.contains(&t.dtype));
        named && dtype && (!self.beyond_32_bit || beyond_32_bit(op, result))
    }
}

fn beyond_32_bit(op: &Op, result: &Type) -> bool {
    let outside = |v: &f64| !(f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(v);
    result.dtype == DType::I64
        && match op {
            Op::Constant { value, .. } => outside(value),
            Op::Literal { values, .. } => values.iter().any(outside),
            Op::Iota { axis, ty } => ty.dims().get(*axis).is_some_and(|n| outside(&(*n as f64))),
            Op::Pad { value, .. } => outside(value),
            Op::Affine { mul, add } => outside(mul) || outside(add),
            _ => false,
        }
}

/// Bytes that have to be on the device between executions: parameters, state, and for training the optimiser's moments. What an execution needs
/// in addition is the compiler's affair.
fn resident_bytes(program: &Program) -> u64 {
    let trainable: u64 = program.params.iter().filter(|p| p.trainable).map(|p| p.ty.bytes()).sum();
    let moments = match program.training.as_ref().map(|t| t.optimizer) {
        None => 0,
        Some(Optimizer::Sgd { momentum }) => u64::from(momentum != 0.0),
        Some(Optimizer::AdamW { .. }) => 2,
    };
    let state: u64 = program.state.iter().map(|s| s.ty.bytes()).sum();
    program.parameter_bytes().saturating_add(state).saturating_add(trainable.saturating_mul(moments))
}
