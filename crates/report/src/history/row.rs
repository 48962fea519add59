//! A history as rows: for people, and with every number alone for programs.

use std::collections::BTreeMap;

use portbench_chart::number;
use portbench_measure::{Metric, Unit};
use portbench_stats::Standing;
use portbench_stats::regression::{BASELINE, LEVEL};
use serde::{Serialize, Serializer};

use super::stack::words;
use super::{Absence, Absent, Break, Drift, History, Series};
use crate::html::moment;

/// A series, or a cell that tonight lacks.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HistoryRow {
    /// Name of the cell.
    pub cell: String,
    /// Its hardware.
    pub hardware: String,
    /// The suite of its latest run.
    pub suite: String,
    /// What is followed; of a missing cell nothing.
    pub metric: Option<Metric>,
    /// Unit of work of a throughput.
    pub unit: Option<Unit>,
    /// The latest run.
    pub run: String,
    /// When that began, UTC.
    pub date: String,
    /// Runs of the series.
    pub runs: usize,
    /// What may be said of the latest run.
    pub verdict: Verdict,
    /// What is behind the verdict, for people.
    pub why: Option<String>,
    /// The latest value.
    pub latest: Option<Amount>,
    /// The level that it is held against.
    pub baseline: Option<Baseline>,
    /// How far it moved, relative to the baseline.
    pub change: Option<f64>,
    /// Smallest relative change that counts.
    pub floor: Option<f64>,
    /// Chance of such trials if nothing had changed.
    pub p: Option<f64>,
    /// The same adjusted for all series of tonight.
    pub adjusted_p: Option<f64>,
    /// The smallest one that so many trials can give.
    pub smallest_p: Option<f64>,
    /// Why the series is another one than that before it.
    pub begun: Option<String>,
    /// How its error moved.
    pub accuracy: Option<Drift>,
    /// Declared breaks and change points.
    pub shifts: Vec<ShiftRow>,
    /// The runs, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<PointRow>,
}

/// A value with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Amount {
    /// Value.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A level that a run is held against.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Baseline {
    /// Median of its runs.
    pub value: f64,
    /// How many runs.
    pub runs: usize,
    /// The first of them.
    pub since: String,
}

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Of tonight's run of a series.
    Judged(Standing),
    /// The series has no run tonight: another one goes on in its place, or its cell is missing.
    Ended,
    /// The cell is missing.
    Absent(Absence),
}

impl Verdict {
    /// The words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Judged(standing) => standing.to_string(),
            Self::Ended => "ended".to_owned(),
            Self::Absent(absence) => absence.name().to_owned(),
        }
    }

    /// Whether a gate is there to catch it.
    #[must_use]
    pub const fn gated(self) -> bool {
        match self {
            Self::Judged(standing) => matches!(standing, Standing::Regression),
            Self::Ended => false,
            Self::Absent(absence) => absence.gated(),
        }
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.words().replace(' ', "-"))
    }
}

/// A declared break or a change point.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ShiftRow {
    /// `declared-break` or `change-point`.
    pub kind: &'static str,
    /// The first run after it.
    pub run: String,
    /// When that began, UTC.
    pub date: String,
    /// The last run before it.
    pub last_before: String,
    /// Level before.
    pub before: f64,
    /// Level after.
    pub after: f64,
    /// How far the level moved, relative to the one before.
    pub change: f64,
    /// Share of random orders with as good a split, of a change point.
    pub p: Option<f64>,
    /// What changed between the two runs, for people; empty where records know of nothing.
    pub changed: String,
}

/// A run of a series.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PointRow {
    /// The run.
    pub run: String,
    /// When it began, seconds since 1970-01-01.
    pub started: u64,
    /// Its value.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The value of each trial.
    pub trials: Vec<f64>,
}

impl History {
    /// The rows: cells that are missing first, then series by name; those that ended only where `ended` asks for them.
    #[must_use]
    pub fn rows(&self, ended: bool) -> Vec<HistoryRow> {
        let absent = self.absent.iter().map(absent_row);
        let series = self.series.iter().filter(|series| ended || series.tonight);
        absent.chain(series.map(|series| series_row(series, self.tests()))).collect()
    }
}

fn absent_row(absent: &Absent) -> HistoryRow {
    let ago = match absent.runs_since {
        1 => "in the run before".to_owned(),
        n => format!("{n} runs ago"),
    };
    let before = if absent.absence == Absence::Worsened { "refused" } else { "measured" };
    let outcome = absent.outcome.map(|outcome| format!("{before} -> {outcome}; ")).unwrap_or_default();
    let mut why = format!("{outcome}last {before} {ago} ({})", absent.last_good);
    match absent.absence {
        Absence::NotRun => why.push_str(&format!("; `portbench run --resume {}` goes on", absent.run)),
        _ => why.extend(absent.detail.iter().map(|detail| format!(": {detail}"))),
    }
    HistoryRow {
        cell: absent.cell.clone(),
        hardware: absent.hardware.clone(),
        suite: absent.suite.clone(),
        metric: None,
        unit: None,
        run: absent.run.clone(),
        date: moment(absent.started),
        runs: 0,
        verdict: Verdict::Absent(absent.absence),
        why: Some(why),
        latest: None,
        baseline: None,
        change: None,
        floor: None,
        p: None,
        adjusted_p: None,
        smallest_p: None,
        begun: None,
        accuracy: None,
        shifts: Vec::new(),
        points: Vec::new(),
    }
}

fn series_row(series: &Series, tests: usize) -> HistoryRow {
    let latest = series.latest();
    let [value, low, high] = latest.estimate;
    let held = series.held.as_ref();
    let first = series.first();
    let baseline = held.map(|held| Baseline {
        value: held.level,
        runs: held.baseline.len(),
        since: series.points[first + held.baseline.start].run.clone(),
    });
    let point = |point: &super::Point| PointRow {
        run: point.run.clone(),
        started: point.started,
        value: point.estimate[0],
        low: point.estimate[1],
        high: point.estimate[2],
        trials: point.trials.clone(),
    };
    HistoryRow {
        cell: series.cell.id(),
        hardware: series.hardware.clone(),
        suite: series.suite.clone(),
        metric: Some(series.metric),
        unit: Some(series.unit).filter(|_| of_work(series.metric)),
        run: latest.run.clone(),
        date: moment(latest.started),
        runs: series.points.len(),
        verdict: series.standing.map_or(Verdict::Ended, Verdict::Judged),
        why: why(series, tests),
        latest: Some(Amount { value, low, high }),
        baseline,
        change: held.map(|held| held.change()),
        floor: held.map(|held| held.floor),
        p: held.map(|held| held.p),
        adjusted_p: series.adjusted_p,
        smallest_p: held.map(|held| held.smallest_p),
        begun: series.begun.clone(),
        accuracy: series.drift.clone(),
        shifts: shifts(series),
        points: series.points.iter().map(point).collect(),
    }
}

fn shifts(series: &Series) -> Vec<ShiftRow> {
    let row = |shift: &super::Shift| {
        let (kind, p) = match shift.kind {
            Break::Declared => ("declared-break", None),
            Break::ChangePoint(p) => ("change-point", Some(p)),
        };
        ShiftRow {
            kind,
            run: series.points[shift.at].run.clone(),
            date: moment(series.points[shift.at].started),
            last_before: series.points[shift.at - 1].run.clone(),
            before: shift.before,
            after: shift.after,
            change: shift.change(),
            p,
            changed: words(&shift.changed),
        }
    };
    series.shifts.iter().map(row).collect()
}

/// What is behind the verdict on a series, for people.
pub(crate) fn why(series: &Series, tests: usize) -> Option<String> {
    let mut reasons: Vec<String> = Vec::new();
    match (series.standing, &series.held) {
        (Some(Standing::TooFewRuns), None) => {
            let first = series.first();
            let since = series.shifts.iter().rev().find(|shift| shift.at == first && shift.at > 0);
            let since = since.map(|shift| format!(" since {}", words(&shift.changed))).unwrap_or_default();
            let runs = series.points.len() - first - 1;
            reasons.push(format!("{runs} of {BASELINE} runs of a baseline{since}"));
        }
        (Some(_), Some(held)) if held.relevant() => {
            let runs = held.candidate.len();
            let worse = (held.change() > 0.0) != series.metric.higher_is_better();
            let word = if worse { "worse" } else { "better" };
            if series.out_of_reach {
                reasons.push(format!(
                    "{word}, but {runs} against {} runs give no p below {}, and {tests} series at {LEVEL} need {}",
                    held.baseline.len(),
                    number::plain(held.smallest_p),
                    number::plain(LEVEL / tests as f64)
                ));
            } else if runs == 1 {
                reasons.push(format!("{word} in this run alone; run it once more"));
            } else {
                let since = &series.points[series.first() + held.candidate.start];
                reasons.push(format!(
                    "{word} in {runs} runs, since {} ({})",
                    moment(since.started),
                    since.run
                ));
            }
            reasons.extend(series.adjusted_p.map(|p| format!("p {}", number::plain(p))));
        }
        _ => {}
    }
    if let Some(drift) = series.drift.as_ref().filter(|drift| drift.jumped) {
        reasons.push(format!(
            "less right: error {} where {} runs had at most {}, since {}",
            number::plain(drift.error),
            drift.runs_before,
            number::plain(drift.largest_before),
            drift.since.as_deref().unwrap_or("this run")
        ));
    }
    reasons.extend(series.begun.iter().map(|begun| format!("begun by {begun}")));
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

const fn of_work(metric: Metric) -> bool {
    matches!(metric, Metric::Throughput | Metric::PrefillThroughput | Metric::EnergyPerUnit)
}

/// A value of a metric for people, with its interval if it has one.
fn value_words(metric: Metric, unit: Unit, value: f64, ends: Option<(f64, f64)>) -> String {
    let plain = |value: f64| {
        ends.map_or_else(|| number::plain(value), |(low, high)| number::plain_with(value, low, high))
    };
    match metric {
        Metric::Throughput | Metric::PrefillThroughput => format!("{} {unit}/s", plain(value)),
        Metric::FlopRate => format!("{} FLOP/s", plain(value)),
        Metric::Loss | Metric::ValidationLoss => plain(value),
        Metric::PeakMemory | Metric::DeviceMemory => number::bytes(value),
        Metric::EnergyPerUnit => format!("{} J", plain(value)),
        _ => {
            ends.map_or_else(|| number::seconds(value), |(low, high)| number::seconds_with(value, low, high))
        }
    }
}

/// Heads of the columns of a history.
pub const HISTORY_COLUMNS: [&str; 9] =
    ["cell", "hardware", "metric", "runs", "latest", "baseline", "change", "floor", "verdict"];

/// Which of them hold numbers, which people read from the right.
pub const HISTORY_NUMERIC: [&str; 5] = ["runs", "latest", "baseline", "change", "floor"];

/// Heads of the columns of [`shift_cells`].
pub const SHIFT_COLUMNS: [&str; 8] =
    ["cell", "metric", "date", "run", "kind", "level", "change", "what changed"];

/// Which of them hold numbers, which people read from the right.
pub const SHIFT_NUMERIC: [&str; 1] = ["change"];

/// A relative change with its sign, if it has one.
pub(crate) fn percent(change: f64) -> String {
    let text = format!("{:+.1} %", 100.0 * change);
    if text.ends_with("0.0 %") && text.len() == 6 { "0.0 %".to_owned() } else { text }
}

impl HistoryRow {
    /// Whether a gate is there to catch it.
    #[must_use]
    pub const fn gated(&self) -> bool {
        self.verdict.gated()
    }

    /// Whether the verdict waits for the cell to be run once more.
    #[must_use]
    pub fn suspicious(&self) -> bool {
        self.verdict == Verdict::Judged(Standing::Suspicious)
    }

    fn words(&self, value: f64, ends: Option<(f64, f64)>) -> String {
        self.metric
            .map(|metric| value_words(metric, self.unit.unwrap_or(Unit::Executions), value, ends))
            .unwrap_or_default()
    }

    /// The cells of the table, as many as [`HISTORY_COLUMNS`].
    #[must_use]
    pub fn cells(&self) -> [String; 9] {
        let verdict = self.verdict.words();
        [
            self.cell.clone(),
            self.hardware.clone(),
            self.metric.map(|metric| metric.name().to_owned()).unwrap_or_default(),
            if self.runs > 0 { self.runs.to_string() } else { String::new() },
            self.latest.map(|a| self.words(a.value, Some((a.low, a.high)))).unwrap_or_default(),
            self.baseline.as_ref().map(|baseline| self.words(baseline.value, None)).unwrap_or_default(),
            self.change.map(percent).unwrap_or_default(),
            self.floor.map(|floor| format!("{:.1} %", 100.0 * floor)).unwrap_or_default(),
            self.why.iter().fold(verdict, |verdict, why| format!("{verdict}: {why}")),
        ]
    }
}

/// Every shift of some rows as a table with [`SHIFT_COLUMNS`], by date. A declared break of several series is one line, with how far their levels moved.
#[must_use]
pub fn shift_cells(rows: &[HistoryRow]) -> Vec<[String; 8]> {
    type Group<'a> = Vec<(&'a HistoryRow, &'a ShiftRow)>;
    let mut groups: BTreeMap<(&str, &str, &str, usize), Group<'_>> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        for shift in &row.shifts {
            // Change points are told one by one.
            let own = if shift.p.is_some() { place } else { usize::MAX };
            groups.entry((&shift.date, &shift.run, &shift.changed, own)).or_default().push((row, shift));
        }
    }
    groups.into_values().map(|group| group_cells(&group)).collect()
}

fn group_cells(group: &[(&HistoryRow, &ShiftRow)]) -> [String; 8] {
    let (row, shift) = group[0];
    let changes = || group.iter().map(|(_, shift)| shift.change);
    let (cell, metric, level, change) = if group.len() == 1 {
        let metric = row.metric.map(|metric| metric.name().to_owned()).unwrap_or_default();
        let level = format!("{} -> {}", row.words(shift.before, None), row.words(shift.after, None));
        (row.cell.clone(), metric, level, percent(shift.change))
    } else {
        let (low, high) =
            (changes().fold(f64::INFINITY, f64::min), changes().fold(f64::NEG_INFINITY, f64::max));
        let change = format!("{} to {}", percent(low), percent(high));
        (format!("{} series", group.len()), String::new(), String::new(), change)
    };
    let changed = if shift.changed.is_empty() { "nothing that records know of" } else { &shift.changed };
    [
        cell,
        metric,
        shift.date.clone(),
        shift.run.clone(),
        shift.kind.replace('-', " "),
        level,
        change,
        changed.to_owned(),
    ]
}
