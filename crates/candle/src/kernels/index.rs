//! Look-ups and writes by index.

use candle_core::{Device, Error, Result, Tensor};

use super::{HostScalar, Update};

/// Indices `start, start + step, ...`.
pub(super) fn every(start: usize, len: usize, step: usize, device: &Device) -> Result<Tensor> {
    let ids: Vec<u32> = (0..len).map(|i| (start + i * step) as u32).collect();
    Tensor::from_vec(ids, len, device)
}

/// Replaces `axis` of `x` by the shape of `ids`.
pub(super) fn gather(x: &Tensor, ids: &Tensor, axis: usize) -> Result<Tensor> {
    if let ([_], Ok(y)) = (ids.dims(), x.contiguous()) {
        return y.index_select(ids, axis);
    }
    let y = x.contiguous()?.index_select(&ids.flatten_all()?, axis)?;
    let mut dims = x.dims()[..axis].to_vec();
    dims.extend_from_slice(ids.dims());
    dims.extend_from_slice(&x.dims()[axis + 1..]);
    y.reshape(dims)
}

/// `(base, update, start)`: `base` with `update` written at `start` along `axis`.
pub(super) fn update(args: &[&Tensor], axis: usize, mode: Update, start: HostScalar) -> Result<Tensor> {
    let (base, update) = (args[0], args[1]);
    let start = match start {
        Some(start) => start,
        None => args[2].to_scalar::<i64>()?,
    };
    let (size, len) = (base.dim(axis)?, update.dim(axis)?);
    let start = offset(start, len, size)?;
    match mode {
        Update::InPlace => {
            base.slice_set(&update.contiguous()?, axis, start)?;
            Ok(base.clone())
        }
        Update::Copy => {
            let copy = base.force_contiguous()?;
            copy.slice_set(&update.contiguous()?, axis, start)?;
            Ok(copy)
        }
        Update::Differentiable => {
            let mut parts = Vec::with_capacity(3);
            if start > 0 {
                parts.push(base.narrow(axis, 0, start)?);
            }
            parts.push(update.clone());
            if start + len < size {
                parts.push(base.narrow(axis, start + len, size - start - len)?);
            }
            Tensor::cat(&parts, axis)
        }
    }
}

/// `start` as an index at which `len` elements fit into `size`.
pub(super) fn offset(start: i64, len: usize, size: usize) -> Result<usize> {
    usize::try_from(start)
        .ok()
        .filter(|s| s.checked_add(len).is_some_and(|end| end <= size))
        .ok_or(Error::InvalidIndex { op: "update-slice", index: start as usize, size: size - len + 1 })
}
