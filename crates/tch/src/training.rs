//! One training step: gradients by libtorch's autograd, clipping, the optimiser's update.

use portbench_backend::BackendError;
use portbench_backend::plan;
use portbench_graph::{Graph, Program, TrainSpec};
use tch::{Kind, TchError, Tensor};

use crate::error;
use crate::library::{Plan, Torch};
use crate::optimizer::Optimizer;

/// Training state of a program.
pub(crate) struct Trainer {
    /// Output to minimise.
    loss: String,
    /// Leaves of the parameters that train, and their names.
    leaves: Vec<Tensor>,
    names: Vec<String>,
    clip_norm: Option<f64>,
    optimizer: Optimizer,
    /// Steps taken.
    step: u64,
}

impl Trainer {
    /// `leaves` are the tensors of the parameters that train, with their index in the program.
    pub(crate) fn new(
        spec: &TrainSpec,
        graph: &Graph,
        program: &Program,
        leaves: Vec<(usize, Tensor)>,
    ) -> Result<Self, BackendError> {
        if graph.outputs.iter().all(|(name, _)| *name != spec.loss) {
            return Err(BackendError::Output {
                name: spec.loss.clone(),
                message: format!("entry `{}` has no such output to minimise", graph.name),
            });
        }
        let names = leaves.iter().map(|(i, _)| program.params[*i].name.clone()).collect();
        let leaves: Vec<Tensor> = leaves.into_iter().map(|(_, leaf)| leaf).collect();
        let optimizer = Optimizer::new(spec.optimizer, spec.schedule, leaves.len());
        Ok(Self { loss: spec.loss.clone(), leaves, names, clip_norm: spec.clip_norm, optimizer, step: 0 })
    }

    /// Differentiates the loss that the plan has just computed. An undefined tensor stands for a parameter that this step does not reach.
    fn gradients(&self, plan: &Plan) -> Result<Vec<Tensor>, BackendError> {
        let Some(loss) = plan.value(&self.loss) else {
            return Err(BackendError::Output {
                name: self.loss.clone(),
                message: format!("entry `{}` did not compute it", plan.name()),
            });
        };
        let missing = |name: &String| BackendError::MissingGradient { param: name.clone() };
        if !loss.requires_grad() {
            return Err(self.names.first().map_or_else(
                || BackendError::Output { name: self.loss.clone(), message: "no parameter trains".into() },
                missing,
            ));
        }
        let gradients = Tensor::f_run_backward(&[loss], &self.leaves, false, false)
            .map_err(error::placed(|| format!("backward of `{}`", plan.name())))?;
        if self.step == 0 {
            for (gradient, name) in gradients.iter().zip(&self.names) {
                if !gradient.defined() {
                    return Err(missing(name));
                }
            }
        }
        Ok(gradients)
    }

    /// Clips the gradients and updates the parameters. Call it without autograd.
    fn update(&mut self, mut gradients: Vec<Tensor>) -> Result<(), BackendError> {
        let step = self.step;
        let place = || format!("optimiser step {}", step + 1);
        if let Some(limit) = self.clip_norm {
            clip(&mut gradients, limit).map_err(error::placed(place))?;
        }
        self.optimizer.update(step, &mut self.leaves, &gradients).map_err(|(index, e)| {
            let of = index.map_or_else(String::new, |i| format!(", parameter `{}`", self.names[i]));
            error::at(format!("{}{of}", place()), &e)
        })?;
        self.step += 1;
        Ok(())
    }
}

impl plan::Trainer<Torch> for Trainer {
    fn step(&mut self, plan: &mut Plan, states: &mut [Tensor]) -> Result<(), BackendError> {
        tch::with_grad(|| plan.run(states))?;
        let gradients = self.gradients(plan)?;
        tch::no_grad(|| {
            plan.finish(states)?;
            self.update(gradients)
        })
    }
}

/// Multiplies every gradient by `min(1, limit / (norm + 1e-6))`, the norm taken over all of them; nothing is read back.
fn clip(gradients: &mut [Tensor], limit: f64) -> Result<(), TchError> {
    let mut squares = Vec::with_capacity(gradients.len());
    for g in gradients.iter().filter(|g| g.defined()) {
        let wide = if g.f_kind()? == Kind::Double { Kind::Double } else { Kind::Float };
        squares.push(g.f_to_dtype(wide, false, false)?.f_square()?.f_sum(Kind::Double)?);
    }
    if squares.is_empty() {
        return Ok(());
    }
    let norm = Tensor::f_stack(&squares, 0)?.f_sum(None::<Kind>)?.f_sqrt()?;
    let factor = norm.f_add_scalar(1e-6)?.f_reciprocal()?.f_mul_scalar(limit)?.f_clamp_max(1.0)?;
    for g in gradients.iter_mut().filter(|g| g.defined()) {
        let own = g.f_kind()?;
        let wide = if own == Kind::Double { Kind::Double } else { Kind::Float };
        let scaled = g.f_to_dtype(wide, false, false)?.f_mul(&factor.f_to_dtype(wide, false, false)?)?;
        *g = scaled.f_to_dtype(own, false, false)?;
    }
    Ok(())
}
