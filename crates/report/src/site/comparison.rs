//! Cells that may stand in one comparison: the same work under the same conditions, on several platforms.

use std::collections::BTreeMap;

use portbench_measure::Metric;
use portbench_records::unlike;
use portbench_stats::{CompareOptions, Comparison as Compared, Direction, Trials, Verdict, compare};

use super::model::{CellEntry, Cost, Site};
use crate::html::Slugs;

/// Smallest relative difference that counts, as `portbench compare` has it.
const RELEVANT: f64 = 0.02;

/// Cells that are about the same work, one a platform and target.
pub(super) struct Comparison {
    pub(super) workload: usize,
    /// Where it is on the workload's page.
    pub(super) anchor: String,
    /// Mode, scenario and numerics.
    pub(super) conditions: String,
    /// In order of platforms.
    pub(super) cells: Vec<usize>,
    /// What differs from an earlier comparison of the same workload and conditions, which these cells are kept apart from.
    pub(super) unlike: Vec<String>,
    pub(super) fastest: Best,
    pub(super) cheapest: Best,
}

/// Who is best in a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Best {
    /// Fewer than two cells have the figure.
    Nobody,
    /// This cell; the others are relevantly worse.
    One(usize),
    /// These cells: the first has the best value, and the others are not told apart from it.
    Shared(Vec<usize>),
}

impl Best {
    pub(super) fn has(&self, cell: usize) -> bool {
        match self {
            Self::Nobody => false,
            Self::One(one) => *one == cell,
            Self::Shared(several) => several.contains(&cell),
        }
    }
}

/// Sorts the cells into comparisons, in the order of workloads.
pub(super) fn compared(site: &Site<'_>) -> Vec<Comparison> {
    let mut groups: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    let mut conditions: Vec<(usize, String)> = Vec::new();
    for (i, cell) in site.cells.iter().enumerate() {
        let key = (cell.workload, condition(cell));
        let place = conditions.iter().position(|c| *c == key).unwrap_or_else(|| {
            conditions.push(key);
            conditions.len() - 1
        });
        groups.entry((cell.workload, place)).or_default().push(i);
    }
    let mut found = Vec::new();
    let mut slugs: BTreeMap<usize, Slugs> = BTreeMap::new();
    for ((workload, place), cells) in groups {
        let conditions = &conditions[place].1;
        let mut alike: Vec<(Vec<usize>, Vec<String>)> = Vec::new();
        for cell in cells {
            let differences: Vec<Vec<String>> = alike
                .iter()
                .map(|(group, _)| differences(&site.cells[group[0]], &site.cells[cell]))
                .collect();
            match differences.iter().position(Vec::is_empty) {
                Some(group) => alike[group].0.push(cell),
                None => alike.push((vec![cell], differences.into_iter().next().unwrap_or_default())),
            }
        }
        for (mut cells, unlike) in alike {
            cells.sort_by_key(|&i| site.cells[i].platform);
            found.push(Comparison {
                workload,
                anchor: slugs.entry(workload).or_default().of(conditions),
                conditions: conditions.clone(),
                fastest: fastest(site, &cells),
                cheapest: cheapest(site, &cells),
                cells,
                unlike,
            });
        }
    }
    found
}

/// What cells of one comparison share beside the work. A device alone and several together are different questions.
fn condition(cell: &CellEntry) -> String {
    let together = if cell.row.replicas > 1 { " · replicas" } else { "" };
    format!("{} · {} · {}{together}", cell.row.mode, cell.row.scenario, cell.row.numerics)
}

/// Why two cells of one workload and one condition may not be compared.
fn differences(a: &CellEntry, b: &CellEntry) -> Vec<String> {
    let mut found = unlike(&a.problem, &b.problem);
    if a.boundary != b.boundary {
        found.push(format!("timers that enclose {} and {} work", a.boundary, b.boundary));
    }
    if a.provenance != b.provenance {
        found.push("figures of different origin".to_owned());
    }
    found
}

/// Throughput of `b` over that of `a`; `None` unless both were measured.
pub(super) fn speed(a: &CellEntry, b: &CellEntry) -> Option<Compared> {
    rates((a, 1.0), (b, 1.0))
}

/// Throughput of the second cell over that of the first, that of each trial times a factor.
fn rates(a: (&CellEntry, f64), b: (&CellEntry, f64)) -> Option<Compared> {
    let nested = |(cell, factor): (&CellEntry, f64)| {
        let values = cell.trials_of(Metric::Throughput);
        Trials::from_nested(&values.iter().map(|v| [*v * factor]).collect::<Vec<_>>()).ok()
    };
    compare(&nested(b)?, &nested(a)?, &CompareOptions::new(Direction::HigherIsBetter, RELEVANT)).ok()
}

/// What a dollar buys of `b` over what it buys of `a`: their throughput over their prices. Of a price that is a range the end that speaks for `b` counts.
fn worth(a: &CellEntry, b: &CellEntry) -> Option<Compared> {
    let parts = |cell: &CellEntry| match &cell.cost {
        Cost::Usd { share, platform, .. } => Some((share.factor(), platform.usd_per_hour)),
        Cost::NoPrice | Cost::None(_) => None,
    };
    let ((scale_a, price_a), (scale_b, price_b)) = (parts(a)?, parts(b)?);
    rates((a, scale_a / price_a.high), (b, scale_b / price_b.low))
}

fn fastest(site: &Site<'_>, cells: &[usize]) -> Best {
    let rate = |i: usize| site.cells[i].throughput().map(|[value, ..]| value);
    let behind = |best: usize, other: usize| {
        speed(&site.cells[best], &site.cells[other]).is_some_and(|found| found.verdict == Verdict::Slower)
    };
    best(cells, |i| rate(i).map(|rate| -rate), behind)
}

fn cheapest(site: &Site<'_>, cells: &[usize]) -> Best {
    let usd = |i: usize| site.cells[i].usd().map(|(_, usd)| usd.value);
    let behind = |best: usize, other: usize| {
        worth(&site.cells[best], &site.cells[other]).is_some_and(|found| found.verdict == Verdict::Slower)
    };
    best(cells, usd, behind)
}

/// The cell with the least value, and those that are not clearly behind it.
fn best(
    cells: &[usize],
    value: impl Fn(usize) -> Option<f64>,
    behind: impl Fn(usize, usize) -> bool,
) -> Best {
    let mut known: Vec<(usize, f64)> = cells.iter().filter_map(|&i| Some((i, value(i)?))).collect();
    known.sort_by(|a, b| a.1.total_cmp(&b.1));
    let [(first, _), rest @ ..] = known.as_slice() else { return Best::Nobody };
    if rest.is_empty() {
        return Best::Nobody;
    }
    let close: Vec<usize> = rest.iter().map(|(i, _)| *i).filter(|&i| !behind(*first, i)).collect();
    if close.is_empty() { Best::One(*first) } else { Best::Shared([vec![*first], close].concat()) }
}
