//! Which charts a report has, and what of the records goes into each. One file a kind.

mod beside;
mod cascade;
mod cost;
mod coverage;
mod dates;
mod hardware;
mod history;
mod latency;
mod loss;
mod nothing;
mod outcomes;
mod pareto;
mod parity;
mod prices;
mod programs;
mod quantiles;
mod roofline;
mod scaling;
mod sensitivity;
mod study;
mod throughput;
mod ttft_tpot;
mod warm_up;

use std::collections::BTreeSet;
use std::fmt;

use portbench_chart::{Chart, Key, Provenance};
use portbench_measure::{Metric, Numerics};

use crate::error::ReportError;
pub(crate) use beside::{Beside, projected};
pub use nothing::why_nothing;
pub(crate) use prices::each_priced;
pub use prices::{PriceChoice, Rented};
pub(crate) use study::{Replaced, Shown};
pub use study::{Selection, Study};

/// Most lines of one chart; the others are in the tables.
const LINES: usize = 60;
/// Most curves of one chart.
const CURVES: usize = 30;
/// Most workloads that have charts of their own.
pub(crate) const WORKLOADS: usize = 60;

/// A chart, where in a report it belongs, and how it is drawn again.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// The chart.
    pub chart: Chart,
    /// What it is about.
    pub about: About,
    /// The command line that draws it alone as `NAME.svg`.
    pub recipe: String,
}

/// What a chart is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum About {
    /// All of the runs.
    Overview,
    /// One workload, by name.
    Workload(String),
    /// One platform, by [`crate::Platforms::slug`].
    Platform(String),
}

/// Kinds of charts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChartKind {
    /// Work per second.
    Throughput,
    /// How cells ended.
    Outcomes,
    /// How right results are.
    Parity,
    /// Time per execution, step or request.
    Latency,
    /// Time to the first token and per further token.
    TtftTpot,
    /// Throughput for each device against that for each user.
    Pareto,
    /// What work costs.
    Cost,
    /// Cost against what each user gets.
    CostInteractivity,
    /// Cost over offered load.
    CostLoad,
    /// What the assumptions about owned hardware do to its cost.
    Sensitivity,
    /// Latency by percentile.
    LatencyPercentiles,
    /// Share of executions over latency.
    LatencyCdf,
    /// Operations a second against what the hardware allows.
    Roofline,
    /// How ops ran.
    OpCoverage,
    /// Times of executions from the first one on.
    WarmUp,
    /// Loss over optimiser steps.
    Loss,
    /// Efficiency of several replicas.
    Scaling,
    /// Performance portability.
    Cascade,
    /// Values of many runs.
    History,
}

impl ChartKind {
    /// Every kind, in the order of a report.
    pub const ALL: [Self; 19] = [
        Self::Throughput,
        Self::Outcomes,
        Self::Parity,
        Self::Latency,
        Self::TtftTpot,
        Self::Pareto,
        Self::Cost,
        Self::CostInteractivity,
        Self::CostLoad,
        Self::Sensitivity,
        Self::LatencyPercentiles,
        Self::LatencyCdf,
        Self::Roofline,
        Self::OpCoverage,
        Self::WarmUp,
        Self::Loss,
        Self::Scaling,
        Self::Cascade,
        Self::History,
    ];

    /// The word, as on the command line and in file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Outcomes => "outcomes",
            Self::Parity => "parity",
            Self::Latency => "latency",
            Self::TtftTpot => "ttft-tpot",
            Self::Pareto => "pareto",
            Self::Cost => "cost",
            Self::CostInteractivity => "cost-interactivity",
            Self::CostLoad => "cost-load",
            Self::Sensitivity => "sensitivity",
            Self::LatencyPercentiles => "latency-percentiles",
            Self::LatencyCdf => "latency-cdf",
            Self::Roofline => "roofline",
            Self::OpCoverage => "op-coverage",
            Self::WarmUp => "warm-up",
            Self::Loss => "loss",
            Self::Scaling => "scaling",
            Self::Cascade => "cascade",
            Self::History => "history",
        }
    }

    /// What it shows.
    #[must_use]
    pub const fn shows(self) -> &'static str {
        match self {
            Self::Throughput => "work per second of each cell, with intervals",
            Self::Outcomes => "how each workload ended on each platform",
            Self::Parity => "the worst R of each workload on each platform",
            Self::Latency => "time per execution, step or request, median and 99th percentile",
            Self::TtftTpot => {
                "generate: time to the first token and per further token, median and 99th percentile"
            }
            Self::Pareto => "generate: tokens per second for each device against those for each user",
            Self::Cost => "what the work of each cell costs on given instances, with intervals",
            Self::CostInteractivity => {
                "generate: cost of output tokens against tokens per second for each user"
            }
            Self::CostLoad => "cost while less is asked for than could be served",
            Self::Sensitivity => {
                "what an hour of owned hardware costs when each assumption is lower or higher"
            }
            Self::LatencyPercentiles => {
                "latency by percentile, each nine as wide as the one before (HdrHistogram's axis)"
            }
            Self::LatencyCdf => "share of executions within a latency",
            Self::Roofline => {
                "operations a second over arithmetic intensity, under the peaks of the hardware"
            }
            Self::OpCoverage => {
                "native, decomposed and unsupported ops, each as wide as its share of the modelled time"
            }
            Self::WarmUp => "time of each execution from the first warm-up on, and where sampling begins",
            Self::Loss => "training and held-out loss over optimiser steps, platforms over each other",
            Self::Scaling => "efficiency of several replicas against one alone",
            Self::Cascade => {
                "efficiency of each back end from its best platform to its worst, with running PP"
            }
            Self::History => "each cell over many runs: levels, change points, declared breaks",
        }
    }

    /// The kind of that name.
    ///
    /// # Errors
    /// The names there are, for people.
    pub fn parse(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|k| k.name() == name).ok_or_else(|| {
            format!("`{name}` is no kind of chart; there are {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

impl fmt::Display for ChartKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One chart; `None` where the cells have nothing that it could show: [`why_nothing`] says why.
///
/// # Errors
/// [`ReportError::Store`] for a record that cannot be read.
pub fn draw(study: &Study<'_>, kind: ChartKind, selection: &Selection) -> Result<Option<Chart>, ReportError> {
    match kind {
        ChartKind::Throughput => throughput::draw(study, selection),
        ChartKind::Outcomes => Ok(outcomes::draw(study, selection)),
        ChartKind::Parity => Ok(parity::draw(study, selection)),
        ChartKind::Latency => Ok(latency::draw(study, selection)),
        ChartKind::TtftTpot => Ok(ttft_tpot::draw(study, selection)),
        ChartKind::Pareto => Ok(pareto::draw(study, selection)),
        ChartKind::Cost => Ok(cost::bars(study, selection)),
        ChartKind::CostInteractivity => Ok(cost::against_interactivity(study, selection)),
        ChartKind::CostLoad => Ok(cost::over_load(study, selection)),
        ChartKind::Sensitivity => Ok(sensitivity::draw(study, selection)),
        ChartKind::LatencyPercentiles | ChartKind::LatencyCdf => quantiles::draw(study, kind, selection),
        ChartKind::Roofline => Ok(roofline::draw(study, selection)),
        ChartKind::OpCoverage => coverage::draw(study, selection),
        ChartKind::WarmUp => warm_up::draw(study, selection),
        ChartKind::Loss => loss::draw(study, selection),
        ChartKind::Scaling => Ok(scaling::draw(study, selection)),
        ChartKind::Cascade => Ok(cascade::draw(study, selection).ok()),
        ChartKind::History => Ok(history::draw(study, selection)),
    }
}

/// Of all cells at once.
const OVERVIEW: [ChartKind; 8] = [
    ChartKind::Throughput,
    ChartKind::Cost,
    ChartKind::Sensitivity,
    ChartKind::Outcomes,
    ChartKind::Parity,
    ChartKind::Latency,
    ChartKind::TtftTpot,
    ChartKind::OpCoverage,
];
/// Of one workload on several platforms; with one platform they would repeat a part of the overview.
const ACROSS: [ChartKind; 5] =
    [ChartKind::Throughput, ChartKind::Cost, ChartKind::Latency, ChartKind::TtftTpot, ChartKind::OpCoverage];
/// Of one workload in one number format.
const WITHIN: [ChartKind; 8] = [
    ChartKind::CostLoad,
    ChartKind::LatencyPercentiles,
    ChartKind::LatencyCdf,
    ChartKind::WarmUp,
    ChartKind::Loss,
    ChartKind::Scaling,
    ChartKind::Cascade,
    ChartKind::History,
];

/// Every chart of a report over the study's runs, in the order of a report: of all, then of each workload, then of each platform.
///
/// # Errors
/// As [`draw`].
pub fn charts(study: &Study<'_>) -> Result<Vec<Placed>, ReportError> {
    let mut placed = Gathered { study, placed: Vec::new() };
    placed.overview()?;
    for workload in study.workloads().iter().take(WORKLOADS) {
        let about = About::Workload(workload.clone());
        let whole = Selection { workload: Some(workload.clone()), ..Selection::default() };
        let platforms: BTreeSet<usize> = study.cells(&whole).iter().map(|c| c.platform).collect();
        if platforms.len() > 1 {
            for kind in ACROSS {
                placed.add(kind, &about, whole.clone())?;
            }
        }
        for kind in WITHIN {
            placed.in_each_format(kind, workload)?;
        }
    }
    placed.platforms()?;
    Ok(placed.placed)
}

/// The charts of a run's own page: those of all, the losses of each training, and those of each platform.
///
/// # Errors
/// As [`draw`].
pub fn charts_of_run(study: &Study<'_>) -> Result<Vec<Placed>, ReportError> {
    let mut placed = Gathered { study, placed: Vec::new() };
    placed.overview()?;
    for workload in study.workloads().iter().take(WORKLOADS) {
        placed.in_each_format(ChartKind::Loss, workload)?;
    }
    placed.platforms()?;
    Ok(placed.placed)
}

/// Charts as they come.
struct Gathered<'s, 'r> {
    study: &'s Study<'r>,
    placed: Vec<Placed>,
}

impl Gathered<'_, '_> {
    fn add(&mut self, kind: ChartKind, about: &About, selection: Selection) -> Result<(), ReportError> {
        if let Some(chart) = draw(self.study, kind, &selection)? {
            let runs = self.study.run_ids();
            let recipe = recipe(self.study, &runs, kind, &selection, &[], &format!("{}.svg", chart.name));
            self.placed.push(Placed { chart, about: about.clone(), recipe });
        }
        Ok(())
    }

    fn overview(&mut self) -> Result<(), ReportError> {
        for kind in OVERVIEW {
            self.add(kind, &About::Overview, Selection::default())?;
        }
        let models: BTreeSet<&str> = self.study.all().iter().map(|c| c.head.problem.model.as_str()).collect();
        for model in models.into_iter().take(WORKLOADS) {
            let selection = Selection { model: Some(model.to_owned()), ..Selection::default() };
            self.add(ChartKind::Pareto, &About::Overview, selection.clone())?;
            self.add(ChartKind::CostInteractivity, &About::Overview, selection)?;
        }
        Ok(())
    }

    /// A chart of a workload for each number format that it was run in.
    fn in_each_format(&mut self, kind: ChartKind, workload: &str) -> Result<(), ReportError> {
        let whole = Selection { workload: Some(workload.to_owned()), ..Selection::default() };
        let numerics: BTreeSet<Numerics> =
            self.study.cells(&whole).iter().map(|c| c.head.cell.numerics).collect();
        for numerics in numerics {
            let selection = Selection { numerics: Some(numerics), ..whole.clone() };
            self.add(kind, &About::Workload(workload.to_owned()), selection)?;
        }
        Ok(())
    }

    fn platforms(&mut self) -> Result<(), ReportError> {
        let platforms = self.study.platforms();
        for slug in (0..platforms.len()).map(|p| platforms.slug(p).to_owned()) {
            let selection = Selection { platform: Some(slug.clone()), ..Selection::default() };
            self.add(ChartKind::Roofline, &About::Platform(slug), selection)?;
        }
        Ok(())
    }
}

/// The command line that draws a chart of these runs (of a history, all stored ones where none is named) alone as that file, with further arguments before its name.
#[must_use]
pub fn recipe(
    study: &Study<'_>,
    runs: &[String],
    kind: ChartKind,
    selection: &Selection,
    further: &[String],
    out: &str,
) -> String {
    let mut words = vec!["portbench".to_owned(), "chart".to_owned(), kind.name().to_owned()];
    words.extend(runs.iter().cloned());
    let numerics = selection.numerics.map(|n| n.name().to_owned());
    for (flag, value) in [
        ("--workload", &selection.workload),
        ("--platform", &selection.platform),
        ("--model", &selection.model),
        ("--numerics", &numerics),
    ] {
        if let Some(value) = value {
            words.extend([flag.to_owned(), quoted(value)]);
        }
    }
    words.extend(study.prices().map(|prices| prices.arguments(&study.run_ids())).unwrap_or_default());
    if !study.projections().is_empty() {
        let names: Vec<&str> = study.projections().iter().map(|a| a.name.as_str()).collect();
        words.extend(["--on".to_owned(), quoted(&names.join(","))]);
    }
    words.extend(further.iter().map(|word| quoted(word)));
    words.extend(["--out".to_owned(), quoted(out)]);
    words.join(" ")
}

/// A word as a POSIX shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Name of a chart's files: its kind and what it selects.
fn name(kind: ChartKind, selection: &Selection) -> String {
    let mut parts = vec![kind.name().to_owned()];
    parts.extend(selection.workload.clone());
    parts.extend(selection.platform.clone());
    parts.extend(selection.model.clone());
    parts.extend(selection.numerics.map(|n| n.name().to_owned()));
    let safe = |c: char| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9' | '.' | '-') => c,
        _ => '-',
    };
    // Short enough for any file system.
    parts.join("-").chars().map(safe).take(200).collect()
}

/// The title's words for what a chart selects.
fn of(selection: &Selection) -> String {
    let named = selection.workload.as_ref().or(selection.model.as_ref()).map(|w| format!(" of {w}"));
    let numerics = selection.numerics.map(|n| format!(", {n}"));
    format!("{}{}", named.unwrap_or_default(), numerics.unwrap_or_default())
}

/// One entry of the legend for each platform of the cells.
fn legend(study: &Study<'_>, cells: &[&Shown]) -> Vec<Key> {
    let mut platforms: Vec<usize> = cells.iter().map(|c| c.platform).collect();
    platforms.sort_unstable();
    platforms.dedup();
    let key = |platform| Key::Series {
        label: study.platforms().label(platform).to_owned(),
        series: study.platforms().series(platform),
        provenance: Provenance::Measured,
    };
    platforms.into_iter().map(key).collect()
}

/// What is said where there are more cells or rows than a chart holds.
fn left_out(all: usize, most: usize) -> Option<String> {
    (all > most)
        .then(|| format!("Drawn: the first {most} of {all}; the tables of a report have all of them."))
}

/// What is said of cells that were measured in one trial alone.
fn one_trial(study: &Study<'_>, cells: &[&Shown]) -> Option<String> {
    const NAMED: usize = 4;
    let alone = |cell: &&&Shown| {
        cell.head.figures.iter().any(|f| f.metric == Metric::Throughput && f.trials.len() == 1)
    };
    let words: Vec<String> = cells
        .iter()
        .filter(alone)
        .map(|cell| {
            format!(
                "{} {} on {}",
                cell.head.cell.workload,
                cell.setting(),
                study.platforms().label(cell.platform)
            )
        })
        .collect();
    let more =
        if words.len() > NAMED { format!("; and {} more", words.len() - NAMED) } else { String::new() };
    let named = words.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    (!words.is_empty()).then(|| {
        format!(
            "n = 1 trial, so that the interval is that within it and nothing can be claimed: {named}{more}."
        )
    })
}

/// The number of trials of the runs, in words.
fn trials(study: &Study<'_>) -> String {
    let mut counts: Vec<u64> = study.infos().iter().map(|info| info.trials).collect();
    counts.sort_unstable();
    counts.dedup();
    match counts.as_slice() {
        [] => "no trials".to_owned(),
        [1] => "1 trial a cell".to_owned(),
        [n] => format!("{n} trials a cell"),
        [first, .., last] => format!("{first} to {last} trials a cell"),
    }
}
