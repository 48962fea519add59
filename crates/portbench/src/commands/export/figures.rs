//! The long form of figures: one line each, and one for a cell without any.

use parquet_derive::ParquetRecordWriter;
use portbench_measure::{FigureValue, Metric, Unit};
use portbench_records::{Provenance, RecordHead};
use portbench_report::Platform;
use serde::Serialize;

use crate::table::Table;

/// A run that is exported.
pub(super) struct Exported {
    /// Its id.
    pub(super) run: String,
    /// Name of its suite.
    pub(super) suite: String,
    /// Start, seconds since 1970-01-01 UTC.
    pub(super) started: u64,
    /// Its cells.
    pub(super) heads: Vec<RecordHead>,
}

/// A figure with all that names it; what it does not have is empty.
#[derive(ParquetRecordWriter, Serialize)]
pub(super) struct Line {
    pub(super) run: String,
    pub(super) suite: String,
    /// Start of the run, seconds since 1970-01-01 UTC.
    pub(super) started: i64,
    pub(super) cell: String,
    pub(super) workload: String,
    pub(super) mode: String,
    pub(super) scenario: String,
    pub(super) backend: String,
    /// Versions of its libraries and of the accelerator's driver.
    pub(super) versions: String,
    /// The accelerator; where there is none, the CPU.
    pub(super) hardware: String,
    pub(super) device: String,
    pub(super) replicas: i64,
    pub(super) numerics: String,
    pub(super) outcome: String,
    pub(super) detail: Option<String>,
    pub(super) provenance: String,
    /// Whether the parity check passed; nothing where none was made.
    pub(super) parity: Option<bool>,
    pub(super) metric: Option<String>,
    pub(super) unit: Option<String>,
    pub(super) value: Option<f64>,
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
    pub(super) confidence: Option<f64>,
    pub(super) method: Option<String>,
}

/// Heads of the columns, in the order of [`Line`].
const COLUMNS: [&str; 24] = [
    "run",
    "suite",
    "started",
    "cell",
    "workload",
    "mode",
    "scenario",
    "backend",
    "versions",
    "hardware",
    "device",
    "replicas",
    "numerics",
    "outcome",
    "detail",
    "provenance",
    "parity",
    "metric",
    "unit",
    "value",
    "low",
    "high",
    "confidence",
    "method",
];

/// Every figure of every cell of some runs.
pub(super) fn lines(runs: &[Exported]) -> Vec<Line> {
    let heads = runs.iter().enumerate().flat_map(|(i, run)| run.heads.iter().map(move |head| (i, head)));
    let platforms = Platform::of_runs(heads.clone());
    let of_cell = |((i, head), platform): ((usize, &RecordHead), Platform)| {
        let blank = || of_cell(&runs[i], head, &platform);
        if head.figures.is_empty() {
            return vec![blank()];
        }
        let filled = head.figures.iter().map(|figure| {
            let named = Line {
                metric: Some(figure.metric.name().to_owned()),
                unit: Some(unit(figure.metric, head.problem.unit)),
                ..blank()
            };
            match &figure.value {
                FigureValue::Estimated { value, low, high, confidence, method } => Line {
                    value: Some(*value),
                    low: Some(*low),
                    high: Some(*high),
                    confidence: Some(*confidence),
                    method: Some(method.clone()),
                    ..named
                },
                FigureValue::NotEstimable { reason } => {
                    Line { method: Some(format!("not estimable: {reason}")), ..named }
                }
            }
        });
        filled.collect()
    };
    heads.zip(platforms).flat_map(of_cell).collect()
}

/// The line of a cell, without a figure.
fn of_cell(run: &Exported, head: &RecordHead, platform: &Platform) -> Line {
    let cell = &head.cell;
    let versions: Vec<String> =
        platform.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    Line {
        run: run.run.clone(),
        suite: run.suite.clone(),
        started: i64::try_from(run.started).unwrap_or(i64::MAX),
        cell: cell.id(),
        workload: cell.workload.clone(),
        mode: cell.mode.to_string(),
        scenario: cell.scenario.to_string(),
        backend: cell.backend.clone(),
        versions: versions.join(", "),
        hardware: platform.hardware.clone(),
        device: cell.device.clone(),
        replicas: i64::try_from(cell.replicas).unwrap_or(i64::MAX),
        numerics: cell.numerics.to_string(),
        outcome: head.outcome.to_string(),
        detail: head.detail.clone(),
        provenance: provenance(head.provenance).to_owned(),
        parity: head.parity.as_ref().map(|parity| parity.passed),
        metric: None,
        unit: None,
        value: None,
        low: None,
        high: None,
        confidence: None,
        method: None,
    }
}

/// The lines as a table of text, with all digits.
pub(super) fn table(lines: &[Line]) -> Table {
    let mut table = Table::new(&COLUMNS);
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
    for line in lines {
        table.row([
            line.run.clone(),
            line.suite.clone(),
            line.started.to_string(),
            line.cell.clone(),
            line.workload.clone(),
            line.mode.clone(),
            line.scenario.clone(),
            line.backend.clone(),
            line.versions.clone(),
            line.hardware.clone(),
            line.device.clone(),
            line.replicas.to_string(),
            line.numerics.clone(),
            line.outcome.clone(),
            text(&line.detail),
            line.provenance.clone(),
            line.parity.map(|passed| passed.to_string()).unwrap_or_default(),
            text(&line.metric),
            text(&line.unit),
            number(line.value),
            number(line.low),
            number(line.high),
            number(line.confidence),
            text(&line.method),
        ]);
    }
    table
}

fn provenance(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::Measured => "measured",
        Provenance::Published => "published",
        Provenance::Projected => "projected",
    }
}

/// The unit of a metric's values.
fn unit(metric: Metric, work: Unit) -> String {
    match metric {
        Metric::Throughput => format!("{work}/second"),
        Metric::PrefillThroughput => "tokens/second".to_owned(),
        Metric::FlopRate => "flops/second".to_owned(),
        Metric::PeakMemory | Metric::DeviceMemory => "bytes".to_owned(),
        Metric::EnergyPerUnit => format!("joules per unit of work ({work})"),
        Metric::Loss | Metric::ValidationLoss => "nats".to_owned(),
        Metric::LatencyP50
        | Metric::LatencyP90
        | Metric::LatencyP99
        | Metric::TtftP50
        | Metric::TtftP99
        | Metric::TpotP50
        | Metric::TpotP99 => "seconds".to_owned(),
    }
}
