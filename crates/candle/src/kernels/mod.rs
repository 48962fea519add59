//! The kernels: one prepared call of candle each.
//!
//! A [`Kernel`] holds everything that is known before execution (axes, shapes, prepared index tensors); running it takes operands and
//! gives a tensor of the node's declared type.

mod activation;
mod attention;
mod convolution;
mod elementwise;
mod experts;
mod index;
mod matmul;
mod norm;
mod pooling;
mod power;
mod shape;
mod softmax;

use candle_core::{DType as CandleType, Device, Result, Shape, Tensor};
use portbench_backend::Use;
use portbench_graph::{
    BinaryKind, CompareKind, Conv2dAttrs, DType, GeluKind, Op, ReduceKind, Type, UnaryKind,
};

pub(crate) use attention::{Attention, Masks};
pub(crate) use matmul::{Linear, turned_weights};
pub(crate) use pooling::Pool;

use crate::convert::{candle_type, from_f64};
use crate::support::pool_divides;

/// What kernels share during one execution.
#[derive(Default)]
pub(crate) struct Context {
    /// Attention masks made in this execution.
    pub(crate) masks: Masks,
}

/// Host values of operands, where they are known without reading the device.
pub(crate) type HostScalar = Option<i64>;

/// A prepared kernel.
pub(crate) enum Kernel {
    Unary(UnaryKind),
    Affine { mul: f64, add: f64 },
    Binary(BinaryKind),
    Compare(CompareKind),
    Select,
    Cast { to: CandleType },
    Reduce { kind: ReduceKind, axes: Vec<usize> },
    ArgMax { axis: usize },
    Reshape(Shape),
    Permute(Vec<usize>),
    Broadcast(Shape),
    Narrow { axis: usize, start: usize, len: usize },
    IndexSlice { axis: usize, ids: Tensor },
    Concat { axis: usize },
    Pad { axis: usize, before: Option<Tensor>, after: Option<Tensor> },
    MatMul { settles: bool },
    Linear(Linear),
    Conv2d { attrs: Conv2dAttrs, subsample: Option<[Tensor; 2]> },
    Pool(Pool),
    Gather { axis: usize },
    GatherAlong { axis: usize },
    UpdateSlice { axis: usize, mode: Update },
    Embedding,
    Softmax { training: bool },
    LogSoftmax,
    LayerNorm { eps: f64, no_bias: Option<Tensor> },
    RmsNorm { eps: f32, ones: Option<Tensor> },
    Gelu(GeluKind),
    Silu,
    Relu,
    Rotary,
    Attention(Attention),
    Experts,
}

/// How an update of a slice writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Update {
    /// Into the base itself.
    InPlace,
    /// Into a copy of the base.
    Copy,
    /// As a concatenation, which autograd can follow.
    Differentiable,
}

/// Prepares the kernel of a node whose operands and result have these types. `in_place` says that an update may write into its base.
///
/// # Errors
/// candle's, when a prepared tensor cannot be made; a composite that `support` decomposes has no kernel.
pub(crate) fn prepare(
    op: &Op,
    args: &[&Type],
    result: &Type,
    use_: Use,
    in_place: bool,
    device: &Device,
) -> Result<Kernel> {
    let training = use_ == Use::Training;
    Ok(match op {
        Op::Unary { kind } => Kernel::Unary(*kind),
        Op::Affine { mul, add } => Kernel::Affine { mul: *mul, add: *add },
        Op::Binary { kind } => Kernel::Binary(*kind),
        Op::Compare { kind } => Kernel::Compare(*kind),
        Op::Select => Kernel::Select,
        Op::Cast { to } => Kernel::Cast { to: candle_type(*to) },
        Op::Reduce { kind, axes } => Kernel::Reduce { kind: *kind, axes: axes.clone() },
        Op::ArgMax { axis } => Kernel::ArgMax { axis: *axis },
        Op::Reshape { shape } => Kernel::Reshape(Shape::from(shape.dims())),
        Op::Permute { axes } => Kernel::Permute(axes.clone()),
        Op::Broadcast { shape } => Kernel::Broadcast(Shape::from(shape.dims())),
        Op::Slice { axis, start, len, step: 1 } => Kernel::Narrow { axis: *axis, start: *start, len: *len },
        Op::Slice { axis, start, len, step } => {
            Kernel::IndexSlice { axis: *axis, ids: index::every(*start, *len, *step, device)? }
        }
        Op::Concat { axis } => Kernel::Concat { axis: *axis },
        Op::Pad { axis, before, after, value } => {
            let fill = |n: usize| shape::fill(result, *axis, n, *value, device);
            Kernel::Pad { axis: *axis, before: fill(*before)?, after: fill(*after)? }
        }
        Op::MatMul => Kernel::MatMul { settles: training && !device.is_cpu() },
        Op::Linear { in_out } => Kernel::Linear(Linear::new(*in_out, args, training, device)),
        Op::Conv2d(attrs) => Kernel::Conv2d {
            attrs: *attrs,
            subsample: if attrs.stride[0] == attrs.stride[1] {
                None
            } else {
                let [rows, columns] =
                    [2, 3].map(|i| index::every(0, result.shape[i], attrs.stride[i - 2], device));
                Some([rows?, columns?])
            },
        },
        Op::MaxPool2d(attrs) | Op::AvgPool2d(attrs) => {
            let trains = training && (attrs.kernel != attrs.stride || !pool_divides(op, args));
            let windows =
                trains || (matches!(op, Op::AvgPool2d(_)) && averages_in_f32(args[0].dtype, device));
            Kernel::Pool(Pool::new(op, attrs, args[0], result, windows, device)?)
        }
        Op::Gather { axis } => Kernel::Gather { axis: *axis },
        Op::GatherAlong { axis } => Kernel::GatherAlong { axis: *axis },
        Op::UpdateSlice { axis } => Kernel::UpdateSlice {
            axis: *axis,
            mode: match (training, in_place) {
                (true, _) => Update::Differentiable,
                (false, true) => Update::InPlace,
                (false, false) => Update::Copy,
            },
        },
        Op::Embedding => Kernel::Embedding,
        Op::Softmax => Kernel::Softmax { training },
        Op::LogSoftmax => Kernel::LogSoftmax,
        Op::LayerNorm { eps } => Kernel::LayerNorm {
            eps: *eps,
            no_bias: if args.len() == 3 {
                None
            } else {
                Some(Tensor::zeros(args[1].dims(), candle_type(args[1].dtype), device)?)
            },
        },
        Op::RmsNorm { eps } => Kernel::RmsNorm {
            eps: *eps as f32,
            ones: if matches!(args[0].dtype, DType::Bf16 | DType::F16) {
                Some(Tensor::ones(args[1].dims(), CandleType::F32, device)?)
            } else {
                None
            },
        },
        Op::Gelu { kind } => Kernel::Gelu(*kind),
        Op::Silu => Kernel::Silu,
        Op::Relu => Kernel::Relu,
        Op::Rotary => Kernel::Rotary,
        Op::Attention(attrs) => Kernel::Attention(Attention::new(*attrs, args, device)?),
        Op::Experts { .. } => Kernel::Experts,
        other => candle_core::bail!("`{}` has no kernel", other.name()),
    })
}

/// The tensor of a node that needs no operands: constants, literals, counting sequences.
pub(crate) fn constant(op: &Op, device: &Device) -> Result<Option<Tensor>> {
    Ok(match op {
        Op::Constant { value, ty } => {
            let one = from_f64(&Type::scalar(ty.dtype), &[*value], device)?;
            Some(one.broadcast_as(ty.dims())?)
        }
        Op::Literal { values, ty } => Some(from_f64(ty, values, device)?),
        Op::Iota { axis, ty } => {
            let n = ty.shape[*axis];
            let counted: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let line = from_f64(&Type::new(ty.dtype, [n]), &counted, device)?;
            let mut dims = vec![1; ty.shape.rank()];
            dims[*axis] = n;
            Some(line.reshape(dims)?.broadcast_as(ty.dims())?.contiguous()?)
        }
        _ => None,
    })
}

impl Kernel {
    /// Runs the kernel. `scalar` is the host value of the operand that positions it, where there is one and it is known.
    pub(crate) fn run(&self, args: &[&Tensor], scalar: HostScalar, context: &mut Context) -> Result<Tensor> {
        match self {
            Self::Unary(kind) => elementwise::unary(*kind, args[0]),
            Self::Affine { mul, add } => elementwise::affine(args[0], *mul, *add),
            Self::Binary(kind) => elementwise::binary(*kind, args[0], args[1]),
            Self::Compare(kind) => elementwise::compare(*kind, args[0], args[1]),
            Self::Select => args[0].where_cond(args[1], args[2]),
            Self::Cast { to } => elementwise::cast(args[0], *to),
            Self::Reduce { kind, axes } => elementwise::reduce(*kind, args[0], axes),
            Self::ArgMax { axis } => elementwise::arg_max(args[0], *axis),
            Self::Reshape(shape) => args[0].reshape(shape.clone()),
            Self::Permute(axes) => args[0].permute(axes.as_slice()),
            Self::Broadcast(shape) => args[0].broadcast_as(shape.clone()),
            Self::Narrow { axis, start, len } => args[0].narrow(*axis, *start, *len),
            Self::IndexSlice { axis, ids } => args[0].contiguous()?.index_select(ids, *axis),
            Self::Concat { axis } => Tensor::cat(args, *axis),
            Self::Pad { axis, before, after } => shape::pad(args[0], *axis, before.as_ref(), after.as_ref()),
            Self::MatMul { settles: false } => matmul::matmul(args[0], args[1]),
            Self::MatMul { settles: true } => matmul::settled(&matmul::matmul(args[0], args[1])?),
            Self::Linear(linear) => linear.run(args),
            Self::Conv2d { attrs, subsample } => convolution::conv2d(args, attrs, subsample.as_ref()),
            Self::Pool(pool) => pool.run(args[0]),
            Self::Gather { axis } => index::gather(args[0], args[1], *axis),
            Self::GatherAlong { axis } => args[0].contiguous()?.gather(&args[1].contiguous()?, *axis),
            Self::UpdateSlice { axis, mode } => index::update(args, *axis, *mode, scalar),
            Self::Embedding => index::gather(args[1], args[0], 0),
            Self::Softmax { training: true } => softmax::differentiable(args[0]),
            Self::Softmax { training: false } => softmax::fast(args[0]),
            Self::LogSoftmax => softmax::log(args[0]),
            Self::LayerNorm { eps, no_bias } => norm::layer_norm(args, *eps, no_bias.as_ref()),
            Self::RmsNorm { eps, ones } => norm::rms_norm(args[0], args[1], *eps, ones.as_ref()),
            Self::Gelu(kind) => activation::gelu(args[0], *kind),
            Self::Silu => activation::silu(args[0]),
            Self::Relu => args[0].relu(),
            Self::Rotary => candle_nn::rotary_emb::rope(
                &args[0].contiguous()?,
                &args[1].contiguous()?,
                &args[2].contiguous()?,
            ),
            Self::Attention(attention) => attention.run(args, scalar, &mut context.masks),
            Self::Experts => experts::run(args),
        }
    }

    /// Position of the scalar operand that the kernel wants on the host.
    pub(crate) fn host_operand(&self) -> Option<usize> {
        match self {
            Self::UpdateSlice { .. } => Some(2),
            Self::Attention(attention) => attention.position_operand(),
            _ => None,
        }
    }
}

/// Whether candle's kernel averages windows of `f64` in `f32`.
fn averages_in_f32(dtype: DType, device: &Device) -> bool {
    dtype == DType::F64 && !device.is_cpu()
}

/// Whether a tensor's element type is one of the 16-bit floats.
fn is_half(x: &Tensor) -> bool {
    matches!(x.dtype(), CandleType::BF16 | CandleType::F16)
}

/// Evaluates `f` in `f32` where `x` is a 16-bit float, and rounds its result back.
fn in_f32(x: &Tensor, f: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    if is_half(x) { f(&x.to_dtype(CandleType::F32)?)?.to_dtype(x.dtype()) } else { f(x) }
}
