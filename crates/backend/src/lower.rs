//! Deciding, op by op, how a program runs on a backend.

use std::collections::BTreeMap;

use portbench_graph::{Graph, Node, Op, Program, Type, rewrite};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{Backend, CompileOptions, Use};
use crate::error::{BackendError, UnsupportedOp};

/// A backend's answer for one op.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Support {
    /// Runs as it stands, by the named kernel or library function.
    Native {
        /// The backend's own name of what runs.
        kernel: &'static str,
    },
    /// A composite that runs as its decomposition.
    Decompose {
        /// Why there is no native form, for people.
        reason: &'static str,
    },
    /// Does not run.
    Unsupported {
        /// Why, naming the type or attribute.
        reason: String,
    },
}

/// How a kind of op went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Lowering {
    /// By the named kernel.
    Native {
        /// The backend's own name of what runs.
        kernel: String,
    },
    /// As core ops.
    Decomposed {
        /// Why.
        reason: String,
    },
}

/// One row of a lowering report: the ops of one name that went the same way in one entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoweredOp {
    /// Entry name.
    pub entry: String,
    /// Op name, as in the program before decomposition.
    pub op: String,
    /// How they went.
    pub lowering: Lowering,
    /// How many there are.
    pub count: u64,
    /// Their floating-point operations in one execution, by the graph's work rule.
    pub flops: u64,
    /// Bytes they move at least, by the graph's work rule.
    pub bytes: u64,
}

/// How a program's ops were lowered. Sources (inputs, parameters, states) are not listed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct LoweringReport {
    /// Rows ordered by entry, op and lowering.
    pub ops: Vec<LoweredOp>,
}

impl LoweringReport {
    /// Number of ops that ran natively, and that were decomposed.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        self.ops.iter().fold((0, 0), |(native, decomposed), row| match row.lowering {
            Lowering::Native { .. } => (native + row.count, decomposed),
            Lowering::Decomposed { .. } => (native, decomposed + row.count),
        })
    }
}

/// The program in which every remaining op is native to the backend, and the report of how it came about.
///
/// # Errors
/// [`BackendError::Unsupported`] with every op that is neither native nor decomposes into native ops.
pub fn lower(
    program: &Program,
    backend: &dyn Backend,
    options: &CompileOptions,
) -> Result<(Program, LoweringReport), BackendError> {
    let answer = |g: &Graph, n: &Node| {
        let training = program.training.as_ref().is_some_and(|t| t.entry == g.name);
        let use_ = if training { Use::Training } else { Use::Inference };
        if options.decompose_all && n.op.is_composite() {
            return Support::Decompose { reason: "asked for" };
        }
        let args: Vec<&Type> = g.arg_types(n).into_vec();
        match backend.support(&n.op, &args, &n.ty, use_) {
            Support::Decompose { .. } if !n.op.is_composite() => {
                Support::Unsupported { reason: "core op without a native form".into() }
            }
            answer => answer,
        }
    };
    let mut rows: BTreeMap<(usize, &'static str, Lowering), (u64, u64, u64)> = BTreeMap::new();
    let mut unsupported = Vec::new();
    for (e, g) in program.entries.iter().enumerate() {
        for n in g.nodes.iter().filter(|n| !n.op.is_source()) {
            let lowering = match answer(g, n) {
                Support::Native { kernel } => Lowering::Native { kernel: kernel.to_owned() },
                Support::Decompose { reason } => Lowering::Decomposed { reason: reason.to_owned() },
                Support::Unsupported { reason } => {
                    unsupported.push(unsupported_op(g, n, reason));
                    continue;
                }
            };
            let work = g.node_work(n, None);
            let row = rows.entry((e, n.op.name(), lowering)).or_default();
            *row = (row.0 + 1, row.1.saturating_add(work.flops), row.2.saturating_add(work.bytes()));
        }
    }
    let lowered = rewrite(program, &|g, n| !matches!(answer(g, n), Support::Decompose { .. }))?;
    for g in &lowered.entries {
        for n in g.nodes.iter().filter(|n| !n.op.is_source()) {
            if let Support::Unsupported { reason } = answer(g, n) {
                let op = unsupported_op(g, n, reason);
                if !unsupported.contains(&op) {
                    unsupported.push(op);
                }
            }
        }
    }
    if !unsupported.is_empty() {
        return Err(BackendError::Unsupported { backend: backend.info().backend, ops: unsupported });
    }
    let ops = rows
        .into_iter()
        .map(|((e, op, lowering), (count, flops, bytes))| LoweredOp {
            entry: program.entries[e].name.clone(),
            op: op.to_owned(),
            lowering,
            count,
            flops,
            bytes,
        })
        .collect();
    Ok((lowered, LoweringReport { ops }))
}

fn unsupported_op(g: &Graph, n: &Node, reason: String) -> UnsupportedOp {
    UnsupportedOp { entry: g.name.clone(), op: n.op.name().to_owned(), scope: n.scope.clone(), reason }
}

/// Whether a node is the in-place write of a state: an [`Op::UpdateSlice`] whose base reads the state that its result updates, and
/// nothing else reads that state's old value afterwards.
#[must_use]
pub fn is_in_place_update(graph: &Graph, index: usize) -> bool {
    let node = &graph.nodes[index];
    let (Op::UpdateSlice { .. }, Some(base)) = (&node.op, node.args.first()) else { return false };
    let Op::State { name } = &graph.node(*base).op else { return false };
    let writes_back = graph.updates.iter().any(|(n, v)| n == name && v.index() == index);
    let read_later = graph.nodes[index + 1..].iter().any(|n| n.args.contains(base));
    let escapes = graph.outputs.iter().chain(&graph.updates).any(|(_, v)| v == base);
    writes_back && !read_later && !escapes
}
