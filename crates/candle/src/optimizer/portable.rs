//! Updates as tensor ops, for any device.

use candle_core::{Result, Tensor, Var};

use super::{Update, accumulator};

/// Moments as tensors; none before the first step.
#[derive(Default)]
pub(super) struct Moments {
    first: Option<Tensor>,
    second: Option<Tensor>,
}

impl Moments {
    pub(super) fn update(
        &mut self,
        parameter: &Var,
        gradient: &Tensor,
        scale: f64,
        update: Update,
    ) -> Result<()> {
        let dtype = accumulator(parameter.dtype());
        let mut g = gradient.to_dtype(dtype)?;
        if scale != 1.0 {
            g = g.affine(scale, 0.0)?;
        }
        let p = parameter.as_detached_tensor().to_dtype(dtype)?;
        let updated = match update {
            Update::Sgd { rate, momentum } => {
                let v = match &self.first {
                    Some(v) => v.affine(momentum, 0.0)?.add(&g)?,
                    None => g,
                };
                let updated = p.sub(&v.affine(rate, 0.0)?)?;
                self.first = if momentum == 0.0 { None } else { Some(v) };
                updated
            }
            Update::AdamW { keep, beta1, beta2, rate, root, eps } => {
                let m = blend(self.first.as_ref(), beta1, &g)?;
                let v = blend(self.second.as_ref(), beta2, &g.sqr()?)?;
                let change = m.div(&v.sqrt()?.affine(root, eps)?)?.affine(rate, 0.0)?;
                self.first = Some(m);
                self.second = Some(v);
                p.affine(keep, 0.0)?.sub(&change)?
            }
        };
        parameter.set(&updated.to_dtype(parameter.dtype())?)
    }
}

/// `beta * old + (1 - beta) * new`, `old` being zero at first.
fn blend(old: Option<&Tensor>, beta: f64, new: &Tensor) -> Result<Tensor> {
    let new = new.affine(1.0 - beta, 0.0)?;
    match old {
        Some(old) => old.affine(beta, 0.0)?.add(&new),
        None => Ok(new),
    }
}
