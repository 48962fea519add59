//! Performance portability of the back ends over the hardware of a report.

use std::collections::{BTreeMap, BTreeSet};

use portbench_chart::{Chart, kind};
use portbench_measure::Metric;
use portbench_stats::Direction;
use portbench_stats::portability::{Figures, Study as Portability};

use super::study::{Selection, Shown, Study};
use super::{ChartKind, name, of};

pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Option<Chart> {
    let cells: Vec<&Shown> =
        study.cells(selection).into_iter().filter(|c| c.head.cell.replicas == 1).collect();
    // One problem: the scenario that most cells have, which is the first one of ties.
    let mut scenarios: Vec<(String, usize)> = Vec::new();
    for cell in &cells {
        let scenario = cell.head.cell.scenario.to_string();
        match scenarios.iter_mut().find(|(s, _)| *s == scenario) {
            Some((_, count)) => *count += 1,
            None => scenarios.push((scenario, 1)),
        }
    }
    let most = scenarios.iter().map(|(_, n)| *n).max()?;
    let scenario = scenarios.into_iter().find(|(_, n)| *n == most)?.0;
    let cells: Vec<&Shown> =
        cells.into_iter().filter(|c| c.head.cell.scenario.to_string() == scenario).collect();
    let programs: BTreeSet<&str> = cells.iter().map(|c| c.head.problem.fingerprint.as_str()).collect();
    let hardware = |c: &Shown| study.platforms().iter().nth(c.platform).map(|p| p.hardware.clone());
    let set: Vec<String> =
        cells.iter().filter_map(|c| hardware(c)).collect::<BTreeSet<_>>().into_iter().collect();
    // Of one piece of hardware, or of several programs, PP means nothing.
    if set.len() < 2 || programs.len() != 1 {
        return None;
    }
    let mut applications: BTreeMap<String, (Figures, BTreeMap<String, usize>)> = BTreeMap::new();
    for cell in &cells {
        let application = applications.entry(cell.head.cell.backend.clone()).or_default();
        if let (Some(hardware), Some([rate, ..])) = (hardware(cell), cell.estimate(Metric::Throughput))
            && rate > application.0.get(&hardware).copied().unwrap_or(0.0)
        {
            application.0.insert(hardware.clone(), rate);
            application.1.insert(hardware, cell.platform);
        }
    }
    let names: Vec<&str> = set.iter().map(String::as_str).collect();
    let reference = "the best of these runs";
    let problem = format!("{}, {scenario}", of(selection).trim_start_matches(" of "));
    let portability = Portability::new(&problem, &names, Direction::HigherIsBetter, reference).ok()?;
    let figures: Vec<&Figures> = applications.values().map(|(figures, _)| figures).collect();
    let best = portability.best_known(&figures).ok()?;
    let mut drawn = Vec::new();
    for (label, (figures, series)) in &applications {
        let efficiencies = portability.application(figures, &best).ok()?;
        let step = |(platform, efficiency): (usize, &f64)| {
            let series = *series.get(&set[platform])?;
            (*efficiency > 0.0).then_some(kind::CascadeStep { platform, series, efficiency: *efficiency })
        };
        drawn.push(kind::CascadeApplication {
            label: label.clone(),
            steps: efficiencies.values().iter().enumerate().filter_map(step).collect(),
            running: efficiencies.running_pp(),
            pp: efficiencies.pp(),
        });
    }
    let mut notes = study.notes(&cells);
    notes.push(format!(
        "H = {{{}}}; problem: {problem}; higher throughput is better; best known: {reference}.",
        set.join("; ")
    ));
    if applications.len() == 1 {
        notes.push("One back end alone is the best known one everywhere: its efficiency says nothing but whether it ran.".into());
    }
    kind::cascade(
        &set,
        drawn,
        kind::Head {
            name: name(ChartKind::Cascade, selection),
            title: format!("Performance portability{}", of(selection)),
            subtitle: "Application efficiency: throughput over the best known on the same hardware, best platform first. Steps: running \
                       PP, the harmonic mean so far; 0 from the first unsupported platform on."
                .into(),
            notes,
        },
    )
}
