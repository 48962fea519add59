//! The worker: one process, one trial. The protocol on one side, a [`portbench_backend::Backend`] on the other.

mod error;
mod lines;
mod process;
mod protocol;
mod serve;

pub use error::{JobError, ProtocolError, WorkerError};
pub use lines::{parse_message, read_go, read_job, read_message, write_line};
pub use process::{protocol_output, serve_process};
pub use protocol::{Failure, FromWorker, Job, MAX_LINE, MeasureJob, ParityJob, Phase, ToWorker, VERSION};
pub use serve::serve;
