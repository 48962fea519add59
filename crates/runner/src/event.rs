//! What a run tells about its progress.

use portbench_records::{Cell, Outcome, Run};
use portbench_worker::Phase;

/// Something happened. For display: nothing depends on an event being looked at.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The run's directory stands.
    RunStarted {
        /// The run.
        run: &'a Run,
        /// Cells to do.
        cells: usize,
        /// Trials to do.
        trials: usize,
        /// Cells that had finished before.
        kept: usize,
    },
    /// A trial begins.
    TrialStarted {
        /// Of which cell.
        cell: &'a Cell,
        /// Number of the trial within its cell, from 0.
        number: u64,
        /// How many trials began before it since the run was started or taken up again.
        position: usize,
    },
    /// The worker begins a phase.
    Phase {
        /// Of which cell.
        cell: &'a Cell,
        /// The phase.
        phase: Phase,
    },
    /// The worker is alive.
    Progress {
        /// Of which cell.
        cell: &'a Cell,
        /// Fraction of the phase done, if known.
        fraction: Option<f64>,
        /// What the worker says of it.
        detail: Option<&'a str>,
    },
    /// Golden outputs are being computed; no worker runs meanwhile.
    OracleStarted {
        /// For which cell.
        cell: &'a Cell,
    },
    /// A trial finished well.
    TrialFinished {
        /// Of which cell.
        cell: &'a Cell,
        /// Its number.
        number: u64,
    },
    /// A cell ended and is stored.
    CellFinished {
        /// The cell.
        cell: &'a Cell,
        /// How it ended.
        outcome: Outcome,
        /// Why, where it did not end as measured.
        detail: Option<&'a str>,
    },
}
