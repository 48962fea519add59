//! What users get each, against what all of them get together: generate at several batch sizes and loads.

use std::collections::BTreeMap;

use portbench_chart::curve::Better;
use portbench_chart::{Chart, Format, Provenance, kind};
use portbench_measure::{Metric, Mode, Scenario};
use portbench_pricing::{accelerators_used, cores_joined};

use super::study::{Selection, Shown, Study};
use super::{ChartKind, name, of, trials};

pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Option<Chart> {
    let (mut points, mut notes) = (Vec::new(), Vec::new());
    for cell in study.cells(selection) {
        if cell.head.cell.mode != Mode::Generate {
            continue;
        }
        let Some([rate, low, high]) = cell.estimate(Metric::Throughput) else { continue };
        let label = point_label(cell);
        let Some(interactivity) = interactivity(cell) else {
            notes.push(format!("Not drawn: {label}: no median time per further token."));
            continue;
        };
        let chips = chips(study, cell);
        let interval = Some((low / chips, high / chips));
        points.push((cell, kind::FrontierPoint { label, x: interactivity, y: rate / chips, interval }));
    }
    let drawn: Vec<&Shown> = points.iter().map(|(cell, _)| *cell).collect();
    let requests = Requests::of(&drawn, selection);
    let mut curves: BTreeMap<(usize, String), Vec<kind::FrontierPoint>> = BTreeMap::new();
    for (cell, point) in points {
        curves.entry((cell.platform, requests.label(study, cell))).or_default().push(point);
    }
    let curve = |((platform, label), points)| kind::FrontierCurve {
        label,
        series: study.platforms().series(platform),
        provenance: Provenance::Measured,
        points,
    };
    let chart = kind::Frontier {
        x: "interactivity: tokens per second for each user (more is better)".into(),
        y: "output tokens per second for each chip (more is better)".into(),
        format: Format::Short,
        better: Better::Higher,
        curves: curves.into_iter().map(curve).collect(),
    };
    chart.chart(
        ChartKind::Pareto.name(),
        kind::Head {
            name: name(ChartKind::Pareto, selection),
            title: format!("Throughput against interactivity{}", of(selection)),
            subtitle: format!(
                "Each mark is a setting: filled where no other one of its platform beats it, with Steffen's monotone curve between \
                 those. Interactivity: 1 over the median time per further token.{} Measured; 95 % intervals, {}.",
                requests.words(),
                trials(study)
            ),
            notes: [study.notes(&drawn), notes].concat(),
        },
    )
}

/// Accelerators that a cell ran on: of hardware that the catalogue does not know, its devices.
fn chips(study: &Study<'_>, cell: &Shown) -> f64 {
    let devices = cell.head.cell.replicas.max(1) as f64;
    study.accelerator(cell.platform).map_or(devices, |accelerator| {
        let joined = cell.head.backend.as_ref().and_then(|b| cores_joined(&b.settings));
        accelerators_used(&cell.head.cell, accelerator, joined)
    })
}

/// Tokens a second that one user sees.
pub(super) fn interactivity(cell: &Shown) -> Option<f64> {
    cell.estimate(Metric::TpotP50).map(|[seconds, ..]| 1.0 / seconds).filter(|v| v.is_finite())
}

/// What the requests of a chart are: model, numerics and tokens, where all of its cells share them.
pub(super) struct Requests {
    shared: Option<String>,
    /// The title names no model.
    models: bool,
}

impl Requests {
    pub(super) fn of(cells: &[&Shown], selection: &Selection) -> Self {
        let models = selection.model.is_none();
        let first = cells.first().map(|c| Self::each(c, models));
        Self { shared: first.filter(|first| cells.iter().all(|c| Self::each(c, models) == *first)), models }
    }

    fn each(cell: &Shown, models: bool) -> String {
        let problem = &cell.head.problem;
        let count = |word: &str| problem.shape.get(word).map_or("?".into(), ToString::to_string);
        let model = if models { format!("{}, ", problem.model) } else { String::new() };
        format!("{model}{}, {} + {} tokens", cell.head.cell.numerics, count("prompt"), count("new-tokens"))
    }

    /// Name of a cell's curve: its platform, and its requests where they are not those of all.
    pub(super) fn label(&self, study: &Study<'_>, cell: &Shown) -> String {
        let platform = study.platforms().label(cell.platform);
        match self.shared {
            Some(_) => platform.to_owned(),
            None => format!("{platform}, {}", Self::each(cell, self.models)),
        }
    }

    /// A sentence for all, if they share them.
    pub(super) fn words(&self) -> String {
        self.shared.as_ref().map(|shared| format!(" Requests: {shared}, read + written.")).unwrap_or_default()
    }
}

/// What a point's setting is: batch, load, replicas.
pub(super) fn point_label(cell: &Shown) -> String {
    let mut words = Vec::new();
    if let Some(batch) = cell.head.problem.shape.get("batch") {
        words.push(format!("batch {batch}"));
    }
    if let Scenario::Server { rate, .. } = cell.head.cell.scenario {
        words.push(format!("{rate} queries/s"));
    }
    if cell.head.cell.replicas > 1 {
        words.push(format!("{} replicas", cell.head.cell.replicas));
    }
    format!("{} {}{}", cell.head.cell.workload, words.join(", "), cell.apart())
}
