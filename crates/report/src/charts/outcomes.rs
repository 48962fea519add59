//! How every cell ended, workload by platform.

use std::collections::BTreeSet;

use portbench_chart::{Chart, State, kind};
use portbench_records::Outcome;

use super::study::{Selection, Shown, Study};
use super::{ChartKind, LINES, left_out, name, of, trials};

pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Option<Chart> {
    let cells = study.cells(selection);
    let platforms: Vec<usize> =
        cells.iter().map(|c| c.platform).collect::<BTreeSet<_>>().into_iter().collect();
    let mut outcomes = kind::Outcomes {
        columns: platforms.iter().map(|p| study.platforms().label(*p).to_owned()).collect(),
        rows: Vec::new(),
    };
    let labels = rows(&cells, |c| format!("{} {}", c.head.cell.workload, c.setting()));
    for label in labels.iter().take(LINES) {
        let field = |platform: &usize| {
            let of_row = |c: &&&Shown| {
                c.platform == *platform && format!("{} {}", c.head.cell.workload, c.setting()) == *label
            };
            cells.iter().find(of_row).map(|c| field(c))
        };
        outcomes.rows.push((label.clone(), platforms.iter().map(field).collect()));
    }
    let mut notes = study.notes(&cells);
    notes.extend(left_out(labels.len(), LINES));
    notes
        .extend(study.not_ended(selection).map(|cell| format!("Not drawn: {cell}: planned, and not ended.")));
    outcomes.chart(kind::Head {
        name: name(ChartKind::Outcomes, selection),
        title: format!("How each cell ended{}", of(selection)),
        subtitle: format!(
            "Measured: it ran, is right, and was timed ({}). A frame without a colour was not planned. Single-stream where nothing else is said.",
            trials(study)
        ),
        notes,
    })
}

/// The rows of cells, each once, in order.
pub(super) fn rows(cells: &[&Shown], label: impl Fn(&Shown) -> String) -> Vec<String> {
    let mut seen = BTreeSet::new();
    cells.iter().map(|c| label(c)).filter(|l| seen.insert(l.clone())).collect()
}

fn field(cell: &Shown) -> kind::OutcomeField {
    let state = match cell.head.outcome {
        Outcome::Measured => State::Good,
        Outcome::Incorrect => State::Wrong,
        Outcome::Unsupported | Outcome::OutOfMemory | Outcome::TimedOut | Outcome::Crashed => State::Bad,
        Outcome::Unavailable | Outcome::Skipped => State::Unknown,
    };
    let detail = cell.head.detail.as_deref().unwrap_or_default();
    kind::OutcomeField { outcome: cell.head.outcome.to_string(), state, detail: detail.replace('\n', " ") }
}
