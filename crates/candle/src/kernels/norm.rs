//! Fused normalisations for inference. None has a backward pass.
//!
//! candle's CPU layer norm computes the variance as `mean(x^2) - mean(x)^2` in `f32`, which loses every digit on rows whose mean is
//! large against their spread, and has no `f64`; so the CPU kernel here is our own: two passes over a row, in the accumulator type.

use candle_core::{CpuStorage, CustomOp3, D, DType, Error, Layout, Result, Shape, Tensor, WithDType};
use half::{bf16, f16};
use rayon::prelude::*;

/// `(x, weight, optional bias)`.
pub(super) fn layer_norm(args: &[&Tensor], eps: f64, no_bias: Option<&Tensor>) -> Result<Tensor> {
    let bias = args.get(2).copied().or(no_bias);
    let Some(bias) = bias else { candle_core::bail!("layer-norm without its bias") };
    let [x, weight, bias] = [args[0].contiguous()?, args[1].contiguous()?, bias.contiguous()?];
    if x.device().is_cpu() {
        return x.apply_op3_no_bwd(&weight, &bias, &LayerNorm { eps });
    }
    // The GPU's kernel has that difference of squares too: in `f32`, rows are moved to their mean beforehand.
    let x = if x.dtype() == DType::F32 { x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)? } else { x };
    candle_nn::ops::layer_norm(&x, &weight, &bias, eps as f32)
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

struct LayerNorm {
    eps: f64,
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "two-pass-layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        use CpuStorage as C;
        let shape = x_layout.shape().clone();
        let layouts = [x_layout, w_layout, b_layout];
        let eps = self.eps;
        let narrow = (eps as f32, f32::sqrt as fn(f32) -> f32);
        let storage = match (x, w, b) {
            (C::F64(x), C::F64(w), C::F64(b)) => rows([x, w, b], layouts, (eps, f64::sqrt), |v| v, |v| v)?,
            (C::F32(x), C::F32(w), C::F32(b)) => rows([x, w, b], layouts, narrow, |v| v, |v| v)?,
            (C::BF16(x), C::BF16(w), C::BF16(b)) => {
                rows([x, w, b], layouts, narrow, bf16::to_f32, bf16::from_f32)?
            }
            (C::F16(x), C::F16(w), C::F16(b)) => {
                rows([x, w, b], layouts, narrow, f16::to_f32, f16::from_f32)?
            }
            _ => candle_core::bail!("layer norm needs floats of one type"),
        };
        Ok((storage, shape))
    }
}

/// Fewer rows than this are not worth a hand-over to the pool.
const PARALLEL_ROWS: usize = 16;

/// Normalises every row; `A` is the type of the arithmetic, with its epsilon and square root.
fn rows<T: WithDType, A: WithDType>(
    [x, w, b]: [&[T]; 3],
    layouts: [&Layout; 3],
    (eps, sqrt): (A, fn(A) -> A),
    widen: impl Fn(T) -> A + Sync,
    narrow: impl Fn(A) -> T + Sync,
) -> Result<CpuStorage> {
    let [x, w, b] = [(x, layouts[0]), (w, layouts[1]), (b, layouts[2])]
        .map(|(values, layout)| layout.contiguous_offsets().map(|(from, to)| &values[from..to]));
    let (Some(x), Some(w), Some(b)) = (x, w, b) else {
        return Err(Error::RequiresContiguous { op: "layer-norm" });
    };
    let n = w.len();
    let mut out = vec![T::zero(); x.len()];
    let row = |(y, x): (&mut [T], &[T])| {
        let count = A::from_f64(n as f64);
        let mean = sum(x, &widen) / count;
        let variance = sum(x, |v| {
            let d = widen(v) - mean;
            d * d
        }) / count;
        let scale = A::one() / sqrt(variance + eps);
        for ((y, x), (w, b)) in y.iter_mut().zip(x).zip(w.iter().zip(b)) {
            *y = narrow((widen(*x) - mean) * scale * widen(*w) + widen(*b));
        }
    };
    if x.len() < PARALLEL_ROWS * n {
        out.chunks_exact_mut(n).zip(x.chunks_exact(n)).for_each(row);
    } else {
        out.par_chunks_exact_mut(n).zip(x.par_chunks_exact(n)).for_each(row);
    }
    Ok(T::to_cpu_storage_owned(out))
}

/// Sum in eight interleaved partial sums, which vectorises and loses less than one running sum.
fn sum<T: Copy, A: WithDType>(x: &[T], f: impl Fn(T) -> A) -> A {
    let (chunks, rest) = x.as_chunks::<8>();
    let mut parts = [A::zero(); 8];
    for chunk in chunks {
        for (part, v) in parts.iter_mut().zip(chunk) {
            *part += f(*v);
        }
    }
    let tail = rest.iter().fold(A::zero(), |s, v| s + f(*v));
    parts.into_iter().fold(tail, |s, p| s + p)
}
