//! `export`: a stored run's figures for other programs.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};

use portbench_backend::with_causes;
use portbench_measure::{FigureValue, Metric, Unit};
use portbench_records::{Provenance, RecordHead, Store};
use serde_json::{Map, Value, json};

use crate::args::{ExportArgs, ExportFormat, Format};
use crate::failure::Failure;
use crate::progress;
use crate::table::Table;

pub(crate) fn run(args: &ExportArgs) -> Result<u8, Failure> {
    let run = Store::new(&args.results.results).resolve(&args.run)?;
    let mut heads = Vec::new();
    for head in run.heads()? {
        match head {
            Ok(head) => heads.push(head),
            Err(error) => progress::say(&format!("warning: {}", with_causes(&error))),
        }
    }
    let mut text = Vec::new();
    match args.form {
        ExportFormat::Csv => table(&heads).write(Format::Csv, &mut text)?,
        ExportFormat::Json => table(&heads).write(Format::Json, &mut text)?,
        ExportFormat::Markdown => table(&heads).write(Format::Markdown, &mut text)?,
        ExportFormat::Bencher => {
            serde_json::to_writer_pretty(&mut text, &bencher(&heads))?;
            text.push(b'\n');
        }
        ExportFormat::Openmetrics => text = openmetrics(&heads).into_bytes(),
    }
    match &args.out {
        None => io::stdout().lock().write_all(&text)?,
        Some(path) => fs::write(path, &text).map_err(|e| {
            Failure::failed(format!(
                "cannot write {}: {e}; name a file in a directory that is there",
                path.display()
            ))
        })?,
    }
    Ok(0)
}

/// Heads of the long form: one line a figure, and one for a cell without any.
const COLUMNS: [&str; 17] = [
    "cell",
    "workload",
    "mode",
    "scenario",
    "backend",
    "device",
    "replicas",
    "numerics",
    "outcome",
    "provenance",
    "metric",
    "unit",
    "value",
    "low",
    "high",
    "confidence",
    "method",
];

/// Every figure of every cell, with all digits.
fn table(heads: &[RecordHead]) -> Table {
    let mut table = Table::new(&COLUMNS);
    for head in heads {
        let cell = &head.cell;
        let key = [
            cell.id(),
            cell.workload.clone(),
            cell.mode.to_string(),
            cell.scenario.to_string(),
            cell.backend.clone(),
            cell.device.clone(),
            cell.replicas.to_string(),
            cell.numerics.to_string(),
            head.outcome.to_string(),
            provenance(head.provenance).to_owned(),
        ];
        let mut add = |figure: [String; 7]| table.row(key.iter().cloned().chain(figure));
        if head.figures.is_empty() {
            add(Default::default());
        }
        for figure in &head.figures {
            let named = [figure.metric.name().to_owned(), unit(figure.metric, head.problem.unit)];
            let [metric, unit] = named;
            add(match &figure.value {
                FigureValue::Estimated { value, low, high, confidence, method } => {
                    let [value, low, high, confidence] =
                        [value, low, high, confidence].map(ToString::to_string);
                    [metric, unit, value, low, high, confidence, method.clone()]
                }
                FigureValue::NotEstimable { reason } => {
                    let none = String::new;
                    [metric, unit, none(), none(), none(), none(), format!("not estimable: {reason}")]
                }
            });
        }
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
        Metric::EnergyPerUnit => format!("joules per 1 of {work}"),
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

/// Bencher Metric Format: benchmark, measure, `value` with `lower_value` and `upper_value`. Only what was measured is in it.
fn bencher(heads: &[RecordHead]) -> Value {
    let mut benchmarks = Map::new();
    for head in heads {
        let measures: Map<String, Value> = head
            .figures
            .iter()
            .filter_map(|figure| {
                let [value, low, high] = figure.estimate()?;
                let measure = json!({ "value": value, "lower_value": low, "upper_value": high });
                Some((figure.metric.name().to_owned(), measure))
            })
            .collect();
        if !measures.is_empty() {
            benchmarks.insert(head.cell.id(), Value::Object(measures));
        }
    }
    Value::Object(benchmarks)
}

/// OpenMetrics text: a gauge a metric, its interval as two more, and one gauge that says how each cell ended.
fn openmetrics(heads: &[RecordHead]) -> String {
    let mut families: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |name: &str, labels: &str, value: String| {
        families
            .entry(format!("portbench_{}", name.replace('-', "_")))
            .or_default()
            .push(format!("{{{labels}}} {value}"));
    };
    for head in heads {
        let cell = &head.cell;
        let labels = [
            ("cell", cell.id()),
            ("workload", cell.workload.clone()),
            ("backend", cell.backend.clone()),
            ("device", cell.device.clone()),
            ("numerics", cell.numerics.to_string()),
            ("work", head.problem.unit.to_string()),
        ]
        .map(|(name, value)| format!("{name}=\"{}\"", label(&value)))
        .join(",");
        add("cell", &format!("{labels},outcome=\"{}\"", head.outcome), "1".to_owned());
        for figure in &head.figures {
            if let Some([value, low, high]) = figure.estimate() {
                let name = figure.metric.name();
                add(name, &labels, value.to_string());
                add(&format!("{name}-low"), &labels, low.to_string());
                add(&format!("{name}-high"), &labels, high.to_string());
            }
        }
    }
    let mut text = String::new();
    for (name, lines) in families {
        text.push_str(&format!("# TYPE {name} gauge\n"));
        for line in lines {
            text.push_str(&format!("{name}{line}\n"));
        }
    }
    text.push_str("# EOF\n");
    text
}

/// A label's value as OpenMetrics escapes it.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
