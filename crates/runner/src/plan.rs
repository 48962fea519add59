//! What is to be run, and in which order.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use portbench_backend::CompileOptions;
use portbench_measure::MeasureSpec;
use portbench_records::{Cell, PlanEntry, RunInfo};
use portbench_workload::Resolved;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::digest::digest;
use crate::error::RunnerError;
use crate::parity::{Arithmetic, Cast};

/// How a worker is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerCommand {
    /// Program.
    pub program: PathBuf,
    /// Arguments.
    pub args: Vec<OsString>,
    /// Environment variables set beside those of this process.
    pub env: Vec<(OsString, OsString)>,
    /// The CPUs that it may use; those of this process if `None`.
    pub cpus: Option<Vec<usize>>,
}

/// One of several workers that measure a cell together, each on a device of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its device.
    pub device: String,
    /// How it is started.
    pub worker: WorkerCommand,
}

impl Replica {
    /// The device, with the CPUs that it is bound to.
    pub(crate) fn place(&self) -> String {
        match &self.worker.cpus {
            Some(cpus) => {
                let cpus: Vec<String> = cpus.iter().map(ToString::to_string).collect();
                format!("{} ({})", self.device, cpus.join(" "))
            }
            None => self.device.clone(),
        }
    }
}

/// A cell with everything needed to run it.
#[derive(Clone, Debug)]
pub struct PlannedCell {
    /// Which cell.
    pub cell: Cell,
    /// Its workload.
    pub resolved: Arc<Resolved>,
    /// How it is timed.
    pub spec: MeasureSpec,
    /// Choices of compilation.
    pub options: CompileOptions,
    /// What was chosen of the flags of the backend's own compiler, if anything. The worker knows it from its environment.
    pub flags: Option<String>,
    /// What those flags let the compiler compute in a narrower type, if anything.
    pub cast: Option<Cast>,
    /// Who executes; of a cell with more than one replica, the first.
    pub worker: WorkerCommand,
    /// All replicas, the first among them, of a cell with more than one; else empty.
    pub replicas: Vec<Replica>,
}

impl PlannedCell {
    pub(crate) fn arithmetic(&self) -> Arithmetic {
        Arithmetic::new(self.cell.numerics, self.cast)
    }
}

/// Cells, trials and seed: everything that decides what a run does.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) suite: String,
    pub(crate) seed: u64,
    pub(crate) trials: u64,
    pub(crate) cells: Vec<PlannedCell>,
    pub(crate) entries: Vec<PlanEntry>,
}

impl Plan {
    /// Trials of a cell where nothing else is asked for: the fewest that give an interval over process launches worth the name.
    pub const DEFAULT_TRIALS: u64 = 3;

    /// A plan of these cells.
    ///
    /// # Errors
    /// [`RunnerError::EmptyPlan`], [`RunnerError::NoTrials`], [`RunnerError::DuplicateCell`], [`RunnerError::Program`].
    pub fn new(
        suite: impl Into<String>,
        seed: u64,
        trials: u64,
        cells: Vec<PlannedCell>,
    ) -> Result<Self, RunnerError> {
        if cells.is_empty() {
            return Err(RunnerError::EmptyPlan);
        }
        if trials == 0 {
            return Err(RunnerError::NoTrials);
        }
        let mut ids = BTreeSet::new();
        if let Some(twice) = cells.iter().map(|c| c.cell.id()).find(|id| !ids.insert(id.clone())) {
            return Err(RunnerError::DuplicateCell { id: twice });
        }
        let entries = cells.iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Self { suite: suite.into(), seed, trials, cells, entries })
    }

    /// Name of the suite, or of what stands in its place.
    #[must_use]
    pub fn suite(&self) -> &str {
        &self.suite
    }

    /// The same plan with some of its cells.
    ///
    /// # Errors
    /// [`RunnerError::EmptyPlan`] where none is kept.
    pub fn narrowed(mut self, keep: impl Fn(&Cell) -> bool) -> Result<Self, RunnerError> {
        self.cells.retain(|planned| keep(&planned.cell));
        self.entries.retain(|entry| keep(&entry.cell));
        if self.cells.is_empty() { Err(RunnerError::EmptyPlan) } else { Ok(self) }
    }

    /// The cells, in the order given.
    #[must_use]
    pub fn cells(&self) -> &[PlannedCell] {
        &self.cells
    }

    /// What a run stores of each cell, in the same order.
    #[must_use]
    pub fn entries(&self) -> &[PlanEntry] {
        &self.entries
    }

    /// Trials as `(trial number, index of the cell)`: every cell's trial 0 in a seeded random order, then every cell's trial 1, and so on, so that whatever the
    /// machine does over the hours falls on all cells alike.
    #[must_use]
    pub fn order(&self) -> Vec<(u64, usize)> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut round: Vec<usize> = (0..self.cells.len()).collect();
        let mut order = Vec::new();
        for trial in 0..self.trials {
            round.shuffle(&mut random);
            order.extend(round.iter().map(|&cell| (trial, cell)));
        }
        order
    }

    /// Refuses to go on with a run that was started with another plan.
    pub(crate) fn check_same(&self, run: &str, info: &RunInfo) -> Result<(), RunnerError> {
        let other = |difference: String| RunnerError::OtherPlan { run: run.to_owned(), difference };
        let version = env!("CARGO_PKG_VERSION");
        if info.environment.portbench != version {
            let by = &info.environment.portbench;
            return Err(other(format!("by portbench {by}, this is {version}")));
        }
        for (what, then, now) in [("seed", info.seed, self.seed), ("trials", info.trials, self.trials)] {
            if then != now {
                return Err(other(format!("{what} {then} then, {now} now")));
            }
        }
        let now: BTreeSet<String> = self.entries.iter().map(|e| e.cell.id()).collect();
        if let Some(gone) = info.plan.iter().map(|e| e.cell.id()).find(|id| !now.contains(id)) {
            return Err(other(format!("the cell {gone} is no longer planned")));
        }
        for entry in &self.entries {
            let id = entry.cell.id();
            let Some(then) = info.entry(&id) else {
                return Err(other(format!("the cell {id} is new")));
            };
            if then.fingerprint != entry.fingerprint {
                return Err(other(format!(
                    "the program of {id} had fingerprint {}, now {}",
                    short(&then.fingerprint),
                    short(&entry.fingerprint)
                )));
            }
            if then.settings != entry.settings {
                return Err(other(format!(
                    "inputs, weights, parity check, options, flags or timing of {id} have changed"
                )));
            }
        }
        Ok(())
    }
}

fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}

fn entry(planned: &PlannedCell) -> Result<PlanEntry, RunnerError> {
    let program = |source| RunnerError::Program { id: planned.cell.id(), source };
    let resolved = &planned.resolved;
    let check = resolved.parity.as_ref();
    let check = check.map(|c| Ok((c.program.fingerprint()?, &c.params, &c.inputs, &c.task)));
    let check = check.transpose().map_err(program)?;
    let mut settings = digest(&(
        (&planned.spec, &planned.options, &resolved.inputs, &resolved.params),
        check
            .as_ref()
            .map(|(fingerprint, params, inputs, task)| (fingerprint.as_str(), params, inputs, task)),
        &planned.cell,
    ));
    if let Some(flags) = &planned.flags {
        settings = digest(&(settings, flags));
    }
    let fingerprint = resolved.program.fingerprint().map_err(program)?.as_str().to_owned();
    Ok(PlanEntry { cell: planned.cell.clone(), fingerprint, settings })
}
