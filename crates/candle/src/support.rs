//! Which op runs by which candle kernel: the one table that lowering reports, compilation and the contract rest on.

use portbench_backend::{Support, Use};
use portbench_graph::{
    AttentionAttrs, BinaryKind, Conv2dAttrs, DType, GeluKind, Op, ReduceKind, Type, UnaryKind,
};

/// Where the kernels run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Host cores.
    Cpu,
    /// A GPU.
    Cuda,
}

const fn native(kernel: &'static str) -> Support {
    Support::Native { kernel }
}

const fn decompose(reason: &'static str) -> Support {
    Support::Decompose { reason }
}

fn unsupported(reason: impl Into<String>) -> Support {
    Support::Unsupported { reason: reason.into() }
}

/// The reason shared by candle's fused kernels that are applied without a backward pass.
const NO_BACKWARD: &str = "candle's fused kernel has no backward pass";

/// How an op on operands of these types runs.
pub(crate) fn support(op: &Op, args: &[&Type], result: &Type, use_: Use, place: Place) -> Support {
    let dtype = args.first().map_or(result.dtype, |t| t.dtype);
    let half = matches!(dtype, DType::Bf16 | DType::F16);
    let training = use_ == Use::Training;
    match op {
        Op::Input { .. } | Op::Param { .. } | Op::State { .. } => native("bound tensor"),
        Op::Constant { .. } => native("tensor made at compile time, expanded"),
        Op::Literal { .. } | Op::Iota { .. } => native("tensor made at compile time"),
        Op::Module { .. } => unsupported("candle loads no TorchScript; use tch"),
        Op::Unary { kind } => unary(*kind, dtype),
        Op::Affine { .. } if half => native("affine in f32"),
        Op::Affine { .. } => native("affine"),
        Op::Binary { kind: BinaryKind::Pow } if place == Place::Cuda => {
            unsupported("candle computes pow as exp(b * log(a)), which is wrong for negative bases")
        }
        Op::Binary { kind: BinaryKind::Pow } => native("element-wise powf (own kernel)"),
        Op::Binary { kind } => native(binary(*kind)),
        Op::Compare { .. } => native("cmp"),
        Op::Select => native("where_cond"),
        Op::Cast { to: DType::Bool } => native("ne 0"),
        Op::Cast { .. } => native("to_dtype"),
        Op::Reduce { kind: ReduceKind::Sum, .. } if half => native("sum_keepdim in f32"),
        Op::Reduce { kind: ReduceKind::Sum, .. } => native("sum_keepdim"),
        Op::Reduce { kind: ReduceKind::Max, .. } => native("max_keepdim"),
        Op::ArgMax { .. } if place == Place::Cuda => native("max_keepdim, eq, where_cond, min_keepdim"),
        Op::ArgMax { .. } => native("argmax_keepdim"),
        Op::Reshape { .. } => native("reshape"),
        Op::Permute { .. } => native("permute (view)"),
        Op::Broadcast { .. } => native("broadcast_as (view)"),
        Op::Slice { step: 1, .. } => native("narrow (view)"),
        Op::Slice { .. } => native("index_select"),
        Op::Concat { .. } => native("cat"),
        Op::Pad { .. } => native("cat with fill"),
        Op::MatMul | Op::Linear { .. } if training && place == Place::Cuda => {
            native("matmul, affine by 1: the backward pass needs packed gradients")
        }
        Op::MatMul => native(matmul(dtype, place)),
        Op::Conv2d(attrs) => conv2d(attrs, args, use_, place),
        Op::MaxPool2d(attrs) if training && attrs.kernel != attrs.stride => {
            native("maximum over shifted index_select windows")
        }
        Op::AvgPool2d(attrs) if training && attrs.kernel != attrs.stride => {
            native("sum over shifted index_select windows")
        }
        Op::MaxPool2d(_) | Op::AvgPool2d(_) if training && !pool_divides(op, args) => {
            native("shifted index_select windows")
        }
        Op::AvgPool2d(_) if place == Place::Cuda && dtype == DType::F64 => {
            native("sum over shifted index_select windows: candle averages f64 in f32 on a GPU")
        }
        Op::MaxPool2d(_) => native("max_pool2d"),
        Op::AvgPool2d(_) if half => native("avg_pool2d in f32"),
        Op::AvgPool2d(_) => native("avg_pool2d"),
        Op::Gather { .. } => native("index_select"),
        Op::GatherAlong { .. } => native("gather"),
        Op::UpdateSlice { .. } if training => native("cat of slices"),
        Op::UpdateSlice { .. } => native("slice_set, in place where the program allows it"),
        Op::Linear { .. } => native(linear(dtype, place)),
        Op::Embedding => native("index_select"),
        Op::Softmax if training => native("max (detached), exp, sum, div"),
        Op::Softmax if half => native("softmax_last_dim in f32"),
        Op::Softmax => native("softmax_last_dim"),
        Op::LogSoftmax => native("max (detached), exp, sum, log"),
        Op::LayerNorm { .. } | Op::RmsNorm { .. } if training => decompose(NO_BACKWARD),
        Op::LayerNorm { .. } if dtype == DType::F64 => {
            decompose("candle's layer_norm accumulates f64 in f32")
        }
        Op::LayerNorm { .. } if place == Place::Cuda && dtype == DType::F32 => {
            native("mean_keepdim, broadcast_sub, layer_norm")
        }
        Op::LayerNorm { .. } => native("layer_norm"),
        Op::RmsNorm { .. } if dtype == DType::F64 => decompose("candle's rms_norm accumulates f64 in f32"),
        Op::RmsNorm { .. } if half => native("rms_norm in f32"),
        Op::RmsNorm { .. } => native("rms_norm"),
        Op::BatchNorm { .. } => decompose("candle has no kernel; scale and shift per channel are as fast"),
        Op::Gelu { .. } if training => {
            decompose("candle's backward pass of gelu has constants of six digits")
        }
        Op::Gelu { kind: GeluKind::Tanh } if half => native("gelu in f32"),
        Op::Gelu { kind: GeluKind::Tanh } => native("gelu"),
        Op::Gelu { kind: GeluKind::Erf } if half => native("gelu_erf in f32"),
        Op::Gelu { kind: GeluKind::Erf } => native("gelu_erf"),
        Op::Silu if half => native("silu in f32"),
        Op::Silu => native("silu"),
        Op::Relu => native("relu"),
        Op::Rotary if training => decompose(NO_BACKWARD),
        Op::Rotary => native("rope"),
        Op::Attention(attrs) => attention(attrs, dtype, training, place),
        Op::CrossEntropy => decompose("candle_nn's cross entropy is the same ops"),
        Op::TopKRouting { .. } => decompose("candle has no kernel"),
        Op::Experts { .. } if training => decompose("rows per expert depend on values"),
        Op::Experts { .. } if place == Place::Cuda => {
            decompose("rows per expert would be read back from the GPU")
        }
        Op::Experts { .. } => native("active experts only: index_select, matmul, index_add"),
    }
}

fn unary(kind: UnaryKind, dtype: DType) -> Support {
    native(match kind {
        UnaryKind::Neg if dtype == DType::I64 => "zero minus",
        UnaryKind::Neg => "neg",
        UnaryKind::Abs => "abs",
        UnaryKind::Exp => "exp",
        UnaryKind::Log => "log",
        UnaryKind::Sqrt => "sqrt",
        UnaryKind::Recip => "recip",
        UnaryKind::Tanh => "tanh",
        UnaryKind::Erf => "erf",
        UnaryKind::Sin => "sin",
        UnaryKind::Cos => "cos",
        UnaryKind::Floor => "floor",
    })
}

const fn binary(kind: BinaryKind) -> &'static str {
    match kind {
        BinaryKind::Add => "add",
        BinaryKind::Sub => "sub",
        BinaryKind::Mul => "mul",
        BinaryKind::Div => "div",
        BinaryKind::Pow => "powf",
        BinaryKind::Maximum => "maximum",
        BinaryKind::Minimum => "minimum",
    }
}

const fn matmul(dtype: DType, place: Place) -> &'static str {
    match (place, dtype) {
        (Place::Cpu, DType::Bf16) => "matmul (operands widened to f32 at each call)",
        _ => "matmul",
    }
}

const fn linear(dtype: DType, place: Place) -> &'static str {
    match (place, dtype) {
        (Place::Cpu, DType::Bf16) => "matmul (operands widened to f32 at each call), broadcast_add",
        _ => "matmul, broadcast_add",
    }
}

fn conv2d(attrs: &Conv2dAttrs, args: &[&Type], use_: Use, place: Place) -> Support {
    let (Some(x), Some(w)) = (args.first(), args.get(1)) else {
        return unsupported("operands are missing");
    };
    let (sh, sw) = (attrs.stride[0], attrs.stride[1]);
    // Unequal strides run at stride 1 and are thinned out afterwards, where nothing is left over.
    let s = if sh == sw { sh } else { 1 };
    let left_over = |i: usize| {
        let padded = x.shape[2 + i] + 2 * attrs.padding[i];
        (padded - w.shape[2 + i]) % s
    };
    if use_ == Use::Training && left_over(0) != left_over(1) {
        return unsupported(format!(
            "candle's backward pass of conv2d takes one output padding, but stride {s} leaves {} rows and {} columns over",
            left_over(0),
            left_over(1)
        ));
    }
    native(match (x.dtype, place) {
        _ if sh != sw => "conv2d at stride 1, index_select",
        (DType::Bf16, Place::Cpu) => "conv2d in f32",
        _ => "conv2d",
    })
}

/// Whether a pooling's windows tile the padded input without remainder, which candle's backward pass takes for granted.
pub(crate) fn pool_divides(op: &Op, args: &[&Type]) -> bool {
    let (Op::MaxPool2d(attrs) | Op::AvgPool2d(attrs)) = op else { return false };
    let Some(x) = args.first() else { return false };
    let square = attrs.stride[0] == attrs.stride[1];
    square && (0..2).all(|i| (x.shape[2 + i] + 2 * attrs.padding[i]).is_multiple_of(attrs.stride[i]))
}

fn attention(attrs: &AttentionAttrs, dtype: DType, training: bool, place: Place) -> Support {
    if training {
        return decompose("autograd needs the scores");
    }
    let half = matches!(dtype, DType::Bf16 | DType::F16);
    native(match (attrs.position, half, place) {
        (true, true, Place::Cpu) => "matmul, softmax_last_dim, matmul over the keys so far, in f32",
        (true, true, Place::Cuda) => "matmul, softmax_last_dim in f32, matmul over the keys so far",
        (true, false, _) => "matmul, softmax_last_dim, matmul over the keys so far",
        (false, true, Place::Cpu) => "matmul, softmax_last_dim, matmul, in f32",
        (false, true, Place::Cuda) => "matmul, softmax_last_dim in f32, matmul",
        (false, false, _) => "matmul, softmax_last_dim, matmul",
    })
}
