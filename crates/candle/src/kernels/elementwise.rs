//! Element-wise functions, comparisons, conversions and reductions.

use candle_core::{DType, Result, Tensor};
use portbench_graph::{BinaryKind, CompareKind, ReduceKind, UnaryKind};

use super::{in_f32, is_half, power};

pub(super) fn unary(kind: UnaryKind, x: &Tensor) -> Result<Tensor> {
    match kind {
        // candle has no integer negation.
        UnaryKind::Neg if x.dtype() == DType::I64 => x.zeros_like()?.sub(x),
        UnaryKind::Neg => x.neg(),
        // Nor has it an absolute value of integers on a GPU.
        UnaryKind::Abs if x.dtype() == DType::I64 && !x.device().is_cpu() => {
            x.maximum(&x.zeros_like()?.sub(x)?)
        }
        UnaryKind::Abs => x.abs(),
        UnaryKind::Exp => x.exp(),
        UnaryKind::Log => x.log(),
        UnaryKind::Sqrt => x.sqrt(),
        UnaryKind::Recip => x.recip(),
        UnaryKind::Tanh => x.tanh(),
        UnaryKind::Erf => x.erf(),
        UnaryKind::Sin => x.sin(),
        UnaryKind::Cos => x.cos(),
        UnaryKind::Floor => x.floor(),
    }
}

/// candle rounds the factor and the product to the element type, so 16-bit floats go through `f32`.
pub(super) fn affine(x: &Tensor, mul: f64, add: f64) -> Result<Tensor> {
    in_f32(x, |x| x.affine(mul, add))
}

pub(super) fn binary(kind: BinaryKind, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    match kind {
        BinaryKind::Add => a.add(b),
        BinaryKind::Sub => a.sub(b),
        BinaryKind::Mul => a.mul(b),
        BinaryKind::Div => a.div(b),
        BinaryKind::Pow => power::pow(a, b),
        BinaryKind::Maximum => a.maximum(b),
        BinaryKind::Minimum => a.minimum(b),
    }
}

pub(super) fn compare(kind: CompareKind, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    match kind {
        CompareKind::Eq => a.eq(b),
        CompareKind::Ne => a.ne(b),
        CompareKind::Lt => a.lt(b),
        CompareKind::Le => a.le(b),
        CompareKind::Gt => a.gt(b),
        CompareKind::Ge => a.ge(b),
    }
}

pub(super) fn cast(x: &Tensor, to: DType) -> Result<Tensor> {
    if x.dtype() == to {
        return Ok(x.clone());
    }
    match (x.dtype(), to) {
        (_, DType::U8) => x.ne(&x.zeros_like()?),
        // Rounded once through `f32`, as everywhere in this project.
        (DType::F64, DType::BF16 | DType::F16) => x.to_dtype(DType::F32)?.to_dtype(to),
        // candle has no kernels between these on a GPU.
        (DType::I64, DType::BF16 | DType::F16) | (DType::BF16 | DType::F16, DType::I64) => {
            x.to_dtype(DType::F32)?.to_dtype(to)
        }
        _ => x.to_dtype(to),
    }
}

pub(super) fn reduce(kind: ReduceKind, x: &Tensor, axes: &[usize]) -> Result<Tensor> {
    match kind {
        ReduceKind::Sum if is_half(x) => in_f32(x, |x| x.sum_keepdim(axes)),
        ReduceKind::Sum => x.sum_keepdim(axes),
        ReduceKind::Max => {
            let mut y = x.clone();
            for &axis in axes {
                y = y.max_keepdim(axis)?;
            }
            Ok(y)
        }
    }
}

/// Position of the first largest element along an axis. candle's kernel on a GPU takes any of several equal ones.
pub(super) fn arg_max(x: &Tensor, axis: usize) -> Result<Tensor> {
    if x.device().is_cpu() {
        return x.argmax_keepdim(axis)?.to_dtype(DType::I64);
    }
    let size = x.dims()[axis];
    let mut line = vec![1; x.rank()];
    line[axis] = size;
    let positions = Tensor::arange(0u32, size as u32, x.device())?.reshape(line)?.broadcast_as(x.shape())?;
    let beyond = Tensor::full(size as u32 - 1, x.shape(), x.device())?;
    let largest = x.broadcast_eq(&x.max_keepdim(axis)?)?;
    largest.where_cond(&positions, &beyond)?.min_keepdim(axis)?.to_dtype(DType::I64)
}
