//! How a sum moves when one assumption at a time is lower or higher.

use super::Head;
use crate::axis::Format;
use crate::chart::Chart;
use crate::data::{Data, digits};
use crate::form::Form;
use crate::form::tornado::Tornado;

/// One assumption.
#[derive(Clone, Debug, PartialEq)]
pub struct TornadoLine {
    /// Its name.
    pub label: String,
    /// The sum when it is lower.
    pub lower: f64,
    /// The sum when it is higher.
    pub higher: f64,
}

/// The assumptions behind one sum.
#[derive(Clone, Debug, PartialEq)]
pub struct TornadoPanel {
    /// Whose sum, and of what.
    pub title: String,
    /// How its numbers are written.
    pub format: Format,
    /// The sum as assumed.
    pub base: f64,
    /// The assumptions, in order.
    pub lines: Vec<TornadoLine>,
}

/// The chart, a panel a sum; `None` without a line that can be drawn. `changes` says in words what lower and higher are.
#[must_use]
pub fn tornado(
    kind: &'static str,
    head: Head,
    changes: [String; 2],
    panels: Vec<TornadoPanel>,
) -> Option<Chart> {
    let mut notes = head.notes;
    let mut data = Data::new(&["sum", "provenance", "assumption", "as assumed", &changes[0], &changes[1]]);
    let (mut drawn, mut said) = (Vec::new(), Vec::new());
    for panel in panels {
        let sound = |line: &TornadoLine| [panel.base, line.lower, line.higher].iter().all(|v| v.is_finite());
        for line in &panel.lines {
            data.row([
                panel.title.clone(),
                "projected".to_owned(),
                line.label.clone(),
                digits(panel.base),
                digits(line.lower),
                digits(line.higher),
            ]);
            if !sound(line) {
                notes.push(format!("Not drawn: {} of {}: the sum is not finite.", line.label, panel.title));
            }
        }
        let lines: Vec<TornadoLine> = panel.lines.iter().filter(|l| sound(l)).cloned().collect();
        if let Some(first) = lines.first() {
            said.push(format!(
                "{}: {} as assumed, from {} to {} by {}",
                panel.title,
                panel.format.value(panel.base),
                panel.format.value(first.lower.min(first.higher)),
                panel.format.value(first.lower.max(first.higher)),
                first.label
            ));
            drawn.push(TornadoPanel { lines, ..panel });
        }
    }
    if drawn.is_empty() {
        return None;
    }
    Some(Chart {
        name: head.name,
        kind,
        description: format!("{}.", said.join("; ")),
        title: head.title,
        subtitle: head.subtitle,
        notes,
        data,
        legend: Vec::new(),
        form: Form::Tornado(Tornado { panels: drawn, changes }),
    })
}
