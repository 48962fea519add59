//! The optimiser's half of a training step: clip and update.

use std::collections::BTreeMap;

use portbench_graph::{DecayRule, Optimizer, TrainSpec};
use rayon::prelude::*;

use crate::precision::Precision;
use crate::tensor::Tensor;

/// What the optimiser remembers of one parameter: the velocity, or AdamW's two moments. Empty before the first step.
#[derive(Default)]
struct Moments {
    first: Vec<f64>,
    second: Vec<f64>,
}

/// Moments of every parameter, and the number of steps taken.
#[derive(Default)]
pub(crate) struct Trainer {
    steps: u64,
    moments: BTreeMap<String, Moments>,
}

impl Trainer {
    /// Updates each parameter that has a gradient, as [`TrainSpec`] says. Parameters and moments are rounded to the parameter's type.
    pub(crate) fn step(
        &mut self,
        precision: Precision,
        spec: &TrainSpec,
        params: &mut BTreeMap<String, Tensor>,
        gradients: &BTreeMap<String, Tensor>,
    ) {
        let rate = spec.schedule.rate(self.steps);
        self.steps += 1;
        let scale = spec.clip_norm.map_or(1.0, |clip| {
            let squares = gradients.values().flat_map(|g| g.floats()).map(|g| g * g).sum::<f64>();
            (clip / (squares.sqrt() + 1e-6)).min(1.0)
        });
        for (name, gradient) in gradients {
            let Some(param) = params.get_mut(name) else { continue };
            let dtype = param.ty.dtype;
            let matrix = param.ty.shape.rank() >= 2;
            let n = gradient.floats().len();
            let moments = self.moments.entry(name.clone()).or_default();
            moments.first.resize(n, 0.0);
            let round = |v| precision.round_one(dtype, v);
            let gradient = gradient.floats().par_iter().map(|g| g * scale);
            match spec.optimizer {
                Optimizer::Sgd { momentum } => {
                    let velocities = moments.first.par_iter_mut().zip(gradient);
                    param.floats_mut().par_iter_mut().zip(velocities).for_each(|(p, (v, g))| {
                        *v = round(momentum * *v + g);
                        *p = round(*p - rate * *v);
                    });
                }
                Optimizer::AdamW { beta1, beta2, eps, weight_decay, decay } => {
                    moments.second.resize(n, 0.0);
                    let decays = decay == DecayRule::All || matrix;
                    let kept = if decays { 1.0 - rate * weight_decay } else { 1.0 };
                    let t = self.steps as f64;
                    let (bias1, bias2) = (1.0 - beta1.powf(t), 1.0 - beta2.powf(t));
                    let both = moments.first.par_iter_mut().zip(&mut moments.second).zip(gradient);
                    param.floats_mut().par_iter_mut().zip(both).for_each(|(p, ((m, v), g))| {
                        *m = round(beta1 * *m + (1.0 - beta1) * g);
                        *v = round(beta2 * *v + (1.0 - beta2) * g * g);
                        *p = round(*p * kept - rate / bias1 * *m / (v.sqrt() / bias2.sqrt() + eps));
                    });
                }
            }
        }
    }
}
