//! A compiled program on a device.

use portbench_backend::{BackendError, EntryId, Executable, HostTensor, LoweringReport, ParamSource};
use portbench_graph::{Graph, Op, ParamSpec, Program, StateSpec};
use tch::{Device, Tensor};

use crate::convert::{kind, sizes, to_device, to_host};
use crate::device::synchronize;
use crate::error;
use crate::library::{Plan, Torch};
use crate::training::Trainer;

/// Parameters, state and plans.
pub(crate) struct TchExecutable {
    device: Device,
    report: LoweringReport,
    param_specs: Vec<ParamSpec>,
    /// Values of the parameters; those that train share memory with their leaf.
    params: Vec<Tensor>,
    state_specs: Vec<StateSpec>,
    states: Vec<Tensor>,
    plans: Vec<Plan>,
    trainer: Option<(usize, Trainer)>,
}

impl TchExecutable {
    /// Loads parameters, zeroes states and plans the entries of a lowered program.
    pub(crate) fn new(
        program: &Program,
        source: &ParamSource,
        report: LoweringReport,
        device: Device,
    ) -> Result<Self, BackendError> {
        let mut open = source.open()?;
        let training_entry =
            program.training.as_ref().and_then(|t| program.entries.iter().position(|g| g.name == t.entry));
        let mut params = Vec::with_capacity(program.params.len());
        // What the training entry reads: a leaf of autograd where a parameter trains, else the tensor.
        let mut tracked = Vec::with_capacity(program.params.len());
        let mut leaves = Vec::new();
        for (i, spec) in program.params.iter().enumerate() {
            let place = || format!("parameter `{}`", spec.name);
            let value = to_device(&open.load(spec)?, device).map_err(error::placed(place))?;
            if training_entry.is_some_and(|e| trains(spec, &program.entries[e])) {
                let leaf = value.detach().set_requires_grad(true);
                tracked.push(leaf.shallow_clone());
                leaves.push((i, leaf));
            } else {
                tracked.push(value.shallow_clone());
            }
            params.push(value);
        }
        let library = Torch(device);
        let mut plans = Vec::with_capacity(program.entries.len());
        // What depends on constants alone is computed here, and needs no gradient.
        let guard = tch::no_grad_guard();
        for (e, graph) in program.entries.iter().enumerate() {
            let values = if Some(e) == training_entry { &tracked } else { &params };
            plans.push(Plan::new(&library, program, graph, values)?);
        }
        drop(guard);
        let trainer = match (&program.training, training_entry) {
            (Some(spec), Some(e)) => Some((e, Trainer::new(spec, &program.entries[e], program, leaves)?)),
            _ => None,
        };
        let mut executable = Self {
            device,
            report,
            param_specs: program.params.clone(),
            params,
            state_specs: program.state.clone(),
            states: Vec::new(),
            plans,
            trainer,
        };
        executable.reset_state()?;
        Ok(executable)
    }

    fn plan(&mut self, entry: EntryId) -> Result<&mut Plan, BackendError> {
        if entry.0 < self.plans.len() {
            return Ok(&mut self.plans[entry.0]);
        }
        Err(BackendError::UnknownEntry {
            entry: format!("number {}", entry.0),
            known: self.plans.iter().map(|p| p.name().to_owned()).collect(),
        })
    }
}

/// Whether the training entry differentiates by this parameter.
fn trains(spec: &ParamSpec, entry: &Graph) -> bool {
    spec.trainable
        && spec.ty.dtype.is_float()
        && entry.nodes.iter().any(|n| matches!(&n.op, Op::Param { name } if *name == spec.name))
}

impl Executable for TchExecutable {
    fn lowering(&self) -> &LoweringReport {
        &self.report
    }

    fn bind(&mut self, entry: EntryId, inputs: &[(&str, &HostTensor)]) -> Result<(), BackendError> {
        let device = self.device;
        self.plan(entry)?.bind(inputs, |value| to_device(value, device))
    }

    fn execute(&mut self, entry: EntryId) -> Result<(), BackendError> {
        self.plan(entry)?;
        let plan = &mut self.plans[entry.0];
        match &mut self.trainer {
            Some((e, trainer)) if *e == entry.0 => {
                tch::with_grad(|| plan.run(&self.states))?;
                let gradients = trainer.gradients(plan)?;
                let _guard = tch::no_grad_guard();
                plan.finish(&mut self.states)?;
                trainer.update(gradients)
            }
            _ => {
                let _guard = tch::no_grad_guard();
                plan.run(&self.states)?;
                plan.finish(&mut self.states)
            }
        }
    }

    fn synchronize(&mut self) -> Result<(), BackendError> {
        synchronize(self.device)
    }

    fn fetch(&mut self, entry: EntryId, output: &str) -> Result<HostTensor, BackendError> {
        let (value, ty) = self.plan(entry)?.output(output)?;
        to_host(value, ty).map_err(error::placed(|| format!("output `{output}`")))
    }

    fn fetch_param(&mut self, name: &str) -> Result<HostTensor, BackendError> {
        let found = self.param_specs.iter().zip(&self.params).find(|(spec, _)| spec.name == name);
        let Some((spec, value)) = found else {
            return Err(BackendError::Output {
                name: name.to_owned(),
                message: "the program has no such parameter".into(),
            });
        };
        to_host(value, &spec.ty).map_err(error::placed(|| format!("parameter `{name}`")))
    }

    fn reset_state(&mut self) -> Result<(), BackendError> {
        let zeros = |s: &StateSpec| {
            Tensor::f_zeros(&sizes(s.ty.dims())[..], (kind(s.ty.dtype), self.device))
                .map_err(error::placed(|| format!("state `{}`", s.name)))
        };
        self.states = self.state_specs.iter().map(zeros).collect::<Result<_, _>>()?;
        Ok(())
    }
}
