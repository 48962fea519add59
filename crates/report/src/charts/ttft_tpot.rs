//! Generate: time to the first token and per further token, median and 99th percentile.

use portbench_chart::Chart;
use portbench_measure::Metric;

use super::ChartKind;
use super::latency::{PanelOf, panels};
use super::study::{Selection, Study};

const PANELS: [PanelOf; 2] = [
    PanelOf { title: "time to first token", metrics: [Metric::TtftP50, Metric::TtftP99], generate: true },
    PanelOf { title: "time per further token", metrics: [Metric::TpotP50, Metric::TpotP99], generate: true },
];

pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Option<Chart> {
    panels(study, selection, ChartKind::TtftTpot, "Time to first token and per further token", &PANELS)
}
