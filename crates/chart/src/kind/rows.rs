//! One line a value: throughput, latency, time to first token, cost.

use super::Head;
use crate::chart::{Chart, Key};
use crate::data::{Data, digits};
use crate::form::Form;
use crate::form::bars::{Bar, Bars, Panel};
use crate::marker::Provenance;

/// A chart of that kind with one line a value, in panels of one unit each. Platforms are named in the legend.
#[must_use]
pub fn rows(kind: &'static str, head: Head, legend: Vec<Key>, panels: Vec<Panel>) -> Chart {
    let mut notes = head.notes;
    let mut data =
        Data::new(&["unit", "what", "detail", "platform", "provenance", "mark", "value", "low", "high"]);
    for panel in &panels {
        for line in &panel.lines {
            let platform = platform(&legend, line);
            for (i, value) in line.values.iter().enumerate() {
                if !value.value.is_finite() {
                    notes.push(format!("Not drawn: {} {}: the value is not finite", line.label, line.detail));
                }
                data.row([
                    panel.title.clone(),
                    line.label.clone(),
                    line.detail.clone(),
                    platform.clone(),
                    line.provenance.name().to_owned(),
                    (i + 1).to_string(),
                    digits(value.value),
                    digits(value.low),
                    digits(value.high),
                ]);
            }
        }
    }
    Chart {
        name: head.name,
        kind,
        description: description(&panels),
        title: head.title,
        subtitle: head.subtitle,
        notes,
        data,
        legend,
        form: Form::Bars(Bars { panels }),
    }
}

fn platform(legend: &[Key], line: &Bar) -> String {
    let of_line = |key: &&Key| match key {
        Key::Series { series, provenance, .. } => (*series, *provenance) == (line.series, line.provenance),
        Key::State { .. } => false,
    };
    match legend.iter().find(of_line) {
        Some(Key::Series { label, .. }) => label.clone(),
        _ => String::new(),
    }
}

/// The largest and the smallest measured value of each panel.
fn description(panels: &[Panel]) -> String {
    let of_panel = |panel: &Panel| {
        let measured = panel.lines.iter().filter(|l| l.provenance == Provenance::Measured);
        let mut values: Vec<(f64, &Bar)> = measured
            .filter_map(|l| l.values.first().map(|v| (v.value, l)))
            .filter(|(v, _)| v.is_finite())
            .collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let words = |(value, line): &(f64, &Bar)| {
            let name = format!("{} {}", line.label, line.detail);
            format!("{} for {}", panel.format.value(*value), name.trim_end())
        };
        match (values.first(), values.last()) {
            (Some(low), Some(high)) if values.len() > 1 => {
                format!(
                    "{}: {} lines from {} to {}.",
                    panel.title,
                    panel.lines.len(),
                    words(low),
                    words(high)
                )
            }
            (Some(only), _) => format!("{}: {}.", panel.title, words(only)),
            _ => format!("{}: nothing measured.", panel.title),
        }
    };
    panels.iter().map(of_panel).collect::<Vec<_>>().join(" ")
}
