//! Matrix products.

use candle_core::{Result, Tensor};

/// Product over equal leading dimensions. candle's kernel takes any strides in the two last axes, but needs the leading axes to
/// be one axis in disguise; anything else is copied first.
pub(super) fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let rank = a.rank();
    if rank > 4 {
        let [da, db] = [a.dims(), b.dims()];
        let batch: usize = da[..rank - 2].iter().product();
        let mut dims = da[..rank - 1].to_vec();
        dims.push(db[rank - 1]);
        let a = a.reshape((batch, da[rank - 2], da[rank - 1]))?;
        let b = b.reshape((batch, db[rank - 2], db[rank - 1]))?;
        return a.matmul(&b)?.reshape(dims);
    }
    collapsible(a)?.matmul(&collapsible(b)?)
}

/// The tensor itself where its leading axes collapse into one, else a row-major copy.
pub(super) fn collapsible(x: &Tensor) -> Result<Tensor> {
    let (dims, strides) = (x.dims(), x.stride());
    match dims.len() {
        4 if dims[0] != 1 && dims[1] != 1 && strides[0] != strides[1] * dims[1] => x.contiguous(),
        _ => Ok(x.clone()),
    }
}

/// `(x [.., K], weight, optional bias)`: one product over all rows of `x`.
pub(super) fn linear(args: &[&Tensor], in_out: bool) -> Result<Tensor> {
    let (x, weight) = (args[0], args[1]);
    let (dims, rank) = (x.dims(), x.rank());
    let w = if in_out { weight.clone() } else { weight.t()? };
    let n = w.dims()[1];
    let y = if rank == 2 {
        x.matmul(&w)?
    } else {
        let k = dims[rank - 1];
        let rows = x.elem_count() / k;
        x.reshape((rows, k))?.matmul(&w)?
    };
    let y = match args.get(2) {
        Some(bias) => y.broadcast_add(bias)?,
        None => y,
    };
    if rank == 2 {
        return Ok(y);
    }
    let mut out = dims[..rank - 1].to_vec();
    out.push(n);
    y.reshape(out)
}
