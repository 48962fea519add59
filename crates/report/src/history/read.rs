//! What of each cell of each run a history needs.

use std::collections::BTreeMap;

use portbench_measure::{Metric, Mode, Scenario, Unit};
use portbench_records::{Cell, Environment, Outcome, RecordHead, Run, RunInfo, StoreError, utc_day};

use super::NIGHT;
use super::stack::Stack;
use crate::platform::Platform;

/// Which runs, cells and metrics are followed.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// One metric; without one those that say most of a cell's mode and scenario.
    pub metric: Option<Metric>,
    /// Whether a cell is followed.
    pub cell: &'a dyn Fn(&Cell) -> bool,
    /// Runs of this suite alone.
    pub suite: Option<&'a str>,
    /// Runs of that day (year, month, day; UTC) or later.
    pub since: Option<(i64, i64, i64)>,
    /// The last so many runs of each suite on each machine.
    pub last: Option<usize>,
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        Self { metric: None, cell: &|_| true, suite: None, since: None, last: None }
    }
}

/// A suite on a machine whose newest run is old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The suite.
    pub suite: String,
    /// The machine, for people.
    pub machine: String,
    /// Its newest run.
    pub run: String,
    /// Hours since that began.
    pub hours: u64,
}

/// The runs, oldest first, with their cells.
#[derive(Clone, Debug)]
pub(super) struct Nights {
    pub(super) runs: Vec<Night>,
    pub(super) sights: Vec<Sight>,
    /// What sights were executed with.
    pub(super) stacks: Vec<Stack>,
    /// Of each run, whether it is of the same night as the newest of its line.
    tonight: Vec<bool>,
}

/// A run.
#[derive(Clone, Debug)]
pub(super) struct Night {
    pub(super) id: String,
    pub(super) started: u64,
    pub(super) line: Line,
    /// Names of the planned cells that are followed, each with the digest of its settings.
    pub(super) plan: BTreeMap<String, String>,
}

/// What makes runs comparable as nights of one thing: the suite and the machine. GPUs are no part of it, since a run in which none came up does not know them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    pub(super) suite: String,
    pub(super) machine: String,
}

impl Line {
    fn of(suite: &str, environment: &Environment) -> Self {
        let Environment { cpu, cpus, arch, facts, .. } = environment;
        let machine = match facts.get("neuron-instance") {
            Some(instance) => instance.clone(),
            None => format!("{cpu}, {cpus} CPUs, {arch}"),
        };
        Self { suite: suite.to_owned(), machine }
    }
}

/// A cell in a run.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    /// Place of its run.
    pub(super) run: usize,
    pub(super) id: String,
    pub(super) cell: Cell,
    pub(super) hardware: String,
    pub(super) outcome: Outcome,
    pub(super) detail: Option<String>,
    pub(super) fingerprint: String,
    /// Settings that the back end told.
    pub(super) settings: BTreeMap<String, String>,
    pub(super) unit: Unit,
    /// Place of what it was executed with.
    pub(super) stack: usize,
    /// Largest error of its outputs, and largest `R`.
    pub(super) error: Option<f64>,
    pub(super) ratio: Option<f64>,
    pub(super) figures: Vec<Seen>,
}

/// A figure of a sight.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) metric: Metric,
    pub(super) estimate: [f64; 3],
    pub(super) trials: Vec<f64>,
}

/// What says most of a cell: throughput; of an open loop, whose throughput is what was asked for, the median times that a person waits for; of training the loss on held-out text as well.
fn metrics(mode: Mode, scenario: &Scenario) -> &'static [Metric] {
    match (mode, scenario) {
        (Mode::Generate, Scenario::Server { .. }) => &[Metric::TtftP50, Metric::TpotP50],
        (_, Scenario::Server { .. }) => &[Metric::LatencyP50],
        (Mode::Training, _) => &[Metric::Throughput, Metric::ValidationLoss],
        _ => &[Metric::Throughput],
    }
}

impl Nights {
    pub(super) fn read(runs: &[Run], wanted: &Wanted<'_>, unread: &dyn Fn(&StoreError)) -> Self {
        let mut infos = Vec::new();
        // A run that goes on has not lost what it has not come to.
        for run in runs.iter().filter(|run| !run.in_progress()) {
            match run.info() {
                Ok(info) => infos.push((run, info)),
                Err(error) => unread(&error),
            }
        }
        infos.retain(|(_, info)| {
            wanted.since.is_none_or(|day| utc_day(info.started) >= day)
                && wanted.suite.is_none_or(|s| s == info.suite)
        });
        infos.sort_by_cached_key(|(run, info)| (info.started, run.id()));
        if let Some(last) = wanted.last {
            let mut after: BTreeMap<Line, usize> = BTreeMap::new();
            let mut kept: Vec<_> = infos.into_iter().rev().collect();
            kept.retain(|(_, info)| {
                let count = after.entry(Line::of(&info.suite, &info.environment)).or_default();
                *count += 1;
                *count <= last
            });
            infos = kept.into_iter().rev().collect();
        }
        let mut gathered = Gathered::new();
        for (run, info) in infos {
            match run.heads() {
                Ok(heads) => {
                    let heads = heads.ahead().filter_map(|head| head.inspect_err(unread).ok());
                    let heads: Vec<RecordHead> = heads.filter(|head| (wanted.cell)(&head.cell)).collect();
                    gathered.add(run.id(), &info, &heads.iter().collect::<Vec<_>>(), wanted);
                }
                Err(error) => unread(&error),
            }
        }
        gathered.end()
    }

    /// The same of what was read already, each head with the place of its run.
    pub(super) fn of(
        runs: &[(String, &RunInfo)],
        heads: &[(usize, RecordHead)],
        wanted: &Wanted<'_>,
    ) -> Self {
        let mut order: Vec<usize> = (0..runs.len()).collect();
        order.sort_by_key(|&place| (runs[place].1.started, &runs[place].0));
        let mut gathered = Gathered::new();
        for place in order {
            let heads: Vec<&RecordHead> =
                heads.iter().filter(|(run, _)| *run == place).map(|(_, head)| head).collect();
            gathered.add(runs[place].0.clone(), runs[place].1, &heads, wanted);
        }
        gathered.end()
    }

    /// The place of the newest run of each line.
    pub(super) fn newest(&self) -> BTreeMap<&Line, usize> {
        self.runs.iter().enumerate().map(|(place, run)| (&run.line, place)).collect()
    }

    /// Whether a run is of the same night as the newest of its line.
    pub(super) fn tonight(&self, place: usize) -> bool {
        self.tonight.get(place).copied().unwrap_or(false)
    }

    pub(super) fn stale(&self, now: u64, hours: f64) -> Vec<Stale> {
        let old = |(line, place): (&Line, usize)| {
            let run = &self.runs[place];
            let since = now.saturating_sub(run.started) as f64 / 3600.0;
            (since > hours).then(|| Stale {
                suite: line.suite.clone(),
                machine: line.machine.clone(),
                run: run.id.clone(),
                hours: since as u64,
            })
        };
        self.newest().into_iter().filter_map(old).collect()
    }
}

/// Nights as they come, oldest first.
struct Gathered {
    nights: Nights,
    places: BTreeMap<Stack, usize>,
}

impl Gathered {
    fn new() -> Self {
        let nights = Nights { runs: Vec::new(), sights: Vec::new(), stacks: Vec::new(), tonight: Vec::new() };
        Self { nights, places: BTreeMap::new() }
    }

    /// A run with the heads of its cells; one that plans nothing that is followed is none.
    fn add(&mut self, id: String, info: &RunInfo, heads: &[&RecordHead], wanted: &Wanted<'_>) {
        let followed = info.plan.iter().filter(|entry| (wanted.cell)(&entry.cell));
        let plan: BTreeMap<String, String> = followed.map(|e| (e.cell.id(), e.settings.clone())).collect();
        if plan.is_empty() {
            return;
        }
        let nights = &mut self.nights;
        let place = nights.runs.len();
        let platforms = Platform::of_runs(heads.iter().map(|head| (place, *head)));
        for (head, platform) in heads.iter().zip(platforms) {
            let next = nights.stacks.len();
            let stack = Stack::of(&platform, &head.environment);
            let stack = *self.places.entry(stack).or_insert_with_key(|stack| {
                nights.stacks.push(stack.clone());
                next
            });
            nights.sights.push(Sight::of(place, head, platform.hardware, stack, wanted.metric));
        }
        let line = Line::of(&info.suite, &info.environment);
        nights.runs.push(Night { id, started: info.started, line, plan });
    }

    fn end(mut self) -> Nights {
        let nights = &self.nights;
        let newest = nights.newest();
        let tonight = |run: &Night| {
            newest.get(&run.line).is_some_and(|&newest| run.started + NIGHT > nights.runs[newest].started)
        };
        self.nights.tonight = nights.runs.iter().map(tonight).collect();
        self.nights
    }
}

impl Sight {
    fn of(run: usize, head: &RecordHead, hardware: String, stack: usize, metric: Option<Metric>) -> Self {
        let outputs = || head.parity.iter().flat_map(|p| &p.outputs);
        let asked: Vec<Metric> = match metric {
            Some(metric) => vec![metric],
            None => metrics(head.cell.mode, &head.cell.scenario).to_vec(),
        };
        let seen = |metric: Metric| {
            let figure = head.figures.iter().find(|f| f.metric == metric)?;
            let estimate = figure.estimate().filter(|_| head.outcome == Outcome::Measured)?;
            // Quantiles of pooled samples have none of a trial alone.
            let trials = if figure.trials.is_empty() { vec![estimate[0]] } else { figure.trials.clone() };
            Some(Seen { metric, estimate, trials })
        };
        Self {
            run,
            id: head.cell.id(),
            hardware,
            outcome: head.outcome,
            stack,
            error: outputs().filter_map(|o| o.error).reduce(f64::max),
            ratio: outputs().filter_map(|o| o.ratio).reduce(f64::max),
            figures: asked.into_iter().filter_map(seen).collect(),
            detail: head.detail.clone(),
            fingerprint: head.problem.fingerprint.clone(),
            settings: head.backend.as_ref().map(|b| b.settings.clone()).unwrap_or_default(),
            unit: head.problem.unit,
            cell: head.cell.clone(),
        }
    }
}
