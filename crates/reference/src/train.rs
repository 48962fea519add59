//! The optimiser's half of a training step: clip and update.

use std::collections::BTreeMap;

use portbench_graph::{DecayRule, Optimizer, TrainSpec};

use crate::tensor::{Precision, Tensor};

/// What the optimiser remembers of one parameter.
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
            let g: Vec<f64> = gradient.floats().iter().map(|g| g * scale).collect();
            let m = self
                .moments
                .entry(name.clone())
                .or_insert_with(|| Moments { first: vec![0.0; g.len()], second: vec![0.0; g.len()] });
            let p = param.floats();
            let updated: Vec<f64> = match spec.optimizer {
                Optimizer::Sgd { momentum } => {
                    let velocity = m.first.iter().zip(&g).map(|(v, g)| momentum * v + g);
                    m.first = precision.round(dtype, velocity.collect());
                    p.iter().zip(&m.first).map(|(p, v)| p - rate * v).collect()
                }
                Optimizer::AdamW { beta1, beta2, eps, weight_decay, decay } => {
                    let mean = m.first.iter().zip(&g).map(|(m, g)| beta1 * m + (1.0 - beta1) * g);
                    m.first = precision.round(dtype, mean.collect());
                    let square = m.second.iter().zip(&g).map(|(v, g)| beta2 * v + (1.0 - beta2) * g * g);
                    m.second = precision.round(dtype, square.collect());
                    let decays = decay == DecayRule::All || param.ty.shape.rank() >= 2;
                    let kept = if decays { 1.0 - rate * weight_decay } else { 1.0 };
                    let t = self.steps as f64;
                    let (bias1, bias2) = (1.0 - beta1.powf(t), 1.0 - beta2.powf(t));
                    p.iter()
                        .zip(m.first.iter().zip(&m.second))
                        .map(|(p, (m, v))| p * kept - rate / bias1 * m / (v.sqrt() / bias2.sqrt() + eps))
                        .collect()
                }
            };
            *param = Tensor::float(param.ty.clone(), precision.round(dtype, updated));
        }
    }
}
