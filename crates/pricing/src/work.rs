//! What pricing needs of a record.

use portbench_catalog::published::Entry;
use portbench_catalog::{Accelerator, Amount, CatalogError, positive};
use portbench_measure::{Boundary, Figure, FigureValue, Metric, Mode, Scenario, Task, Unit};
use portbench_records::{
    BackendHead, Cell, Outcome, PlanEntry, Problem, Provenance, Record, RecordHead, RunInfo, Trial,
};
use serde::Serialize;

use crate::hardware::{Ran, cores_joined, family};
use crate::no_cost::NoCost;
use crate::unit::WorkUnit;

/// Where a throughput comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Measured here.
    Measured,
    /// Published by somebody.
    Published,
    /// Computed from a model of the hardware.
    Projected,
    /// Given by whoever asks.
    Given,
}

impl Origin {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Published => "published",
            Self::Projected => "projected",
            Self::Given => "given",
        }
    }
}

impl From<Provenance> for Origin {
    fn from(provenance: Provenance) -> Self {
        match provenance {
            Provenance::Measured => Self::Measured,
            Provenance::Published => Self::Published,
            Provenance::Projected => Self::Projected,
        }
    }
}

/// A training run of stated length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainingRun {
    /// Optimiser steps.
    pub steps: u64,
    /// Units of work in them.
    pub units: u64,
}

/// What work is called in tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Workload, or the model of a published result.
    pub workload: String,
    /// Scenario, or the shape of a published result.
    pub scenario: String,
    /// Backend and device, or the software of a published result.
    pub backend: String,
    /// Numerics.
    pub numerics: String,
}

/// Where a published result stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Publication {
    /// Who published it.
    pub publisher: String,
    /// How it was parallelised and loaded, in the publisher's words.
    pub configuration: Option<String>,
    /// The date that the source bears.
    pub date: String,
    /// What was read.
    pub source: String,
}

/// Work done at a rate: of a record, of a published result, or of a rate that was given.
#[derive(Clone, Debug)]
pub struct Work {
    /// What it is called; empty of a rate that was given.
    pub labels: Labels,
    /// Which cell, of a record.
    pub cell: Option<Cell>,
    /// What the work was.
    pub problem: Option<Problem>,
    /// What the timer enclosed.
    pub boundary: Option<Boundary>,
    /// Where the throughput comes from.
    pub origin: Origin,
    /// Length of the training run that the workload asks for, if it does.
    pub training_run: Option<TrainingRun>,
    /// Seconds of starting, compiling and warming up, the parity check aside: the mean over trials. A head does not have them.
    pub startup_seconds: Option<f64>,
    /// Product name that the accelerator gave of itself.
    pub product: Option<String>,
    /// Of a published result: how it was configured, who published it and when, and where.
    pub publication: Option<Publication>,
    /// How many trials the throughput is from, of a record.
    pub trials: Option<usize>,
    /// What else the record says of its hardware.
    ran: Option<Ran>,
    /// Physical NeuronCores to a device, where the back end says it.
    pub(crate) cores_joined: Option<u32>,
    /// Into how many parts the CPUs were divided, of one replica that was measured alone.
    pub(crate) cpu_parts: Option<u64>,
    outcome: Outcome,
    throughput: Option<FigureValue>,
    given: Option<(WorkUnit, Amount)>,
}

/// A rate of one unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Of what.
    pub unit: WorkUnit,
    /// Units a second.
    pub per_second: Amount,
}

impl From<&Record> for Work {
    fn from(record: &Record) -> Self {
        let training_run = match &record.spec.task {
            Task::Train { units, steps: Some(steps), .. } => {
                Some(TrainingRun { steps: *steps, units: units * steps })
            }
            _ => None,
        };
        let backend = record
            .backend
            .as_ref()
            .map(|b| BackendHead { versions: b.versions.clone(), settings: b.settings.clone() });
        Self {
            boundary: Some(record.spec.boundary),
            training_run,
            startup_seconds: startup(&record.trials),
            ..Self::measured(
                &record.cell,
                &record.problem,
                record.provenance,
                record.outcome,
                &record.figures,
                backend.as_ref(),
            )
        }
        .on(record.into())
    }
}

impl From<&RecordHead> for Work {
    fn from(head: &RecordHead) -> Self {
        Self {
            boundary: Some(head.spec.boundary),
            ..Self::measured(
                &head.cell,
                &head.problem,
                head.provenance,
                head.outcome,
                &head.figures,
                head.backend.as_ref(),
            )
        }
        .on(head.into())
    }
}

impl Work {
    fn on(self, ran: Ran) -> Self {
        Self { product: ran.product.clone(), ran: Some(ran), ..self }
    }

    fn measured(
        cell: &Cell,
        problem: &Problem,
        provenance: Provenance,
        outcome: Outcome,
        figures: &[Figure],
        backend: Option<&BackendHead>,
    ) -> Self {
        let throughput = figures.iter().find(|f| f.metric == Metric::Throughput);
        Self {
            labels: Labels {
                workload: cell.workload.clone(),
                scenario: cell.scenario.to_string(),
                backend: cell.target(),
                numerics: cell.numerics.to_string(),
            },
            cell: Some(cell.clone()),
            problem: Some(problem.clone()),
            boundary: None,
            origin: provenance.into(),
            training_run: None,
            startup_seconds: None,
            product: None,
            publication: None,
            trials: throughput.map(|f| f.trials.len()).filter(|n| *n > 0),
            ran: None,
            cores_joined: backend.and_then(|b| cores_joined(&b.settings)),
            cpu_parts: None,
            outcome,
            throughput: throughput.map(|f| f.value.clone()),
            given: None,
        }
    }

    /// A rate of a whole platform that was not measured by this program: given by whoever asks, or published.
    ///
    /// # Errors
    /// [`CatalogError::Parameter`] unless the rate is a number above 0.
    pub fn at_rate(unit: WorkUnit, per_second: Amount, origin: Origin) -> Result<Self, CatalogError> {
        positive("the throughput", per_second.value)?;
        Ok(Self {
            labels: Labels::default(),
            cell: None,
            problem: None,
            boundary: None,
            origin,
            training_run: None,
            startup_seconds: None,
            product: None,
            publication: None,
            trials: None,
            ran: None,
            cores_joined: None,
            cpu_parts: None,
            outcome: Outcome::Measured,
            throughput: None,
            given: Some((unit, per_second)),
        })
    }

    /// A published result, by its publisher's figures; of several instances the share of one. `None` without a throughput, or with one of a unit that has no price here.
    #[must_use]
    pub fn published(entry: &Entry) -> Option<Self> {
        let result = &entry.result;
        let sequence = result.shape.get("sequence").map(|n| *n as f64);
        let (unit, factor) = match (result.mode.as_str(), result.unit.as_deref()?) {
            ("generate", "tokens") => (WorkUnit::OutputTokens, 1.0),
            ("training", "tokens") => (WorkUnit::TrainingTokens, 1.0),
            (_, "tokens") => (WorkUnit::InputTokens, 1.0),
            (_, "images") => (WorkUnit::Images, 1.0),
            ("training", "sequences") if sequence.is_some() => (WorkUnit::TrainingTokens, sequence?),
            (_, "sequences") => (WorkUnit::Sequences, 1.0),
            (_, "inferences") => (WorkUnit::Inferences, 1.0),
            _ => return None,
        };
        let rate = result.throughput? * factor / f64::from(result.instances.unwrap_or(1));
        let shape: Vec<String> = result.shape.iter().map(|(word, n)| format!("{word} {n}")).collect();
        let labels = Labels {
            workload: result.model.clone(),
            scenario: shape.join(", "),
            backend: result.software.clone().unwrap_or_default(),
            numerics: result.numerics.clone().unwrap_or_default(),
        };
        let work = Self::at_rate(unit, Amount::exact(rate), Origin::Published).ok()?;
        let publication = Publication {
            publisher: entry.publisher.clone(),
            configuration: result.configuration.clone(),
            date: result.date.to_string(),
            source: result.source.clone(),
        };
        Some(Self { labels, publication: Some(publication), ..work })
    }

    /// What it ran on, as far as that is known. `None` of what is no record.
    #[must_use]
    pub fn ran(&self) -> Option<Ran> {
        self.ran.clone().map(|ran| Ran { product: self.product.clone(), ..ran })
    }

    /// Whether it can have run on that accelerator.
    #[must_use]
    pub fn fits(&self, accelerator: &Accelerator) -> bool {
        self.ran().is_none_or(|ran| ran.other_than(accelerator).is_none())
    }

    /// Whether its throughput is that of queries that came at a rate of the scenario's: what it served, and not the most that it could have.
    #[must_use]
    pub fn offered(&self) -> bool {
        self.cell.as_ref().is_some_and(|cell| matches!(cell.scenario, Scenario::Server { .. }))
    }

    /// The same as a part of its run: there one replica alone on a CPU has only its part of the CPUs.
    #[must_use]
    pub fn within(self, run: &RunInfo) -> Self {
        let parts =
            self.cell.as_ref().filter(|cell| cell.replicas == 1 && family(&cell.device) == "cpu").and_then(
                |cell| {
                    let like = |other: &&PlanEntry| Cell { replicas: 1, ..other.cell.clone() } == *cell;
                    run.plan.iter().filter(like).map(|other| other.cell.replicas).find(|n| *n > 1)
                },
            );
        Self { cpu_parts: parts, ..self }
    }

    /// The rates as they were measured: of generate of output, input and all tokens, each by itself; else of the workload's unit. The first is the unit that the workload counts.
    ///
    /// # Errors
    /// [`NoCost::NotMeasured`], [`NoCost::NotEstimable`], [`NoCost::NoThroughput`].
    pub fn rates(&self) -> Result<Vec<Rate>, NoCost> {
        let rate = |unit, per_second| Rate { unit, per_second };
        if let Some((unit, per_second)) = self.given {
            return Ok(vec![rate(unit, per_second)]);
        }
        if self.outcome != Outcome::Measured {
            return Err(NoCost::NotMeasured(self.outcome));
        }
        let throughput = match &self.throughput {
            Some(FigureValue::Estimated { value, low, high, .. }) => {
                // The lower end of an interval over few trials may lie below 0; a rate cannot.
                Amount { value: *value, low: low.max(0.0), high: *high }
            }
            Some(FigureValue::NotEstimable { reason }) => return Err(NoCost::NotEstimable(reason.clone())),
            None => return Err(NoCost::NoThroughput),
        };
        let (Some(cell), Some(problem)) = (&self.cell, &self.problem) else {
            return Err(NoCost::NoThroughput);
        };
        let count = |word: &str| problem.shape.get(word).map(|n| *n as f64).filter(|n| *n > 0.0);
        let unit = match (cell.mode, problem.unit) {
            (Mode::Generate, _) => {
                let mut rates = vec![rate(WorkUnit::OutputTokens, throughput)];
                if let (Some(prompt), Some(written)) = (count("prompt"), count("new-tokens")) {
                    let input = throughput.times(prompt / written);
                    rates.push(rate(WorkUnit::InputTokens, input));
                    rates.push(rate(WorkUnit::Tokens, throughput.plus(input)));
                }
                return Ok(rates);
            }
            (Mode::Training, Unit::Tokens) => WorkUnit::TrainingTokens,
            (Mode::Inference, Unit::Tokens) => WorkUnit::InputTokens,
            (_, Unit::Images) => WorkUnit::Images,
            (_, Unit::Samples) if count("sequence").is_some() => WorkUnit::Sentences,
            (_, Unit::Samples) => WorkUnit::Samples,
            (_, Unit::Executions) => WorkUnit::Executions,
        };
        Ok(vec![rate(unit, throughput)])
    }
}

/// Seconds from starting to the first timed sample, the parity check aside: the mean over trials; `None` where a trial does not say.
fn startup(trials: &[Trial]) -> Option<f64> {
    let seconds = |trial: &Trial| {
        let phases = &trial.phases;
        let once = [phases.start, phases.compile, phases.first_execute];
        once.into_iter().sum::<Option<f64>>().map(|s| s + trial.measurement.warmup.seconds)
    };
    let all: Vec<f64> = trials.iter().map(seconds).collect::<Option<_>>()?;
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}
