//! SGD and AdamW as `portbench_graph::Optimizer` specifies them.
//!
//! Moments are kept, and updates computed, in the accumulator type of the parameter. On the CPU an update is one pass over parameter,
//! gradient and moments; elsewhere it is a handful of tensor ops.

mod fused;
mod portable;

use candle_core::{DType, Result, Tensor, Var};
use portbench_graph::{DecayRule, Optimizer as Rule, Schedule};

/// Rule, schedule and the moments of every parameter.
pub(crate) struct Optimizer {
    rule: Rule,
    schedule: Schedule,
    moments: Vec<Moments>,
}

struct Moments {
    rank: usize,
    kind: Kind,
}

enum Kind {
    Fused(fused::Moments),
    Portable(portable::Moments),
}

/// The numbers of one update, the same for both forms.
#[derive(Clone, Copy, Debug)]
enum Update {
    /// `v = momentum v + g` (`v = g` at the first step), `p -= rate v`.
    Sgd { rate: f64, momentum: f64 },
    /// `p *= keep; m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; p -= rate m / (sqrt(v) root + eps)`, `rate` and `root` with
    /// the bias corrections in them.
    AdamW { keep: f64, beta1: f64, beta2: f64, rate: f64, root: f64, eps: f64 },
}

impl Optimizer {
    /// Optimiser of these parameters.
    pub(crate) fn new<'a>(rule: Rule, schedule: Schedule, parameters: impl Iterator<Item = &'a Var>) -> Self {
        let moments = parameters
            .map(|p| Moments {
                rank: p.rank(),
                kind: if p.device().is_cpu() {
                    Kind::Fused(fused::Moments::new(p))
                } else {
                    Kind::Portable(portable::Moments::default())
                },
            })
            .collect();
        Self { rule, schedule, moments }
    }

    /// Updates parameter `index` with `scale` times its gradient at `step`, counted from 0.
    pub(crate) fn update(
        &mut self,
        index: usize,
        step: u64,
        parameter: &Var,
        gradient: &Tensor,
        scale: f64,
    ) -> Result<()> {
        let moments = &mut self.moments[index];
        let update = numbers(self.rule, self.schedule.rate(step), step, moments.rank);
        match &mut moments.kind {
            Kind::Fused(m) => m.update(parameter, gradient, scale, update),
            Kind::Portable(m) => m.update(parameter, gradient, scale, update),
        }
    }
}

fn numbers(rule: Rule, rate: f64, step: u64, rank: usize) -> Update {
    match rule {
        Rule::Sgd { momentum } => Update::Sgd { rate, momentum },
        Rule::AdamW { beta1, beta2, eps, weight_decay, decay } => {
            let decays = decay == DecayRule::All || rank >= 2;
            let t = (step + 1) as f64;
            Update::AdamW {
                keep: if decays { 1.0 - rate * weight_decay } else { 1.0 },
                beta1,
                beta2,
                rate: rate / (1.0 - beta1.powf(t)),
                root: 1.0 / (1.0 - beta2.powf(t)).sqrt(),
                eps,
            }
        }
    }
}

/// The type in which a parameter of this type is updated.
const fn accumulator(dtype: DType) -> DType {
    match dtype {
        DType::F64 => DType::F64,
        _ => DType::F32,
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// Both forms, the same three updates, every type of parameter.
    #[test]
    fn the_fused_form_is_the_portable_one() -> Result<()> {
        let rules = [
            Rule::Sgd { momentum: 0.0 },
            Rule::Sgd { momentum: 0.9 },
            Rule::AdamW { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1, decay: DecayRule::Matrices },
        ];
        for dtype in [DType::F64, DType::F32, DType::BF16, DType::F16] {
            for rule in rules {
                let start = Tensor::arange(-3.0f64, 3.0, &Device::Cpu)?.reshape((2, 3))?;
                let [a, b] =
                    [Var::from_tensor(&start.to_dtype(dtype)?)?, Var::from_tensor(&start.to_dtype(dtype)?)?];
                let mut fused = fused::Moments::new(&a);
                let mut portable = portable::Moments::default();
                for step in 0..3u64 {
                    let gradient =
                        start.affine(0.3, 0.1 * step as f64)?.t()?.contiguous()?.reshape((3, 2))?.t()?;
                    let gradient = gradient.to_dtype(dtype)?;
                    let update = numbers(rule, 0.1, step, 2);
                    fused.update(&a, &gradient, 0.5, update)?;
                    portable.update(&b, &gradient, 0.5, update)?;
                }
                let [a, b] = [&a, &b].map(|v| v.as_detached_tensor().to_dtype(DType::F64));
                let worst = a?.sub(&b?)?.abs()?.max_all()?.to_scalar::<f64>()?;
                let limit = match dtype {
                    DType::F64 => 1e-14,
                    DType::F32 => 1e-6,
                    DType::F16 => 4e-3,
                    _ => 4e-2,
                };
                assert!(worst <= limit, "{dtype:?} {rule:?}: {worst:e}");
            }
        }
        Ok(())
    }
}
