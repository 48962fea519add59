//! Latency of each cell: median and 99th percentile.

use portbench_chart::{Bar, Chart, Format, Interval, Panel, Provenance, kind};
use portbench_measure::{Metric, Mode};

use super::study::{Selection, Shown, Study};
use super::{ChartKind, LINES, left_out, legend, name, of, one_trial, trials};
use crate::html::counted;

/// What a panel shows: a median and a 99th percentile, of generate or of the other modes.
pub(super) struct PanelOf {
    pub(super) title: &'static str,
    pub(super) metrics: [Metric; 2],
    pub(super) generate: bool,
}

const PANELS: [PanelOf; 2] = [
    PanelOf {
        title: "time per execution or step",
        metrics: [Metric::LatencyP50, Metric::LatencyP99],
        generate: false,
    },
    PanelOf {
        title: "generate: time per request",
        metrics: [Metric::LatencyP50, Metric::LatencyP99],
        generate: true,
    },
];

pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Option<Chart> {
    panels(study, selection, ChartKind::Latency, "Latency", &PANELS)
}

/// A chart of such panels.
pub(super) fn panels(
    study: &Study<'_>,
    selection: &Selection,
    chart: ChartKind,
    title: &str,
    wanted: &[PanelOf],
) -> Option<Chart> {
    let all = study.cells(selection);
    let mut cells: Vec<&Shown> = Vec::new();
    let mut panels = Vec::new();
    let (mut missing, mut fitting) = (0, 0);
    for panel in wanted {
        let of_panel = all.iter().filter(|c| (c.head.cell.mode == Mode::Generate) == panel.generate);
        let mut lines = Vec::new();
        for cell in of_panel {
            let values: Vec<Interval> = panel.metrics.iter().filter_map(|m| interval(cell, *m)).collect();
            if values.is_empty() {
                continue;
            }
            fitting += 1;
            if fitting > LINES {
                continue;
            }
            missing += usize::from(values.len() < panel.metrics.len());
            cells.push(cell);
            let (label, detail) = study.words(cell, selection);
            lines.push(Bar {
                label,
                detail,
                series: study.series(cell),
                provenance: Provenance::Measured,
                values,
            });
        }
        if !lines.is_empty() {
            let title = panel.title.to_owned();
            panels.push(Panel { title, format: Format::Seconds, bars: false, lines });
        }
    }
    if panels.is_empty() {
        return None;
    }
    let mut notes = study.notes(&cells);
    if missing > 0 {
        let (lines, have) = (counted(missing, "line"), if missing == 1 { "has" } else { "have" });
        notes
            .push(format!("Not drawn: the 99th percentile of {lines}, which {have} too few samples for it."));
    }
    notes.extend(one_trial(study, &cells));
    notes.extend(left_out(fitting, LINES));
    let head = kind::Head {
        name: name(chart, selection),
        title: format!("{title}{}", of(selection)),
        subtitle: format!(
            "Less is better. Filled: median; hollow: 99th percentile. Measured; 95 % intervals over trials, {}.",
            trials(study)
        ),
        notes,
    };
    Some(kind::rows(chart.name(), head, legend(study, &cells), panels))
}

fn interval(cell: &Shown, metric: Metric) -> Option<Interval> {
    let [value, low, high] = cell.estimate(metric)?;
    Some(Interval { value, low, high })
}
