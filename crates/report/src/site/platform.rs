//! The page of a platform: what it is, what becomes of other platforms' work on it, and its cells.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use portbench_stats::Verdict;

use super::cells;
use super::figures::{Drawn, charts};
use super::frame::Page;
use super::gaps::cells_without_figures;
use super::model::{CellEntry, PlatformEntry, Site};
use super::moves::{Moves, Step, moves};
use super::overview::{headline, prices};
use crate::charts::About;
use crate::html::{Column, Data, Table, counted, number, words};
use portbench_chart::number;

pub(super) fn page(site: &Site<'_>, place: usize, drawn: &[Drawn<'_>]) -> Page {
    let entry = &site.platforms[place];
    let here = |cell: &CellEntry| cell.platform == place;
    let cells = || site.cells.iter().filter(|cell| here(cell));
    let measured = cells().filter(|cell| cell.is_measured()).count();
    let others: Vec<usize> = (0..site.platforms.len()).filter(|&other| other != place).collect();
    let content = html! {
        h1 { (entry.label) }
        p.lead { (measured) " of " (counted(cells().count(), "cell")) " measured." }
        (facts(site, place, entry))
        @for (i, &other) in others.iter().enumerate() { (moving(site, other, place, i)) }
        h2 id="cells" { "Every cell" }
        (headline("cells-table", "What ran on this platform.", site, cells(), "../", false))
        (charts(drawn, &About::Platform(entry.slug.clone())))
        @if cells().any(|cell| !cell.is_measured()) { (cells_without_figures(site, "../", here)) }
        (decomposed(site, here))
        (software(entry))
    };
    Page { path: entry.path.clone(), title: entry.label.clone(), content }
}

fn facts(site: &Site<'_>, place: usize, entry: &PlatformEntry) -> Markup {
    let machine = &entry.environment;
    html! {
        dl.facts {
            dt { "software" } dd { (entry.stack) }
            dt { "price" } dd { (prices(site, place)) }
            dt { "host" } dd { (machine.cpu) ", " (machine.cpus) " CPUs, " (number::bytes(machine.memory_bytes as f64)) ", " (machine.arch) }
            dt { "system" } dd { (machine.os) @if !machine.kernel.is_empty() { ", kernel " (machine.kernel) } }
            @for (name, value) in &machine.facts { dt { (name) } dd { (value) } }
            dt { "portbench" } dd { (machine.portbench) @if let Some(commit) = &machine.commit { " (" (commit) ")" } }
            dt { "runs" } dd { @for (i, run) in entry.runs.iter().enumerate() { @if i > 0 { ", " } code { (site.runs[*run].id) } } }
        }
    }
}

const MOVES: [Column; 7] = [
    words("workload"),
    words("runs here"),
    number("throughput there"),
    number("throughput here"),
    number("speed"),
    number("cost"),
    number("parity here"),
];

/// What becomes of another platform's work here.
fn moving(site: &Site<'_>, from: usize, to: usize, place: usize) -> Markup {
    let left = &site.platforms[from].label;
    let found = moves(site, from, to);
    if found.steps.is_empty() {
        return html! { h2 { "Moving here from " (left) } p { "No work was measured there that could be compared." } };
    }
    let caption = html! { "Speed and cost are those here over those on " (left) ", of the same program in the same numerics." };
    let mut table = Table::new(format!("moving-{place}"), caption, &MOVES);
    for step in &found.steps {
        let workload = &site.workloads[step.comparison.workload];
        table.row([
            Data::text(html! {
                a href={ "../" (workload.path) "#" (step.comparison.anchor) } { (workload.name) }
                span.sub { (step.comparison.conditions) }
            }),
            step.to.map_or_else(|| Data::nothing("not planned"), cells::ported),
            cells::throughput(step.from, None),
            step.to.map_or_else(|| Data::nothing(""), |to| cells::throughput(to, None)),
            speed(step),
            step.cost.map_or_else(
                || Data::nothing(""),
                |cost| Data::number(cost, html! { (number::plain(cost)) "×" }),
            ),
            step.to.map_or_else(|| Data::nothing(""), cells::parity),
        ]);
    }
    html! {
        section id={ "moving-from-" (site.platforms[from].slug) } {
            h2 { "Moving here from " (left) }
            p { (summary(&found)) }
            (table)
        }
    }
}

fn summary(moves: &Moves<'_>) -> Markup {
    let (passed, checked) = moves.parity();
    html! {
        (moves.ran()) " of " (counted(moves.steps.len(), "comparison")) " ran here"
        @if checked > 0 { ", " (passed) " of " (checked) " passed parity" }
        "."
        @if let Some(speed) = moves.speed() {
            " Speed: median " (number::plain(speed.median)) "×, from " (number::plain(speed.low)) "× to " (number::plain(speed.high)) "×"
            @for (verdict, words) in [(Verdict::Faster, "faster"), (Verdict::Slower, "slower")] {
                @if moves.verdicts(verdict) > 0 { ", " (words) " in " (moves.verdicts(verdict)) }
            }
            "."
        }
        @if let Some(cost) = moves.cost() {
            " Cost: median " (number::plain(cost.median)) "×, from " (number::plain(cost.low)) "× to " (number::plain(cost.high)) "×."
        }
    }
}

fn speed(step: &Step<'_>) -> Data {
    let Some(value) = step.ratio() else { return Data::nothing("") };
    let bounds = step.speed.and_then(|s| s.ratio).map(|r| (r.low, r.high));
    let class = match step.speed.map(|s| s.verdict) {
        Some(Verdict::Faster) => "good",
        Some(Verdict::Slower) => "bad",
        _ => "",
    };
    cells::ratio(value, bounds, class)
}

/// Ops that had no kernel here.
fn decomposed(site: &Site<'_>, here: impl Fn(&CellEntry) -> bool) -> Markup {
    const COLUMNS: [Column; 3] = [words("op"), words("why"), words("in")];
    let mut found: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for cell in site.cells.iter().filter(|cell| here(cell)) {
        for (op, reason) in &cell.ops.decomposed {
            found.entry((op, reason)).or_default().insert(&site.workload(cell).name);
        }
    }
    let mut table =
        Table::new("decomposed-table", "Put together from simpler ops, for want of a kernel.", &COLUMNS);
    for ((op, reason), workloads) in found {
        table.row([
            Data::text(html! { code { (op) } }),
            Data::text(html! { div.words { (reason) } }),
            Data::text(workloads.into_iter().collect::<Vec<_>>().join(", ")),
        ]);
    }
    html! { @if !table.is_empty() { h2 { "Decomposed ops" } (table) } }
}

fn software(entry: &PlatformEntry) -> Markup {
    html! {
        @if !entry.backends.is_empty() { h2 { "Software and settings" } }
        @for (name, [versions, settings]) in &entry.backends {
            h3 { (name) }
            dl.facts {
                @for (key, value) in versions.iter().chain(settings) { dt { (key) } dd { (value) } }
            }
        }
    }
}
