//! Softmax over the last axis, in the accumulator type.

use candle_core::{D, Result, Tensor};

use super::in_f32;

/// candle's fused kernel, which has no backward pass.
pub(super) fn fast(x: &Tensor) -> Result<Tensor> {
    in_f32(x, |x| candle_nn::ops::softmax_last_dim(&x.contiguous()?))
}

/// The same through differentiable ops. The maximum is a shift without influence on the value, so no gradient flows through it.
pub(super) fn differentiable(x: &Tensor) -> Result<Tensor> {
    in_f32(x, |x| {
        let e = shifted(x)?.exp()?;
        e.broadcast_div(&e.sum_keepdim(D::Minus1)?)
    })
}

/// Logarithm of the softmax, differentiable.
pub(super) fn log(x: &Tensor) -> Result<Tensor> {
    in_f32(x, |x| {
        let shifted = shifted(x)?;
        let log = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
        shifted.broadcast_sub(&log)
    })
}

fn shifted(x: &Tensor) -> Result<Tensor> {
    x.broadcast_sub(&x.detach().max_keepdim(D::Minus1)?)
}
