//! Throughput, one panel a unit.

use portbench_chart::{Bar, Chart, Format, Interval, Panel, Provenance, kind};
use portbench_measure::{Metric, Unit};

use super::study::{Selection, Shown, Study};
use super::{ChartKind, LINES, legend, name, of, trials};

pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Option<Chart> {
    let all: Vec<(&Shown, Interval)> = study
        .cells(selection)
        .into_iter()
        .filter_map(|cell| {
            let [value, low, high] = cell.estimate(Metric::Throughput)?;
            Some((cell, Interval { value, low, high }))
        })
        .collect();
    let shown = &all[..all.len().min(LINES)];
    let cells: Vec<&Shown> = shown.iter().map(|(cell, _)| *cell).collect();
    let legend = legend(study, &cells);
    let mut panels = Vec::new();
    for unit in [Unit::Tokens, Unit::Images, Unit::Samples, Unit::Executions] {
        let of_unit = shown.iter().filter(|(cell, _)| cell.head.problem.unit == unit);
        let lines: Vec<Bar> =
            of_unit.map(|(cell, value)| bar(study.words(cell, selection), cell, *value)).collect();
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
        return None;
    }
    let mut notes = study.notes(&cells);
    notes.extend(left_out(all.len()));
    let head = kind::Head {
        name: name(ChartKind::Throughput, selection),
        title: format!("Throughput{}", of(selection)),
        subtitle: format!("More is better. Measured; 95 % intervals over trials, {}.", trials(study)),
        notes,
    };
    Some(kind::rows(ChartKind::Throughput.name(), head, legend, panels))
}

fn bar((label, detail): (String, String), cell: &Shown, value: Interval) -> Bar {
    Bar { label, detail, series: cell.platform, provenance: Provenance::Measured, values: vec![value] }
}

/// What is said where there are more lines than a chart holds.
pub(super) fn left_out(lines: usize) -> Option<String> {
    (lines > LINES)
        .then(|| format!("Drawn: the first {LINES} of {lines} cells; the tables have all of them."))
}
