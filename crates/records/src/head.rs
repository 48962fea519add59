//! What tables and comparisons need of a record, read without its raw samples.

use portbench_measure::Figure;
use serde::Deserialize;

use crate::record::{Cell, Outcome, Problem, Provenance};

/// The part of a [`crate::Record`] that is small: everything but samples, lowering and environment. Reading it skips the rest of the text.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordHead {
    /// Format version of the record.
    pub version: u32,
    /// Which cell.
    pub cell: Cell,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, where it did not end as measured.
    pub detail: Option<String>,
    /// Where the figures come from.
    pub provenance: Provenance,
    /// What the work is.
    pub problem: Problem,
    /// How right it was.
    pub parity: Option<ParityHead>,
    /// Figures over the trials.
    pub figures: Vec<Figure>,
}

/// The verdict of a parity check.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ParityHead {
    /// Whether it passed.
    pub passed: bool,
    /// How the checked program differs from the timed one.
    pub reduced: Option<String>,
}
