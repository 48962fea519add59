//! Arithmetic and memory traffic of operators and graphs.

use serde::{Deserialize, Serialize};

use crate::op::{AttentionAttrs, Op};
use crate::program::{Graph, Node, Program};
use crate::types::Type;

/// Arithmetic operations and memory traffic of one execution.
///
/// Conventions: a multiply-add is 2 FLOPs; an element-wise function is 1 FLOP an element; softmax 5, log-softmax 5, layer norm 8,
/// rms norm 5, GELU 8, SiLU 4 and batch norm 2 an element; rotary 3 an element; attention `4 D` a visible query-key pair (causal:
/// only visible pairs count) plus 5 for its softmax; comparisons, integer arithmetic and copies are 0. Bytes are the least an op has to move if each
/// operand and result passes memory once: views and sources move nothing, a gather reads only the rows it takes, a slice
/// update moves only the slice, a composite counts as one kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Floating-point operations.
    pub flops: u64,
    /// Bytes read from memory.
    pub bytes_read: u64,
    /// Bytes written to memory.
    pub bytes_written: u64,
}

impl Work {
    /// Bytes read and written.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes_read.saturating_add(self.bytes_written)
    }

    /// FLOPs a byte; `None` when nothing is moved.
    #[must_use]
    pub fn intensity(&self) -> Option<f64> {
        (self.bytes() > 0).then(|| self.flops as f64 / self.bytes() as f64)
    }
}

impl std::ops::Add for Work {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            flops: self.flops.saturating_add(other.flops),
            bytes_read: self.bytes_read.saturating_add(other.bytes_read),
            bytes_written: self.bytes_written.saturating_add(other.bytes_written),
        }
    }
}

impl std::iter::Sum for Work {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), std::ops::Add::add)
    }
}

fn product(factors: &[usize]) -> u64 {
    factors.iter().fold(1u64, |a, &f| a.saturating_mul(f as u64))
}

impl Graph {
    /// Work of one node. `position` is the value of attention's position operand; unknown, the whole key axis counts.
    #[must_use]
    pub fn node_work(&self, node: &Node, position: Option<usize>) -> Work {
        let args = self.arg_types(node);
        let read = args.iter().fold(0u64, |a, t| a.saturating_add(t.bytes()));
        let written = node.ty.bytes();
        let elements = node.ty.shape.elements() as u64;
        let per_element = |n: u64| elements.saturating_mul(n);
        let pass = |flops: u64| Work { flops, bytes_read: read, bytes_written: written };
        match &node.op {
            op if op.is_source() || op.is_view() => Work::default(),
            Op::Constant { .. } | Op::Literal { .. } | Op::Iota { .. } => {
                Work { flops: 0, bytes_read: 0, bytes_written: written }
            }
            // What it computes inside, and what weights it reads, is not known.
            Op::Module { .. } => pass(0),
            Op::Unary { .. } | Op::Binary { .. } | Op::Affine { .. } | Op::Relu => {
                pass(if node.ty.dtype.is_float() { elements } else { 0 })
            }
            Op::Reduce { .. } => {
                pass(if node.ty.dtype.is_float() { args[0].shape.elements() as u64 } else { 0 })
            }
            Op::MatMul => {
                let r = args[0].shape.rank();
                pass(product(&[2, node.ty.shape.elements(), args[0].shape[r - 1]]))
            }
            Op::Linear { .. } => {
                let k = args[0].dims().last().copied().unwrap_or(1);
                let bias = if args.len() > 2 { elements } else { 0 };
                pass(product(&[2, node.ty.shape.elements(), k]).saturating_add(bias))
            }
            Op::Conv2d(_) => {
                let w = args[1];
                let bias = if args.len() > 2 { elements } else { 0 };
                pass(
                    product(&[2, node.ty.shape.elements(), w.shape[1], w.shape[2], w.shape[3]])
                        .saturating_add(bias),
                )
            }
            Op::MaxPool2d(a) | Op::AvgPool2d(a) => pass(per_element(product(&a.kernel))),
            Op::Gather { .. } | Op::Embedding | Op::GatherAlong { .. } => {
                let ids = args.iter().find(|t| !t.dtype.is_float()).map_or(0, |t| t.bytes());
                Work { flops: 0, bytes_read: written.saturating_add(ids), bytes_written: written }
            }
            Op::UpdateSlice { .. } => {
                Work { flops: 0, bytes_read: args[1].bytes(), bytes_written: args[1].bytes() }
            }
            Op::Softmax | Op::LogSoftmax | Op::RmsNorm { .. } | Op::TopKRouting { .. } => {
                pass(per_element(5))
            }
            Op::LayerNorm { .. } | Op::Gelu { .. } => pass(per_element(8)),
            Op::Silu => pass(per_element(4)),
            Op::BatchNorm { .. } => pass(per_element(2)),
            Op::Rotary => pass(per_element(3)),
            Op::CrossEntropy => pass((args[0].shape.elements() as u64).saturating_mul(5)),
            Op::Attention(attrs) => attention_work(attrs, &args, &node.ty, position),
            Op::Experts { experts, active } => experts_work(&args, &node.ty, *experts, *active),
            _ => pass(0),
        }
    }

    /// Work of one execution. See [`Graph::node_work`] for `position`.
    #[must_use]
    pub fn work(&self, position: Option<usize>) -> Work {
        self.nodes.iter().map(|n| self.node_work(n, position)).sum()
    }
}

impl Program {
    /// FLOPs of one training step: three times those of the forward pass (a backward pass costs about two), the convention of
    /// model FLOPs utilisation (PaLM, arXiv:2204.02311, appendix B). `None` when the program does not train.
    #[must_use]
    pub fn training_flops(&self) -> Option<u64> {
        let spec = self.training.as_ref()?;
        Some(self.entry(&spec.entry)?.work(None).flops.saturating_mul(3))
    }
}

fn attention_work(attrs: &AttentionAttrs, args: &[&Type], out: &Type, position: Option<usize>) -> Work {
    let (q, k, v) = (args[0], args[1], args[2]);
    let (b, hq, s, d) = (q.shape[0], q.shape[1], q.shape[2], q.shape[3]);
    let (t, dv) = (k.shape[2], v.shape[3]);
    let offset = if attrs.position { position } else { t.checked_sub(s) };
    let (pairs, keys) = match offset.filter(|_| attrs.causal) {
        Some(o) => ((0..s).map(|i| (i + o + 1).min(t) as u64).sum::<u64>(), (o + s).min(t)),
        None => (product(&[s, t]), t),
    };
    let heads_pairs = product(&[b, hq]).saturating_mul(pairs);
    let flops = heads_pairs.saturating_mul(2 * (d + dv) as u64 + 5);
    let cache = product(&[b, k.shape[1], keys, d + dv, k.dtype.size()]);
    let rest: u64 = args[3..].iter().map(|a| a.bytes()).sum();
    Work {
        flops,
        bytes_read: q.bytes().saturating_add(cache).saturating_add(rest),
        bytes_written: out.bytes(),
    }
}

/// Weights read are those of the experts that at least one row selects, in expectation under uniform routing.
fn experts_work(args: &[&Type], out: &Type, experts: usize, active: usize) -> Work {
    let (rows, h) = (args[0].shape[0], args[0].shape[1]);
    let f = args[2].shape[0];
    let flops = product(&[rows, active]).saturating_mul(product(&[6, h, f]).saturating_add(5 * f as u64));
    let missed = (1.0 - active as f64 / experts as f64).powf(rows as f64);
    let touched = experts as f64 * (1.0 - missed);
    let weights = touched * product(&[3, h, f, args[0].dtype.size()]) as f64;
    Work {
        flops,
        bytes_read: args[0].bytes().saturating_add(args[1].bytes()).saturating_add(weights as u64),
        bytes_written: out.bytes(),
    }
}
