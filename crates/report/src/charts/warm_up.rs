//! How the times of executions settle, and where sampling begins.

use portbench_chart::{Chart, Format, Provenance, Scale, kind, number};
use portbench_measure::{Samples, WarmupReport};
use portbench_records::{Outcome, Record};

use super::study::{Selection, Shown, Study};
use super::{CURVES, ChartKind, left_out, name, of};
use crate::error::ReportError;
use crate::html::counted;

/// Most samples of a trace.
const SAMPLES: usize = 400;

pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Result<Option<Chart>, ReportError> {
    let (mut lines, mut drawn, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    let fits = |c: &&Shown| c.head.outcome == Outcome::Measured && c.head.cell.replicas == 1;
    let cells: Vec<&Shown> = study.cells(selection).into_iter().filter(fits).collect();
    for &cell in cells.iter().take(CURVES) {
        let Some(record) = study.record(cell)? else { continue };
        let (what, setting) = study.words(cell, selection);
        let label = format!("{what}, {setting}");
        match trace(&record) {
            Some(trace) => {
                notes.extend(trace.note(&label));
                lines.extend(trace.lines(&label, study.series(cell)));
                drawn.push(cell);
            }
            None => notes
                .push(format!("Not drawn: {label}: the queries of an open loop overlap and have no order.")),
        }
    }
    notes.extend(left_out(cells.len(), CURVES));
    let lines = kind::Lines {
        x: kind::Coordinate {
            title: "executions before and after sampling began".into(),
            scale: Scale::Linear,
            format: Format::Short,
            from_zero: false,
        },
        y: kind::Coordinate {
            title: "time of one execution".into(),
            scale: Scale::Logarithmic,
            format: Format::Seconds,
            from_zero: false,
        },
        lines,
        across: Vec::new(),
        along: vec![(0.0, "sampling begins".into())],
    };
    let head = kind::Head {
        name: name(ChartKind::WarmUp, selection),
        title: format!("Warm-up{}", of(selection)),
        subtitle: format!(
            "First trial of each platform: warm-up executions, which are discarded, then the first {SAMPLES} samples. Measured."
        ),
        notes: [study.notes(&drawn), notes].concat(),
    };
    Ok(lines.chart(ChartKind::WarmUp.name(), head, |line| {
        let last = line.points.last()?;
        Some(format!("{} ends at {}", line.label, number::seconds(last.y)))
    }))
}

/// Times of consecutive executions of the first trial, seconds.
struct Trace {
    warmup: WarmupReport,
    samples: Vec<f64>,
    /// Executions in one sample.
    group: u64,
}

fn trace(record: &Record) -> Option<Trace> {
    let measurement = &record.trials.first()?.measurement;
    let seconds = |times: &[u64], group: u64| -> Vec<f64> {
        times.iter().take(SAMPLES).map(|t| *t as f64 * 1e-9 / group.max(1) as f64).collect()
    };
    let (samples, group) = match &measurement.samples {
        Samples::Iterations { group, nanoseconds, .. } | Samples::Training { group, nanoseconds, .. } => {
            (seconds(nanoseconds, *group), *group)
        }
        Samples::Generate { requests, .. } => {
            (seconds(&requests.iter().map(|r| r.total).collect::<Vec<_>>(), 1), 1)
        }
        Samples::Server { .. } => return None,
    };
    Some(Trace { warmup: measurement.warmup.clone(), samples, group })
}

impl Trace {
    fn lines(self, label: &str, series: usize) -> Vec<kind::Line> {
        let point = |(x, y): (f64, f64)| kind::LinePoint { x, y, interval: None };
        let line = |points: Vec<(f64, f64)>| kind::Line {
            label: label.to_owned(),
            series,
            provenance: Provenance::Measured,
            marks: kind::Marks::None,
            points: points.into_iter().map(point).collect(),
        };
        let before = self.warmup.executions as f64;
        let warmup =
            self.warmup.nanoseconds.iter().zip(0..).map(|(t, i)| (f64::from(i) - before, *t as f64 * 1e-9));
        let group = self.group as f64;
        let samples = self.samples.iter().zip(0..).map(|(t, i)| (f64::from(i) * group, *t));
        if self.warmup.nanoseconds.len() as u64 == self.warmup.executions {
            return vec![line(warmup.chain(samples).collect())];
        }
        // Between the two is a gap.
        [line(warmup.collect()), line(samples.collect())]
            .into_iter()
            .filter(|l| !l.points.is_empty())
            .collect()
    }

    /// What the record does not hold, and whether the times had settled.
    fn note(&self, label: &str) -> Option<String> {
        let WarmupReport { executions, seconds, settled, nanoseconds } = &self.warmup;
        let verdict = match settled {
            Some(true) => "settled",
            Some(false) => "not settled",
            None => "too few executions to tell whether they settled",
        };
        let kept = nanoseconds.len();
        if *executions == 0 {
            return Some(format!("{label}: no warm-up; the first sample is the first execution."));
        }
        let whole = kept as u64 == *executions;
        let missing = if kept == 0 {
            "; the record is older than the times of warm-up executions and holds none of them".to_owned()
        } else if whole {
            String::new()
        } else {
            format!("; the record holds the first {kept} of them")
        };
        Some(format!(
            "{label}: {} in {}, {verdict}{missing}.",
            counted(*executions as usize, "warm-up execution"),
            number::seconds(*seconds)
        ))
    }
}
