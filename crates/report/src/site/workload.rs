//! The page of a workload: its platforms side by side, and everything behind the figures.

use maud::{Markup, html};
use portbench_catalog::Amount;
use portbench_catalog::published::Entry;
use portbench_pricing::WorkUnit;

use super::cells;
use super::comparison::{Best, Comparison, speed};
use super::figures::{Drawn, charts};
use super::frame::Page;
use super::gaps::{cells_without_figures, missing};
use super::model::{CellEntry, Cost, Site};
use super::published::published_table;
use crate::charts::{About, Study};
use crate::error::ReportError;
use crate::html::{Column, Data, Table, counted, details, number, words};
use portbench_chart::number;

/// The page; reads the records of its cells again, one at a time.
pub(super) fn page(
    site: &Site<'_>,
    study: &Study<'_>,
    place: usize,
    drawn: &[Drawn<'_>],
) -> Result<Page, ReportError> {
    let workload = &site.workloads[place];
    let comparisons: Vec<&Comparison> = site.comparisons.iter().filter(|c| c.workload == place).collect();
    let here = |cell: &CellEntry| cell.workload == place;
    let models: Vec<&str> = workload.models.iter().map(String::as_str).collect();
    let published: Vec<&Entry> = site.published.iter().filter(|entry| same_work(entry, &models)).collect();
    let mut behind = Vec::new();
    for cell in site.cells.iter().filter(|cell| here(cell)) {
        if let Some(record) = study.runs()[cell.run].record(&cell.row.id)? {
            let platform = site.platform(cell);
            let heading = format!("{}, {} · {}", platform.label, cells::device(cell), cell.conditions());
            let key = format!("{}-{}", cell.row.id, platform.slug);
            behind.push(details(&heading, &key, &site.runs[cell.run].id, &record));
        }
    }
    let content = html! {
        h1 { (workload.name) }
        p.lead {
            (models.join(", ")) ". "
            (counted(site.cells.iter().filter(|c| here(c)).count(), "cell")) ", "
            (counted(comparisons.len(), "comparison")) "."
        }
        @for comparison in &comparisons { (side_by_side(site, comparison)) }
        (charts(drawn, &About::Workload(workload.name.clone())))
        @if site.cells.iter().any(|cell| here(cell) && !cell.is_measured()) { (cells_without_figures(site, "../", here)) }
        (missing(site, |gap| gap.workload.as_deref() == Some(workload.name.as_str())))
        @if !published.is_empty() {
            section.published {
                h2 id="published" { "Published by others" }
                p.quiet { "Not measured here, and on terms of their own: read the caveats before comparing." }
                (published_table("published-table", "Results of the same model.", &published))
            }
        }
        h2 id="behind" { "Behind the figures" }
        p { "Parity of each output, how each op ran, what each trial did, and the command that measures the cell again." }
        @for part in &behind { (part) }
    };
    Ok(Page { path: workload.path.clone(), title: workload.name.clone(), content })
}

/// Whether others published results of one of these models.
fn same_work(entry: &Entry, models: &[&str]) -> bool {
    entry
        .result
        .work
        .as_ref()
        .is_some_and(|work| models.contains(&format!("{} {}", work.family, work.preset).as_str()))
}

const COLUMNS: [Column; 9] = [
    words("platform"),
    words("ported"),
    number("throughput"),
    number("of the fastest"),
    number("latency"),
    number("cost"),
    number("parity"),
    number("compile"),
    number("memory"),
];

fn side_by_side(site: &Site<'_>, comparison: &Comparison) -> Markup {
    let entries = || comparison.cells.iter().map(|&i| (i, &site.cells[i]));
    let leader = match &comparison.fastest {
        Best::Nobody => None,
        Best::One(cell) => Some(*cell),
        Best::Shared(cells) => cells.first().copied(),
    };
    let id = format!("{}-table", comparison.anchor);
    let mut table =
        Table::new(id, html! { (comparison.conditions) ": the same program on each platform." }, &COLUMNS);
    for (place, cell) in entries() {
        let mark = |best: &Best, alone, shared| match best {
            Best::One(one) if *one == place => Some(alone),
            best @ Best::Shared(_) if best.has(place) => Some(shared),
            _ => None,
        };
        let platform = site.platform(cell);
        table.row([
            Data::text(html! { a href={ "../" (platform.path) } { (platform.label) } span.sub { (cells::device(cell)) } }),
            cells::ported(cell),
            cells::throughput(cell, mark(&comparison.fastest, "fastest", "tied")),
            of_the_fastest(site, leader, place, cell),
            cells::latency(cell),
            cells::cost(cell, mark(&comparison.cheapest, "cheapest", "tied")),
            cells::parity(cell),
            cells::compile(cell),
            cells::memory(cell),
        ]);
    }
    let first = entries().next().map(|(_, cell)| cell);
    html! {
        section id=(comparison.anchor) {
            h2 { (comparison.conditions) }
            @if !comparison.unlike.is_empty() {
                p.doubt { "Kept apart from the comparison above of the same name: " (comparison.unlike.join("; ")) "." }
            }
            @if let Some(cell) = first { (problem(cell)) }
            (table)
            @for (_, cell) in entries() { @for remark in cell.row.remarks() { p.note { (site.platform(cell).label) ": " (remark) } } }
            (other_costs(site, comparison))
            (projected(site, comparison))
        }
    }
}

/// What the work of a comparison is.
fn problem(cell: &CellEntry) -> Markup {
    let problem = &cell.problem;
    let shape: Vec<String> = problem.shape.iter().map(|(word, n)| format!("{word} {n}")).collect();
    html! {
        p.note {
            @if !shape.is_empty() { (shape.join(", ")) " · " }
            (number::plain(problem.parameters as f64)) " parameters · "
            (number::plain(problem.flops as f64)) " FLOP and " (number::bytes(problem.bytes as f64)) " an execution · "
            "timer: " (cell.boundary.name()) " · weights " (problem.weights) " · program "
            code { (problem.fingerprint) }
        }
    }
}

fn of_the_fastest(site: &Site<'_>, leader: Option<usize>, place: usize, cell: &CellEntry) -> Data {
    let Some(leader) = leader else { return Data::nothing("") };
    if leader == place {
        return Data::number(1.0, "1×");
    }
    let leader = &site.cells[leader];
    let figures = || Some(cell.throughput()?[0] / leader.throughput()?[0]);
    let found = speed(leader, cell);
    match (found.and_then(|f| f.ratio), figures()) {
        (Some(ratio), _) => cells::ratio(ratio.value, Some((ratio.low, ratio.high)), ""),
        (None, Some(value)) => cells::ratio(value, None, ""),
        (None, None) => Data::nothing(""),
    }
}

/// Costs beyond that of the workload's own unit: of input and of all tokens.
fn other_costs(site: &Site<'_>, comparison: &Comparison) -> Markup {
    let costs: Vec<(&CellEntry, &[(WorkUnit, Amount)])> = comparison
        .cells
        .iter()
        .filter_map(|&i| match &site.cells[i].cost {
            Cost::Usd { per, .. } if per.len() > 1 => Some((&site.cells[i], &per[1..])),
            _ => None,
        })
        .collect();
    let Some((_, units)) = costs.first() else { return html! {} };
    let columns: Vec<Column> =
        std::iter::once(words("platform")).chain(units.iter().map(|(unit, _)| number(unit.per()))).collect();
    let caption =
        "USD, with the interval of the throughput. Each carries the whole bill: they do not add up.";
    let mut table = Table::new(format!("{}-costs", comparison.anchor), caption, &columns);
    for (cell, per) in &costs {
        let platform = Data::text(&site.platform(cell).label);
        let sums = per.iter().map(|(_, usd)| cells::sum(*usd));
        table.row(std::iter::once(platform).chain(sums));
    }
    html! { details.fold { summary { "Cost of input and of all tokens" } (table) } }
}

/// What hardware that was not at hand could do at best, apart from what was measured.
fn projected(site: &Site<'_>, comparison: &Comparison) -> Markup {
    const COLUMNS: [Column; 3] = [words("accelerator"), number("at best"), words("how")];
    let cell = comparison.cells.iter().map(|&i| &site.cells[i]).find(|cell| !cell.projected.is_empty());
    let Some(cell) = cell else { return html! {} };
    let caption = "Bounds of one accelerator each, computed from its peaks: nothing was measured there.";
    let mut table = Table::new(format!("{}-projected", comparison.anchor), caption, &COLUMNS);
    for bound in &cell.projected {
        table.row([
            Data::text(&bound.label),
            Data::number(bound.rate, html! { (number::plain(bound.rate)) " " (cell.row.unit.name()) "/s" }),
            Data::text(html! { div.words { @for note in &bound.notes { (note) } } }),
        ]);
    }
    html! { section.projected { h3 { "Projected" } (table) } }
}
