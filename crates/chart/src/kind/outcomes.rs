//! How each workload ended on each platform.

use super::Head;
use crate::chart::{Chart, Key};
use crate::data::Data;
use crate::form::Form;
use crate::form::matrix::{Field, Fill, Matrix};
use crate::number::counted;
use crate::theme::State;

/// How one workload ended on one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeField {
    /// The outcome's word, as in records.
    pub outcome: String,
    /// How it is coloured.
    pub state: State,
    /// Why.
    pub detail: String,
}

/// Workloads against platforms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcomes {
    /// Names of the platforms.
    pub columns: Vec<String>,
    /// Name of each workload with its numerics, and how it ended on each platform.
    pub rows: Vec<(String, Vec<Option<OutcomeField>>)>,
}

impl Outcomes {
    /// The chart; `None` without any outcome.
    #[must_use]
    pub fn chart(self, head: Head) -> Option<Chart> {
        let mut data = Data::new(&["workload", "platform", "outcome", "detail"]);
        let mut counts: Vec<(String, State, usize)> = Vec::new();
        let mut rows = Vec::new();
        for (label, row) in &self.rows {
            let mut cells = Vec::new();
            for (column, field) in self.columns.iter().zip(row) {
                cells.push(field.as_ref().map(|field| {
                    data.row([label, column, &field.outcome, &field.detail].map(Clone::clone));
                    match counts.iter_mut().find(|(word, ..)| *word == field.outcome) {
                        Some((_, _, count)) => *count += 1,
                        None => counts.push((field.outcome.clone(), field.state, 1)),
                    }
                    let detail =
                        if field.detail.is_empty() { String::new() } else { format!(": {}", field.detail) };
                    Field {
                        fill: Fill::State(field.state),
                        words: field.outcome.clone(),
                        tip: format!("{label} on {column}: {}{detail}", field.outcome),
                    }
                }));
            }
            rows.push((label.clone(), cells));
        }
        if counts.is_empty() {
            return None;
        }
        counts.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        let said: Vec<String> = counts.iter().map(|(word, _, n)| format!("{n} {word}")).collect();
        let key = |(word, state, n): &(String, State, usize)| Key::State {
            label: format!("{word} ({n})"),
            state: *state,
        };
        Some(Chart {
            name: head.name,
            kind: "outcomes",
            description: format!("How {} ended: {}.", counted(data.rows().len(), "cell"), said.join(", ")),
            title: head.title,
            subtitle: head.subtitle,
            notes: head.notes,
            data,
            legend: counts.iter().map(key).collect(),
            form: Form::Matrix(Matrix { columns: self.columns, rows, ramp: None }),
        })
    }
}
