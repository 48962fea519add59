//! One training step: gradients by candle's autograd, clipping, the optimiser's update.

use candle_core::{Tensor, Var};
use portbench_backend::BackendError;
use portbench_graph::{Graph, Program, TrainSpec};

use crate::error;
use crate::optimizer::Optimizer;
use crate::plan::Plan;

/// A parameter that trains.
struct Trained {
    name: String,
    var: Var,
}

/// Training state of a program.
pub(crate) struct Trainer {
    /// Slot of the loss.
    loss: usize,
    trained: Vec<Trained>,
    clip_norm: Option<f64>,
    optimizer: Optimizer,
    /// Steps taken.
    step: u64,
}

impl Trainer {
    /// `vars` are the variables of the parameters that train, with their index in the program.
    pub(crate) fn new(
        spec: &TrainSpec,
        graph: &Graph,
        program: &Program,
        vars: Vec<(usize, Var)>,
    ) -> Result<Self, BackendError> {
        let loss = graph.outputs.iter().find(|(name, _)| *name == spec.loss).map(|(_, v)| v.index());
        let Some(loss) = loss else {
            return Err(BackendError::Output {
                name: spec.loss.clone(),
                message: format!("entry `{}` has no such output to minimise", graph.name),
            });
        };
        let ranks: Vec<usize> = vars.iter().map(|(i, _)| program.params[*i].ty.shape.rank()).collect();
        let trained =
            vars.into_iter().map(|(i, var)| Trained { name: program.params[i].name.clone(), var }).collect();
        Ok(Self {
            loss,
            trained,
            clip_norm: spec.clip_norm,
            optimizer: Optimizer::new(spec.optimizer, spec.schedule, &ranks),
            step: 0,
        })
    }

    /// Differentiates the loss that the plan has just computed. `None` stands for a parameter that this step does not reach.
    pub(crate) fn gradients(&mut self, plan: &Plan) -> Result<Vec<Option<Tensor>>, BackendError> {
        let Some(loss) = &plan.slots[self.loss] else {
            return Err(BackendError::Output {
                name: "loss".into(),
                message: format!("entry `{}` did not compute it", plan.name),
            });
        };
        let mut store = loss.backward().map_err(error::placed(|| format!("backward of `{}`", plan.name)))?;
        let mut gradients = Vec::with_capacity(self.trained.len());
        for t in &self.trained {
            let gradient = store.remove(t.var.as_tensor());
            if gradient.is_none() && self.step == 0 {
                return Err(BackendError::MissingGradient { param: t.name.clone() });
            }
            gradients.push(gradient);
        }
        Ok(gradients)
    }

    /// Clips the gradients and updates the parameters.
    pub(crate) fn update(&mut self, gradients: Vec<Option<Tensor>>) -> Result<(), BackendError> {
        let placed = || format!("optimiser step {}", self.step + 1);
        let gradients = match self.clip_norm {
            Some(limit) => clip(gradients, limit).map_err(error::placed(placed))?,
            None => gradients,
        };
        for (i, (t, gradient)) in self.trained.iter().zip(gradients).enumerate() {
            let Some(gradient) = gradient else { continue };
            self.optimizer
                .update(i, self.step, &t.var, &gradient)
                .map_err(error::placed(|| format!("{}, parameter `{}`", placed(), t.name)))?;
        }
        self.step += 1;
        Ok(())
    }
}

/// Multiplies every gradient by `min(1, limit / (norm + 1e-6))`, the norm taken over all of them. Nothing is read back.
fn clip(gradients: Vec<Option<Tensor>>, limit: f64) -> candle_core::Result<Vec<Option<Tensor>>> {
    use candle_core::DType;
    let mut squares = Vec::with_capacity(gradients.len());
    for g in gradients.iter().flatten() {
        let g = if g.dtype() == DType::F64 { g.clone() } else { g.to_dtype(DType::F32)? };
        squares.push(g.contiguous()?.sqr()?.sum_all()?.to_dtype(DType::F64)?);
    }
    if squares.is_empty() {
        return Ok(gradients);
    }
    let norm = Tensor::stack(&squares, 0)?.sum_all()?.sqrt()?;
    let factor = norm.affine(1.0, 1e-6)?.recip()?.affine(limit, 0.0)?;
    let factor = factor.minimum(&factor.ones_like()?)?;
    gradients
        .into_iter()
        .map(|g| match g {
            Some(g) if g.dtype() == DType::F64 => g.broadcast_mul(&factor).map(Some),
            Some(g) => {
                let clipped = g.to_dtype(DType::F32)?.broadcast_mul(&factor.to_dtype(DType::F32)?)?;
                clipped.to_dtype(g.dtype()).map(Some)
            }
            None => Ok(None),
        })
        .collect()
}
