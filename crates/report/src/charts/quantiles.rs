//! The distribution of latencies: by percentile, and cumulative.

use portbench_chart::{Chart, kind};
use portbench_measure::{Mode, Samples, Scenario};
use portbench_records::{Outcome, Record};
use portbench_stats::{LatencyHistogram, StatsError};

use super::study::{Selection, Shown, Study};
use super::{CURVES, ChartKind, left_out, name, of};
use crate::error::ReportError;

/// Parts of a nine between two points of a curve.
const PARTS: u32 = 20;
const CONFIDENCE: f64 = 0.95;

pub(super) fn draw(
    study: &Study<'_>,
    chart: ChartKind,
    selection: &Selection,
) -> Result<Option<Chart>, ReportError> {
    let all = study.cells(selection);
    let cells: Vec<&Shown> = all
        .into_iter()
        .filter(|c| c.head.outcome == Outcome::Measured && c.head.cell.replicas == 1)
        // Offline, a sample is a group of executions and no latency of anything.
        .filter(|c| c.head.cell.scenario != Scenario::Offline)
        .collect();
    let one = |key: fn(&Shown) -> String| cells.windows(2).all(|pair| key(pair[0]) == key(pair[1]));
    let same_scenario = one(|c| c.head.cell.scenario.to_string());
    let same_workload = one(|c| c.head.cell.workload.clone());
    let same_numerics = one(|c| c.head.cell.numerics.to_string());
    let mut quantiles = kind::Quantiles { what: what(&cells), cells: Vec::new() };
    let (mut drawn, mut notes) = (Vec::new(), Vec::new());
    for &cell in cells.iter().take(CURVES) {
        let Some(record) = study.record(cell)? else { continue };
        let mut label = study.platforms().label(cell.platform).to_owned();
        if !same_workload {
            label.push_str(&format!(" {}", cell.head.cell.workload));
        }
        if !same_scenario {
            label.push_str(&format!(" {}", cell.head.cell.scenario));
        }
        if !same_numerics {
            label.push_str(&format!(" {}", cell.head.cell.numerics));
        }
        label.push_str(&cell.apart());
        match latencies(&record).and_then(|h| curve(&h, label.clone(), study.series(cell))) {
            Ok(curve) if curve.quantiles.len() > 1 => {
                quantiles.cells.push(curve);
                drawn.push(cell);
            }
            Ok(_) => notes.push(format!("Not drawn: {label}: too few samples.")),
            Err(error) => notes.push(format!("Not drawn: {label}: {error}.")),
        }
    }
    notes.extend(left_out(cells.len(), CURVES));
    let counts: Vec<u64> = quantiles.cells.iter().map(|c| c.count).collect();
    let counted = match (counts.iter().min(), counts.iter().max()) {
        (Some(low), Some(high)) if low == high => format!("n = {low}"),
        (Some(low), Some(high)) => format!("n = {low} to {high}"),
        _ => "n = 0".to_owned(),
    };
    let head = |title: &str, band: &str| kind::Head {
        name: name(chart, selection),
        title: format!("{title}{}", of(selection)),
        subtitle: format!("Measured; samples of all trials pooled, {counted}.{band}"),
        notes: [study.notes(&drawn), notes.clone()].concat(),
    };
    Ok(if chart == ChartKind::LatencyPercentiles {
        let band = " Band: 95 % interval of order statistics, within trials. A curve ends where samples do.";
        quantiles.percentiles(chart.name(), head("Latency by percentile", band))
    } else {
        quantiles.cumulative(chart.name(), head("Cumulative latency", ""))
    })
}

/// What was timed, by the mode of the cells.
fn what(cells: &[&Shown]) -> String {
    match cells.first().map(|c| c.head.cell.mode) {
        Some(Mode::Generate) => "time per request",
        Some(Mode::Training) => "time per step",
        _ => "time per execution",
    }
    .to_owned()
}

/// The latencies of all trials, nanoseconds. Of training the first step is the first execution as well, and stays out.
fn latencies(record: &Record) -> Result<LatencyHistogram, StatsError> {
    let mut all = LatencyHistogram::new()?;
    for trial in &record.trials {
        let measurement = &trial.measurement;
        match &measurement.samples {
            Samples::Iterations { group, nanoseconds, .. } => {
                nanoseconds.iter().try_for_each(|t| all.record(t / (*group).max(1)))?;
            }
            Samples::Training { group, nanoseconds, .. } => {
                let first = usize::from(measurement.warmup.executions == 0 && nanoseconds.len() > 1);
                nanoseconds[first..].iter().try_for_each(|t| all.record(t / (*group).max(1)))?;
            }
            Samples::Generate { requests, .. } => requests.iter().try_for_each(|r| all.record(r.total))?,
            Samples::Server { latency, .. } => all.merge(&latency.open()?)?,
        }
    }
    Ok(all)
}

fn curve(all: &LatencyHistogram, label: String, series: usize) -> Result<kind::Latencies, StatsError> {
    let count = all.count();
    let mut latencies = kind::Latencies { label, series, count, quantiles: Vec::new(), band: Vec::new() };
    if count == 0 {
        return Ok(latencies);
    }
    // One sample in `count` lies beyond the last point.
    let last = (count as f64).log10();
    let mut places: Vec<f64> =
        (0..).map(|i| f64::from(i) / f64::from(PARTS)).take_while(|d| *d < last).collect();
    places.push(last);
    for place in places {
        let q = 1.0 - 10f64.powf(-place);
        let seconds = |nanoseconds: f64| nanoseconds * 1e-9;
        latencies.quantiles.push((q, seconds(all.quantile(q)? as f64)));
        if q > 0.0
            && q < 1.0
            && let Some(found) = all.quantile_interval(q, CONFIDENCE)?.estimate()
        {
            latencies.band.push([q, seconds(found.low), seconds(found.high)]);
        }
    }
    Ok(latencies)
}
