//! What work costs: bars, against interactivity, and over offered load.

use std::collections::BTreeMap;

use portbench_chart::curve::Better;
use portbench_chart::{Bar, Chart, Format, Interval, Key, Panel, Provenance, Scale, kind};
use portbench_measure::{Metric, Mode};
use portbench_pricing::WorkUnit;

use super::pareto::{Requests, interactivity, point_label};
use super::prices::{Unpriced, each_priced, price_notes};
use super::study::{Selection, Shown, Study};
use super::{CURVES, ChartKind, LINES, left_out, legend, name, of, one_trial, trials};

/// Cost for the count of each unit that people price, one line a cell and price.
pub(super) fn bars(study: &Study<'_>, selection: &Selection) -> Option<Chart> {
    study.prices()?;
    let all: Vec<&Shown> =
        study.cells(selection).into_iter().filter(|c| c.estimate(Metric::Throughput).is_some()).collect();
    let mut panels: BTreeMap<WorkUnit, Vec<Bar>> = BTreeMap::new();
    let (mut drawn, mut unpriced) = (Vec::new(), Unpriced::default());
    for cell in all.iter().take(LINES) {
        let (label, setting) = study.words(cell, selection);
        let sums = each_priced(study, cell, |priced, detail| {
            let rates = priced.rates().iter();
            let costs = rates.map(|rate| priced.cost(rate).map(|usd| (rate.unit, usd)));
            Ok((detail, costs.collect::<Result<Vec<_>, _>>()?))
        });
        let sums = match sums {
            Ok(sums) => sums,
            Err(why) => {
                unpriced.add(format!("{label}, {setting}"), why);
                continue;
            }
        };
        for (detail, costs) in sums {
            for (unit, usd) in costs {
                panels.entry(unit).or_default().push(Bar {
                    label: label.clone(),
                    detail: format!("{setting}, {detail}"),
                    series: study.series(cell),
                    provenance: Provenance::Measured,
                    values: vec![Interval { value: usd.value, low: usd.low, high: usd.high }],
                });
            }
        }
        drawn.push(*cell);
    }
    if panels.is_empty() {
        return None;
    }
    let bills = panels.contains_key(&WorkUnit::Tokens).then(|| {
        "Output, input and all tokens: each carries the whole bill, so that the three do not add up."
            .to_owned()
    });
    let panel = |(unit, lines): (WorkUnit, Vec<Bar>)| Panel {
        title: format!("USD per {}", unit.per()),
        format: Format::Usd,
        bars: true,
        lines,
    };
    let head = kind::Head {
        name: name(ChartKind::Cost, selection),
        title: format!("Cost{}", of(selection)),
        subtitle: format!(
            "Less is better. Price of an hour over measured throughput, with its 95 % interval, {}; single-stream where \
             nothing else is said.",
            trials(study)
        ),
        notes: [
            study.notes(&drawn),
            price_notes(study),
            bills.into_iter().collect(),
            unpriced.notes(),
            one_trial(study, &drawn).into_iter().collect(),
            left_out(all.len(), LINES).into_iter().collect(),
        ]
        .concat(),
    };
    let keys: Vec<Key> = legend(study, &drawn);
    Some(kind::rows(ChartKind::Cost.name(), head, keys, panels.into_iter().map(panel).collect()))
}

/// Cost of a million output tokens against what each user gets.
pub(super) fn against_interactivity(study: &Study<'_>, selection: &Selection) -> Option<Chart> {
    study.prices()?;
    let (mut points, mut notes, mut unpriced) = (Vec::new(), Vec::new(), Unpriced::default());
    for cell in study.cells(selection) {
        if cell.head.cell.mode != Mode::Generate || cell.estimate(Metric::Throughput).is_none() {
            continue;
        }
        let label = point_label(cell);
        let Some(interactivity) = interactivity(cell) else {
            notes.push(format!("Not drawn: {label}: no median time per further token."));
            continue;
        };
        let sums = each_priced(study, cell, |priced, detail| {
            let usd = priced.rates().first().map(|rate| priced.cost(rate)).transpose()?;
            Ok(usd.map(|usd| (detail, usd)))
        });
        match sums {
            Ok(sums) => {
                for (detail, usd) in sums.into_iter().flatten() {
                    let interval = Some((usd.low, usd.high));
                    let point = kind::FrontierPoint {
                        label: label.clone(),
                        x: interactivity,
                        y: usd.value,
                        interval,
                    };
                    points.push((cell, detail, point));
                }
            }
            Err(why) => unpriced.add(label, why),
        }
    }
    let drawn: Vec<&Shown> = points.iter().map(|(cell, ..)| *cell).collect();
    let requests = Requests::of(&drawn, selection);
    let mut curves: BTreeMap<(usize, String), Vec<kind::FrontierPoint>> = BTreeMap::new();
    for (cell, detail, point) in points {
        let label = format!("{}, {detail}", requests.label(study, cell));
        curves.entry((cell.platform, label)).or_default().push(point);
    }
    let curve = |((platform, label), points)| kind::FrontierCurve {
        label,
        series: study.platforms().series(platform),
        provenance: Provenance::Measured,
        points,
    };
    let chart = kind::Frontier {
        x: "interactivity: tokens per second for each user (more is better)".into(),
        y: format!("USD per {} (less is better)", WorkUnit::OutputTokens.per()),
        format: Format::Usd,
        better: Better::Lower,
        curves: curves.into_iter().map(curve).collect(),
    };
    chart.chart(
        ChartKind::CostInteractivity.name(),
        kind::Head {
            name: name(ChartKind::CostInteractivity, selection),
            title: format!("Cost against interactivity{}", of(selection)),
            subtitle: format!(
                "Each mark is a setting: filled where no other one of its platform beats it, with Steffen's monotone curve \
                 between those.{} Measured throughput and interactivity; 95 % intervals, {}.",
                requests.words(),
                trials(study)
            ),
            notes: [study.notes(&drawn), price_notes(study), unpriced.notes(), notes].concat(),
        },
    )
}

/// Of measured cells that differ in replicas alone the one with most of them, which comes nearest to a whole instance.
fn most_replicas(cells: Vec<&Shown>) -> Vec<&Shown> {
    let mut found: Vec<&Shown> = Vec::new();
    for cell in cells.into_iter().filter(|c| c.estimate(Metric::Throughput).is_some()) {
        let same = |other: &&mut &Shown| {
            let (a, b) = (&other.head.cell, &cell.head.cell);
            let alike = (&a.workload, a.scenario, a.numerics) == (&b.workload, b.scenario, b.numerics);
            other.platform == cell.platform && other.program == cell.program && alike
        };
        match found.iter_mut().find(same) {
            Some(other) if other.head.cell.replicas < cell.head.cell.replicas => *other = cell,
            Some(_) => {}
            None => found.push(cell),
        }
    }
    found
}

/// Loads of a curve, as parts of what can be served.
const LOADS: usize = 33;

/// Cost while less is asked for than could be served: the whole hour is billed whatever arrives.
pub(super) fn over_load(study: &Study<'_>, selection: &Selection) -> Option<Chart> {
    study.prices()?;
    let (mut lines, mut drawn, mut unpriced) = (Vec::new(), Vec::new(), Unpriced::default());
    let mut unit = None;
    let all = most_replicas(study.cells(selection));
    for &cell in all.iter().take(CURVES) {
        let (what, setting) = study.words(cell, selection);
        let sums = each_priced(study, cell, |priced, detail| {
            let Some(rate) = priced.rates().first() else { return Ok(None) };
            let mut points = Vec::new();
            for i in 0..LOADS {
                // From a thousandth of what can be served up to all of it.
                let part = 10f64.powf(3.0 * (i as f64 / (LOADS - 1) as f64 - 1.0));
                let load = rate.per_second.value * part;
                let usd = priced.at_load(rate, load)?;
                points.push(kind::LinePoint { x: load, y: usd.value, interval: Some((usd.low, usd.high)) });
            }
            Ok(Some((rate.unit, detail, points)))
        });
        match sums {
            Ok(sums) => {
                for (of, detail, points) in sums.into_iter().flatten() {
                    unit = Some(of);
                    lines.push(kind::Line {
                        label: format!("{what}, {setting}, {detail}"),
                        series: study.series(cell),
                        provenance: Provenance::Measured,
                        marks: kind::Marks::End,
                        points,
                    });
                }
                drawn.push(cell);
            }
            Err(why) => unpriced.add(format!("{what}, {setting}"), why),
        }
    }
    let unit = unit?;
    // Lines at one price lie over each other up to where the shorter one ends: that one is drawn later.
    let end = |line: &kind::Line| line.points.last().map_or(0.0, |p| p.x);
    lines.sort_by(|a, b| end(b).total_cmp(&end(a)));
    let coordinate = |title: String, format| kind::Coordinate {
        title,
        scale: Scale::Logarithmic,
        format,
        from_zero: false,
    };
    let chart = kind::Lines {
        x: coordinate(format!("offered load, {unit} per second"), Format::Short),
        y: coordinate(format!("USD per {} (less is better)", unit.per()), Format::Usd),
        lines,
        across: Vec::new(),
        along: Vec::new(),
    };
    let head = kind::Head {
        name: name(ChartKind::CostLoad, selection),
        title: format!("Cost over offered load{}", of(selection)),
        subtitle: format!(
            "Price of an hour over the load, up to the measured throughput (mean, {}): the mark at the end of each line. Lines of one \
             price lie over each other.",
            trials(study)
        ),
        notes: [
            study.notes(&drawn),
            price_notes(study),
            unpriced.notes(),
            left_out(all.len(), CURVES).into_iter().collect(),
        ]
        .concat(),
    };
    chart.chart(ChartKind::CostLoad.name(), head, |line| {
        let last = line.points.last()?;
        Some(format!("{}: {} at full load", line.label, Format::Usd.value(last.y)))
    })
}
