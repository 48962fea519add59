//! Latency of each cell: median and 99th percentile.

use portbench_chart::{Bar, Chart, Format, Interval, Panel, Provenance, kind};
use portbench_measure::{Metric, Mode};

use super::study::{Selection, Shown, Study};
use super::throughput::left_out;
use super::{ChartKind, LINES, legend, name, of, trials};

/// Title of a panel, its median and 99th percentile, and whether it is of generate.
const PANELS: [(&str, [Metric; 2], bool); 3] = [
    ("time per execution or step", [Metric::LatencyP50, Metric::LatencyP99], false),
    ("generate: time to first token", [Metric::TtftP50, Metric::TtftP99], true),
    ("generate: time per further token", [Metric::TpotP50, Metric::TpotP99], true),
];

pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Option<Chart> {
    let all = study.cells(selection);
    let shown = &all[..all.len().min(LINES)];
    let mut cells: Vec<&Shown> = Vec::new();
    let mut panels = Vec::new();
    let mut missing = 0;
    for (title, metrics, generate) in PANELS {
        let of_panel = shown.iter().filter(|c| (c.head.cell.mode == Mode::Generate) == generate);
        let mut lines = Vec::new();
        for cell in of_panel {
            let values: Vec<Interval> = metrics.iter().filter_map(|m| interval(cell, *m)).collect();
            if values.is_empty() {
                continue;
            }
            missing += usize::from(values.len() < metrics.len());
            cells.push(cell);
            lines.push(Bar {
                label: cell.head.cell.workload.clone(),
                detail: cell.setting(),
                series: cell.platform,
                provenance: Provenance::Measured,
                values,
            });
        }
        if !lines.is_empty() {
            panels.push(Panel { title: title.to_owned(), format: Format::Seconds, bars: false, lines });
        }
    }
    if panels.is_empty() {
        return None;
    }
    let mut notes = study.notes(&cells);
    if missing > 0 {
        notes.push(format!(
            "Not drawn: the 99th percentile of {missing} lines, which have too few samples for it."
        ));
    }
    notes.extend(left_out(all.len()));
    let head = kind::Head {
        name: name(ChartKind::Latency, selection),
        title: format!("Latency{}", of(selection)),
        subtitle: format!(
            "Less is better. Filled: median; hollow: 99th percentile. Measured; 95 % intervals over trials, {}.",
            trials(study)
        ),
        notes,
    };
    Some(kind::rows(ChartKind::Latency.name(), head, legend(study, &cells), panels))
}

fn interval(cell: &Shown, metric: Metric) -> Option<Interval> {
    let [value, low, high] = cell.estimate(metric)?;
    Some(Interval { value, low, high })
}
