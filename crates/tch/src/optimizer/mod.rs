//! SGD and AdamW as `portbench_graph::Optimizer` specifies them, in place.
//!
//! Moments are kept, and updates computed, in the accumulator type of the parameter. AdamW of parameters that are their own accumulators is libtorch's fused one; any other
//! update is a handful of in-place calls a parameter.

mod fused;

use portbench_graph::{DecayRule, Optimizer as Rule, Schedule};
use tch::{Kind, TchError, Tensor};

use fused::{AdamW, Group};

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

/// An error, and the parameter whose update failed where it was one alone.
pub(crate) type Failed = (Option<usize>, TchError);

impl Optimizer {
    /// Optimiser of so many parameters.
    pub(crate) fn new(rule: Rule, schedule: Schedule, parameters: usize) -> Self {
        Self { rule, schedule, moments: (0..parameters).map(|_| Moments::default()).collect() }
    }

    /// Updates all parameters with their gradients at `step`, counted from 0. One without a gradient stays.
    pub(crate) fn update(
        &mut self,
        step: u64,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
    ) -> Result<(), Failed> {
        let rate = self.schedule.rate(step);
        let mut alone: Vec<usize> = (0..parameters.len()).filter(|i| gradients[*i].defined()).collect();
        if let Rule::AdamW { beta1, beta2, eps, weight_decay, decay } = self.rule {
            // A type that is its own accumulator; mixed ones go one by one.
            let wide = |i: &usize| matches!(parameters[*i].kind(), Kind::Float | Kind::Double);
            let together: Vec<usize>;
            (together, alone) = alone.into_iter().partition(wide);
            let by = AdamW { rate, beta1, beta2, weight_decay, eps };
            let is_decayed = |i: &usize| decay == DecayRule::All || parameters[*i].dim() >= 2;
            let (decayed, kept): (Vec<usize>, Vec<usize>) = together.into_iter().partition(is_decayed);
            for (members, weight_decay) in [(decayed, weight_decay), (kept, 0.0)] {
                for kind in [Kind::Float, Kind::Double] {
                    let members: Vec<usize> =
                        members.iter().copied().filter(|i| parameters[*i].kind() == kind).collect();
                    self.together(step, &members, parameters, gradients, AdamW { weight_decay, ..by })
                        .map_err(|e| (None, e))?;
                }
            }
        }
        for i in alone {
            self.one(i, step, &mut parameters[i], &gradients[i]).map_err(|e| (Some(i), e))?;
        }
        Ok(())
    }

    /// One fused update of these parameters.
    fn together(
        &mut self,
        step: u64,
        members: &[usize],
        parameters: &[Tensor],
        gradients: &[Tensor],
        by: AdamW,
    ) -> Result<(), TchError> {
        let Some(&first) = members.first() else { return Ok(()) };
        let mut group = Group::default();
        for &i in members {
            let (parameter, moments) = (&parameters[i], &mut self.moments[i]);
            // The fused call wants the layout of the parameter, which is contiguous.
            group.grads.push(gradients[i].f_contiguous()?);
            group.params.push(parameter.shallow_clone());
            for (moment, list) in
                [(&mut moments.first, &mut group.firsts), (&mut moments.second, &mut group.seconds)]
            {
                let moment = match moment.take() {
                    Some(known) => moment.insert(known),
                    None => moment.insert(parameter.detach().f_zeros_like()?),
                };
                list.push(moment.shallow_clone());
            }
        }
        let taken = Tensor::f_full(&[][..], (step + 1) as f64, (Kind::Float, parameters[first].device()))?;
        group.update(&taken, by)
    }

    /// Updates parameter `index` by calls of its own.
    fn one(
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
