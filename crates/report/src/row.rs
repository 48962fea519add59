//! One line a cell: what tables, charts and the page show.

use portbench_measure::{Figure, FigureValue, LatencyBounds, Metric, Mode, Scenario, Unit};
use portbench_records::{Outcome, RecordHead};
use serde::Serialize;

use crate::scaling::Scaling;
use portbench_chart::number;

/// A cell with its figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// Name of the cell.
    pub id: String,
    /// Workload.
    pub workload: String,
    /// Mode.
    pub mode: Mode,
    /// Scenario, with its rate.
    pub scenario: String,
    /// Backend.
    pub backend: String,
    /// Device.
    pub device: String,
    #[serde(skip)]
    target: String,
    /// Workers at the same time, `device` being the first one's.
    pub replicas: u64,
    /// Numerics.
    pub numerics: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, where it did not end as measured; or what speaks against its times.
    pub detail: Option<String>,
    /// Unit of work of the throughput.
    pub unit: Unit,
    /// Figures.
    pub figures: Vec<Figure>,
    /// Whether the parity check passed; absent if it was not reached.
    pub parity: Option<bool>,
    /// How the checked program differs from the timed one.
    pub reduced: Option<String>,
    /// The worst `R` of its outputs: the error over that of the same element type on the CPU.
    pub worst_r: Option<f64>,
    /// Fingerprint of the program.
    pub fingerprint: String,
    /// What [`crate::judge_bounds`] found of its latency bounds, one line each.
    pub bounds: Vec<String>,
    /// What [`crate::judge_scaling`] found of several replicas.
    pub scaling: Option<Scaling>,
    /// Whether there is something to judge: measured traffic with bounds.
    #[serde(skip)]
    pub(crate) bounded: bool,
}

impl From<RecordHead> for Row {
    fn from(head: RecordHead) -> Self {
        let bounds = match head.cell.scenario {
            Scenario::Server { bounds, .. } => bounds,
            _ => LatencyBounds::default(),
        };
        let ratios = head.parity.iter().flat_map(|p| &p.outputs).filter_map(|o| o.ratio);
        Self {
            worst_r: ratios.reduce(f64::max),
            bounds: Vec::new(),
            scaling: None,
            replicas: head.cell.replicas,
            bounded: head.outcome == Outcome::Measured && bounds != LatencyBounds::default(),
            id: head.cell.id(),
            target: head.cell.target(),
            mode: head.cell.mode,
            scenario: head.cell.scenario.to_string(),
            workload: head.cell.workload,
            backend: head.cell.backend,
            device: head.cell.device,
            numerics: head.cell.numerics.to_string(),
            outcome: head.outcome,
            detail: head.detail,
            unit: head.problem.unit,
            figures: head.figures,
            parity: head.parity.as_ref().map(|p| p.passed),
            reduced: head.parity.and_then(|p| p.reduced),
            fingerprint: head.problem.fingerprint,
        }
    }
}

/// Heads of the table's columns.
pub const COLUMNS: [&str; 11] = [
    "workload",
    "scenario",
    "backend",
    "numerics",
    "outcome",
    "throughput",
    "latency p50",
    "latency p99",
    "peak memory",
    "R",
    "parity",
];

/// Which of them hold numbers, which people read from the right.
pub const NUMERIC: [&str; 3] = ["throughput", "peak memory", "R"];

impl Row {
    /// The figure of that metric.
    #[must_use]
    pub fn figure(&self, metric: Metric) -> Option<&Figure> {
        self.figures.iter().find(|f| f.metric == metric)
    }

    /// Value and interval of that metric, if it is estimable.
    #[must_use]
    pub fn estimate(&self, metric: Metric) -> Option<[f64; 3]> {
        self.figure(metric)?.estimate()
    }

    /// Backend and device, as [`portbench_records::Cell::target`] has them.
    #[must_use]
    pub fn target(&self) -> String {
        self.target.clone()
    }

    /// What is to be read below the table: verdicts on latency bounds, and scaling.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        self.bounds.iter().cloned().chain(self.scaling.map(|s| s.words())).collect()
    }

    /// The cells of the table, as many as [`COLUMNS`].
    #[must_use]
    pub fn cells(&self) -> [String; 11] {
        [
            self.workload.clone(),
            self.scenario.clone(),
            self.target.clone(),
            self.numerics.clone(),
            self.outcome.to_string(),
            self.throughput(),
            self.latency(
                &[("", Metric::LatencyP50), ("ttft ", Metric::TtftP50), ("tpot ", Metric::TpotP50)],
                true,
            ),
            self.latency(
                &[("", Metric::LatencyP99), ("ttft ", Metric::TtftP99), ("tpot ", Metric::TpotP99)],
                false,
            ),
            self.estimate(Metric::PeakMemory).map(|[value, ..]| number::bytes(value)).unwrap_or_default(),
            self.worst_r.map(number::plain).unwrap_or_default(),
            self.parity_words(),
        ]
    }

    fn throughput(&self) -> String {
        match self.figure(Metric::Throughput).map(|f| &f.value) {
            None => String::new(),
            Some(FigureValue::NotEstimable { .. }) => "not estimable".to_owned(),
            Some(FigureValue::Estimated { value, low, high, .. }) => {
                format!("{} {}/s", number::plain_with(*value, *low, *high), self.unit)
            }
        }
    }

    /// The request's latency, or for generate the time to the first token and per further token.
    fn latency(&self, metrics: &[(&str, Metric)], intervals: bool) -> String {
        let wanted = |metric: Metric| match self.mode {
            Mode::Generate => !matches!(metric, Metric::LatencyP50 | Metric::LatencyP99),
            Mode::Inference | Mode::Training => matches!(metric, Metric::LatencyP50 | Metric::LatencyP99),
        };
        let words: Vec<String> = metrics
            .iter()
            .filter(|(_, metric)| wanted(*metric))
            .filter_map(|(prefix, metric)| {
                let text = match &self.figure(*metric)?.value {
                    FigureValue::NotEstimable { .. } => "not estimable".to_owned(),
                    FigureValue::Estimated { value, low, high, .. } if intervals => {
                        number::seconds_with(*value, *low, *high)
                    }
                    FigureValue::Estimated { value, .. } => number::seconds(*value),
                };
                Some(format!("{prefix}{text}"))
            })
            .collect();
        words.join(", ")
    }

    fn parity_words(&self) -> String {
        match (self.parity, &self.reduced) {
            (None, _) if self.outcome == Outcome::Measured => "not checked".to_owned(),
            (None, _) => String::new(),
            (Some(false), _) => "failed".to_owned(),
            (Some(true), None) => "passed".to_owned(),
            (Some(true), Some(_)) => "passed (reduced)".to_owned(),
        }
    }
}

/// Text that Markdown takes for text: no table cells, no HTML, one line.
pub(crate) fn plain_text(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace(['\n', '\r'], " ")
}

/// Rows as a Markdown table, and the remarks below it.
#[must_use]
pub fn markdown(rows: &[Row]) -> String {
    let rules: String =
        COLUMNS.iter().map(|c| if NUMERIC.contains(c) { " ---: |" } else { " --- |" }).collect();
    let mut text = format!("| {} |\n|{rules}\n", COLUMNS.join(" | "));
    for row in rows {
        let cells: Vec<String> = row.cells().iter().map(|c| plain_text(c)).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    let mut judged =
        rows.iter().flat_map(|row| row.remarks().into_iter().map(move |words| (row, words))).peekable();
    if judged.peek().is_some() {
        text.push('\n');
    }
    for (row, words) in judged {
        text.push_str(&format!("- `{}`: {}\n", row.id, plain_text(&words)));
    }
    text
}
