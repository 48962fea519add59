//! Two runs side by side.

use std::collections::{BTreeMap, BTreeSet};

use portbench_measure::Metric;
use portbench_records::{Comparable, Outcome, Run, StoreError, unlike};
use portbench_stats::multiplicity::{Correction, adjust};
use portbench_stats::trials::fieller_ratio;
use portbench_stats::{CompareOptions, Direction, Statistic, Trials, Verdict};
use serde::Serialize;

use portbench_chart::number;

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
    /// The candidate run has no such cell, and the baseline did not measure it.
    OnlyInBaseline,
    /// The cell was measured in the baseline, and in the candidate it was not.
    NoLongerMeasured,
    /// The cell was measured in the baseline, and the candidate run has no such cell.
    Missing,
    /// The cell is measured in the candidate and was not in the baseline.
    NewlyMeasured,
    /// Neither run measured it.
    NeverMeasured,
    /// The programs differ: the numbers are not about the same work.
    DifferentWork,
    /// The timers enclose different things.
    DifferentBoundary,
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
    /// How a cell ended in the candidate, or which settings differ, where that is the news.
    pub detail: Option<String>,
}

/// A cell that waits for its counterpart.
struct Known(Comparable);

impl Known {
    fn of(mut cell: Comparable) -> (String, Self) {
        cell.figures.retain(|f| COMPARED.contains(&f.metric) && !f.trials.is_empty());
        (cell.cell.id(), Self(cell))
    }

    fn trials(&self, metric: Metric) -> Option<&[f64]> {
        self.0.figures.iter().find(|f| f.metric == metric).map(|f| f.trials.as_slice())
    }

    fn settings(&self) -> Option<&BTreeMap<String, String>> {
        self.0.backend.as_ref().map(|backend| &backend.settings)
    }
}

/// Compares a candidate run with a baseline run as [`compare`] does, and reads each on a thread of its own. `unread` is told of each record that cannot be read; the others are compared.
///
/// # Errors
/// [`StoreError::Read`] when a run's directory cannot be listed.
pub fn compare_runs(
    baseline: &Run,
    candidate: &Run,
    relevant: f64,
    unread: &dyn Fn(&StoreError),
) -> Result<Vec<CompareRow>, StoreError> {
    let told = |cell: Result<Comparable, StoreError>| cell.inspect_err(unread).ok();
    let (baseline, candidate) = (baseline.comparables()?.ahead(), candidate.comparables()?.ahead());
    Ok(compare(baseline.filter_map(told), candidate.filter_map(told), relevant))
}

/// Compares a candidate run with a baseline run, cell by cell. `relevant` is the smallest relative change that matters. Rows are in the order of cell
/// names. Both runs are read in step and a cell is let go once it is compared: runs in the same order are never held whole.
#[must_use]
pub fn compare(
    baseline: impl Iterator<Item = Comparable>,
    candidate: impl Iterator<Item = Comparable>,
    relevant: f64,
) -> Vec<CompareRow> {
    let (mut baseline, mut candidate) = (baseline.fuse(), candidate.fuse());
    // Cells that wait for their counterpart.
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    let mut rows = Vec::new();
    loop {
        let read = (baseline.next().map(Known::of), candidate.next().map(Known::of));
        if read.0.is_none() && read.1.is_none() {
            break;
        }
        if let Some((cell, known)) = read.0 {
            match after.remove(&cell) {
                Some(counterpart) => cell_rows(&known, cell, &counterpart, relevant, &mut rows),
                None => drop(before.insert(cell, known)),
            }
        }
        if let Some((cell, known)) = read.1 {
            match before.remove(&cell) {
                Some(counterpart) => cell_rows(&counterpart, cell, &known, relevant, &mut rows),
                None => drop(after.insert(cell, known)),
            }
        }
    }
    rows.extend(after.into_keys().map(|cell| plain_row(cell, Change::OnlyInCandidate, None)));
    for (cell, known) in before {
        rows.push(match known.0.outcome {
            Outcome::Measured => plain_row(cell, Change::Missing, Some("measured -> no record".to_owned())),
            _ => plain_row(cell, Change::OnlyInBaseline, None),
        });
    }
    correct(&mut rows);
    rows.sort_by(|a, b| (&a.cell, a.metric).cmp(&(&b.cell, b.metric)));
    rows
}

fn plain_row(cell: String, change: Change, detail: Option<String>) -> CompareRow {
    CompareRow { cell, metric: None, baseline: None, candidate: None, ratio: None, p: None, change, detail }
}

fn cell_rows(before: &Known, cell: String, after: &Known, relevant: f64, rows: &mut Vec<CompareRow>) {
    let (outcomes, boundaries) =
        ((before.0.outcome, after.0.outcome), (before.0.spec.boundary, after.0.spec.boundary));
    let detail = || Some(format!("{} -> {}", outcomes.0, outcomes.1));
    let differences = unlike(&before.0.problem, &after.0.problem);
    let change = match (outcomes.0 == Outcome::Measured, outcomes.1 == Outcome::Measured) {
        (true, false) => Some((Change::NoLongerMeasured, detail())),
        _ if !differences.is_empty() => Some((Change::DifferentWork, Some(differences.join("; ")))),
        (true, true) if boundaries.0 != boundaries.1 => {
            Some((Change::DifferentBoundary, Some(format!("{} -> {}", boundaries.0, boundaries.1))))
        }
        (true, true) => None,
        (false, true) => Some((Change::NewlyMeasured, detail())),
        (false, false) => Some((Change::NeverMeasured, detail())),
    };
    if let Some((change, detail)) = change {
        rows.push(plain_row(cell, change, detail));
        return;
    }
    let settings = settings(before.settings(), after.settings());
    for metric in COMPARED {
        if let (Some(before), Some(after)) = (before.trials(metric), after.trials(metric)) {
            let row = metric_row(cell.clone(), metric, before, after, relevant);
            rows.push(CompareRow { detail: settings.clone(), ..row });
        }
    }
}

/// Settings of the backend that are not the same on both sides, for people.
fn settings(
    before: Option<&BTreeMap<String, String>>,
    after: Option<&BTreeMap<String, String>>,
) -> Option<String> {
    if before == after {
        return None;
    }
    let names: BTreeSet<&String> = [before, after].into_iter().flatten().flat_map(BTreeMap::keys).collect();
    let value = |map: Option<&BTreeMap<String, String>>, name| {
        map.and_then(|m| m.get(name)).cloned().unwrap_or_else(|| "unset".to_owned())
    };
    let changed: Vec<String> = names
        .into_iter()
        .filter(|name| before.and_then(|m| m.get(*name)) != after.and_then(|m| m.get(*name)))
        .map(|name| format!("{name} {} -> {}", value(before, name), value(after, name)))
        .collect();
    (!changed.is_empty()).then(|| format!("settings differ: {}", changed.join(", ")))
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
            let words = format!("not claimed among {} comparisons", compared.len());
            row.detail = Some(row.detail.iter().fold(words, |words, detail| format!("{words}; {detail}")));
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

/// Which of them hold numbers, which people read from the right.
pub const COMPARE_NUMERIC: [&str; 3] = ["baseline", "candidate", "ratio"];

impl CompareRow {
    /// Whether both sides were measured and yet cannot be compared.
    #[must_use]
    pub const fn incomparable(&self) -> bool {
        matches!(self.change, Change::DifferentWork | Change::DifferentBoundary)
    }

    /// Whether only one of the runs has the cell.
    #[must_use]
    pub const fn alone(&self) -> bool {
        matches!(self.change, Change::OnlyInCandidate | Change::OnlyInBaseline | Change::Missing)
    }

    /// Whether this is what a gate is there to catch: relevantly slower, or no longer measured.
    #[must_use]
    pub fn regressed(&self) -> bool {
        matches!(self.change, Change::Compared(Verdict::Slower) | Change::NoLongerMeasured | Change::Missing)
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
            (Change::NoLongerMeasured | Change::Missing, _) => "regression: no longer measured".to_owned(),
            (Change::NewlyMeasured, _) => "newly measured".to_owned(),
            (Change::NeverMeasured, _) => "never measured".to_owned(),
            (Change::DifferentWork, _) => "not compared: different work".to_owned(),
            (Change::DifferentBoundary, _) => "not compared: the timers enclose different things".to_owned(),
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
