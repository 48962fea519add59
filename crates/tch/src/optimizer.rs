//! SGD and AdamW as `portbench_graph::Optimizer` specifies them, in place.
//!
//! Moments are kept, and updates computed, in the accumulator type of the parameter. The bindings have no fused or multi-tensor
//! optimiser of libtorch's, so an update is a handful of in-place calls a parameter.

use portbench_graph::{DecayRule, Optimizer as Rule, Schedule};
use tch::{Kind, TchError, Tensor};

/// Rule, schedule and the moments of every parameter.
pub(crate) struct Optimizer {
    rule: Rule,
    schedule: Schedule,
    moments: Vec<Moments>,
}

#[derive(Default)]
struct Moments {
    first: Option<Tensor>,
    second: Option<Tensor>,
}

impl Optimizer {
    /// Optimiser of so many parameters.
    pub(crate) fn new(rule: Rule, schedule: Schedule, parameters: usize) -> Self {
        Self { rule, schedule, moments: (0..parameters).map(|_| Moments::default()).collect() }
    }

    /// Updates parameter `index` with its gradient at `step`, counted from 0.
    pub(crate) fn update(
        &mut self,
        index: usize,
        step: u64,
        parameter: &mut Tensor,
        gradient: &Tensor,
    ) -> Result<(), TchError> {
        let own = parameter.f_kind()?;
        let wide = if own == Kind::Double { Kind::Double } else { Kind::Float };
        let gradient = gradient.f_to_dtype(wide, false, false)?;
        let rate = self.schedule.rate(step);
        let decays = |rule| rule == DecayRule::All || parameter.dim() >= 2;
        let moments = &mut self.moments[index];
        // The same memory, unless the parameter is narrower than its accumulator.
        let mut p = parameter.f_to_dtype(wide, false, false)?;
        match self.rule {
            Rule::Sgd { momentum: 0.0 } => {
                let _ = p.f_sub_(&gradient.f_mul_scalar(rate)?)?;
            }
            Rule::Sgd { momentum } => {
                let v = match moments.first.take() {
                    Some(mut v) => v.f_mul_scalar_(momentum)?.f_add_(&gradient)?,
                    None => gradient.f_detach_copy()?,
                };
                let _ = p.f_sub_(&v.f_mul_scalar(rate)?)?;
                moments.first = Some(v);
            }
            Rule::AdamW { beta1, beta2, eps, weight_decay, decay } => {
                if weight_decay != 0.0 && decays(decay) {
                    let _ = p.f_mul_scalar_(1.0 - rate * weight_decay)?;
                }
                let t = (step + 1) as f64;
                let mut m = match moments.first.take() {
                    Some(m) => m,
                    None => gradient.f_zeros_like()?,
                };
                let mut v = match moments.second.take() {
                    Some(v) => v,
                    None => gradient.f_zeros_like()?,
                };
                let _ = m.f_lerp_(&gradient, 1.0 - beta1)?;
                let _ = v.f_lerp_(&gradient.f_square()?, 1.0 - beta2)?;
                let root = 1.0 / (1.0 - beta2.powf(t)).sqrt();
                // p -= rate / (1 - beta1^t) m / (sqrt(v) root + eps), the factors moved into the divisor.
                let factor = -(1.0 - beta1.powf(t)) / rate;
                let mut divisor = v.f_sqrt()?;
                let mut divisor = divisor.f_mul_scalar_(root * factor)?;
                let divisor = divisor.f_add_scalar_(eps * factor)?;
                let _ = p.f_addcdiv_(&m, &divisor)?;
                (moments.first, moments.second) = (Some(m), Some(v));
            }
        }
        if wide != own {
            parameter.f_copy_(&p)?;
        }
        Ok(())
    }
}
