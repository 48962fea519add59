//! Which charts a report has, and what of the records goes into each. One file a kind.

mod latency;
mod loss;
mod study;
mod throughput;

use std::collections::BTreeSet;
use std::fmt;

use portbench_chart::{Chart, Key, Provenance};
use portbench_measure::Numerics;
use portbench_records::Outcome;

use crate::error::ReportError;
use study::Shown;
pub use study::{Selection, Study};

/// Most lines of one chart; the others are in the tables.
const LINES: usize = 60;
/// Most workloads that have charts of their own.
const WORKLOADS: usize = 60;

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
    /// Time per execution, to the first token and per further token.
    Latency,
    /// Loss over optimiser steps.
    Loss,
}

impl ChartKind {
    /// Every kind, in the order of a report.
    pub const ALL: [Self; 3] = [Self::Throughput, Self::Latency, Self::Loss];

    /// The word, as on the command line and in file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::Loss => "loss",
        }
    }

    /// What it shows.
    #[must_use]
    pub const fn shows(self) -> &'static str {
        match self {
            Self::Throughput => "work per second of each cell, with intervals",
            Self::Latency => "time per execution, to the first token and per further token, median and p99",
            Self::Loss => "training and held-out loss over optimiser steps, platforms over each other",
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

/// One chart; `None` where the cells have nothing that it could show.
///
/// # Errors
/// [`ReportError::Store`] for a record that cannot be read.
pub fn draw(study: &Study<'_>, kind: ChartKind, selection: &Selection) -> Result<Option<Chart>, ReportError> {
    match kind {
        ChartKind::Throughput => Ok(throughput::draw(study, selection)),
        ChartKind::Latency => Ok(latency::draw(study, selection)),
        ChartKind::Loss => loss::draw(study, selection),
    }
}

/// Every chart of a report over the study's runs, in the order of a report: of all, then of each workload, then of each platform.
///
/// # Errors
/// As [`draw`].
pub fn charts(study: &Study<'_>) -> Result<Vec<Placed>, ReportError> {
    let mut placed = Vec::new();
    let mut add = |kind: ChartKind, about: About, selection: Selection| -> Result<(), ReportError> {
        if let Some(chart) = draw(study, kind, &selection)? {
            let recipe = recipe(study, kind, &selection, &chart.name);
            placed.push(Placed { chart, about, recipe });
        }
        Ok(())
    };
    for kind in [ChartKind::Throughput, ChartKind::Latency] {
        add(kind, About::Overview, Selection::default())?;
    }
    for workload in study.workloads().iter().take(WORKLOADS) {
        let about = || About::Workload(workload.clone());
        let whole = Selection { workload: Some(workload.clone()), ..Selection::default() };
        let cells = study.cells(&whole);
        let numerics: BTreeSet<Numerics> = cells.iter().map(|c| c.head.cell.numerics).collect();
        let measured = cells.iter().filter(|c| c.head.outcome == Outcome::Measured).map(|c| c.platform);
        // With one platform they would repeat a part of the overview.
        if measured.collect::<BTreeSet<usize>>().len() > 1 {
            for kind in [ChartKind::Throughput, ChartKind::Latency] {
                add(kind, about(), whole.clone())?;
            }
        }
        for numerics in numerics {
            add(ChartKind::Loss, about(), Selection { numerics: Some(numerics), ..whole.clone() })?;
        }
    }
    Ok(placed)
}

/// The command line that draws a chart alone.
fn recipe(study: &Study<'_>, kind: ChartKind, selection: &Selection, name: &str) -> String {
    let mut words = vec!["portbench".to_owned(), "chart".to_owned(), kind.name().to_owned()];
    words.extend(study.run_ids());
    let numerics = selection.numerics.map(|n| n.name().to_owned());
    for (flag, value) in
        [("--workload", &selection.workload), ("--platform", &selection.platform), ("--numerics", &numerics)]
    {
        if let Some(value) = value {
            words.extend([flag.to_owned(), quoted(value)]);
        }
    }
    words.extend(["--out".to_owned(), format!("{name}.svg")]);
    words.join(" ")
}

/// A word as a POSIX shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@".contains(c);
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
    let workload = selection.workload.as_ref().map(|w| format!(" of {w}"));
    let numerics = selection.numerics.map(|n| format!(", {n}"));
    format!("{}{}", workload.unwrap_or_default(), numerics.unwrap_or_default())
}

/// One entry of the legend for each platform of the cells.
fn legend(study: &Study<'_>, cells: &[&Shown]) -> Vec<Key> {
    let mut platforms: Vec<usize> = cells.iter().map(|c| c.platform).collect();
    platforms.sort_unstable();
    platforms.dedup();
    let key = |series| Key::Series {
        label: study.platforms().label(series).to_owned(),
        series,
        provenance: Provenance::Measured,
    };
    platforms.into_iter().map(key).collect()
}

/// The number of trials of the runs, in words.
fn trials(study: &Study<'_>) -> String {
    let mut counts: Vec<u64> = study.infos().iter().map(|info| info.trials).collect();
    counts.sort_unstable();
    counts.dedup();
    match counts.as_slice() {
        [] => "no trials".to_owned(),
        [n] => format!("{n} trials a cell"),
        [first, .., last] => format!("{first} to {last} trials a cell"),
    }
}
