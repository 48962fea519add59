//! SGD and AdamW as `portbench_graph::Optimizer` specifies them.
//!
//! Moments are kept, and updates computed, in the accumulator type of the parameter.

use candle_core::{DType, Result, Tensor, Var};
use portbench_graph::{DecayRule, Optimizer as Rule, Schedule};

/// Rule, schedule and the moments of every parameter.
pub(crate) struct Optimizer {
    rule: Rule,
    schedule: Schedule,
    moments: Vec<Moments>,
}

#[derive(Default)]
struct Moments {
    rank: usize,
    first: Option<Tensor>,
    second: Option<Tensor>,
}

impl Optimizer {
    /// Optimiser of parameters of these ranks.
    pub(crate) fn new(rule: Rule, schedule: Schedule, ranks: &[usize]) -> Self {
        let moments = ranks.iter().map(|&rank| Moments { rank, ..Moments::default() }).collect();
        Self { rule, schedule, moments }
    }

    /// Updates parameter `index` with its gradient at `step`, counted from 0.
    pub(crate) fn update(&mut self, index: usize, step: u64, var: &Var, gradient: &Tensor) -> Result<()> {
        let rate = self.schedule.rate(step);
        let moments = &mut self.moments[index];
        let accumulator = if var.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
        let g = gradient.to_dtype(accumulator)?;
        let p = var.as_detached_tensor().to_dtype(accumulator)?;
        let updated = match self.rule {
            Rule::Sgd { momentum } => {
                let v = match &moments.first {
                    Some(v) if momentum != 0.0 => v.affine(momentum, 0.0)?.add(&g)?,
                    _ => g,
                };
                let updated = p.sub(&v.affine(rate, 0.0)?)?;
                if momentum != 0.0 {
                    moments.first = Some(v.contiguous()?);
                }
                updated
            }
            Rule::AdamW { beta1, beta2, eps, weight_decay, decay } => {
                let decays = decay == DecayRule::All || moments.rank >= 2;
                let t = (step + 1) as f64;
                let m = blend(moments.first.as_ref(), beta1, &g)?;
                let v = blend(moments.second.as_ref(), beta2, &g.sqr()?)?;
                let root = v.sqrt()?.affine(1.0 / (1.0 - beta2.powf(t)).sqrt(), eps)?;
                let change = m.div(&root)?.affine(rate / (1.0 - beta1.powf(t)), 0.0)?;
                let p = if decays { p.affine(1.0 - rate * weight_decay, 0.0)? } else { p };
                moments.first = Some(m);
                moments.second = Some(v);
                p.sub(&change)?
            }
        };
        var.set(&updated.to_dtype(var.dtype())?)
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
