//! candle's fused normalisations. They have no backward pass.

use candle_core::{DType, Result, Tensor};

/// `(x, weight, optional bias)`.
pub(super) fn layer_norm(args: &[&Tensor], eps: f32, no_bias: Option<&Tensor>) -> Result<Tensor> {
    let bias = args.get(2).copied().or(no_bias);
    let Some(bias) = bias else { candle_core::bail!("layer-norm without its bias") };
    candle_nn::ops::layer_norm(&args[0].contiguous()?, &args[1].contiguous()?, &bias.contiguous()?, eps)
}

/// candle rounds the root mean square of 16-bit floats before dividing by it, so those are normalised in `f32` with the weights
/// `ones`, rounded, and weighted afterwards.
pub(super) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f32, ones: Option<&Tensor>) -> Result<Tensor> {
    let x_row = x.contiguous()?;
    match ones {
        Some(ones) => candle_nn::ops::rms_norm(&x_row.to_dtype(DType::F32)?, ones, eps)?
            .to_dtype(x.dtype())?
            .broadcast_mul(weight),
        None => candle_nn::ops::rms_norm(&x_row, &weight.contiguous()?, eps),
    }
}
