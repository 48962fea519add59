//! Running a plan.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use portbench_backend::{BackendInfo, with_causes};
use portbench_measure::{Inputs, together};
use portbench_records::{
    Cell, Environment, Outcome, Parity, PartialTrial, Run, RunInfo, Store, StoreError, Trial, VERSION,
};
use portbench_worker::{Job, MeasureJob, ParityJob};

use crate::assemble::{self, Ending};
use crate::budget::{Budget, Spending};
use crate::error::RunnerError;
use crate::event::Event;
use crate::goldens::GOLDENS;
use crate::parity::{self, Oracle};
use crate::plan::{Plan, PlannedCell};
use crate::worker::{self, Finished, Heard, Limits, Stop, Timed, Watch};

/// Runs plans: one trial at a time, each in a worker process of its own, everything that finishes stored at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Runner<'a> {
    /// How long workers may take.
    pub limits: Limits,
    /// Where goldens are kept; [`GOLDENS`](crate::GOLDENS) in the results directory if `None`.
    pub cache: Option<&'a std::path::Path>,
    /// Set by somebody else to stop the run; the worker is killed and everything finished stays.
    pub cancel: Option<&'a AtomicBool>,
    /// How long the run may take: what does not fit is skipped, and everything else ends in order.
    pub budget: Option<Budget<'a>>,
    /// Facts of the machine that the caller found, for the records beside those that any machine tells.
    pub facts: Option<&'a BTreeMap<String, String>>,
}

/// A run that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Where it is stored.
    pub run: Run,
    /// Cells by outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
}

impl Summary {
    /// Whether every cell was measured.
    #[must_use]
    pub fn all_measured(&self) -> bool {
        self.outcomes.keys().all(|&outcome| outcome == Outcome::Measured)
    }
}

impl Runner<'_> {
    /// Starts a run of this plan in the store.
    ///
    /// # Errors
    /// [`RunnerError::Store`], [`RunnerError::Scratch`], [`RunnerError::Interrupted`]. What happens to a cell is not an error but its outcome.
    pub fn start(
        &self,
        store: &Store,
        plan: &Plan,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<Summary, RunnerError> {
        let environment = self.environment();
        let run = store.create(&RunInfo {
            version: VERSION,
            suite: plan.suite.clone(),
            started: now(),
            seed: plan.seed,
            trials: plan.trials,
            environment: environment.clone(),
            plan: plan.entries.clone(),
        })?;
        self.execute(run, plan, environment, on_event)
    }

    /// Goes on with a run: finished cells and trials are kept, a record that cannot be read is made again, the rest is run in the order it always had. Cells that were skipped are run, and those
    /// that a budget cut short get the trials that they lack.
    ///
    /// # Errors
    /// [`RunnerError::OtherPlan`] if the run was started with another plan or on another machine; else as [`Runner::start`].
    pub fn resume(
        &self,
        run: Run,
        plan: &Plan,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<Summary, RunnerError> {
        let info = run.info()?;
        plan.check_same(&run.id(), &info)?;
        let environment = self.environment();
        let (then, now) = (&info.environment, &environment);
        if (&then.cpu, then.cpus, &then.arch) != (&now.cpu, now.cpus, &now.arch) {
            let difference = format!("on {} x {}, this is {} x {}", then.cpus, then.cpu, now.cpus, now.cpu);
            return Err(RunnerError::OtherPlan { run: run.id(), difference });
        }
        self.execute(run, plan, environment, on_event)
    }

    fn environment(&self) -> Environment {
        let mut environment = Environment::detect();
        environment.facts.extend(self.facts.cloned().unwrap_or_default());
        environment
    }

    fn execute(
        &self,
        run: Run,
        plan: &Plan,
        environment: Environment,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<Summary, RunnerError> {
        let _lock = run.lock()?;
        let cache = self
            .cache
            .map_or_else(|| run.dir().parent().unwrap_or_else(|| run.dir()).join(GOLDENS), ToOwned::to_owned);
        let mut execution = Execution {
            runner: self,
            scratch: run.dir().join("scratch"),
            oracle: Oracle::new(cache),
            environment,
            plan,
            outcomes: vec![None; plan.cells.len()],
            kept: vec![Vec::new(); plan.cells.len()],
            spending: self.budget.map(|budget| Spending::new(budget, plan.cells.len())),
            run,
        };
        execution.recall()?;
        let result = execution.all(on_event);
        // Whatever is left there is of no use to anybody; a next execution clears it as well.
        let _ = fs::remove_dir_all(&execution.scratch);
        result?;
        let mut outcomes = BTreeMap::new();
        for outcome in execution.outcomes.iter().flatten() {
            *outcomes.entry(*outcome).or_insert(0) += 1;
        }
        Ok(Summary { run: execution.run, outcomes })
    }
}

struct Execution<'a> {
    runner: &'a Runner<'a>,
    run: Run,
    scratch: PathBuf,
    oracle: Oracle,
    environment: Environment,
    plan: &'a Plan,
    /// Of each cell, once it has ended.
    outcomes: Vec<Option<Outcome>>,
    /// Finished trials of each cell that has not ended, by number.
    kept: Vec<Vec<PartialTrial>>,
    spending: Option<Spending<'a>>,
}

/// Whether what executed is what the cell names; the first device of a kind may be named without its number.
fn holds(cell: &Cell, info: &BackendInfo) -> bool {
    let first = info.device.strip_suffix(":0").is_some_and(|kind| kind == cell.device);
    info.backend == cell.backend && (info.device == cell.device || first)
}

/// A trial that finished, and what its parity check found.
enum Checked {
    Right(Box<PartialTrial>),
    Wrong(Box<Ending>),
    /// The answers are right and the times are not to be believed; how the cell ends if they stay so.
    Doubtful(Box<Ending>),
    /// The budget was spent meanwhile: the trial counts as not run.
    Cut,
}

impl Execution<'_> {
    /// Finds out what was done before.
    fn recall(&mut self) -> Result<(), RunnerError> {
        let ids: BTreeMap<String, usize> =
            self.plan.cells.iter().enumerate().map(|(index, c)| (c.cell.id(), index)).collect();
        for head in self.run.heads()? {
            // A record that cannot be read counts as not written.
            if let Ok(head) = head
                && let Some(&index) = ids.get(&head.cell.id())
            {
                match head.outcome {
                    Outcome::Skipped => {}
                    Outcome::Measured if (head.trials.len() as u64) < self.plan.trials => {
                        self.kept[index] = self.cut_short(&head.cell.id())?;
                    }
                    outcome => self.outcomes[index] = Some(outcome),
                }
            }
        }
        for (id, index) in ids {
            if self.outcomes[index].is_none() {
                let kept = &mut self.kept[index];
                for trial in self.run.trials(&id)? {
                    if trial.number < self.plan.trials && kept.iter().all(|t| t.number != trial.number) {
                        kept.push(trial);
                    }
                }
                kept.sort_unstable_by_key(|t| t.number);
            }
        }
        Ok(())
    }

    /// The trials of a cell that a budget cut short, out of its record.
    fn cut_short(&self, id: &str) -> Result<Vec<PartialTrial>, RunnerError> {
        let Some(record) = self.run.record(id)? else { return Ok(Vec::new()) };
        // Places in the order count through all cells of a round, and a round is a trial of each.
        let round = self.plan.cells.len() as u64;
        let trial = |trial: Trial| PartialTrial {
            backend: record.backend.clone(),
            lowering: record.lowering.clone(),
            parity: record.parity.clone(),
            ..PartialTrial::new(trial.order / round, trial)
        };
        Ok(record.trials.into_iter().map(trial).collect())
    }

    fn all(&mut self, on_event: &mut dyn FnMut(Event<'_>)) -> Result<(), RunnerError> {
        let plan = self.plan;
        let order = plan.order();
        let open = |this: &Self, number: u64, index: usize| {
            this.outcomes[index].is_none() && this.kept[index].iter().all(|t| t.number != number)
        };
        on_event(Event::RunStarted {
            run: &self.run,
            cells: self.outcomes.iter().filter(|o| o.is_none()).count(),
            trials: order.iter().filter(|(number, index)| open(self, *number, *index)).count(),
            kept: self.outcomes.iter().flatten().count(),
        });
        let mut started = 0;
        for (position, (number, index)) in order.into_iter().enumerate() {
            if open(self, number, index) {
                self.check_cancelled()?;
                if !self.spending.as_ref().is_none_or(|spending| spending.fits(index)) {
                    continue;
                }
                on_event(Event::TrialStarted { cell: &plan.cells[index].cell, number, position: started });
                started += 1;
                self.trial(position, number, index, on_event)?;
            }
            if self.outcomes[index].is_none() && self.kept[index].len() as u64 == plan.trials {
                self.end(index, Ending::new(Outcome::Measured, None), on_event)?;
            }
        }
        self.end_unfinished(on_event)
    }

    /// Ends the cells for which the budget was too short: with the trials that they have, or skipped.
    fn end_unfinished(&mut self, on_event: &mut dyn FnMut(Event<'_>)) -> Result<(), RunnerError> {
        let Some(spending) = &self.spending else { return Ok(()) };
        let why = format!("{}; `portbench run --resume {}` runs the rest", spending.words(), self.run.id());
        for index in 0..self.outcomes.len() {
            if self.outcomes[index].is_some() {
                continue;
            }
            let ending = match self.kept[index].len() {
                0 => Ending::new(Outcome::Skipped, Some(why.clone())),
                n => {
                    Ending::new(Outcome::Measured, Some(format!("{n} of {} trials: {why}", self.plan.trials)))
                }
            };
            self.end(index, ending, on_event)?;
        }
        Ok(())
    }

    fn check_cancelled(&self) -> Result<(), RunnerError> {
        if self.runner.cancel.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Err(self.interrupted());
        }
        Ok(())
    }

    fn interrupted(&self) -> RunnerError {
        RunnerError::Interrupted { run: self.run.id(), dir: self.run.dir().to_owned() }
    }

    /// Runs a trial; stores it, or the record of its cell if that ends with it. Times that cannot be what they claim are taken once more: another load on the
    /// machine can make an honest barrier look like a lying one.
    fn trial(
        &mut self,
        position: usize,
        number: u64,
        index: usize,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), RunnerError> {
        let began = self.spending.as_ref().map(Spending::elapsed);
        let mut checked = self.attempt(position, number, index, on_event)?;
        if matches!(checked, Checked::Doubtful(_)) {
            checked = self.attempt(position, number, index, on_event)?;
        }
        if let (Some(spending), Some(began)) = (&mut self.spending, began) {
            spending.took(index, began);
        }
        match checked {
            Checked::Cut => Ok(()),
            Checked::Wrong(ending) | Checked::Doubtful(ending) => self.end(index, *ending, on_event),
            Checked::Right(trial) => {
                let cell = &self.plan.cells[index].cell;
                on_event(Event::TrialFinished { cell, number });
                // The last trial goes into the record at once.
                if (self.kept[index].len() as u64) + 1 < self.plan.trials {
                    self.run.write_trial(&cell.id(), &trial)?;
                }
                let kept = &mut self.kept[index];
                kept.push(*trial);
                kept.sort_unstable_by_key(|t| t.number);
                Ok(())
            }
        }
    }

    fn attempt(
        &self,
        position: usize,
        number: u64,
        index: usize,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<Checked, RunnerError> {
        let planned = &self.plan.cells[index];
        let started = now();
        self.clear_scratch()?;
        // One trial that made the check is enough: the program and its inputs are the same in every one.
        let check = self.kept[index].iter().all(|t| t.parity.is_none());
        let finished = {
            let mut hear = |heard: Heard<'_>| {
                on_event(match heard {
                    Heard::Phase(phase) => Event::Phase { cell: &planned.cell, phase },
                    Heard::Progress { fraction, detail } => {
                        Event::Progress { cell: &planned.cell, fraction, detail }
                    }
                });
            };
            let cancel = self.runner.cancel;
            let spent = || self.spending.as_ref().is_some_and(Spending::spent);
            let cancelled = || cancel.is_some_and(|flag| flag.load(Ordering::Relaxed)) || spent();
            let limits = self.runner.limits;
            let mut watch = Watch { limits, cancelled: &cancelled, hear: &mut hear, ready: &|| true };
            if planned.replicas.is_empty() {
                worker::run(&planned.worker, &self.job(planned, number, check), &mut watch)
            } else {
                self.replicas(planned, number, check, &mut watch)
            }
        };
        match finished {
            Ok(finished) if !holds(&planned.cell, &finished.info) => {
                let BackendInfo { backend, device, .. } = &finished.info;
                let detail = format!(
                    "the worker says that {backend} on {device} executed, the cell is of {} on {}; mend the worker, or name what it runs",
                    planned.cell.backend, planned.cell.device
                );
                let ending = Ending {
                    backend: Some(finished.info),
                    ..Ending::new(Outcome::Unavailable, Some(detail))
                };
                Ok(Checked::Wrong(Box::new(ending)))
            }
            Ok(finished) => {
                if check {
                    on_event(Event::OracleStarted { cell: &planned.cell });
                }
                Ok(self.check(planned, finished, position, number, started))
            }
            Err(Stop::Cancelled) => self.check_cancelled().map(|()| Checked::Cut),
            Err(Stop::Ended { outcome, detail, info }) => {
                let ending = Ending { backend: info, ..Ending::new(outcome, Some(detail)) };
                Ok(Checked::Wrong(Box::new(ending)))
            }
        }
    }

    /// All replicas of a cell as one job. The first alone makes the check: what it executes is what the others execute.
    fn replicas(
        &self,
        planned: &PlannedCell,
        number: u64,
        check: bool,
        watch: &mut Watch<'_>,
    ) -> Result<Finished, Stop> {
        let crashed = |detail| Stop::Ended { outcome: Outcome::Crashed, detail, info: None };
        let job = |first: bool| Job { together: true, ..self.job(planned, number, check && first) };
        let jobs: Vec<_> = planned.replicas.iter().enumerate().map(|(i, r)| (r, job(i == 0))).collect();
        let mut first = None;
        let mut measurements = Vec::new();
        for (replica, finished) in planned.replicas.iter().zip(worker::run_together(&jobs, watch)?) {
            let Finished { info, parity, timed } = finished;
            if info.backend != planned.cell.backend {
                let place = replica.place();
                return Err(crashed(format!("the worker on {place} says that it is {}", info.backend)));
            }
            let Some(timed) = timed else { return Err(crashed("a replica measured nothing".into())) };
            measurements.push((replica.place(), timed.measurement));
            first.get_or_insert((info, parity, timed.lowering, timed.phases, timed.compilations));
        }
        let measurement = together(measurements).map_err(|e| crashed(with_causes(&e)))?;
        let Some((info, parity, lowering, phases, compilations)) = first else {
            return Err(crashed("no replica".into()));
        };
        Ok(Finished { info, parity, timed: Some(Timed { measurement, lowering, phases, compilations }) })
    }

    fn job(&self, planned: &PlannedCell, number: u64, check: bool) -> Job {
        let resolved = &planned.resolved;
        let parity = resolved.parity.as_ref().filter(|_| check).map(|parity| ParityJob {
            program: parity.program.clone(),
            params: parity.params.clone(),
            inputs: parity.inputs.clone(),
            task: parity.task.clone(),
        });
        let measure = MeasureJob {
            program: resolved.program.clone(),
            params: resolved.params.clone(),
            inputs: Inputs { trial: number, ..resolved.inputs.clone() },
            spec: planned.spec.clone(),
        };
        Job {
            protocol: portbench_worker::VERSION,
            scratch: self.scratch.clone(),
            options: planned.options.clone(),
            parity,
            measure: Some(measure),
            together: false,
        }
    }

    /// Holds what a worker computed against the oracle. The worker has gone: nothing is timed while the oracle computes.
    fn check(
        &self,
        planned: &PlannedCell,
        finished: Finished,
        position: usize,
        number: u64,
        started: u64,
    ) -> Checked {
        let wrong = |detail: String, parity: Option<Parity>, info| {
            let ending = Ending::new(Outcome::Incorrect, Some(detail));
            Checked::Wrong(Box::new(Ending { backend: Some(info), parity, ..ending }))
        };
        let Finished { info, parity: outputs, timed } = finished;
        let parity = match outputs.map(|outputs| self.judge(planned, &outputs)).transpose() {
            Ok(parity) => parity,
            Err(detail) => return wrong(format!("whether it is right cannot be said: {detail}"), None, info),
        };
        if let Some(parity) = &parity
            && !parity.passed
        {
            let detail = assemble::failures(parity, planned.arithmetic());
            return wrong(detail, Some(parity.clone()), info);
        }
        let Some(timed) = timed else {
            let detail = "the worker measured nothing".to_owned();
            return Checked::Wrong(Box::new(Ending::new(Outcome::Crashed, Some(detail))));
        };
        if let Some(text) = assemble::fault(&planned.spec, &timed.measurement) {
            let ending =
                Ending::new(Outcome::Incorrect, Some(format!("its times are not published: {text}")));
            return Checked::Doubtful(Box::new(Ending { backend: Some(info), parity, ..ending }));
        }
        let trial = Trial {
            order: position as u64,
            started,
            phases: timed.phases,
            compilations: timed.compilations,
            measurement: timed.measurement,
        };
        Checked::Right(Box::new(PartialTrial {
            backend: Some(info),
            lowering: Some(timed.lowering),
            parity,
            ..PartialTrial::new(number, trial)
        }))
    }

    fn judge(&self, planned: &PlannedCell, outputs: &std::path::Path) -> Result<Parity, String> {
        let check = planned.resolved.parity.as_ref();
        let check = check.ok_or("the worker sent outputs that nobody asked for")?;
        let arithmetic = planned.arithmetic();
        let fingerprint = check.program.fingerprint().map_err(|e| e.to_string())?.as_str().to_owned();
        let target = parity::read(outputs).map_err(|e| format!("the worker's outputs: {e}"))?;
        let answers = self.oracle.answers(check, &fingerprint, arithmetic)?;
        let outputs = parity::judge(&target, &answers.same_dtype, &answers.golden, arithmetic.judged());
        Ok(Parity {
            fingerprint,
            reduced: check.reduced.clone(),
            passed: outputs.iter().all(|o| o.passed),
            rule: assemble::rule(arithmetic),
            outputs,
        })
    }

    /// Stores the record of a cell.
    fn end(
        &mut self,
        index: usize,
        ending: Ending,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), RunnerError> {
        let planned = &self.plan.cells[index];
        let trials = std::mem::take(&mut self.kept[index]);
        let entry = &self.plan.entries[index];
        let record = assemble::record(planned, entry, &self.environment, self.plan.seed, &trials, ending);
        let record = match self.run.write_record(&record) {
            // A number in it would not read back: that is the worker's doing, and ends this cell alone.
            Err(StoreError::NotStorable { message, .. }) => {
                let detail = format!("the worker measured something that is no number: {message}");
                let ending = Ending::new(Outcome::Crashed, Some(detail));
                let bare = assemble::record(planned, entry, &self.environment, self.plan.seed, &[], ending);
                self.run.write_record(&bare)?;
                bare
            }
            written => {
                written?;
                record
            }
        };
        self.outcomes[index] = Some(record.outcome);
        let detail = record.detail.as_deref();
        on_event(Event::CellFinished { cell: &record.cell, outcome: record.outcome, detail });
        Ok(())
    }

    fn clear_scratch(&self) -> Result<(), RunnerError> {
        // Left by the trial before, or by a process that was killed.
        let _ = fs::remove_dir_all(&self.scratch);
        fs::create_dir_all(&self.scratch)
            .map_err(|source| RunnerError::Scratch { path: self.scratch.clone(), source })
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
