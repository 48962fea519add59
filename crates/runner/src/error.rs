//! Errors of a run as a whole; what happens to one cell is its outcome.

use std::io;
use std::path::PathBuf;

use portbench_records::{Outcome, StoreError};
use thiserror::Error;

/// Why a run did not start or did not go on. Cells that had finished are stored.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunnerError {
    /// The plan has no cells.
    #[error("the plan has no cells; name a suite or workload that this machine can run")]
    EmptyPlan,
    /// The plan asks for no trials.
    #[error("the plan asks for 0 trials of each cell; ask for at least 1")]
    NoTrials,
    /// Two cells have one name, so that one record would overwrite the other.
    #[error("the cell {id} is planned twice; remove one of the two, or rename a workload")]
    DuplicateCell {
        /// The cell's id.
        id: String,
    },
    /// A cell's program is not valid.
    #[error("the program of {id} is not valid")]
    Program {
        /// The cell's id.
        id: String,
        /// What is wrong with it.
        #[source]
        source: portbench_graph::GraphError,
    },
    /// The plan differs from the one the run was started with.
    #[error(
        "run {run} was started with another plan: {difference}; start a new run, or go back to what it was started with"
    )]
    OtherPlan {
        /// Run id.
        run: String,
        /// The first difference.
        difference: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The directory for tensors cannot be made.
    #[error("cannot make the scratch directory {}; check the results directory", path.display())]
    Scratch {
        /// The directory.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// A worker that was asked outside of any run did not answer.
    #[error("{outcome}: {detail}")]
    Worker {
        /// What kind of failure.
        outcome: Outcome,
        /// What the worker said or did.
        detail: String,
    },
    /// The run was asked to stop.
    #[error("interrupted; finished cells and trials are stored in {}, and `portbench run --resume {run}` goes on from them", dir.display())]
    Interrupted {
        /// Run id.
        run: String,
        /// Its directory.
        dir: PathBuf,
    },
}
