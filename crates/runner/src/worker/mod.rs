//! Worker processes.

mod affinity;
mod job;
mod memory;
mod process;
mod signal;
mod together;

pub use affinity::allowed_cpus;
pub(crate) use job::{Finished, Heard, Stop, Timed, Watch, run};
pub(crate) use together::run_together;

use std::time::Duration;

/// How long a worker may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the start of the process until its backend is ready.
    pub start: Duration,
    /// Without a word from the worker, but while it compiles.
    pub silence: Duration,
    /// From the job until it warms up: compiling, the parity check, the first execution.
    pub compile: Duration,
    /// From then until it is done.
    pub trial: Duration,
    /// From the end of the job until the process has gone.
    pub exit: Duration,
}

impl Default for Limits {
    /// A minute to start, five of silence, an hour to compile, ten minutes a trial, ten seconds to go.
    fn default() -> Self {
        Self {
            start: Duration::from_secs(60),
            silence: Duration::from_secs(300),
            compile: Duration::from_secs(3600),
            trial: Duration::from_secs(600),
            exit: Duration::from_secs(10),
        }
    }
}
