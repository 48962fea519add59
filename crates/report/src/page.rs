//! The page of one run: one HTML file with everything in it.

use std::collections::{BTreeMap, HashSet};

use maud::{DOCTYPE, Markup, PreEscaped, html};
use portbench_backend::BackendInfo;
use portbench_chart::number;
use portbench_records::{Environment, Outcome, RunInfo};

use crate::html::{Column, Data, STYLE, Table, number as numbers, words};
use crate::row::{COLUMNS, NUMERIC, Row};
use crate::write::MOST;

/// Most rows of the page's table.
const MOST_ROWS: usize = 1000;

/// What the page shows of a run.
pub(crate) struct Page<'a> {
    pub(crate) info: &'a RunInfo,
    pub(crate) id: &'a str,
    pub(crate) rows: &'a [Row],
    pub(crate) figures: &'a [Markup],
    /// What is behind the figures, a fold a cell.
    pub(crate) details: &'a [Markup],
    /// The first back end that became ready.
    pub(crate) backend: Option<&'a BackendInfo>,
}

/// The page as a file.
pub(crate) fn page(page: &Page<'_>) -> String {
    let Page { info, id, rows, figures, details, backend } = page;
    let measured = rows.iter().filter(|r| r.outcome == Outcome::Measured).count();
    let machine = &info.environment;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (info.suite) " · portbench" }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (info.suite) }
                    p.lead {
                        "Run " code { (id) } ": " (measured) " of " (info.plan.len()) " cells measured, " (info.trials) " trials each, on "
                        (machine.cpu) " (" (machine.cpus) " CPUs, " (number::bytes(machine.memory_bytes as f64)) "), " (machine.os) "."
                    }
                    h2 { "Figures" }
                    (table(rows))
                    @if rows.len() > MOST_ROWS {
                        p.note { "The first " (MOST_ROWS) " of " (rows.len()) " cells; report.md lists all of them." }
                    }
                    @if rows.len() > MOST { p.note { "Charts and details show the first " (MOST) " cells." } }
                    (latency_bounds(rows))
                    (not_ended(info, rows))
                    (told(rows))
                    @if !figures.is_empty() { h2 { "Charts" } }
                    @for figure in *figures { (figure) }
                    @if !details.is_empty() {
                        h2 { "Behind the figures" }
                        p { (BEHIND) }
                    }
                    @for fold in *details { (fold) }
                    h2 { "Machine and settings" }
                    (machine_and_settings(machine, *backend))
                    h2 { "How to read this" }
                    p { (READING) }
                }
            }
        }
    }
    .into_string()
}

fn table(rows: &[Row]) -> Markup {
    let columns: Vec<Column> =
        COLUMNS.iter().map(|head| if NUMERIC.contains(head) { numbers(head) } else { words(head) }).collect();
    let mut table = Table::new("figures", "A row a cell.", &columns).fixed();
    for row in rows.iter().take(MOST_ROWS) {
        table.row(row.cells().map(Data::text));
    }
    html! { (table) }
}

/// Whether server cells keep their latency bounds.
fn latency_bounds(rows: &[Row]) -> Markup {
    let mut judged = rows
        .iter()
        .flat_map(|row| row.bounds.iter().map(move |words| (row, words)))
        .take(MOST_ROWS)
        .peekable();
    html! {
        @if judged.peek().is_some() {
            h2 { "Latency bounds" }
            p { (BOUNDS) }
            ul { @for (row, words) in judged { li { b { (row.id) } ": " (words) } } }
        }
    }
}

/// Cells of the plan that have no record: the run was stopped, or is still going on.
fn not_ended(info: &RunInfo, rows: &[Row]) -> Markup {
    let ended: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let ids = info.plan.iter().map(|entry| entry.cell.id());
    let missing: Vec<String> = ids.filter(|id| !ended.contains(id.as_str())).collect();
    html! {
        @if !missing.is_empty() {
            h2 { "Not ended" }
            p { (missing.len()) " planned cells have no record; resuming the run measures them." }
            ul { @for id in missing.iter().take(MOST) { li { (id) } } }
        }
    }
}

fn told(rows: &[Row]) -> Markup {
    let mut told = rows.iter().filter(|row| row.detail.is_some()).take(MOST_ROWS).peekable();
    html! {
        @if told.peek().is_some() {
            h2 { "Not measured, or doubtful" }
            ul {
                @for row in told {
                    li { b { (row.id) } " (" (row.outcome.name()) "): " (row.detail.as_deref().unwrap_or_default()) }
                }
            }
        }
    }
}

fn machine_and_settings(machine: &Environment, backend: Option<&BackendInfo>) -> Markup {
    let pairs =
        |map: &BTreeMap<String, String>| html! { @for (name, value) in map { dt { (name) } dd { (value) } } };
    html! {
        dl.facts {
            dt { "portbench" } dd { (machine.portbench) }
            dt { "operating system" } dd { (machine.os) }
            dt { "kernel" } dd { (machine.kernel) }
            dt { "architecture" } dd { (machine.arch) }
            dt { "CPU" } dd { (machine.cpu) }
            dt { "usable CPUs" } dd { (machine.cpus) }
            dt { "memory" } dd { (number::bytes(machine.memory_bytes as f64)) }
            (pairs(&machine.facts))
            @if let Some(backend) = backend { (pairs(&backend.versions)) (pairs(&backend.settings)) }
        }
    }
}

const BEHIND: &str = "Before anything is timed, each cell's outputs are compared with the same program in f64 arithmetic. \
    Errors are relative: the norm of the difference over the norm of what is right. R is the error over that of the same element type \
    computed plainly on the CPU. Of each op it is said whether the back end had a kernel for it or it had to be put together from simpler ones.";

const BOUNDS: &str = "A bound holds at the 99th percentile, with 99 % confidence: so many queries must lie within it for those that lie over it \
    (MLPerf's early-stopping rule, over the queries of all trials).";

const READING: &str = "Every figure was measured here. Intervals are at 95 % and count trials (process launches) as the unit that varies; \
    a percentile with too few samples says so instead of guessing. A cell whose outputs are wrong has no times. Each JSON record \
    holds the raw samples, the settings and the program's fingerprint: two figures with one fingerprint are about the same work.";
