//! Why there is no chart of some kind.

use std::collections::{BTreeMap, BTreeSet};

use portbench_measure::{Metric, Mode};

use super::ChartKind;
use super::cascade;
use super::prices::each_priced;
use super::study::{Selection, Shown, Study};

/// Why [`super::draw`] finds nothing to show, for people.
#[must_use]
pub fn why_nothing(study: &Study<'_>, kind: ChartKind, selection: &Selection) -> String {
    if kind == ChartKind::Sensitivity {
        return "no owned system was given; name one with --owned SYSTEM (`portbench list systems`)"
            .to_owned();
    }
    let cells = study.cells(selection);
    if cells.is_empty() {
        return no_cells(study, selection);
    }
    match kind {
        ChartKind::Throughput | ChartKind::Latency => outcomes(&cells),
        ChartKind::TtftTpot | ChartKind::Pareto => interactive(&cells),
        ChartKind::Cost | ChartKind::CostLoad => unpriced(study, &cells),
        ChartKind::CostInteractivity => match study.prices() {
            Some(_) if !cells.iter().any(|c| c.head.cell.mode == Mode::Generate) => interactive(&cells),
            _ => unpriced(study, &cells),
        },
        ChartKind::LatencyPercentiles | ChartKind::LatencyCdf if measured(&cells) => {
            "no measured cell of one replica has latencies of its own: a sample of offline traffic is a group of executions".to_owned()
        }
        ChartKind::WarmUp if measured(&cells) => {
            "every measured cell is of several replicas, or of an open loop, whose queries overlap".to_owned()
        }
        ChartKind::Roofline if measured(&cells) => "no measured cell of one replica counts arithmetic".to_owned(),
        ChartKind::LatencyPercentiles | ChartKind::LatencyCdf | ChartKind::WarmUp | ChartKind::Roofline => {
            outcomes(&cells)
        }
        ChartKind::Loss => "no record trains for a number of steps".to_owned(),
        ChartKind::Scaling => {
            "no cell of several replicas was measured in a run that measured it with one as well".to_owned()
        }
        ChartKind::History => {
            "no cell was measured in two runs with one program, one set of settings and one hardware".to_owned()
        }
        ChartKind::Parity => "no output was compared with the oracle".to_owned(),
        ChartKind::OpCoverage => "no record says how its ops ran".to_owned(),
        ChartKind::Cascade => cascade::draw(study, selection).err().unwrap_or_default(),
        ChartKind::Outcomes | ChartKind::Sensitivity => String::new(),
    }
}

/// What was asked for that no record has.
fn no_cells(study: &Study<'_>, selection: &Selection) -> String {
    let models: BTreeSet<&str> = study.all().iter().map(|c| c.head.problem.model.as_str()).collect();
    match &selection.model {
        Some(model) if !models.contains(model.as_str()) => {
            format!(
                "`{model}` is no model of these runs; there are {}",
                models.into_iter().collect::<Vec<_>>().join(", ")
            )
        }
        _ => "no record is of all that was asked for".to_owned(),
    }
}

fn measured(cells: &[&Shown]) -> bool {
    cells.iter().any(|c| c.estimate(Metric::Throughput).is_some())
}

/// How cells ended none of which has a figure.
fn outcomes(cells: &[&Shown]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for cell in cells {
        *counts.entry(cell.head.outcome.name()).or_default() += 1;
    }
    let each: Vec<String> = counts.iter().map(|(outcome, n)| format!("{n} {outcome}")).collect();
    format!("no cell has such a figure ({})", each.join(", "))
}

fn interactive(cells: &[&Shown]) -> String {
    let generate: Vec<&Shown> =
        cells.iter().copied().filter(|c| c.head.cell.mode == Mode::Generate).collect();
    if generate.is_empty() {
        return "no cell generates".to_owned();
    }
    if measured(&generate) {
        return "too few samples for a median time per further token".to_owned();
    }
    outcomes(&generate)
}

fn unpriced(study: &Study<'_>, cells: &[&Shown]) -> String {
    if study.prices().is_none() {
        return "no price was given; name whose with --instance NAME (`portbench list instances`) or --owned SYSTEM (`portbench list systems`)"
            .to_owned();
    }
    let cells: Vec<&Shown> =
        cells.iter().copied().filter(|c| c.estimate(Metric::Throughput).is_some()).collect();
    let reasons: BTreeSet<String> =
        cells.iter().filter_map(|cell| each_priced(study, cell, |_, _| Ok(())).err()).collect();
    if cells.is_empty() {
        return "no cell was measured".to_owned();
    }
    if reasons.is_empty() {
        return "no median time per further token was estimable".to_owned();
    }
    reasons.into_iter().collect::<Vec<_>>().join("; ")
}
