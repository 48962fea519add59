//! Two runs side by side.

use std::collections::BTreeMap;

use portbench_measure::{Figure, Metric};
use portbench_records::{Outcome, RecordHead};
use portbench_stats::multiplicity::{Correction, adjust};
use portbench_stats::trials::fieller_ratio;
use portbench_stats::{CompareOptions, Direction, Statistic, Trials, Verdict};
use serde::Serialize;

use crate::number;

/// Metrics that are compared: throughput, and the median times that a person waits for.
const COMPARED: [Metric; 5] =
    [Metric::Throughput, Metric::LatencyP50, Metric::TtftP50, Metric::TpotP50, Metric::ValidationLoss];

/// Share of false claims among all claims that is put up with.
const LEVEL: f64 = 0.05;

/// Smallest p-value that is told apart from 0.
const SMALLEST_P: f64 = 1e-6;

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
    /// Chance of a ratio so far from 1 if there were no change, adjusted for the number of comparisons (Benjamini and Hochberg); only where it is significant by itself.
    pub p: Option<f64>,
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
    correct(&mut rows);
    rows.extend(known.into_keys().map(|cell| plain_row(cell, Change::OnlyInBaseline, None)));
    rows.sort_by(|a, b| (&a.cell, a.metric).cmp(&(&b.cell, b.metric)));
    rows
}

fn plain_row(cell: String, change: Change, detail: Option<String>) -> CompareRow {
    CompareRow { cell, metric: None, baseline: None, candidate: None, ratio: None, p: None, change, detail }
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

/// Withdraws the claims that many comparisons make likely by chance: Benjamini and Hochberg (1995) over every compared metric, at 5 %.
fn correct(rows: &mut [CompareRow]) {
    let compared: Vec<usize> = (0..rows.len())
        .filter(|&i| {
            matches!(rows[i].change, Change::Compared(v) if v != Verdict::TooFewTrials && v != Verdict::NotEstimable)
        })
        .collect();
    let p_values: Vec<f64> = compared.iter().map(|&i| rows[i].p.unwrap_or(1.0)).collect();
    let Ok(adjusted) = adjust(&p_values, Correction::BenjaminiHochberg) else { return };
    for (&i, p) in compared.iter().zip(adjusted) {
        let row = &mut rows[i];
        if row.p.is_some() && p > LEVEL {
            row.change = Change::Compared(Verdict::WithinNoise);
            row.detail = Some(format!("not claimed among {} comparisons", compared.len()));
        }
        row.p = row.p.map(|_| p);
    }
}

/// The p-value of a ratio other than 1: one less the largest confidence at which Fieller's interval leaves 1 out. Only asked for where it does at 95 %.
fn p_value(after: &Trials, before: &Trials) -> Option<f64> {
    let excludes = |p: f64| {
        let interval = |trials: &Trials| trials.t_interval(Statistic::Median, 1.0 - p).ok();
        let ratio = fieller_ratio(&interval(after)?, &interval(before)?)?;
        Some(!ratio.contains(1.0))
    };
    let (mut excluded, mut included) = (LEVEL.log10(), SMALLEST_P.log10());
    if excludes(SMALLEST_P) == Some(true) {
        return Some(SMALLEST_P);
    }
    for _ in 0..14 {
        let middle = (excluded + included) / 2.0;
        if excludes(10f64.powf(middle)) == Some(true) { excluded = middle } else { included = middle }
    }
    Some(10f64.powf(excluded))
}

fn metric_row(cell: String, metric: Metric, before: &[f64], after: &[f64], relevant: f64) -> CompareRow {
    let direction =
        if metric.higher_is_better() { Direction::HigherIsBetter } else { Direction::LowerIsBetter };
    let nested = |values: &[f64]| Trials::from_nested(&values.iter().map(|v| [*v]).collect::<Vec<_>>());
    let compared = nested(after).and_then(|after| {
        let before = nested(before)?;
        portbench_stats::compare(&after, &before, &CompareOptions::new(direction, relevant))
    });
    let claimed = matches!(&compared, Ok(found) if matches!(found.verdict, Verdict::Faster | Verdict::Slower | Verdict::NotRelevant));
    let p = match (claimed, nested(after), nested(before)) {
        (true, Ok(after), Ok(before)) => p_value(&after, &before),
        _ => None,
    };
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
        p,
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
