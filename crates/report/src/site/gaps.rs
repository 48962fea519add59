//! Everything that is not in the figures: cells not measured, points dropped or doubted, cells kept apart.

use std::collections::BTreeSet;

use maud::{Markup, html};
use portbench_measure::FigureValue;

use super::cells::{device, outcome};
use super::figures::Drawn;
use super::frame::{GAPS, Page};
use super::model::{CellEntry, Site};
use crate::html::{Column, Data, Table, counted, words};

pub(super) fn page(site: &Site<'_>, drawn: &[Drawn<'_>]) -> Page {
    let sections: Vec<(Markup, &str)> = vec![
        (cells_without_figures(site, "", |_| true), "no-figures"),
        (missing(site, |_| true), "missing"),
        (doubts(site), "doubts"),
        (not_estimable(site), "not-estimable"),
        (apart(site), "apart"),
        (replaced(site), "replaced"),
        (not_planned(site), "not-planned"),
        (undrawn(drawn), "undrawn"),
        (discarded(site), "discarded"),
    ];
    let content = html! {
        h1 { "Not measured, dropped, doubted" }
        p.lead { "A cell without figures, a figure without a value, a point that a chart leaves out: each is here with its reason." }
        @for (section, id) in &sections { section id=(id) { (section) } }
    };
    Page { path: GAPS.to_owned(), title: "Not measured".to_owned(), content }
}

const CELLS: [Column; 5] =
    [words("workload"), words("platform"), words("outcome"), words("reason"), words("run")];

/// Cells that are not measured, and planned ones without a record, where `wanted` holds of the workload's and platform's places.
pub(super) fn cells_without_figures(
    site: &Site<'_>,
    up: &str,
    wanted: impl Fn(&CellEntry) -> bool,
) -> Markup {
    let mut table =
        Table::new("no-figures-table", "Cells that ended otherwise than measured.", &CELLS).findable();
    for cell in site.cells.iter().filter(|cell| !cell.is_measured() && wanted(cell)) {
        table.row([
            name(site, cell, up),
            Data::text(html! { a href={ (up) (site.platform(cell).path) } { (site.platform(cell).label) } span.sub { (device(cell)) } }),
            Data::text(html! { (outcome(cell.row.outcome)) }),
            reason(cell.row.detail.as_deref().unwrap_or("no reason was recorded")),
            Data::text(html! { code { (site.runs[cell.run].id) } }),
        ]);
    }
    html! {
        h2 { "Cells without figures" }
        @if table.is_empty() { p { "Every cell that ended was measured." } } @else { (table) }
    }
}

fn name(site: &Site<'_>, cell: &CellEntry, up: &str) -> Data {
    let workload = site.workload(cell);
    Data::text(html! { a href={ (up) (workload.path) } { (workload.name) } span.sub { (cell.conditions()) } })
}

fn reason(text: &str) -> Data {
    Data::text(html! { div.words { (text) } })
}

/// Planned cells without a record.
pub(super) fn missing(site: &Site<'_>, wanted: impl Fn(&super::model::Missing) -> bool) -> Markup {
    const COLUMNS: [Column; 3] = [words("cell"), words("run"), words("reason")];
    let mut table =
        Table::new("missing-table", "Cells without a record that can be read.", &COLUMNS).findable();
    for gap in site.missing.iter().filter(|gap| wanted(gap)) {
        let cell = if gap.cell.is_empty() { "a record" } else { gap.cell.as_str() };
        table.row([
            Data::text(cell),
            Data::text(html! { code { (site.runs[gap.run].id) } }),
            reason(&gap.reason),
        ]);
    }
    html! { @if !table.is_empty() { h2 { "Without a record" } (table) } }
}

/// Measured cells with something against their times.
fn doubts(site: &Site<'_>) -> Markup {
    const COLUMNS: [Column; 3] = [words("workload"), words("platform"), words("doubt")];
    let mut table = Table::new("doubts-table", "Measured, and to be read with care.", &COLUMNS).findable();
    for cell in site.cells.iter().filter(|cell| cell.is_measured()) {
        let mut told: Vec<String> = cell.row.detail.iter().cloned().collect();
        if cell.trials < 3 {
            told.push(format!("{}: no verdicts are given on fewer than 3", counted(cell.trials, "trial")));
        }
        if told.is_empty() {
            continue;
        }
        table.row([
            name(site, cell, ""),
            Data::text(&site.platform(cell).label),
            Data::text(html! { div.words { @for words in &told { div { (words) } } } }),
        ]);
    }
    html! {
        h2 { "Measured, with a doubt" }
        @if table.is_empty() { p { "Nothing speaks against a measured cell." } } @else { (table) }
    }
}

fn not_estimable(site: &Site<'_>) -> Markup {
    const COLUMNS: [Column; 3] = [words("workload"), words("platform"), words("figures")];
    let mut table =
        Table::new("not-estimable-table", "Too few samples or trials: nothing is guessed.", &COLUMNS)
            .findable();
    for cell in &site.cells {
        let why = cell.row.figures.iter().filter_map(|figure| match &figure.value {
            FigureValue::NotEstimable { reason } => Some((figure.metric.name(), reason)),
            FigureValue::Estimated { .. } => None,
        });
        let why: Vec<(&str, &String)> = why.collect();
        if !why.is_empty() {
            table.row([
                name(site, cell, ""),
                Data::text(&site.platform(cell).label),
                Data::text(
                    html! { div.words { @for (metric, reason) in &why { div { (metric) ": " (reason) } } } },
                ),
            ]);
        }
    }
    html! {
        h2 { "Figures that cannot be estimated" }
        @if table.is_empty() { p { "Every figure has a value." } } @else { (table) }
    }
}

/// Cells of one name and conditions that are about different work.
fn apart(site: &Site<'_>) -> Markup {
    const COLUMNS: [Column; 3] = [words("workload"), words("cells"), words("what differs")];
    let mut table =
        Table::new("apart-table", "One name, different work: never in one comparison.", &COLUMNS).findable();
    for comparison in site.comparisons.iter().filter(|c| !c.unlike.is_empty()) {
        let workload = &site.workloads[comparison.workload];
        let platforms: BTreeSet<&str> =
            comparison.cells.iter().map(|&i| site.platform(&site.cells[i]).label.as_str()).collect();
        table.row([
            Data::text(html! {
                a href={ (workload.path) "#" (comparison.anchor) } { (workload.name) }
                span.sub { (comparison.conditions) }
            }),
            Data::text(html! { @for platform in &platforms { div { (platform) } } }),
            Data::text(html! { div.words { @for words in &comparison.unlike { div { (words) } } } }),
        ]);
    }
    html! { @if !table.is_empty() { h2 { "Kept apart" } (table) } }
}

fn replaced(site: &Site<'_>) -> Markup {
    const COLUMNS: [Column; 3] = [words("cell"), words("run"), words("counts instead")];
    let mut table =
        Table::new("replaced-table", "Measured again later on the same platform.", &COLUMNS).findable();
    for cell in site.replaced {
        table.row([
            Data::text(&cell.cell),
            Data::text(html! { code { (site.runs[cell.run].id) } }),
            Data::text(html! { code { (site.runs[cell.by].id) } }),
        ]);
    }
    html! { @if !table.is_empty() { h2 { "Measured again" } (table) } }
}

/// Work that was measured somewhere and that no run of another platform set out to do.
fn not_planned(site: &Site<'_>) -> Markup {
    const COLUMNS: [Column; 2] = [words("workload"), words("platforms without it")];
    let mut table =
        Table::new("not-planned-table", "No run of these platforms set out to do this work.", &COLUMNS)
            .findable();
    for comparison in &site.comparisons {
        let there: BTreeSet<usize> = comparison.cells.iter().map(|&i| site.cells[i].platform).collect();
        let absent: Vec<&str> = site
            .platforms
            .iter()
            .enumerate()
            .filter(|(i, _)| !there.contains(i))
            .map(|(_, p)| p.label.as_str())
            .collect();
        if absent.is_empty() {
            continue;
        }
        let workload = &site.workloads[comparison.workload];
        table.row([
            Data::text(html! {
                a href={ (workload.path) "#" (comparison.anchor) } { (workload.name) }
                span.sub { (comparison.conditions) }
            }),
            Data::text(html! { @for platform in &absent { div { (platform) } } }),
        ]);
    }
    html! { @if !table.is_empty() { h2 { "Not planned" } (table) } }
}

/// What charts say of points that they do not draw.
fn undrawn(drawn: &[Drawn<'_>]) -> Markup {
    const COLUMNS: [Column; 2] = [words("chart"), words("notes")];
    let mut table =
        Table::new("undrawn-table", "What charts leave out, and what stands below them.", &COLUMNS)
            .findable();
    for chart in drawn.iter().map(|each| &each.placed.chart).filter(|chart| !chart.notes.is_empty()) {
        table.row([
            Data::text(&chart.title),
            Data::text(html! { div.words { @for note in &chart.notes { div { (note) } } } }),
        ]);
    }
    html! { @if !table.is_empty() { h2 { "Notes of charts" } (table) } }
}

/// Executions before timing, which no figure holds.
fn discarded(site: &Site<'_>) -> Markup {
    let warm = site.cells.iter().map(|cell| &cell.warmup);
    let (executions, seconds) =
        warm.fold((0u64, 0.0), |(n, s), w| (n.saturating_add(w.executions), s + w.seconds));
    html! {
        h2 { "Discarded on purpose" }
        p {
            "Warm-up: " (counted(executions as usize, "execution")) ", " (portbench_chart::number::seconds(seconds)) " in all, before the samples of any trial. "
            "The page of each workload has them by cell. No sample that was taken is left out of a figure; outliers stay in."
        }
    }
}
