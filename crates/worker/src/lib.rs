//! The worker: one process, one trial. The protocol on one side, a [`portbench_backend::Backend`] on the other.

mod protocol;

pub use protocol::{Failure, FromWorker, Job, MAX_LINE, MeasureJob, ParityJob, Phase, VERSION};
