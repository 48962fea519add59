//! One training step: gradients by candle's autograd, clipping, the optimiser's update.

use candle_core::{DType, Tensor, Var};
use portbench_backend::BackendError;
use portbench_backend::plan;
use portbench_graph::{Graph, Program, TrainSpec};

use crate::error;
use crate::library::{Candle, Plan};
use crate::optimizer::Optimizer;

/// A parameter that trains.
struct Trained {
    name: String,
    var: Var,
}

/// Training state of a program.
pub(crate) struct Trainer {
    /// Output to minimise.
    loss: String,
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
        if graph.outputs.iter().all(|(name, _)| *name != spec.loss) {
            return Err(BackendError::Output {
                name: spec.loss.clone(),
                message: format!("entry `{}` has no such output to minimise", graph.name),
            });
        }
        let optimizer = Optimizer::new(spec.optimizer, spec.schedule, vars.iter().map(|(_, var)| var));
        let trained =
            vars.into_iter().map(|(i, var)| Trained { name: program.params[i].name.clone(), var }).collect();
        Ok(Self { loss: spec.loss.clone(), trained, clip_norm: spec.clip_norm, optimizer, step: 0 })
    }

    /// Differentiates the loss that the plan has just computed. `None` stands for a parameter that this step does not reach.
    fn gradients(&mut self, plan: &Plan) -> Result<Vec<Option<Tensor>>, BackendError> {
        let Some(loss) = plan.value(&self.loss) else {
            return Err(BackendError::Output {
                name: self.loss.clone(),
                message: format!("entry `{}` did not compute it", plan.name()),
            });
        };
        let mut store =
            loss.backward().map_err(error::placed(|| format!("backward of `{}`", plan.name())))?;
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
    fn update(&mut self, gradients: Vec<Option<Tensor>>) -> Result<(), BackendError> {
        let step = self.step;
        let place = || format!("optimiser step {}", step + 1);
        let (gradients, scale) = match self.clip_norm {
            Some(limit) => clip(gradients, limit).map_err(error::placed(place))?,
            None => (gradients, 1.0),
        };
        for (i, (t, gradient)) in self.trained.iter().zip(gradients).enumerate() {
            let Some(gradient) = gradient else { continue };
            self.optimizer
                .update(i, step, &t.var, &gradient, scale)
                .map_err(error::placed(|| format!("{}, parameter `{}`", place(), t.name)))?;
        }
        self.step += 1;
        Ok(())
    }
}

impl plan::Trainer<Candle> for Trainer {
    fn step(&mut self, plan: &mut Plan, states: &mut [Tensor]) -> Result<(), BackendError> {
        plan.run(states)?;
        let gradients = self.gradients(plan)?;
        plan.finish(states)?;
        self.update(gradients)
    }
}

/// Gradients, and the factor they are still to be multiplied by.
type Clipped = (Vec<Option<Tensor>>, f64);

/// Multiplies every gradient by `min(1, limit / (norm + 1e-6))`, the norm taken over all of them. On the CPU the factor is handed on; on
/// a GPU the product is taken there, so that nothing is read back.
fn clip(gradients: Vec<Option<Tensor>>, limit: f64) -> candle_core::Result<Clipped> {
    let mut squares = Vec::with_capacity(gradients.len());
    for g in gradients.iter().flatten() {
        let g = if g.dtype() == DType::F64 { g.clone() } else { g.to_dtype(DType::F32)? };
        squares.push(g.contiguous()?.sqr()?.sum_all()?.to_dtype(DType::F64)?);
    }
    let Some(first) = squares.first() else { return Ok((gradients, 1.0)) };
    let on_host = first.device().is_cpu();
    let norm = Tensor::stack(&squares, 0)?.sum_all()?.sqrt()?;
    let factor = norm.affine(1.0, 1e-6)?.recip()?.affine(limit, 0.0)?;
    let factor = factor.minimum(&factor.ones_like()?)?;
    if on_host {
        return Ok((gradients, factor.to_scalar::<f64>()?));
    }
    let clipped: candle_core::Result<Vec<Option<Tensor>>> = gradients
        .into_iter()
        .map(|g| match g {
            Some(g) => {
                let wide = if g.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
                let clipped = g.to_dtype(wide)?.broadcast_mul(&factor.to_dtype(wide)?)?;
                clipped.to_dtype(g.dtype()).map(Some)
            }
            None => Ok(None),
        })
        .collect();
    Ok((clipped?, 1.0))
}
