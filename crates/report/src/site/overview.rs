//! The overview: what moving means, the platforms, and every workload on every platform.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use portbench_records::Outcome;

use super::cells;
use super::comparison::{Best, Comparison};
use super::figures::{Drawn, charts};
use super::frame::{GAPS, METHOD, OVERVIEW, Page};
use super::model::{CellEntry, Cost, Site};
use super::moves::{Moves, Spread, moves};
use crate::charts::About;
use crate::cost::hourly;
use crate::html::{Column, Data, Table, counted, date, number, words};
use portbench_chart::number;

pub(super) fn page(site: &Site<'_>, drawn: &[Drawn<'_>]) -> Page {
    let title = format!(
        "{} on {}",
        counted(site.workloads.len(), "workload"),
        counted(site.platforms.len(), "platform")
    );
    let measured = site.cells.iter().filter(|cell| cell.is_measured()).count();
    let all = site.cells.len() + site.missing.len();
    let content = html! {
        h1 { (title) }
        p.lead {
            (measured) " of " (counted(all, "cell")) " measured, " (span_of_dates(site)) ". "
            "Outputs are checked before anything is timed; "
            a href=(METHOD) { "how to read the figures" } "."
        }
        (answers(site))
        @if !site.platforms.is_empty() {
            h2 id="platforms" { "Platforms" }
            (platforms(site))
        }
        h2 id="cells" { "Every workload on every platform" }
        @if site.cells.is_empty() { p { "No cell has a record yet." } } @else { (headline("cells-table", "A row a cell: one workload in one mode, scenario and numerics, on one back end.", site, in_comparisons(site), "", true)) }
        (charts(drawn, &About::Overview))
        h2 id="runs" { "Runs" }
        (runs(site))
    };
    Page { path: OVERVIEW.to_owned(), title, content }
}

/// Every cell, those that do the same work together.
fn in_comparisons<'a>(site: &'a Site<'_>) -> impl Iterator<Item = &'a CellEntry> {
    site.comparisons.iter().flat_map(|comparison| &comparison.cells).map(|&i| &site.cells[i])
}

/// When the runs began.
fn span_of_dates(site: &Site<'_>) -> String {
    let started = site.runs.iter().map(|run| run.info.started);
    match (started.clone().min(), started.max()) {
        (Some(first), Some(last)) if date(first) != date(last) => {
            format!("{} to {}", date(first), date(last))
        }
        (Some(first), _) => date(first),
        _ => String::new(),
    }
}

/// The four answers of the first screen.
fn answers(site: &Site<'_>) -> Markup {
    html! {
        dl.answers {
            div { dt { "Fastest" } dd { (leaders(site, |c| &c.fastest, "speeds", NO_WORK)) } }
            div { dt { "Cheapest" } dd { (leaders(site, |c| &c.cheapest, "costs", no_costs(site))) } }
            div { dt { "Right" } dd { (right(site)) } }
            div { dt { "Did not run" } dd { (did_not_run(site)) } }
        }
    }
}

/// What is said where nobody can be the best, and why.
type Nobody = (&'static str, &'static str);

const NO_WORK: Nobody = ("nothing to compare", "no work was measured on two platforms or back ends");

fn no_costs(site: &Site<'_>) -> Nobody {
    if site.cells.iter().any(|cell| matches!(cell.cost, Cost::Usd { .. })) {
        NO_WORK
    } else if site.cells.iter().any(|cell| matches!(cell.cost, Cost::None(_))) {
        ("no price fits", "the prices given are of other hardware: the table below says of which")
    } else {
        ("no price given", "")
    }
}

/// In how many comparisons each platform is the best, by itself or not told apart from others.
fn leaders(site: &Site<'_>, best: impl Fn(&Comparison) -> &Best, what: &str, nobody: Nobody) -> Markup {
    let decided: Vec<&Best> = site.comparisons.iter().map(&best).filter(|b| **b != Best::Nobody).collect();
    if decided.is_empty() {
        let (words, why) = nobody;
        return html! { span.big { (words) } @if !why.is_empty() { span.sub { (why) } } };
    }
    let wins = |platform: usize| {
        let one = |b: &&&Best| matches!(b, Best::One(cell) if site.cells[*cell].platform == platform);
        decided.iter().filter(one).count()
    };
    let mut order: Vec<(usize, usize)> =
        (0..site.platforms.len()).map(|p| (wins(p), p)).filter(|(n, _)| *n > 0).collect();
    order.sort_by_key(|(n, p)| (std::cmp::Reverse(*n), *p));
    let alone: usize = order.iter().map(|(n, _)| n).sum();
    let shared = decided.len() - alone;
    html! {
        @if let Some((n, p)) = order.first() {
            span.big { (site.platforms[*p].label) }
            span.sub { "in " (n) " of " (counted(decided.len(), "comparison")) }
        } @else {
            span.big { "none alone" }
        }
        @for (n, p) in order.iter().skip(1) { span.sub { (site.platforms[*p].label) " in " (n) } }
        @if shared > 0 { span.sub { "in " (shared) " the best " (what) " are not told apart" } }
    }
}

fn right(site: &Site<'_>) -> Markup {
    let checked: Vec<&CellEntry> = site
        .cells
        .iter()
        .filter(|cell| cell.row.parity.is_some() || cell.row.outcome == Outcome::Incorrect)
        .collect();
    let passed = |cell: &&&CellEntry| cell.row.parity == Some(true);
    let failed = checked.len() - checked.iter().filter(passed).count();
    let refused = checked.iter().filter(passed).filter(|cell| cell.row.outcome == Outcome::Incorrect).count();
    let unchecked = site.cells.iter().filter(|cell| cell.is_measured() && cell.row.parity.is_none()).count();
    let worst =
        checked.iter().filter_map(|cell| Some((cell.row.worst_r?, cell))).max_by(|a, b| a.0.total_cmp(&b.0));
    html! {
        @if checked.is_empty() {
            span.big { "nothing checked" }
        } @else if failed == 0 {
            span.big.good { @if checked.len() == 1 { "the 1 checked cell" } @else { "all " (checked.len()) " checked cells" } }
        } @else {
            span.big.bad { (failed) " of " (counted(checked.len(), "checked cell")) " wrong" }
        }
        @if let Some((r, cell)) = worst {
            span.sub { "largest R " (number::plain(r)) ": " (site.workload(cell).name) ", " (cell.row.numerics) ", " (site.platform(cell).label) }
        }
        @if refused > 0 {
            span.sub { (counted(refused, "cell")) " right and without figures, which " a href=(GAPS) { "were refused" } }
        }
        @if unchecked > 0 { span.sub { (counted(unchecked, "cell")) " not checked" } }
    }
}

fn did_not_run(site: &Site<'_>) -> Markup {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for cell in site.cells.iter().filter(|cell| !cell.is_measured() && cell.row.outcome != Outcome::Incorrect)
    {
        *kinds.entry(cell.row.outcome.name()).or_insert(0) += 1;
    }
    if !site.missing.is_empty() {
        kinds.insert("without a record", site.missing.len());
    }
    let all: usize = kinds.values().sum();
    html! {
        @if all == 0 { span.big.good { "everything ran" } } @else { span.big { (counted(all, "cell")) } }
        @for (kind, count) in &kinds { span.sub { (count) " " (kind) } }
        span.sub { a href=(GAPS) { "everything left out" } }
    }
}

const PLATFORMS: [Column; 7] = [
    words("platform"),
    number("speed"),
    number("cost"),
    number("measured"),
    number("fastest in"),
    number("cheapest in"),
    words("price"),
];

/// What each platform did, and what becomes of the first one's work on it.
fn platforms(site: &Site<'_>) -> Markup {
    let first = site.platforms.first().map(|p| p.label.as_str()).unwrap_or_default();
    let caption = html! {
        "Moving from " strong { (first) } ": throughput and cost of the same work elsewhere, as multiples of those there. Median over the comparisons, and range."
    };
    let mut table = Table::new("platforms-table", caption, &PLATFORMS);
    for (place, entry) in site.platforms.iter().enumerate() {
        let own: Vec<&CellEntry> = site.cells.iter().filter(|cell| cell.platform == place).collect();
        let measured = own.iter().filter(|cell| cell.is_measured()).count();
        let moved = (place > 0).then(|| moves(site, 0, place));
        table.row([
            Data::text(html! { a href=(entry.path) { (entry.label) } }),
            moved.as_ref().map_or_else(|| Data::nothing("where you are"), |m| spread(m.speed(), m)),
            moved.as_ref().map_or_else(|| Data::nothing(""), |m| spread(m.cost(), m)),
            Data::number(
                measured as f64,
                html! { (measured) span.sub { "of " (counted(own.len(), "cell")) } },
            ),
            leads(site, place, |c| &c.fastest),
            leads(site, place, |c| &c.cheapest),
            Data::text(html! { div.words { (prices(site, place)) } }),
        ]);
    }
    html! { (table) }
}

/// In how many comparisons a platform is the best by itself.
fn leads(site: &Site<'_>, platform: usize, best: impl Fn(&Comparison) -> &Best) -> Data {
    let decided: Vec<&Best> = site.comparisons.iter().map(best).filter(|b| **b != Best::Nobody).collect();
    let leads = |b: &&&Best| matches!(b, Best::One(cell) if site.cells[*cell].platform == platform);
    let count = decided.iter().filter(leads).count();
    if decided.is_empty() {
        return Data::nothing("");
    }
    Data::number(count as f64, html! { (count) span.sub { "of " (decided.len()) } })
}

fn spread(spread: Option<Spread>, moves: &Moves<'_>) -> Data {
    let Some(Spread { count, median, low, high }) = spread else {
        return Data::nothing(if moves.steps.is_empty() { "nothing to compare" } else { "" });
    };
    Data::number(
        median,
        html! {
            (number::plain(median)) "×"
            span.sub { (number::plain(low)) " to " (number::plain(high)) }
            span.sub { (counted(count, "comparison")) }
        },
    )
}

/// The prices that a platform's cells are priced with, with where they come from.
pub(super) fn prices(site: &Site<'_>, platform: usize) -> Markup {
    let own = || site.cells.iter().filter(|cell| cell.platform == platform);
    let priced = own().filter_map(|cell| match &cell.cost {
        Cost::Usd { platform, .. } => Some(platform),
        Cost::NoPrice | Cost::None(_) => None,
    });
    let words = |price: &portbench_pricing::Platform| {
        let hour = hourly(price.usd_per_hour);
        (format!("{}, {}: {hour} USD/h", price.name, price.basis()), price.price_origin())
    };
    let given: BTreeMap<String, String> = priced.map(|price| words(price)).collect();
    let refused: BTreeSet<&str> = own()
        .filter_map(|cell| match &cell.cost {
            Cost::None(why) if cell.is_measured() => Some(why.as_str()),
            _ => None,
        })
        .collect();
    html! {
        @if given.is_empty() {
            @for why in &refused { div.quiet { (why) } }
            @if refused.is_empty() { span.quiet { "no price given" } }
        }
        @for (price, origin) in &given { div { (price) span.sub { (origin) } } }
    }
}

const HEADLINE: [Column; 8] = [
    words("workload"),
    words("platform"),
    words("ported"),
    number("throughput"),
    number("latency"),
    number("cost"),
    number("parity"),
    number("compile"),
];

/// A row a cell: speed, cost, parity, compile time, ported or not.
pub(super) fn headline<'a>(
    id: &str,
    caption: &str,
    site: &Site<'_>,
    rows: impl Iterator<Item = &'a CellEntry>,
    up: &str,
    with_platform: bool,
) -> Markup {
    let columns: Vec<Column> =
        HEADLINE.into_iter().enumerate().filter(|(i, _)| with_platform || *i != 1).map(|(_, c)| c).collect();
    let mut table = Table::new(id, caption, &columns).findable();
    for cell in rows {
        let place = site.cells.iter().position(|other| std::ptr::eq(other, cell)).unwrap_or(usize::MAX);
        let comparison = site.comparisons.iter().find(|c| c.cells.contains(&place));
        let workload = site.workload(cell);
        let anchor = comparison.map_or(String::new(), |c| format!("#{}", c.anchor));
        let mark = |best: fn(&Comparison) -> &Best, alone, shared| match comparison.map(best) {
            Some(Best::One(one)) if *one == place => Some(alone),
            Some(best @ Best::Shared(_)) if best.has(place) => Some(shared),
            _ => None,
        };
        let mut row = vec![
            Data::text(
                html! { a href={ (up) (workload.path) (anchor) } { (workload.name) } span.sub { (cell.conditions()) } },
            ),
            Data::text(html! {
                a href={ (up) (site.platform(cell).path) } { (site.platform(cell).label) }
                span.sub { (cells::device(cell)) }
            }),
            cells::ported(cell),
            cells::throughput(cell, mark(|c| &c.fastest, "fastest", "tied")),
            cells::latency(cell),
            cells::cost(cell, mark(|c| &c.cheapest, "cheapest", "tied")),
            cells::parity(cell),
            cells::compile(cell),
        ];
        if !with_platform {
            row.remove(1);
        }
        table.row(row);
    }
    let marked = site.comparisons.iter().any(|c| c.fastest != Best::Nobody);
    let priced = site.cells.iter().any(|cell| matches!(cell.cost, Cost::Usd { .. }));
    html! {
        (table)
        @if marked {
            p.note {
                "Of cells that do the same work: " em { "fastest" } " is at least 2 % ahead of the others, and the interval of the ratio leaves 1 out"
                @if priced { "; " em { "cheapest" } " is so in work for a dollar" }
                "; " em { "tied" } " has the best value or is not told apart from it, as always where one of the two has fewer than 3 trials."
            }
        }
    }
}

const RUNS: [Column; 6] =
    [words("run"), words("suite"), words("began"), number("measured"), number("trials"), words("machine")];

fn runs(site: &Site<'_>) -> Markup {
    let mut table = Table::new("runs-table", "What this site was made of.", &RUNS).fixed();
    for run in &site.runs {
        let machine = &run.info.environment;
        table.row([
            Data::text(html! { code { (run.id) } }),
            Data::text(&run.info.suite),
            Data::text(date(run.info.started)),
            Data::number(run.measured as f64, html! { (run.measured) " of " (run.info.plan.len()) }),
            Data::number(run.info.trials as f64, run.info.trials),
            Data::text(html! { (machine.cpu) ", " (machine.cpus) " CPUs, " (number::bytes(machine.memory_bytes as f64)) span.sub { (machine.os) } }),
        ]);
    }
    html! { (table) }
}
