//! Which op runs by which libtorch call: the one table that lowering reports and the contract rest on.

use portbench_backend::{Support, Use};
use portbench_graph::{DType, GeluKind, Op, ReduceKind, Type, UnaryKind};
use tch::Device;

const fn native(kernel: &'static str) -> Support {
    Support::Native { kernel }
}

/// How an op on operands of these types runs.
pub(crate) fn support(op: &Op, args: &[&Type], use_: Use, device: Device) -> Support {
    let half = args.first().is_some_and(|t| matches!(t.dtype, DType::Bf16 | DType::F16));
    match op {
        Op::Input { .. } | Op::Param { .. } | Op::State { .. } => native("bound tensor"),
        Op::Constant { .. } => native("tensor made at compile time, expanded"),
        Op::Literal { .. } | Op::Iota { .. } => native("tensor made at compile time"),
        Op::Module { .. } if use_ == Use::Training => {
            Support::Unsupported { reason: "a TorchScript module is executed, not trained".into() }
        }
        Op::Module { .. } => native("TorchScript module"),
        Op::Unary { kind } => native(unary(*kind)),
        Op::Affine { mul, add } if half && *mul != 1.0 && *add != 0.0 => native("mul, add in f32"),
        Op::Affine { .. } => native("mul, add"),
        Op::Binary { kind } => native(kind.name()),
        Op::Compare { kind } => native(kind.name()),
        Op::Select => native("where"),
        Op::Cast { .. } => native("to"),
        Op::Reduce { kind: ReduceKind::Sum, .. } => native("sum"),
        Op::Reduce { kind: ReduceKind::Max, .. } => native("amax"),
        Op::ArgMax { .. } => native("argmax"),
        Op::Reshape { .. } => native("reshape"),
        Op::Permute { .. } => native("permute (view)"),
        Op::Broadcast { .. } => native("expand (view)"),
        Op::Slice { step: 1, .. } => native("narrow (view)"),
        Op::Slice { .. } => native("slice (view)"),
        Op::Concat { .. } => native("cat"),
        Op::Pad { .. } => native("pad"),
        Op::MatMul => native("matmul"),
        Op::Conv2d(_) => native("conv2d"),
        Op::MaxPool2d(_) => native("max_pool2d"),
        Op::AvgPool2d(_) => native("avg_pool2d"),
        Op::Gather { .. } => native("index_select"),
        Op::GatherAlong { .. } => native("gather"),
        Op::UpdateSlice { .. } => native("narrow, copy_, in place where the program allows it"),
        Op::Linear { in_out: false } => native("linear"),
        Op::Linear { in_out: true } if args.len() == 3 => native("addmm"),
        Op::Linear { in_out: true } => native("mm"),
        Op::Embedding => native("embedding"),
        Op::Softmax => native("softmax"),
        Op::LogSoftmax => native("log_softmax"),
        Op::LayerNorm { .. } => native("layer_norm"),
        Op::RmsNorm { .. } => native("rms_norm"),
        Op::BatchNorm { .. } if use_ == Use::Training => Support::Decompose {
            reason: "libtorch's batch_norm does not differentiate by the running statistics",
        },
        Op::BatchNorm { .. } => native("batch_norm"),
        Op::Gelu { kind: GeluKind::Erf } => native("gelu(none)"),
        Op::Gelu { kind: GeluKind::Tanh } => native("gelu(tanh)"),
        Op::Silu => native("silu"),
        Op::Relu => native("relu"),
        Op::Rotary => native("roll, mul, addcmul"),
        Op::Attention(attrs) if attrs.position => native("scaled_dot_product_attention over the keys so far"),
        Op::Attention(_) => native("scaled_dot_product_attention"),
        Op::CrossEntropy if half => native("cross_entropy_loss in f32"),
        Op::CrossEntropy => native("cross_entropy_loss"),
        Op::TopKRouting { .. } => native("softmax, sort, scatter"),
        Op::Experts { .. } if use_ == Use::Training => {
            Support::Decompose { reason: "rows per expert depend on values" }
        }
        Op::Experts { .. } if device != Device::Cpu => {
            Support::Decompose { reason: "rows per expert would be read back from the GPU" }
        }
        Op::Experts { .. } => native("active experts only: index_select, linear, index_add_"),
    }
}

const fn unary(kind: UnaryKind) -> &'static str {
    match kind {
        UnaryKind::Recip => "reciprocal",
        other => other.name(),
    }
}
