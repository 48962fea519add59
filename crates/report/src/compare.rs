//! Two runs side by side.

use std::collections::BTreeMap;

use portbench_measure::{Figure, Metric};
use portbench_records::{Outcome, RecordHead};
use portbench_stats::{CompareOptions, Direction, Trials, Verdict};
use serde::Serialize;

use crate::number;

/// Metrics that are compared: throughput, and the median times that a person waits for.
const COMPARED: [Metric; 5] =
    [Metric::Throughput, Metric::LatencyP50, Metric::TtftP50, Metric::TpotP50, Metric::ValidationLoss];

/// What a comparison says of a cell's metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// What statistics say of two measured figures.
    Compared(Verdict),
    /// The baseline run has no such cell.
    OnlyInCandidate,
    /// The candidate run has no such cell.
    OnlyInBaseline,
    /// The cell was measured in the baseline and is not in the candidate.
    NoLongerMeasured,
    /// The cell is measured in the candidate and was not in the baseline.
    NewlyMeasured,
    /// Neither run measured it.
    NeverMeasured,
    /// The programs differ: the numbers are not about the same work.
    DifferentWork,
}

/// One compared metric of one cell, or a cell that cannot be compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CompareRow {
    /// Name of the cell.
    pub cell: String,
    /// Which figure; absent where the cell cannot be compared.
    pub metric: Option<Metric>,
    /// Mean of the baseline's trials, in the metric's unit.
    pub baseline: Option<f64>,
    /// Mean of the candidate's trials.
    pub candidate: Option<f64>,
    /// Candidate over baseline: value, low and high end of the interval.
    pub ratio: Option<[f64; 3]>,
    /// What may be claimed.
    pub change: Change,
    /// How a cell ended in the candidate, where that is the news.
    pub detail: Option<String>,
}

/// What a gate needs to know of a baseline cell.
struct Known {
    outcome: Outcome,
    fingerprint: String,
    figures: Vec<Figure>,
}

/// Compares a candidate run with a baseline run, cell by cell. `relevant` is the smallest relative change that matters. Rows are in the order of cell
/// names. Of the baseline only figures are held; the candidate streams.
#[must_use]
pub fn compare(
    baseline: impl Iterator<Item = RecordHead>,
    candidate: impl Iterator<Item = RecordHead>,
    relevant: f64,
) -> Vec<CompareRow> {
    let mut known: BTreeMap<String, Known> = baseline
        .map(|head| {
            let id = head.cell.id();
            (
                id,
                Known { outcome: head.outcome, fingerprint: head.problem.fingerprint, figures: head.figures },
            )
        })
        .collect();
    let mut rows = Vec::new();
    for head in candidate {
        let cell = head.cell.id();
        match known.remove(&cell) {
            None => rows.push(plain_row(cell, Change::OnlyInCandidate, None)),
            Some(before) => cell_rows(&before, cell, &head, relevant, &mut rows),
        }
    }
    rows.extend(known.into_keys().map(|cell| plain_row(cell, Change::OnlyInBaseline, None)));
    rows.sort_by(|a, b| (&a.cell, a.metric).cmp(&(&b.cell, b.metric)));
    rows
}

fn plain_row(cell: String, change: Change, detail: Option<String>) -> CompareRow {
    CompareRow { cell, metric: None, baseline: None, candidate: None, ratio: None, change, detail }
}

fn cell_rows(before: &Known, cell: String, after: &RecordHead, relevant: f64, rows: &mut Vec<CompareRow>) {
    let measured = |outcome| outcome == Outcome::Measured;
    let detail = || Some(format!("{} -> {}", before.outcome, after.outcome));
    let change = match (measured(before.outcome), measured(after.outcome)) {
        _ if before.fingerprint != after.problem.fingerprint => Some((Change::DifferentWork, None)),
        (true, true) => None,
        (true, false) => Some((Change::NoLongerMeasured, detail())),
        (false, true) => Some((Change::NewlyMeasured, detail())),
        (false, false) => Some((Change::NeverMeasured, detail())),
    };
    if let Some((change, detail)) = change {
        rows.push(plain_row(cell, change, detail));
        return;
    }
    for metric in COMPARED {
        let trials = |figures: &[Figure]| {
            figures.iter().find(|f| f.metric == metric).map(|f| f.trials.clone()).filter(|t| !t.is_empty())
        };
        if let (Some(before), Some(after)) = (trials(&before.figures), trials(&after.figures)) {
            rows.push(metric_row(cell.clone(), metric, &before, &after, relevant));
        }
    }
}

fn metric_row(cell: String, metric: Metric, before: &[f64], after: &[f64], relevant: f64) -> CompareRow {
    let direction =
        if metric.higher_is_better() { Direction::HigherIsBetter } else { Direction::LowerIsBetter };
    let nested = |values: &[f64]| Trials::from_nested(&values.iter().map(|v| [*v]).collect::<Vec<_>>());
    let compared = nested(after).and_then(|after| {
        let before = nested(before)?;
        portbench_stats::compare(&after, &before, &CompareOptions::new(direction, relevant))
    });
    let (ratio, verdict) = match compared {
        Ok(found) => (found.ratio.map(|r| [r.value, r.low, r.high]), found.verdict),
        Err(_) => (None, Verdict::NotEstimable),
    };
    let mean = |values: &[f64]| Some(values.iter().sum::<f64>() / values.len() as f64);
    CompareRow {
        cell,
        metric: Some(metric),
        baseline: mean(before),
        candidate: mean(after),
        ratio,
        change: Change::Compared(verdict),
        detail: None,
    }
}

/// Heads of the comparison's columns.
pub const COMPARE_COLUMNS: [&str; 6] = ["cell", "metric", "baseline", "candidate", "ratio", "verdict"];

impl CompareRow {
    /// Whether this is what a gate is there to catch: relevantly slower, or no longer measured.
    #[must_use]
    pub fn regressed(&self) -> bool {
        matches!(self.change, Change::Compared(Verdict::Slower) | Change::NoLongerMeasured)
    }

    /// The cells of the table, as many as [`COMPARE_COLUMNS`].
    #[must_use]
    pub fn cells(&self) -> [String; 6] {
        let value = |v: Option<f64>| match (v, self.metric) {
            (Some(v), Some(Metric::Throughput)) => format!("{}/s", number::plain(v)),
            (Some(v), Some(Metric::ValidationLoss)) => number::plain(v),
            (Some(v), _) => number::seconds(v),
            (None, _) => String::new(),
        };
        let ratio = self.ratio.map(|[value, low, high]| number::plain_with(value, low, high));
        let verdict = match (&self.change, self.metric) {
            // A loss is not fast or slow.
            (Change::Compared(Verdict::Faster), Some(Metric::ValidationLoss)) => "better".to_owned(),
            (Change::Compared(Verdict::Slower), Some(Metric::ValidationLoss)) => "worse".to_owned(),
            (Change::Compared(verdict), _) => verdict.to_string(),
            (Change::OnlyInCandidate, _) => "only in the candidate".to_owned(),
            (Change::OnlyInBaseline, _) => "only in the baseline".to_owned(),
            (Change::NoLongerMeasured, _) => "no longer measured".to_owned(),
            (Change::NewlyMeasured, _) => "newly measured".to_owned(),
            (Change::NeverMeasured, _) => "never measured".to_owned(),
            (Change::DifferentWork, _) => "different work (fingerprints differ)".to_owned(),
        };
        let verdict = self.detail.iter().fold(verdict, |verdict, detail| format!("{verdict}: {detail}"));
        [
            self.cell.clone(),
            self.metric.map(|m| m.name().to_owned()).unwrap_or_default(),
            value(self.baseline),
            value(self.candidate),
            ratio.unwrap_or_default(),
            verdict,
        ]
    }
}
