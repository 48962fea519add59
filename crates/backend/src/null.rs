//! A backend that does nothing: what the harness itself costs, and whether its barrier test sees a lie.

use std::time::{Duration, Instant};

use portbench_graph::{Graph, Op, Program, Type};

use crate::contract::{Backend, BackendInfo, CompileOptions, EntryId, Executable, Use};
use crate::error::BackendError;
use crate::lower::{LoweringReport, Support, lower};
use crate::params::ParamSource;
use crate::tensor::HostTensor;

/// When the pretended device finishes what was executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Completion {
    /// `execute` returns when the work is done.
    #[default]
    Blocking,
    /// `execute` queues the work and returns at once; `synchronize` and `fetch` wait for the queue.
    Queued,
    /// As [`Completion::Queued`], but `synchronize` breaks its contract and returns at once; only `fetch` waits. A barrier test
    /// has to catch this.
    QueuedWithoutBarrier,
}

/// Accepts every program, computes nothing, answers zeros. With no busy time an execution costs a few nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullBackend {
    busy: Duration,
    completion: Completion,
}

impl NullBackend {
    /// Backend whose executions take no time.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Backend whose executions occupy a pretended device for `busy` each, one after the other.
    #[must_use]
    pub fn busy(busy: Duration, completion: Completion) -> Self {
        Self { busy, completion }
    }
}

impl Backend for NullBackend {
    fn info(&self) -> BackendInfo {
        BackendInfo {
            backend: "null".into(),
            device: "none".into(),
            versions: [("portbench".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into(),
            settings: [
                ("busy-ns".to_owned(), self.busy.as_nanos().to_string()),
                ("completion".to_owned(), format!("{:?}", self.completion)),
            ]
            .into(),
        }
    }

    fn support(&self, _: &Op, _: &[&Type], _: &Type, _: Use) -> Support {
        Support::Native { kernel: "nothing" }
    }

    fn compile(
        &mut self,
        program: &Program,
        _: &ParamSource,
        options: &CompileOptions,
    ) -> Result<Box<dyn Executable>, BackendError> {
        let (lowered, lowering) = lower(program, self, options)?;
        let entries = lowered.entries.iter().map(NullEntry::new).collect();
        Ok(Box::new(NullExecutable {
            backend: *self,
            program: lowered,
            entries,
            lowering,
            busy_until: Instant::now(),
        }))
    }
}

/// What a bound entry still needs, and whether it ran.
struct NullEntry {
    unbound: Vec<String>,
    ran: bool,
}

impl NullEntry {
    fn new(graph: &Graph) -> Self {
        Self { unbound: graph.inputs().map(|(name, _)| name.to_owned()).collect(), ran: false }
    }
}

struct NullExecutable {
    backend: NullBackend,
    program: Program,
    entries: Vec<NullEntry>,
    lowering: LoweringReport,
    busy_until: Instant,
}

impl NullExecutable {
    fn unknown(&self, entry: EntryId) -> BackendError {
        BackendError::UnknownEntry {
            entry: format!("#{}", entry.0),
            known: self.program.entries.iter().map(|g| g.name.clone()).collect(),
        }
    }
}

/// Waits without giving up the thread's core: a sleep would be late by tens of microseconds.
fn wait_until(deadline: Instant) {
    while Instant::now() < deadline {
        std::hint::spin_loop();
    }
}

impl Executable for NullExecutable {
    fn lowering(&self) -> &LoweringReport {
        &self.lowering
    }

    fn bind(&mut self, entry: EntryId, inputs: &[(&str, &HostTensor)]) -> Result<(), BackendError> {
        let Some(graph) = self.program.entries.get(entry.0) else { return Err(self.unknown(entry)) };
        for (name, tensor) in inputs {
            let fail = |message: String| BackendError::Input {
                entry: graph.name.clone(),
                input: (*name).to_owned(),
                message,
            };
            match graph.inputs().find(|(known, _)| known == name) {
                None => return Err(fail("is no input of this entry".into())),
                Some((_, ty)) if ty != tensor.ty() => {
                    return Err(fail(format!("is {}, the program declares {ty}", tensor.ty())));
                }
                Some(_) => self.entries[entry.0].unbound.retain(|n| n != name),
            }
        }
        Ok(())
    }

    fn execute(&mut self, entry: EntryId) -> Result<(), BackendError> {
        let Some(state) = self.entries.get_mut(entry.0) else { return Err(self.unknown(entry)) };
        if let Some(input) = state.unbound.first() {
            return Err(BackendError::Input {
                entry: self.program.entries[entry.0].name.clone(),
                input: input.clone(),
                message: "is not bound".into(),
            });
        }
        state.ran = true;
        if !self.backend.busy.is_zero() {
            self.busy_until = self.busy_until.max(Instant::now()) + self.backend.busy;
            if self.backend.completion == Completion::Blocking {
                wait_until(self.busy_until);
            }
        }
        Ok(())
    }

    fn synchronize(&mut self) -> Result<(), BackendError> {
        if self.backend.completion == Completion::Queued {
            wait_until(self.busy_until);
        }
        Ok(())
    }

    fn fetch(&mut self, entry: EntryId, output: &str) -> Result<HostTensor, BackendError> {
        let Some(graph) = self.program.entries.get(entry.0) else { return Err(self.unknown(entry)) };
        let fail = |message: &str| BackendError::Output { name: output.to_owned(), message: message.into() };
        let ty = graph.output(output).ok_or_else(|| fail("is no output of this entry"))?;
        if !self.entries[entry.0].ran {
            return Err(fail("the entry has not run"));
        }
        wait_until(self.busy_until);
        Ok(HostTensor::zeros(ty.clone()))
    }

    fn fetch_param(&mut self, name: &str) -> Result<HostTensor, BackendError> {
        let spec = self.program.param(name).ok_or_else(|| BackendError::Output {
            name: name.to_owned(),
            message: "is no parameter of the program".into(),
        })?;
        Ok(HostTensor::zeros(spec.ty.clone()))
    }

    fn reset_state(&mut self) -> Result<(), BackendError> {
        Ok(())
    }
}
