//! Matrix products.

use std::collections::BTreeSet;

use candle_core::{Device, Result, Tensor};
use portbench_graph::{DType, Op, Program, Type};

/// Product over equal leading dimensions. candle's CPU kernel takes any strides in the two last axes, but needs the leading axes to be one axis in disguise; on a GPU matrices
/// have to be packed as well. Anything else is copied first.
pub(super) fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let rank = a.rank();
    if rank > 4 {
        let [da, db] = [a.dims(), b.dims()];
        let batch: usize = da[..rank - 2].iter().product();
        let mut dims = da[..rank - 1].to_vec();
        dims.push(db[rank - 1]);
        let a = a.reshape((batch, da[rank - 2], da[rank - 1]))?;
        let b = b.reshape((batch, db[rank - 2], db[rank - 1]))?;
        return multiplied(&a)?.matmul(&multiplied(&b)?)?.reshape(dims);
    }
    multiplied(a)?.matmul(&multiplied(b)?)
}

/// The tensor itself where candle multiplies by it, else a row-major copy.
pub(super) fn multiplied(x: &Tensor) -> Result<Tensor> {
    let (dims, strides) = (x.dims(), x.stride());
    let collapses = match dims.len() {
        4 => dims[0] == 1 || dims[1] == 1 || strides[0] == strides[1] * dims[1],
        _ => true,
    };
    if collapses && (x.device().is_cpu() || is_packed(dims, strides)) {
        Ok(x.clone())
    } else {
        x.contiguous()
    }
}

/// Whether the two last axes are a whole matrix, row by row or column by column.
fn is_packed(dims: &[usize], strides: &[usize]) -> bool {
    let &[.., rows, columns] = dims else { return true };
    let &[.., down, right] = strides else { return true };
    let is = |stride: usize, wanted: usize, count: usize| stride == wanted || count == 1;
    (is(right, 1, columns) && is(down, columns, rows)) || (is(right, rows, columns) && is(down, 1, rows))
}

/// A product whose gradient candle can multiply by on a GPU: one that comes back from a permutation or a broadcast is no packed matrix, and what the backward pass of this
/// step makes is.
pub(super) fn settled(y: &Tensor) -> Result<Tensor> {
    y.affine(1.0, 0.0)
}

/// A prepared linear layer.
pub(crate) struct Linear {
    in_out: bool,
    /// Whether the product runs as `weight x^T`, and its result is turned around while the bias is added.
    turned: bool,
    /// Whether its gradient has to be made a packed matrix.
    settles: bool,
}

/// Rows for which candle's CPU kernel is faster (up to 1.8 times on two cores) with the weight as the left operand: it blocks over the
/// rows of its left operand, and there are too few of them in `x`. A single row runs as a matrix-vector product instead.
const FEW_ROWS: std::ops::RangeInclusive<usize> = 2..=48;

impl Linear {
    /// Linear layer on operands of these types. `in_out` weights are `[K,N]`, others `[N,K]`.
    pub(super) fn new(in_out: bool, args: &[&Type], training: bool, device: &Device) -> Self {
        let k = args[0].dims().last().copied().unwrap_or(1);
        let rows = args[0].shape.elements() / k;
        let measured = args[0].dtype != DType::F16;
        let settles = training && !device.is_cpu();
        Self { in_out, settles, turned: !training && device.is_cpu() && measured && FEW_ROWS.contains(&rows) }
    }

    /// `(x [.., K], weight, optional bias)`: one product over all rows of `x`.
    pub(super) fn run(&self, args: &[&Tensor]) -> Result<Tensor> {
        let (x, weight) = (args[0], args[1]);
        let (dims, rank) = (x.dims(), x.rank());
        let w = if self.in_out { weight.clone() } else { weight.t()? };
        let (k, n) = w.dims2()?;
        let rows = x.elem_count() / k;
        let x = if rank == 2 { x.clone() } else { x.reshape((rows, k))? };
        let y = if self.turned {
            w.t()?.matmul(&x.t()?)?.t()?
        } else {
            multiplied(&x)?.matmul(&multiplied(&w)?)?
        };
        let y = if self.settles { settled(&y)? } else { y };
        let y = match args.get(2) {
            Some(bias) => y.broadcast_add(bias)?,
            None => y,
        };
        if rank == 2 {
            return y.contiguous();
        }
        let mut out = dims[..rank - 1].to_vec();
        out.push(n);
        y.reshape(out)
    }
}

/// Which parameters are read by nothing but linear layers with `[in, out]` weights: candle multiplies faster by them when they lie in
/// memory as `[out, in]`.
pub(crate) fn turned_weights(program: &Program) -> BTreeSet<String> {
    let mut turned = BTreeSet::new();
    let mut kept = BTreeSet::new();
    for graph in &program.entries {
        for node in &graph.nodes {
            for (i, arg) in node.args.iter().enumerate() {
                if let Op::Param { name } = &graph.node(*arg).op {
                    let weight = i == 1 && matches!(node.op, Op::Linear { in_out: true });
                    if weight {
                        turned.insert(name.clone())
                    } else {
                        kept.insert(name.clone())
                    };
                }
            }
        }
    }
    &turned - &kept
}
