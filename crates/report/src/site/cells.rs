//! Cells of tables that several pages have: how it ended, how fast, what it costs, how right it is.

use maud::{Markup, html};
use portbench_catalog::Amount;
use portbench_measure::{FigureValue, Metric, Mode};
use portbench_pricing::Share;
use portbench_records::Outcome;

use super::model::{CellEntry, Cost};
use crate::html::Data;
use portbench_chart::number;

/// A number, and the interval that `number::plain_with` writes behind it.
fn with_interval(value: f64, low: f64, high: f64) -> (String, String) {
    let text = number::plain_with(value, low, high);
    let (value, interval) = text.split_once(' ').unwrap_or((&text, ""));
    (value.to_owned(), interval.to_owned())
}

/// Whether the workload runs there, and what had to be done for it.
pub(super) fn ported(cell: &CellEntry) -> Data {
    let decomposed = cell.ops.decomposed.len();
    let kinds = cell.ops.native + decomposed;
    let ops = match (kinds, decomposed) {
        (0, _) => String::new(),
        (_, 0) => "every op native".to_owned(),
        (n, d) => format!("{d} of {n} ops decomposed"),
    };
    // What passed its parity check and has no figures ran, and is right: its times were refused.
    let refused = cell.row.outcome == Outcome::Incorrect && cell.row.parity == Some(true);
    Data::text(html! {
        @if refused { span.doubt { "yes: figures refused" } } @else { (outcome(cell.row.outcome)) }
        @if !ops.is_empty() { span.sub { (ops) } }
    })
}

/// The device, with the number of replicas where there are several.
pub(super) fn device(cell: &CellEntry) -> String {
    match cell.row.replicas {
        1 => cell.row.device.clone(),
        n => format!("{} x{n}", cell.row.device),
    }
}

/// How a cell ended, as a word with its mark.
pub(super) fn outcome(outcome: Outcome) -> Markup {
    let (class, words) = match outcome {
        Outcome::Measured => ("good", "yes"),
        Outcome::Incorrect => ("bad", "no: incorrect"),
        Outcome::Unsupported => ("bad", "no: unsupported"),
        Outcome::OutOfMemory => ("bad", "no: out of memory"),
        Outcome::Crashed => ("bad", "no: crashed"),
        Outcome::TimedOut => ("bad", "no: timed out"),
        Outcome::Unavailable => ("quiet", "not run: unavailable"),
        Outcome::Skipped => ("quiet", "not run: skipped"),
    };
    html! { span class=(class) { (words) } }
}

/// Throughput with its interval; `marked` says why it stands out.
pub(super) fn throughput(cell: &CellEntry, marked: Option<&str>) -> Data {
    match cell.row.figure(Metric::Throughput).map(|f| &f.value) {
        None => Data::nothing(""),
        Some(FigureValue::NotEstimable { .. }) => Data::nothing("not estimable"),
        Some(FigureValue::Estimated { value, low, high, .. }) => {
            let (words, interval) = with_interval(*value, *low, *high);
            Data::of_unit(
                *value,
                cell.row.unit.name(),
                html! {
                    @if let Some(words) = marked { span.mark.good { (words) } " " }
                    (words) " " (cell.row.unit.name()) "/s"
                    span.sub { (interval) @if cell.trials_of(Metric::Throughput).len() == 1 { ", 1 trial" } }
                },
            )
        }
    }
}

/// Median latency, of generate the times to the first and per further token; below it the 99th percentile.
pub(super) fn latency(cell: &CellEntry) -> Data {
    let metrics: &[(&str, Metric, Metric)] = match cell.row.mode {
        Mode::Generate => {
            &[("first ", Metric::TtftP50, Metric::TtftP99), ("next ", Metric::TpotP50, Metric::TpotP99)]
        }
        Mode::Inference | Mode::Training => &[("", Metric::LatencyP50, Metric::LatencyP99)],
    };
    let known: Vec<(&str, [f64; 3], Option<&FigureValue>)> = metrics
        .iter()
        .filter_map(|(words, median, tail)| {
            Some((*words, cell.row.estimate(*median)?, cell.row.figure(*tail).map(|f| &f.value)))
        })
        .collect();
    let Some((_, [first, ..], _)) = known.first() else { return Data::nothing("") };
    let tail = |value: &FigureValue| match value {
        FigureValue::Estimated { value, .. } => Some(format!("p99 {}", number::seconds(*value))),
        FigureValue::NotEstimable { .. } => None,
    };
    Data::number(
        *first,
        html! {
            @for (words, [value, low, high], p99) in &known {
                div {
                    (words) (seconds_with_interval(*value, *low, *high))
                    @if let Some(words) = p99.and_then(tail) { span.sub { (words) } }
                }
            }
        },
    )
}

fn seconds_with_interval(value: f64, low: f64, high: f64) -> Markup {
    let text = number::seconds_with(value, low, high);
    let (value, interval) = text.split_once('[').unwrap_or((&text, "]"));
    html! { (value.trim_end()) span.sub { "[" (interval) } }
}

/// What a count of the workload's unit costs.
pub(super) fn cost(cell: &CellEntry, marked: Option<&str>) -> Data {
    match &cell.cost {
        Cost::NoPrice if cell.is_measured() => Data::nothing("no price given"),
        Cost::NoPrice => Data::nothing(""),
        Cost::None(_) if !cell.is_measured() => Data::nothing(""),
        Cost::None(why) => Data::nothing(why),
        Cost::Usd { per, share, .. } => match per.first() {
            None => Data::nothing(""),
            Some((unit, usd)) => {
                let (words, interval) = with_interval(usd.value, usd.low, usd.high);
                Data::of_unit(
                    usd.value,
                    unit.name(),
                    html! {
                        @if let Some(words) = marked { span.mark.good { (words) } " " }
                        (words) " USD"
                        @if usd.low != usd.high {
                            span.sub { (interval) @if cell.trials_of(Metric::Throughput).len() == 1 { ", 1 trial" } }
                        }
                        span.sub { "per " (unit.per()) }
                        @if *share != Share::Whole { span.sub { (share_words(*share)) } }
                    },
                )
            }
        },
    }
}

/// A sum in USD over its interval.
pub(super) fn sum(usd: Amount) -> Data {
    let (words, interval) = with_interval(usd.value, usd.low, usd.high);
    Data::number(usd.value, html! { (words) @if usd.low != usd.high { span.sub { (interval) } } })
}

fn share_words(share: Share) -> String {
    match share {
        Share::Whole => String::new(),
        Share::Part { devices, of } => format!("by {devices} of {of} devices"),
        Share::Scaled { .. } => share.to_string(),
    }
}

/// Whether outputs are right, and by how much they may be off.
pub(super) fn parity(cell: &CellEntry) -> Data {
    let (class, words) = match cell.row.parity {
        None if cell.is_measured() => ("doubt", "not checked"),
        None => return Data::nothing(""),
        Some(false) => ("bad", "failed"),
        Some(true) => ("good", "passed"),
    };
    let reduced = cell.row.reduced.is_some();
    let html = html! {
        span class=(class) { (words) }
        @if let Some(r) = cell.row.worst_r { span.sub { "R " (number::plain(r)) } }
        @if reduced { span.sub { "smaller size" } }
    };
    match cell.row.worst_r {
        Some(r) => Data::number(r, html),
        None => Data::text(html),
    }
}

/// Compiling in the first trial, and in the later ones, which may find artefacts.
pub(super) fn compile(cell: &CellEntry) -> Data {
    let Some((first, later)) = cell.compile.split_first() else { return Data::nothing("") };
    let range = |values: &[f64]| {
        let (low, high) =
            values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        if number::seconds(low) == number::seconds(high) {
            number::seconds(low)
        } else {
            format!("{} to {}", number::seconds(low), number::seconds(high))
        }
    };
    Data::number(
        *first,
        html! { (number::seconds(*first)) @if !later.is_empty() { span.sub { "then " (range(later)) } } },
    )
}

/// Peak memory of the worker; of an accelerator, of the device.
pub(super) fn memory(cell: &CellEntry) -> Data {
    let device = cell.row.estimate(Metric::DeviceMemory);
    let host = cell.row.estimate(Metric::PeakMemory);
    match (device, host) {
        (Some([value, ..]), _) => Data::number(value, html! { (number::bytes(value)) span.sub { "device" } }),
        (None, Some([value, ..])) => Data::number(value, number::bytes(value)),
        (None, None) => Data::nothing(""),
    }
}

/// A value over another with its interval: `1.32x` over `[1.20, 1.45]`.
pub(super) fn ratio(value: f64, bounds: Option<(f64, f64)>, class: &str) -> Data {
    let (words, below) = match bounds {
        Some((low, high)) => with_interval(value, low, high),
        None => (number::plain(value), "no interval".to_owned()),
    };
    Data::number(value, html! { span class=(class) { (words) "×" } span.sub { (below) } })
}
