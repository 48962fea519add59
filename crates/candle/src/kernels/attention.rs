//! Scaled dot-product attention by matrix products, without repeating key heads and without keys that nobody sees yet.

use candle_core::{DType, Device, Result, Tensor, TensorId};
use portbench_graph::{AttentionAttrs, Type};

use super::{HostScalar, index, matmul};

/// A prepared attention.
pub(crate) struct Attention {
    attrs: AttentionAttrs,
    dims: Dims,
    /// Whether the scale goes to the queries, which are fewer than the scores and lose nothing by it.
    scale_queries: bool,
    /// 0 and the hidden score, in the type of the scores.
    fill: [Tensor; 2],
}

#[derive(Clone, Copy)]
struct Dims {
    batch: usize,
    heads: usize,
    key_heads: usize,
    queries: usize,
    keys: usize,
    depth: usize,
    value_depth: usize,
}

/// Added to a hidden score: so low that its weight is 0, and finite, so that a row that sees nothing stays finite.
const HIDDEN: f64 = -1e30;

/// Additive masks made during one execution, shared by the layers.
#[derive(Default)]
pub(crate) struct Masks {
    causal: Option<((usize, usize, usize, DType), Tensor)>,
    explicit: Option<(TensorId, DType, Tensor)>,
}

impl Masks {
    /// Forgets masks that were derived from bound inputs. The causal mask depends on shapes and an offset alone and may stay.
    pub(crate) fn begin(&mut self) {
        self.explicit = None;
    }

    /// `[1,1,s,t]`: 0 where key `j <= i + offset`, else hidden.
    fn causal(&mut self, s: usize, t: usize, offset: usize, like: &Tensor) -> Result<Tensor> {
        let key = (s, t, offset, like.dtype());
        if let Some((known, mask)) = &self.causal
            && *known == key
        {
            return Ok(mask.clone());
        }
        let values: Vec<f32> = (0..s)
            .flat_map(|i| (0..t).map(move |j| if j <= i + offset { 0.0 } else { HIDDEN as f32 }))
            .collect();
        let mask = Tensor::from_vec(values, (1, 1, s, t), like.device())?.to_dtype(like.dtype())?;
        self.causal = Some((key, mask.clone()));
        Ok(mask)
    }

    fn explicit(&mut self, allowed: &Tensor, [zero, hidden]: &[Tensor; 2]) -> Result<Tensor> {
        if let Some((id, dtype, mask)) = &self.explicit
            && *id == allowed.id()
            && *dtype == zero.dtype()
        {
            return Ok(mask.clone());
        }
        let mask = allowed
            .where_cond(&zero.broadcast_as(allowed.shape())?, &hidden.broadcast_as(allowed.shape())?)?;
        self.explicit = Some((allowed.id(), zero.dtype(), mask.clone()));
        Ok(mask)
    }
}

impl Attention {
    pub(super) fn new(attrs: AttentionAttrs, args: &[&Type], device: &Device) -> Result<Self> {
        let (q, k, v) = (args[0], args[1], args[2]);
        let dims = Dims {
            batch: q.shape[0],
            heads: q.shape[1],
            key_heads: k.shape[1],
            queries: q.shape[2],
            keys: k.shape[2],
            depth: q.shape[3],
            value_depth: v.shape[3],
        };
        let accumulator = crate::convert::candle_type(q.dtype.accumulator());
        // A 16-bit query loses nothing by a power of two, nor where it is widened anyway.
        let exact = q.dtype == q.dtype.accumulator() || device.is_cpu() || attrs.scale.log2().fract() == 0.0;
        let fill = [0.0, HIDDEN].map(|v| Tensor::new(v, device)?.to_dtype(accumulator));
        let [zero, hidden] = fill;
        Ok(Self { attrs, dims, scale_queries: exact && dims.depth <= dims.keys, fill: [zero?, hidden?] })
    }

    pub(super) fn position_operand(&self) -> Option<usize> {
        self.attrs.position.then_some(3 + usize::from(self.attrs.mask))
    }

    pub(super) fn run(&self, args: &[&Tensor], position: HostScalar, masks: &mut Masks) -> Result<Tensor> {
        let d = self.dims;
        let (mut k, mut v) = (args[1].clone(), args[2].clone());
        let mut keys = d.keys;
        let mut offset = d.keys.wrapping_sub(d.queries);
        if let Some(operand) = self.position_operand() {
            let position = match position {
                Some(p) => p,
                None => args[operand].to_scalar::<i64>()?,
            };
            offset = index::offset(position, d.queries, d.keys)?;
            keys = offset + d.queries;
            if keys < d.keys {
                k = k.narrow(2, 0, keys)?;
                v = v.narrow(2, 0, keys)?;
            }
        }
        // Query heads that read one key head stand together, so they are rows of one product.
        let rows = d.heads / d.key_heads * d.queries;
        let mut q = if d.heads == d.key_heads {
            args[0].clone()
        } else {
            args[0].reshape((d.batch, d.key_heads, rows, d.depth))?
        };
        if widens(&q) {
            q = q.to_dtype(DType::F32)?;
            k = k.to_dtype(DType::F32)?;
            v = v.to_dtype(DType::F32)?;
        }
        if self.scale_queries {
            q = q.affine(self.attrs.scale, 0.0)?;
        }
        let scores = matmul::multiplied(&q)?.matmul(&matmul::multiplied(&k)?.transpose(2, 3)?)?;
        let mut scores = scores.to_dtype(self.fill[0].dtype())?;
        if !self.scale_queries {
            scores = scores.affine(self.attrs.scale, 0.0)?;
        }
        let scores = self.masked(scores, args, keys, offset, masks)?;
        let p = candle_nn::ops::softmax_last_dim(&scores)?.to_dtype(v.dtype())?;
        let p = p.reshape((d.batch, d.key_heads, rows, keys))?;
        let y = p.matmul(&matmul::multiplied(&v)?)?.to_dtype(args[0].dtype())?;
        if d.heads == d.key_heads { Ok(y) } else { y.reshape((d.batch, d.heads, d.queries, d.value_depth)) }
    }

    fn masked(
        &self,
        scores: Tensor,
        args: &[&Tensor],
        keys: usize,
        offset: usize,
        masks: &mut Masks,
    ) -> Result<Tensor> {
        let d = self.dims;
        // A single query at the end of its keys sees them all.
        let causal = self.attrs.causal && offset + 1 < keys;
        if !causal && !self.attrs.mask {
            return Ok(scores);
        }
        let mut scores = scores.reshape((d.batch, d.heads, d.queries, keys))?;
        if causal {
            scores = scores.broadcast_add(&masks.causal(d.queries, keys, offset, &scores)?)?;
        }
        if self.attrs.mask {
            let mut mask = masks.explicit(args[3], &self.fill)?;
            if keys < d.keys {
                mask = mask.narrow(3, 0, keys)?;
            }
            scores = scores.broadcast_add(&mask)?;
        }
        Ok(scores)
    }
}

/// Whether 16-bit operands are widened beforehand: on the CPU candle would widen the whole buffer behind a view of the keys, and round
/// the scores.
fn widens(x: &Tensor) -> bool {
    super::is_half(x) && x.device().is_cpu()
}
