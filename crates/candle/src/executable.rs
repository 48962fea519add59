//! A compiled program on a device.

use std::collections::BTreeSet;

use candle_core::{Device, Tensor, Var};
use portbench_backend::{BackendError, EntryId, Executable, HostTensor, LoweringReport, ParamSource};
use portbench_graph::{Graph, Op, ParamSpec, Program, StateSpec};

use crate::convert::{candle_type, to_device, to_host};
use crate::error;
use crate::kernels::turned_weights;
use crate::library::{Candle, Plan};
use crate::training::Trainer;

/// Parameters, state and plans.
pub(crate) struct CandleExecutable {
    device: Device,
    report: LoweringReport,
    param_specs: Vec<ParamSpec>,
    /// Values of the parameters; those that train share memory with their variable.
    params: Vec<Tensor>,
    state_specs: Vec<StateSpec>,
    states: Vec<Tensor>,
    plans: Vec<Plan>,
    trainer: Option<(usize, Trainer)>,
}

impl CandleExecutable {
    /// Loads parameters, zeroes states and compiles the entries of a lowered program.
    pub(crate) fn new(
        program: &Program,
        source: &ParamSource,
        report: LoweringReport,
        device: &Device,
    ) -> Result<Self, BackendError> {
        let mut open = source.open()?;
        let training_entry =
            program.training.as_ref().and_then(|t| program.entries.iter().position(|g| g.name == t.entry));
        let turned = if device.is_cpu() { turned_weights(program) } else { BTreeSet::new() };
        let mut params = Vec::with_capacity(program.params.len());
        // What the training entry reads: the variable where a parameter trains, else the tensor.
        let mut tracked = Vec::with_capacity(program.params.len());
        let mut vars = Vec::new();
        for (i, spec) in program.params.iter().enumerate() {
            let place = || format!("parameter `{}`", spec.name);
            let value = to_device(&open.load(spec)?, device).map_err(error::placed(place))?;
            let trains = training_entry.is_some_and(|e| trains(spec, &program.entries[e]));
            if trains {
                let var = Var::from_tensor(&value).map_err(error::placed(place))?;
                params.push(var.as_detached_tensor());
                tracked.push(var.as_tensor().clone());
                vars.push((i, var));
            } else {
                let value = if turned.contains(&spec.name) {
                    as_columns(&value).map_err(error::placed(place))?
                } else {
                    value
                };
                params.push(value.clone());
                tracked.push(value);
            }
        }
        let mut plans = Vec::with_capacity(program.entries.len());
        for (e, graph) in program.entries.iter().enumerate() {
            let values = if Some(e) == training_entry { &tracked } else { &params };
            plans.push(Plan::new(&Candle(device.clone()), program, graph, values)?);
        }
        let trainer = match (&program.training, training_entry) {
            (Some(spec), Some(e)) => Some((e, Trainer::new(spec, &program.entries[e], program, vars)?)),
            _ => None,
        };
        let mut executable = Self {
            device: device.clone(),
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

/// The same matrix, lying in memory column by column.
fn as_columns(matrix: &Tensor) -> candle_core::Result<Tensor> {
    matrix.t()?.contiguous()?.t()
}

/// Whether the training entry differentiates by this parameter.
fn trains(spec: &ParamSpec, entry: &Graph) -> bool {
    spec.trainable
        && spec.ty.dtype.is_float()
        && entry.nodes.iter().any(|n| matches!(&n.op, Op::Param { name } if *name == spec.name))
}

impl Executable for CandleExecutable {
    fn lowering(&self) -> &LoweringReport {
        &self.report
    }

    fn bind(&mut self, entry: EntryId, inputs: &[(&str, &HostTensor)]) -> Result<(), BackendError> {
        let device = self.device.clone();
        self.plan(entry)?.bind(inputs, |value| to_device(value, &device))
    }

    fn execute(&mut self, entry: EntryId) -> Result<(), BackendError> {
        self.plan(entry)?;
        let plan = &mut self.plans[entry.0];
        plan.run(&self.states)?;
        match &mut self.trainer {
            Some((e, trainer)) if *e == entry.0 => {
                let gradients = trainer.gradients(plan)?;
                plan.finish(&mut self.states)?;
                trainer.update(gradients)
            }
            _ => plan.finish(&mut self.states),
        }
    }

    fn synchronize(&mut self) -> Result<(), BackendError> {
        self.device.synchronize().map_err(error::placed(|| "synchronize"))
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
        self.states = self
            .state_specs
            .iter()
            .map(|s| {
                Tensor::zeros(s.ty.dims(), candle_type(s.ty.dtype), &self.device)
                    .map_err(error::placed(|| format!("state `{}`", s.name)))
            })
            .collect::<Result<_, _>>()?;
        Ok(())
    }
}
