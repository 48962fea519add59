//! A compiled program whose entries are plans.

use portbench_graph::{Graph, Op, ParamSpec, Program, StateSpec};

use super::{Library, Plan};
use crate::contract::{EntryId, Executable};
use crate::error::BackendError;
use crate::lower::LoweringReport;
use crate::tensor::HostTensor;

/// One optimiser step over a plan.
pub trait Trainer<L: Library>: Send {
    /// Runs the plan, differentiates its loss, finishes the plan and updates the parameters.
    ///
    /// # Errors
    /// As [`Executable::execute`].
    fn step(&mut self, plan: &mut Plan<L>, states: &mut [L::Tensor]) -> Result<(), BackendError>;
}

/// Parameters, state and plans of a program.
pub struct PlannedExecutable<L: Library, T> {
    library: L,
    report: LoweringReport,
    param_specs: Vec<ParamSpec>,
    params: Vec<L::Tensor>,
    state_specs: Vec<StateSpec>,
    states: Vec<L::Tensor>,
    plans: Vec<Plan<L>>,
    /// The entry that trains.
    trainer: Option<(EntryId, T)>,
}

impl<L: Library, T: Trainer<L>> PlannedExecutable<L, T> {
    /// Plans the entries of a lowered program and zeroes its state. `params` hold the program's parameters; the training entry reads those in `trainer`, in
    /// the same order, which autograd follows and which share memory with them.
    ///
    /// # Errors
    /// As [`Plan::new`]; the library's when a state cannot be made.
    pub fn new(
        library: L,
        program: &Program,
        report: LoweringReport,
        params: Vec<L::Tensor>,
        trainer: Option<(EntryId, Vec<L::Tensor>, T)>,
    ) -> Result<Self, BackendError> {
        let mut plans = Vec::with_capacity(program.entries.len());
        for (e, graph) in program.entries.iter().enumerate() {
            let read = match &trainer {
                Some((entry, followed, _)) if entry.0 == e => followed,
                _ => &params,
            };
            plans.push(L::inference(|| Plan::new(&library, program, graph, read))?);
        }
        let mut executable = Self {
            library,
            report,
            param_specs: program.params.clone(),
            params,
            state_specs: program.state.clone(),
            states: Vec::new(),
            plans,
            trainer: trainer.map(|(entry, _, trainer)| (entry, trainer)),
        };
        executable.reset_state()?;
        Ok(executable)
    }

    fn known(&self, entry: EntryId) -> Result<(), BackendError> {
        if entry.0 < self.plans.len() {
            return Ok(());
        }
        Err(BackendError::UnknownEntry {
            entry: format!("number {}", entry.0),
            known: self.plans.iter().map(|p| p.name().to_owned()).collect(),
        })
    }
}

/// The entry that the program's training specification names.
#[must_use]
pub fn training_entry(program: &Program) -> Option<EntryId> {
    let spec = program.training.as_ref()?;
    program.entries.iter().position(|g| g.name == spec.entry).map(EntryId)
}

/// Whether the training entry differentiates by this parameter.
#[must_use]
pub fn trains(spec: &ParamSpec, entry: &Graph) -> bool {
    spec.trainable
        && spec.ty.dtype.is_float()
        && entry.nodes.iter().any(|n| matches!(&n.op, Op::Param { name } if *name == spec.name))
}

impl<L: Library, T: Trainer<L>> Executable for PlannedExecutable<L, T> {
    fn lowering(&self) -> &LoweringReport {
        &self.report
    }

    fn bind(&mut self, entry: EntryId, inputs: &[(&str, &HostTensor)]) -> Result<(), BackendError> {
        self.known(entry)?;
        self.plans[entry.0].bind(&self.library, inputs)
    }

    fn execute(&mut self, entry: EntryId) -> Result<(), BackendError> {
        self.known(entry)?;
        let (plan, states) = (&mut self.plans[entry.0], &mut self.states);
        match &mut self.trainer {
            Some((e, trainer)) if *e == entry => trainer.step(plan, states),
            _ => L::inference(|| {
                plan.run(states)?;
                plan.finish(states)
            }),
        }
    }

    fn synchronize(&mut self) -> Result<(), BackendError> {
        self.library.synchronize()
    }

    fn fetch(&mut self, entry: EntryId, output: &str) -> Result<HostTensor, BackendError> {
        self.known(entry)?;
        let (value, ty) = self.plans[entry.0].output(output)?;
        L::download(value, ty).map_err(|e| L::error(format!("output `{output}`"), e))
    }

    fn fetch_param(&mut self, name: &str) -> Result<HostTensor, BackendError> {
        let found = self.param_specs.iter().zip(&self.params).find(|(spec, _)| spec.name == name);
        let Some((spec, value)) = found else {
            return Err(BackendError::Output {
                name: name.to_owned(),
                message: "the program has no such parameter".into(),
            });
        };
        L::download(value, &spec.ty).map_err(|e| L::error(format!("parameter `{name}`"), e))
    }

    fn reset_state(&mut self) -> Result<(), BackendError> {
        let zeros = |s: &StateSpec| {
            self.library
                .upload(&HostTensor::zeros(s.ty.clone()))
                .map_err(|e| L::error(format!("state `{}`", s.name), e))
        };
        self.states = self.state_specs.iter().map(zeros).collect::<Result<_, _>>()?;
        Ok(())
    }
}
