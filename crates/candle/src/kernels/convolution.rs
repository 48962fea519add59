//! Two-dimensional convolution.

use candle_core::{DType, Result, Tensor};
use portbench_graph::Conv2dAttrs;

/// `(x, weight, optional bias)`. candle takes one stride and one padding for both axes: unequal paddings are added beforehand,
/// unequal strides run at stride 1 and keep the rows and columns of `subsample`.
pub(super) fn conv2d(
    args: &[&Tensor],
    attrs: &Conv2dAttrs,
    subsample: Option<&[Tensor; 2]>,
) -> Result<Tensor> {
    let (x, w) = (args[0], args[1]);
    // candle's CPU convolution has no bf16 product.
    let widen = x.dtype() == DType::BF16 && x.device().is_cpu();
    let y = if widen {
        convolve(&x.to_dtype(DType::F32)?, &w.to_dtype(DType::F32)?, attrs, subsample)?
            .to_dtype(DType::BF16)?
    } else {
        convolve(x, w, attrs, subsample)?
    };
    match args.get(2) {
        Some(bias) => y.broadcast_add(&bias.reshape((1, bias.elem_count(), 1, 1))?),
        None => Ok(y),
    }
}

fn convolve(x: &Tensor, w: &Tensor, attrs: &Conv2dAttrs, subsample: Option<&[Tensor; 2]>) -> Result<Tensor> {
    let [ph, pw] = attrs.padding;
    let (x, padding) =
        if ph == pw { (x.clone(), ph) } else { (x.pad_with_zeros(2, ph, ph)?.pad_with_zeros(3, pw, pw)?, 0) };
    let stride = if subsample.is_some() { 1 } else { attrs.stride[0] };
    let y = x.conv2d(w, padding, stride, 1, attrs.groups)?;
    match subsample {
        Some([rows, columns]) => y.index_select(rows, 2)?.index_select(columns, 3),
        None => Ok(y),
    }
}
