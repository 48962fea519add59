//! Reading and writing at indices.

use portbench_graph::Type;
use tch::Tensor;

use super::{Kernel, Result, host_value};
use crate::error::outside;

/// Replaces `axis` of `x` by the shape of `ids`.
pub(super) fn gather(x: &Tensor, ids: &Tensor, axis: usize) -> Result<Tensor> {
    if ids.dim() == 1 {
        return x.f_index_select(axis as i64, ids);
    }
    let rows = x.f_index_select(axis as i64, &ids.f_reshape(&[-1i64][..])?)?;
    let (x, mut shape) = (x.size(), Vec::new());
    shape.extend(&x[..axis]);
    shape.extend(ids.size());
    shape.extend(&x[axis + 1..]);
    rows.f_reshape(&shape[..])
}

/// `(base, update, start)`: `base` with `update` written at `start` along `axis`, into the base itself or a copy.
pub(super) fn update(axis: usize, args: &[&Type], in_place: bool) -> Kernel {
    let (size, len) = (args[0].shape[axis] as i64, args[1].shape[axis] as i64);
    let axis = axis as i64;
    Kernel::positioned(2, move |a, start, _| {
        let start = host_value(start, a[2])?;
        if start < 0 || start > size - len {
            return Err(outside(if start < 0 { start } else { start + len - 1 }, size));
        }
        if in_place {
            a[0].f_narrow(axis, start, len)?.f_copy_(a[1])?;
            return Ok(a[0].shallow_clone());
        }
        a[0].f_slice_scatter(a[1], axis, start, start + len, 1)
    })
}
