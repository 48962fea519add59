//! How right results are: the ratio `R` of errors, workload by platform.

use super::Head;
use crate::chart::Chart;
use crate::data::{Data, digits};
use crate::form::Form;
use crate::form::matrix::{Field, Fill, Matrix};
use crate::number::{self, counted};
use crate::theme::State;

/// What is known of one workload on one platform.
#[derive(Clone, Debug, PartialEq)]
pub struct ParityField {
    /// The error over that of the same element type on the CPU; absent where something was not finite or nothing was compared by it.
    pub ratio: Option<f64>,
    /// Whether it passed.
    pub passed: bool,
    /// How the checked program differs from the timed one, where it does.
    pub reduced: Option<String>,
}

/// Workloads against platforms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParityMap {
    /// Names of the platforms.
    pub columns: Vec<String>,
    /// Name of each workload with its numerics, and what is known on each platform.
    pub rows: Vec<(String, Vec<Option<ParityField>>)>,
}

/// Where the colours end: an `R` of 100, or of a hundredth.
const ENDS: f64 = 2.0;

impl ParityMap {
    /// The chart; `None` without anything known.
    #[must_use]
    pub fn chart(self, head: Head) -> Option<Chart> {
        let mut data = Data::new(&["workload", "platform", "R", "log10 R", "passed", "checked at"]);
        let mut known: Vec<(f64, String)> = Vec::new();
        let (mut failed, mut fields) = (0, 0);
        let (mut clamped, mut reduced) = (0, 0);
        let mut rows = Vec::new();
        for (label, row) in &self.rows {
            let mut cells = Vec::new();
            for (column, field) in self.columns.iter().zip(row) {
                let Some(field) = field else {
                    cells.push(None);
                    continue;
                };
                fields += 1;
                failed += usize::from(!field.passed);
                let ratio = field.ratio.filter(|r| r.is_finite() && *r >= 0.0);
                data.row([
                    label.clone(),
                    column.clone(),
                    digits(ratio),
                    digits(ratio.filter(|r| *r > 0.0).map(f64::log10)),
                    if field.passed { "yes" } else { "no" }.to_owned(),
                    field.reduced.clone().unwrap_or_else(|| "full size".to_owned()),
                ]);
                reduced += usize::from(field.reduced.is_some());
                if let Some(ratio) = ratio {
                    known.push((ratio, format!("{label} on {column}")));
                    clamped += usize::from(ratio > 0.0 && ratio.log10().abs() > ENDS);
                }
                cells.push(Some(cell(label, column, field.passed, ratio)));
            }
            rows.push((label.clone(), cells));
        }
        if fields == 0 {
            return None;
        }
        let mut notes = head.notes;
        if clamped > 0 {
            let (values, lie) = (counted(clamped, "value"), if clamped == 1 { "lies" } else { "lie" });
            let has = if clamped == 1 { "has" } else { "have" };
            notes.push(format!("{values} {lie} beyond the scale and {has} the colour of its end."));
        }
        if reduced > 0 {
            let were = if reduced == 1 { "was" } else { "were" };
            notes.push(format!(
                "{reduced} of {fields} {were} checked at a smaller size, which the CSV beside the chart names."
            ));
        }
        let worst = known.into_iter().max_by(|a, b| a.0.total_cmp(&b.0));
        let worst = worst.map(|(r, name)| format!(" The largest R is {} of {name}.", number::plain(r)));
        let ramp = [(-1.0, "0.01"), (-0.5, "0.1"), (0.0, "1"), (0.5, "10"), (1.0, "100")];
        Some(Chart {
            name: head.name,
            kind: "parity",
            description: format!(
                "{fields} results compared with the f64 oracle, {failed} failed.{}",
                worst.unwrap_or_default()
            ),
            title: head.title,
            subtitle: head.subtitle,
            notes,
            data,
            legend: Vec::new(),
            form: Form::Matrix(Matrix {
                columns: self.columns,
                rows,
                ramp: Some(ramp.map(|(at, words)| (at, words.to_owned())).to_vec()),
            }),
        })
    }
}

fn cell(label: &str, column: &str, passed: bool, ratio: Option<f64>) -> Field {
    let verdict = if passed { "passed" } else { "failed" };
    let mark = if passed { "" } else { " !" };
    match ratio {
        // An R of 0 is exact.
        Some(ratio) => Field {
            fill: Fill::Diverging(ratio.max(1e-300).log10() / ENDS),
            words: format!("{}{}", number::plain(ratio), mark),
            tip: format!("{label} on {column}: R = {}, {verdict}", number::plain(ratio)),
        },
        None => Field {
            fill: Fill::State(if passed { State::Unknown } else { State::Wrong }),
            words: if passed { "exact" } else { "failed" }.to_owned(),
            tip: format!("{label} on {column}: {verdict}; nothing to take a ratio of"),
        },
    }
}
