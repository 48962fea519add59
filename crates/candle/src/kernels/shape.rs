//! Padding.

use candle_core::{Device, Result, Tensor};
use portbench_graph::Type;

use crate::convert::from_f64;

/// A block of `n` fill values along `axis` of a tensor of this type; `None` for an empty block.
pub(super) fn fill(ty: &Type, axis: usize, n: usize, value: f64, device: &Device) -> Result<Option<Tensor>> {
    if n == 0 {
        return Ok(None);
    }
    let block = from_f64(&Type::scalar(ty.dtype), &[value], device)?;
    Ok(Some(block.broadcast_as(ty.shape.with(axis, n).dims())?.contiguous()?))
}

pub(super) fn pad(
    x: &Tensor,
    axis: usize,
    before: Option<&Tensor>,
    after: Option<&Tensor>,
) -> Result<Tensor> {
    match (before, after) {
        (None, None) => Ok(x.clone()),
        (Some(b), None) => Tensor::cat(&[b, x], axis),
        (None, Some(a)) => Tensor::cat(&[x, a], axis),
        (Some(b), Some(a)) => Tensor::cat(&[b, x, a], axis),
    }
}
