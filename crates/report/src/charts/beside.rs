//! What stands beside measured figures: results that others published of the same model, and what hardware could do at best.

use portbench_catalog::published::Entry;
use portbench_measure::{Task, Unit};
use portbench_records::Record;

use super::hardware::{Peaks, catalogued};
use super::study::{Shown, Study};
use crate::error::ReportError;

/// A figure that was not measured here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Beside {
    /// Whose, or on what.
    pub(crate) label: String,
    /// What else tells it apart: software, sizes, date.
    pub(crate) detail: String,
    /// Number of its series.
    pub(crate) series: usize,
    /// Units of work a second.
    pub(crate) rate: f64,
    /// What a reader must know.
    pub(crate) notes: Vec<String>,
}

/// Results published of the model, mode and number format of a cell, in its unit.
pub(super) fn published(study: &Study<'_>, cell: &Shown) -> Vec<Beside> {
    let same = |entry: &&Entry| {
        let result = &entry.result;
        let work = result.work.as_ref();
        work.is_some_and(|w| {
            format!("{} {}", w.family, w.preset) == cell.head.problem.model
                && w.numerics == cell.head.cell.numerics.name()
        }) && result.mode == cell.head.cell.mode.name()
            && result.unit.as_deref().is_some_and(|unit| counts(unit, cell.head.problem.unit))
    };
    let beside = |entry: &Entry| {
        let result = &entry.result;
        let label = publisher(entry);
        let shape: Vec<String> = result.shape.iter().map(|(word, n)| format!("{word} {n}")).collect();
        let software = result.software.clone().unwrap_or_else(|| "software not stated".into());
        Some(Beside {
            series: study.other_series(&label)?,
            detail: shape.join(", "),
            rate: result.throughput?,
            notes: vec![format!(
                "Published: {label}, the whole instance, {software}, {}, {}: {}.",
                shape.join(", "),
                result.date,
                result.source
            )],
            label,
        })
    };
    study.published().iter().filter(same).filter_map(beside).collect()
}

/// Name of a published series.
pub(super) fn publisher(entry: &Entry) -> String {
    let count = entry.result.instances.filter(|n| *n > 1).map(|n| format!("{n} x ")).unwrap_or_default();
    format!("{} · {count}{}", entry.publisher, entry.result.instance)
}

/// Whether a published unit is one of ours.
fn counts(published: &str, unit: Unit) -> bool {
    match unit {
        Unit::Tokens => published == "tokens",
        Unit::Images => published == "images",
        Unit::Samples => matches!(published, "inferences" | "sequences" | "samples"),
        Unit::Executions => false,
    }
}

/// The rate that a cell's program has at best on each accelerator that was asked for: its ops one after the other, each as long as its arithmetic at the dense peak or its traffic at full bandwidth.
///
/// # Errors
/// [`ReportError::Store`].
pub(crate) fn projected(study: &Study<'_>, cell: &Shown) -> Result<Vec<Beside>, ReportError> {
    if study.projections().is_empty() {
        return Ok(Vec::new());
    }
    let Some(record) = study.record(cell)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for accelerator in study.projections() {
        let label = projection(&accelerator.title);
        let Some(peaks) = catalogued(accelerator, cell.head.cell.numerics) else { continue };
        let series = study.other_series(&label);
        let (Some(series), Some(seconds)) = (series, seconds(&record, &peaks)) else { continue };
        found.push(Beside {
            detail: format!("{}, at best", cell.head.cell.numerics),
            series,
            rate: units(&record.spec.task) / seconds,
            notes: vec![format!(
                "Projected: one {}: each op as long as its arithmetic at {}, or its traffic at full bandwidth; nothing was measured there.",
                accelerator.title, peaks.label
            )],
            label,
        });
    }
    Ok(found)
}

/// Name of a projected series.
pub(super) fn projection(title: &str) -> String {
    format!("roofline · {title}")
}

/// The least seconds of one execution of the task.
fn seconds(record: &Record, peaks: &Peaks) -> Option<f64> {
    let ops = &record.lowering.as_ref()?.ops;
    let of_op = |op: &portbench_backend::LoweredOp| {
        executions(&record.spec.task, &op.entry) * peaks.seconds(op.flops as f64, op.bytes as f64)
    };
    Some(ops.iter().map(of_op).sum::<f64>()).filter(|s| *s > 0.0)
}

/// How often an entry is executed in one execution of the task.
pub(super) fn executions(task: &Task, entry: &str) -> f64 {
    match task {
        Task::Forward { entry: timed, .. } | Task::Train { entry: timed, .. } => {
            f64::from(u8::from(entry == timed))
        }
        Task::Generate { prefill, decode, new_tokens, .. } => {
            if entry == prefill {
                1.0
            } else if entry == decode {
                new_tokens.saturating_sub(1) as f64
            } else {
                0.0
            }
        }
    }
}

/// Units of work of one execution of the task.
fn units(task: &Task) -> f64 {
    match task {
        Task::Forward { units, .. } | Task::Train { units, .. } => *units as f64,
        Task::Generate { batch, new_tokens, .. } => (batch * new_tokens) as f64,
    }
}
