//! Throughput, one panel a unit.

use std::collections::BTreeSet;

use portbench_chart::{Bar, Chart, Format, Interval, Key, Panel, Provenance, kind};
use portbench_measure::{Metric, Numerics, Unit};

use super::beside::{Beside, projected, published};
use super::study::{Selection, Shown, Study};
use super::{ChartKind, LINES, left_out, legend, name, of, one_trial, trials};
use crate::error::ReportError;

pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Result<Option<Chart>, ReportError> {
    let measured = |cell: &&Shown| cell.estimate(Metric::Throughput).is_some();
    let all: Vec<&Shown> = study.cells(selection).into_iter().filter(measured).collect();
    let cells = &all[..all.len().min(LINES)];
    let (mut keys, mut notes) = (legend(study, cells), study.notes(cells));
    let mut panels = Vec::new();
    for unit in [Unit::Tokens, Unit::Images, Unit::Samples, Unit::Executions] {
        let of_unit: Vec<&Shown> = cells.iter().copied().filter(|c| c.head.problem.unit == unit).collect();
        let mut lines: Vec<Bar> = of_unit.iter().filter_map(|cell| bar(study, selection, cell)).collect();
        for (bar, told) in others(study, selection, &of_unit)? {
            let key = Key::Series { label: told.label, series: bar.series, provenance: bar.provenance };
            if !keys.contains(&key) {
                keys.push(key);
            }
            notes.extend(told.notes);
            lines.push(bar);
        }
        if !lines.is_empty() {
            panels.push(Panel {
                title: format!("{unit} per second"),
                format: Format::Short,
                bars: true,
                lines,
            });
        }
    }
    if panels.is_empty() {
        return Ok(None);
    }
    notes.extend(one_trial(study, cells));
    notes.extend(left_out(all.len(), LINES));
    let head = kind::Head {
        name: name(ChartKind::Throughput, selection),
        title: format!("Throughput{}", of(selection)),
        subtitle: format!(
            "More is better. Measured, with 95 % intervals over {}; single-stream where nothing else is said.{}",
            trials(study),
            provenances(&panels)
        ),
        notes,
    };
    Ok(Some(kind::rows(ChartKind::Throughput.name(), head, keys, panels)))
}

/// What was published of the work of the cells, and what it could come to; only beside a single workload, where it can be told what is compared.
fn others(
    study: &Study<'_>,
    selection: &Selection,
    cells: &[&Shown],
) -> Result<Vec<(Bar, Beside)>, ReportError> {
    let mut found: Vec<(Bar, Beside)> = Vec::new();
    if selection.workload.is_none() {
        return Ok(found);
    }
    let mut seen: BTreeSet<Numerics> = BTreeSet::new();
    for cell in cells.iter().filter(|c| seen.insert(c.head.cell.numerics)) {
        let published = published(study, cell).into_iter().map(|b| (Provenance::Published, b));
        let projected = projected(study, cell)?.into_iter().map(|b| (Provenance::Projected, b));
        for (provenance, told) in published.chain(projected) {
            let bar = Bar {
                label: told.label.clone(),
                detail: format!("{}, {}", provenance.name(), told.detail).trim_end_matches(", ").to_owned(),
                series: told.series,
                provenance,
                values: vec![Interval::exact(told.rate)],
            };
            found.push((bar, told));
        }
    }
    Ok(found)
}

fn bar(study: &Study<'_>, selection: &Selection, cell: &Shown) -> Option<Bar> {
    let [value, low, high] = cell.estimate(Metric::Throughput)?;
    let (label, detail) = study.words(cell, selection);
    Some(Bar {
        label,
        detail,
        series: study.series(cell),
        provenance: Provenance::Measured,
        values: vec![Interval { value, low, high }],
    })
}

/// How lines look that were not measured, where there are any.
fn provenances(panels: &[Panel]) -> &'static str {
    let any = |provenance| panels.iter().flat_map(|p| &p.lines).any(|l| l.provenance == provenance);
    match (any(Provenance::Published), any(Provenance::Projected)) {
        (false, false) => "",
        (true, false) => " Hollow: published by others, not measured here.",
        (false, true) => " Hatched: projected, not measured.",
        (true, true) => " Hollow: published by others, not measured here; hatched: projected.",
    }
}
