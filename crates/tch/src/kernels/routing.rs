//! Mixtures of experts.

use tch::{Kind, Tensor};

use super::Result;

/// Softmax with all but the `k` largest weights set to 0; of equal ones the first wins.
pub(super) fn top_k(logits: &Tensor, k: i64, renormalize: bool) -> Result<Tensor> {
    let own = logits.f_kind()?;
    let wide = if own == Kind::Double { Kind::Double } else { Kind::Float };
    let weights = logits.f_softmax(-1, wide)?;
    let (values, order) = weights.f_sort_stable(true, -1, true)?;
    let mut values = values.f_narrow(-1, 0, k)?;
    if renormalize {
        values = values.f_div(&values.f_sum_dim_intlist(&[-1i64][..], true, None::<Kind>)?)?;
    }
    let kept = weights.f_zeros_like()?.f_scatter(-1, &order.f_narrow(-1, 0, k)?, &values)?;
    kept.f_to_dtype(own, false, false)
}

/// `(x, weights, gate, up, down of each expert)`: each expert on the rows that weigh it. Which rows these are is read on the host.
pub(super) fn experts(args: &[&Tensor]) -> Result<Tensor> {
    let (x, weights) = (args[0], args[1]);
    let mut out = x.f_zeros_like()?;
    for (expert, projections) in args[2..].chunks_exact(3).enumerate() {
        let column = weights.f_select(1, expert as i64)?;
        let rows = column.f_nonzero()?.f_squeeze_dim(-1)?;
        if rows.numel() == 0 {
            continue;
        }
        let chosen = x.f_index_select(0, &rows)?;
        let gate = chosen.f_linear(projections[0], None::<&Tensor>)?.f_silu()?;
        let hidden = gate.f_mul(&chosen.f_linear(projections[1], None::<&Tensor>)?)?;
        let y = hidden.f_linear(projections[2], None::<&Tensor>)?;
        let weighed = y.f_mul(&column.f_index_select(0, &rows)?.f_unsqueeze(-1)?)?;
        out = out.f_index_add_(0, &rows, &weighed)?;
    }
    Ok(out)
}
