//! How the ops of programs ran, each as wide as its share of the time.

use super::Head;
use crate::chart::{Chart, Key};
use crate::data::{Data, digits};
use crate::form::Form;
use crate::form::stacks::{Part, Stack, Stacks};
use crate::theme::State;

/// How an op ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lowered {
    /// By a kernel of its own.
    Native,
    /// Put together from simpler ops.
    Decomposed,
    /// Not at all.
    Unsupported,
}

impl Lowered {
    const ALL: [Self; 3] = [Self::Native, Self::Decomposed, Self::Unsupported];

    const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Decomposed => "decomposed",
            Self::Unsupported => "unsupported",
        }
    }

    const fn state(self) -> State {
        match self {
            Self::Native => State::Good,
            Self::Decomposed => State::Fair,
            Self::Unsupported => State::Wrong,
        }
    }
}

/// An op with its share.
#[derive(Clone, Debug, PartialEq)]
pub struct OpShare {
    /// Its name.
    pub op: String,
    /// How it ran.
    pub lowered: Lowered,
    /// By which kernel, or why not.
    pub detail: String,
    /// Share of the time, from 0 to 1.
    pub share: f64,
}

/// The ops of one cell.
#[derive(Clone, Debug, PartialEq)]
pub struct OpCoverage {
    /// The workload.
    pub label: String,
    /// Platform and numerics.
    pub detail: String,
    /// Its ops.
    pub ops: Vec<OpShare>,
}

/// The chart; `None` without ops. `weight` says what the shares are shares of.
#[must_use]
pub fn coverage(cells: Vec<OpCoverage>, weight: &str, head: Head) -> Option<Chart> {
    let mut data = Data::new(&["workload", "cell", "op", "how", "by or why", "share"]);
    let mut said = Vec::new();
    let mut bars = Vec::new();
    for cell in cells.into_iter().filter(|c| !c.ops.is_empty()) {
        let mut ops = cell.ops;
        ops.sort_by(|a, b| {
            a.lowered.cmp(&b.lowered).then(b.share.total_cmp(&a.share)).then_with(|| a.op.cmp(&b.op))
        });
        for op in &ops {
            let how = op.lowered.name().to_owned();
            data.row([
                cell.label.clone(),
                cell.detail.clone(),
                op.op.clone(),
                how,
                op.detail.clone(),
                digits(op.share),
            ]);
        }
        let native: f64 = ops.iter().filter(|o| o.lowered == Lowered::Native).map(|o| o.share).sum();
        said.push(format!("{} {}: {:.0} % native", cell.label, cell.detail, native * 100.0));
        let part = |o: OpShare| Part {
            state: o.lowered.state(),
            share: o.share,
            tip: format!("{}: {} ({}), {:.1} %", o.op, o.lowered.name(), o.detail, o.share * 100.0),
            words: o.op,
        };
        bars.push(Stack {
            label: cell.label,
            detail: cell.detail,
            parts: ops.into_iter().map(part).collect(),
        });
    }
    if bars.is_empty() {
        return None;
    }
    Some(Chart {
        name: head.name,
        kind: "op-coverage",
        description: format!("How ops ran. {}.", said.join("; ")),
        title: head.title,
        subtitle: head.subtitle,
        notes: head.notes,
        data,
        legend: Lowered::ALL.map(|l| Key::State { label: l.name().to_owned(), state: l.state() }).to_vec(),
        form: Form::Stacks(Stacks { title: weight.to_owned(), bars }),
    })
}
