//! Scaled dot-product attention.

use portbench_graph::{AttentionAttrs, Type};
use tch::{Device, Kind, Tensor};

use super::{Kernel, Result, host_value};
use crate::error::outside;

/// Causal masks of an execution: every layer asks for the same.
#[derive(Default)]
pub(super) struct Masks {
    causal: Option<([i64; 3], Tensor)>,
}

impl Masks {
    /// `[queries, keys]`, true where `key <= query + offset`.
    fn causal(&mut self, queries: i64, keys: i64, offset: i64, device: Device) -> Result<Tensor> {
        let key = [queries, keys, offset];
        match &self.causal {
            Some((known, mask)) if *known == key => Ok(mask.shallow_clone()),
            _ => {
                let mask = Tensor::f_ones(&[queries, keys][..], (Kind::Bool, device))?.f_tril(offset)?;
                self.causal = Some((key, mask.shallow_clone()));
                Ok(mask)
            }
        }
    }
}

pub(super) fn prepare(attrs: AttentionAttrs, args: &[&Type], device: Device) -> Kernel {
    let (queries, keys) = (args[0].shape[2] as i64, args[1].shape[2] as i64);
    let attention = Attention { scale: attrs.scale, device };
    if !attrs.position {
        return Kernel {
            call: Box::new(move |a, _, shared| {
                let mask = if attrs.mask { Some(a[3].shallow_clone()) } else { None };
                attention.over(a[0], a[1], a[2], mask, attrs.causal, &mut shared.masks)
            }),
            host_operand: None,
        };
    }
    let operand = if attrs.mask { 4 } else { 3 };
    Kernel::positioned(operand, move |a, position, shared| {
        let position = host_value(position, a[operand])?;
        let seen = position + queries;
        if position < 0 || seen > keys {
            return Err(outside(if position < 0 { position } else { seen - 1 }, keys));
        }
        let (k, v) = (a[1].f_narrow(2, 0, seen)?, a[2].f_narrow(2, 0, seen)?);
        let mask = if attrs.mask { Some(a[3].f_narrow(3, 0, seen)?) } else { None };
        attention.over(a[0], &k, &v, mask, attrs.causal, &mut shared.masks)
    })
}

struct Attention {
    scale: f64,
    device: Device,
}

impl Attention {
    /// Over all these keys, causal with the bottom-right alignment; `mask` is `bool` and broadcasts to `[B,Hq,S,T]`.
    fn over(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        mask: Option<Tensor>,
        causal: bool,
        masks: &mut Masks,
    ) -> Result<Tensor> {
        let (_, heads, queries, depth) = q.size4()?;
        let (batch, own, keys, _) = k.size4()?;
        // A single query at the end of its keys sees them all.
        let mut causal = causal && queries > 1;
        let mut mask = mask;
        if causal && (mask.is_some() || queries != keys) {
            let seen = masks.causal(queries, keys, keys - queries, self.device)?;
            mask = Some(match mask {
                Some(mask) => mask.f_logical_and(&seen)?,
                None => seen,
            });
            causal = false;
        }
        let scale = self.scale;
        if own == heads {
            return Tensor::f_scaled_dot_product_attention(q, k, v, mask, 0.0, causal, scale, false);
        }
        let groups = heads / own;
        if queries == 1 && mask.as_ref().is_none_or(|m| m.dim() < 4 || m.size()[1] == 1) {
            // One query a head: the heads that read one key head are its queries, and no key is repeated.
            let q = q.f_reshape(&[batch, own, groups, depth][..])?;
            let y = Tensor::f_scaled_dot_product_attention(&q, k, v, mask, 0.0, false, scale, false)?;
            return y.f_reshape(&[batch, heads, 1, v.size4()?.3][..]);
        }
        if self.device != Device::Cpu {
            return Tensor::f_scaled_dot_product_attention(q, k, v, mask, 0.0, causal, scale, true);
        }
        let repeated = |x: &Tensor| -> Result<Tensor> {
            let (batch, own, keys, depth) = x.size4()?;
            let spread = x.f_unsqueeze(2)?.f_expand(&[batch, own, groups, keys, depth][..], false)?;
            spread.f_reshape(&[batch, heads, keys, depth][..])
        };
        Tensor::f_scaled_dot_product_attention(
            q,
            &repeated(k)?,
            &repeated(v)?,
            mask,
            0.0,
            causal,
            scale,
            false,
        )
    }
}
