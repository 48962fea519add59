//! How the ops of each cell ran, weighted by a model of their time.

use std::collections::BTreeMap;

use portbench_backend::{LoweredOp, Lowering};
use portbench_chart::{Chart, kind};
use portbench_records::{Outcome, Record};

use super::beside::executions;
use super::hardware::{Peaks, peaks};
use super::study::{Selection, Shown, Study};
use super::{ChartKind, LINES, left_out, name, of};
use crate::error::ReportError;

pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Result<Option<Chart>, ReportError> {
    let all = unique(study.cells(selection));
    let (mut cells, mut drawn, mut models, mut notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for cell in all.iter().take(LINES) {
        let place = format!("{} on {}", cell.head.cell.workload, study.platforms().label(cell.platform));
        let Some(record) = study.record(cell)? else { continue };
        let peaks = peaks(study, cell.platform, cell.head.cell.numerics);
        let lowered = match (&record.lowering, cell.head.outcome) {
            (Some(report), _) => weighted(&report.ops, &record, peaks.as_ref(), &BTreeMap::new()),
            (None, Outcome::Unsupported) => match like(study, cell)? {
                Some(other) => {
                    let unsupported = unsupported(record.detail.as_deref().unwrap_or_default());
                    let ops = other.lowering.as_ref().map(|l| l.ops.as_slice()).unwrap_or_default();
                    weighted(ops, &other, peaks.as_ref(), &unsupported)
                }
                None => {
                    notes.push(format!(
                        "Not drawn: {place}: unsupported, and no platform ran the program, so that nothing weighs its ops."
                    ));
                    continue;
                }
            },
            (None, outcome) => {
                notes.push(format!("Not drawn: {place}: the record says nothing of its ops ({outcome})."));
                continue;
            }
        };
        let platform = study.platforms().label(cell.platform).to_owned();
        let numerics = format!("{}{}", cell.head.cell.numerics, cell.apart());
        let (label, detail) = match (&selection.workload, study.platforms().len()) {
            (Some(_), _) => (platform, numerics),
            (None, 1) => (cell.head.cell.workload.clone(), numerics),
            (None, _) => (cell.head.cell.workload.clone(), format!("{platform}, {numerics}")),
        };
        models.push(peaks.map_or_else(|| "floating-point operations alone".to_owned(), |p| p.label));
        cells.push(kind::OpCoverage { label, detail, ops: lowered });
        drawn.push(*cell);
    }
    models.sort();
    models.dedup();
    let mut all_notes = study.notes(&drawn);
    if !models.is_empty() {
        all_notes.push(format!(
            "Shares are modelled, not measured: of each op the longer of its arithmetic and its traffic, at: {}.",
            models.join("; ")
        ));
    }
    all_notes.extend(left_out(all.len(), LINES));
    all_notes.extend(notes);
    let head = kind::Head {
        name: name(ChartKind::OpCoverage, selection),
        title: format!("How the ops ran{}", of(selection)),
        subtitle: "Native: by a kernel of its own; decomposed: put together from simpler ops. Each op is as wide as its share of \
                   the program's time by a roofline model (projected)."
            .into(),
        notes: all_notes,
    };
    Ok(kind::coverage(cells, "share of modelled time", head))
}

/// Cells of one program on one platform run the same ops, whatever the traffic.
fn unique(cells: Vec<&Shown>) -> Vec<&Shown> {
    let mut seen = Vec::new();
    cells
        .into_iter()
        .filter(|c| {
            let key = (c.platform, c.head.problem.fingerprint.clone(), c.head.cell.numerics);
            let new = !seen.contains(&key);
            seen.push(key);
            new
        })
        .collect()
}

/// The record of another cell of the same program that was lowered.
fn like(study: &Study<'_>, cell: &Shown) -> Result<Option<Record>, ReportError> {
    let same = |c: &&Shown| {
        c.head.problem.fingerprint == cell.head.problem.fingerprint && c.head.outcome == Outcome::Measured
    };
    match study.all().iter().find(same) {
        Some(other) => study.record(other),
        None => Ok(None),
    }
}

/// Ops that a back end could not run, with the reason of the first, from the message that lists them as `  OP in `ENTRY` SCOPE: REASON`.
fn unsupported(detail: &str) -> BTreeMap<String, String> {
    let mut ops = BTreeMap::new();
    for line in detail.lines().map(str::trim) {
        if let Some((op, rest)) = line.split_once(" in `")
            && let Some((_, reason)) = rest.split_once(": ")
        {
            ops.entry(op.to_owned()).or_insert_with(|| reason.to_owned());
        }
    }
    ops
}

/// Ops with their shares of the modelled time of one execution of the task.
fn weighted(
    ops: &[LoweredOp],
    record: &Record,
    peaks: Option<&Peaks>,
    unsupported: &BTreeMap<String, String>,
) -> Vec<kind::OpShare> {
    let seconds = |op: &LoweredOp| {
        let (flops, bytes) = (op.flops as f64, op.bytes as f64);
        executions(&record.spec.task, &op.entry) * peaks.map_or(flops, |p| p.seconds(flops, bytes))
    };
    let mut shares: BTreeMap<(String, kind::Lowered, String), f64> = BTreeMap::new();
    for op in ops {
        let (lowered, detail) = match (unsupported.get(&op.op), &op.lowering) {
            (Some(reason), _) => (kind::Lowered::Unsupported, reason.clone()),
            (None, Lowering::Native { kernel }) => (kind::Lowered::Native, kernel.clone()),
            (None, Lowering::Decomposed { reason }) => (kind::Lowered::Decomposed, reason.clone()),
        };
        *shares.entry((op.op.clone(), lowered, detail)).or_default() += seconds(op);
    }
    let total: f64 = shares.values().sum();
    let share = |seconds: f64| if total > 0.0 { seconds / total } else { 0.0 };
    let shares = shares.into_iter().filter(|(_, seconds)| *seconds > 0.0);
    shares
        .map(|((op, lowered, detail), seconds)| kind::OpShare { op, lowered, detail, share: share(seconds) })
        .collect()
}
