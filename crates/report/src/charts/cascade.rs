//! Performance portability of the back ends over the hardware of a report.

use std::collections::{BTreeMap, BTreeSet};

use portbench_chart::{Chart, kind, number};
use portbench_measure::Metric;
use portbench_stats::portability::{Figures, Study as Portability};
use portbench_stats::{Direction, StatsError};

use super::hardware::peaks;
use super::study::{Selection, Shown, Study};
use super::{ChartKind, name, of};

/// The workload itself: on each platform the back end that is best there.
const BEST: &str = "best of each";

/// A back end over the set: throughput by hardware, and the cell that reached it.
type Application<'s> = BTreeMap<String, (f64, &'s Shown)>;

/// The chart, or why there is none.
pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Result<Chart, String> {
    let Compared { cells, scenario, set } = compared(study, selection)?;
    let mut applications: BTreeMap<String, Application<'_>> = BTreeMap::new();
    let mut best: Application<'_> = BTreeMap::new();
    for cell in &cells {
        let own = applications.entry(cell.head.cell.backend.clone()).or_default();
        if let Some([rate, ..]) = cell.estimate(Metric::Throughput) {
            for known in [own, &mut best] {
                let found = known.entry(hardware(study, cell)).or_insert((rate, cell));
                if rate > found.0 {
                    *found = (rate, cell);
                }
            }
        }
    }
    let reference = "the best of these runs";
    let problem = format!("{}, {scenario}", of(selection).trim_start_matches(" of "));
    let names: Vec<&str> = set.iter().map(String::as_str).collect();
    let failed = |error: StatsError| error.to_string();
    let portability =
        Portability::new(&problem, &names, Direction::HigherIsBetter, reference).map_err(failed)?;
    let mut drawn = Vec::new();
    let several = applications.len() > 1;
    let best_row = several.then(|| (BEST.to_owned(), best.clone()));
    for (label, own) in applications.into_iter().chain(best_row) {
        let efficiencies = portability.application(&figures(&own), &figures(&best)).map_err(failed)?;
        let step = |(platform, efficiency): (usize, &f64)| {
            let (_, cell) = own.get(&set[platform])?;
            (*efficiency > 0.0).then(|| kind::CascadeStep {
                platform,
                series: study.series(cell),
                efficiency: *efficiency,
            })
        };
        drawn.push(kind::CascadeApplication {
            steps: efficiencies.values().iter().enumerate().filter_map(step).collect(),
            running: efficiencies.running_pp(),
            pp: efficiencies.pp(),
            best: label == BEST,
            label,
        });
    }
    let mut notes = study.notes(&cells);
    notes.push(format!(
        "H = {{{}}}; problem: {problem}; higher throughput is better; best known: {reference}.",
        set.join("; ")
    ));
    if several {
        notes.push(format!(
            "{BEST} platform: the workload with whichever back end is fastest there. Its application efficiency is 1 wherever anything ran, by construction: PP is 1 or 0. {}",
            architectural(study, &portability, &best, &set)
        ));
    } else {
        notes.push("One back end alone is the best known one everywhere: its efficiency says nothing but whether it ran.".into());
    }
    let head = kind::Head {
        name: name(ChartKind::Cascade, selection),
        title: format!("Performance portability{}", of(selection)),
        subtitle: "Application efficiency: throughput over the best known on the same hardware, best platform first. Steps: running \
                   PP, the harmonic mean so far, in the colour of its best platform; 0 from the first unsupported platform on."
            .into(),
        notes,
    };
    kind::cascade(&set, drawn, head).ok_or_else(|| "no cell of it was measured".to_owned())
}

/// The cells of one problem on several pieces of hardware.
struct Compared<'s> {
    cells: Vec<&'s Shown>,
    scenario: String,
    /// The hardware, in order.
    set: Vec<String>,
}

fn compared<'s>(study: &'s Study<'_>, selection: &Selection) -> Result<Compared<'s>, String> {
    let alone = |c: &&Shown| c.head.cell.replicas == 1;
    let cells: Vec<&Shown> = study.cells(selection).into_iter().filter(alone).collect();
    let workloads: BTreeSet<&str> = cells.iter().map(|c| c.head.cell.workload.as_str()).collect();
    if workloads.len() > 1 {
        return Err(format!(
            "performance portability is of one problem; name one with --workload: {}",
            workloads.into_iter().collect::<Vec<_>>().join(", ")
        ));
    }
    // The scenario that most cells have, which is the first one of ties.
    let mut scenarios: Vec<(String, usize)> = Vec::new();
    for cell in &cells {
        let scenario = cell.head.cell.scenario.to_string();
        match scenarios.iter_mut().find(|(s, _)| *s == scenario) {
            Some((_, count)) => *count += 1,
            None => scenarios.push((scenario, 1)),
        }
    }
    let most = scenarios.iter().map(|(_, n)| *n).max();
    let Some((scenario, _)) = scenarios.into_iter().find(|(_, n)| Some(*n) == most) else {
        return Err("no cell of one device is among those asked for".to_owned());
    };
    let cells: Vec<&Shown> =
        cells.into_iter().filter(|c| c.head.cell.scenario.to_string() == scenario).collect();
    let numerics: BTreeSet<&str> = cells.iter().map(|c| c.head.cell.numerics.name()).collect();
    let programs: BTreeSet<&str> = cells.iter().map(|c| c.head.problem.fingerprint.as_str()).collect();
    if programs.len() > 1 {
        let all: Vec<&str> = programs.iter().map(|p| p.get(..12).unwrap_or(p)).collect();
        return Err(format!(
            "performance portability is of one problem, and the cells have {} programs ({}) in {}; --numerics takes one number format",
            all.len(),
            all.join(", "),
            numerics.into_iter().collect::<Vec<_>>().join(", ")
        ));
    }
    let set: BTreeSet<String> = cells.iter().map(|c| hardware(study, c)).collect();
    if set.len() < 2 {
        return Err(format!(
            "performance portability is over several pieces of hardware, and all of these cells ran on {}; give runs of other hardware as well",
            set.into_iter().collect::<String>()
        ));
    }
    Ok(Compared { cells, scenario, set: set.into_iter().collect() })
}

fn hardware(study: &Study<'_>, cell: &Shown) -> String {
    study.platforms().iter().nth(cell.platform).map(|p| p.hardware.clone()).unwrap_or_default()
}

fn figures(application: &Application<'_>) -> Figures {
    application.iter().map(|(hardware, (rate, _))| (hardware.clone(), *rate)).collect()
}

/// How much of its hardware's roofline the best back end of each platform reaches, in words.
fn architectural(
    study: &Study<'_>,
    portability: &Portability,
    best: &Application<'_>,
    set: &[String],
) -> String {
    let mut shares = Figures::new();
    let mut unknown = Vec::new();
    for hardware in set {
        let Some((_, cell)) = best.get(hardware) else { continue };
        match share(study, cell) {
            Some(share) => drop(shares.insert(hardware.clone(), share)),
            None => unknown.push(hardware.as_str()),
        }
    }
    if !unknown.is_empty() {
        return format!("Its architectural PP is not known: no published peaks of {}.", unknown.join("; "));
    }
    let Ok(efficiencies) = portability.architectural(&shares) else {
        return "Its architectural PP is not known: a rate lies above the published peaks.".to_owned();
    };
    let each: Vec<String> =
        shares.iter().map(|(hardware, share)| format!("{hardware} {}", number::plain(*share))).collect();
    format!(
        "Its architectural efficiency, the share of the roofline: {}; PP {}.",
        each.join(", "),
        number::plain(efficiencies.pp())
    )
}

/// The share of the roofline of published peaks that a cell reaches.
fn share(study: &Study<'_>, cell: &Shown) -> Option<f64> {
    let peaks = peaks(study, cell.platform, cell.head.cell.numerics).filter(|peaks| !peaks.measured)?;
    let [rate, ..] = cell.estimate(Metric::FlopRate)?;
    let problem = &cell.head.problem;
    let intensity = problem.flops as f64 / problem.bytes as f64;
    let roof = peaks.flops.min(intensity * peaks.bandwidth);
    Some(rate / roof).filter(|share| share.is_finite())
}
