//! Results that others published: a page and sections of their own.

use maud::{Markup, html};
use portbench_catalog::published::Entry;

use super::frame::{PUBLISHED, Page};
use super::model::Site;
use crate::html::{Column, Data, Table, number, words};
use portbench_chart::number;

pub(super) fn page(site: &Site<'_>) -> Page {
    let all: Vec<&Entry> = site.published.iter().collect();
    let content = html! {
        h1 { "Published by others" }
        p.lead {
            "Nothing on this page was measured here. Each figure is its publisher's, on the publisher's terms, with what it does not say; "
            "it stands in no comparison of this site."
        }
        section.published { (published_table("published-table", "Figures are of the whole instance or instances.", &all)) }
    };
    Page { path: PUBLISHED.to_owned(), title: "Published by others".to_owned(), content }
}

const COLUMNS: [Column; 8] = [
    words("model"),
    words("instance"),
    words("numerics"),
    number("throughput"),
    number("latency"),
    number("cost or price"),
    words("source"),
    words("caveats"),
];

pub(super) fn published_table(id: &str, caption: &str, entries: &[&Entry]) -> Markup {
    let mut table = Table::new(id, caption, &COLUMNS).findable();
    for Entry { publisher, result, .. } in entries {
        let shape: Vec<String> = result.shape.iter().map(|(word, n)| format!("{word} {n}")).collect();
        let instance = match result.instances {
            Some(n) => format!("{n} × {}", result.instance),
            None => result.instance.clone(),
        };
        let throughput = match (result.throughput, &result.unit) {
            (Some(rate), Some(unit)) => {
                Data::number(rate, html! { (number::plain(rate)) span.sub { (unit) "/s" } })
            }
            _ => Data::nothing(""),
        };
        let latency = match result.seconds.values().next() {
            Some(first) => Data::number(
                *first,
                html! { @for (metric, seconds) in &result.seconds { div { (metric.trim_start_matches("latency-")) " " (number::seconds(*seconds)) } } },
            ),
            None => Data::nothing(""),
        };
        let cost = match (result.usd_per_million, result.usd_per_hour) {
            (Some(usd), _) => {
                Data::number(usd, html! { (number::plain(usd)) " USD" span.sub { "per million units" } })
            }
            (None, Some(usd)) => {
                Data::nothing(&format!("an hour at {} USD; no cost published", number::plain(usd)))
            }
            (None, None) => Data::nothing(""),
        };
        table.row([
            Data::text(html! { (result.model) span.sub { (result.mode) @if !shape.is_empty() { " · " (shape.join(", ")) } } }),
            Data::text(html! { (instance) @if let Some(software) = &result.software { span.sub { (software) } } }),
            Data::text(html! {
                div.words {
                    (result.numerics.as_deref().unwrap_or_default())
                    @if let Some(configuration) = &result.configuration { span.sub { (configuration) } }
                }
            }),
            throughput,
            latency,
            cost,
            Data::text(html! { div.words { (publisher) ", " (result.date.to_string()) span.sub { (result.source) } } }),
            Data::text(html! { div.words { @for caveat in &result.caveats { div { (caveat) } } } }),
        ]);
    }
    html! { (table) }
}
