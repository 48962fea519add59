//! Errors of the protocol and of serving it.

use std::io;

use portbench_graph::GraphError;
use thiserror::Error;

use crate::protocol::{MAX_LINE, VERSION};

/// Why a line could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The stream ended between lines.
    #[error("the stream ended")]
    End,
    /// The stream ended within a line.
    #[error("the stream ended within a line, after {}", excerpt(line))]
    Truncated {
        /// What there was of it.
        line: Vec<u8>,
    },
    /// A line is longer than [`MAX_LINE`].
    #[error("a line is longer than {MAX_LINE} bytes")]
    TooLong,
    /// A line is no message.
    #[error("{} is no message of protocol {VERSION}", excerpt(line))]
    Garbage {
        /// The line.
        line: Vec<u8>,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// The other side speaks another version.
    #[error("the other side speaks protocol {got}, this is {VERSION}; use builds of the same version")]
    Version {
        /// Its version.
        got: u32,
    },
    /// Reading failed.
    #[error("reading failed")]
    Read(#[source] io::Error),
}

/// The beginning of a line, for people: control characters and what is no UTF-8 are escaped.
fn excerpt(line: &[u8]) -> String {
    const SHOWN: usize = 120;
    let text = String::from_utf8_lossy(&line[..line.len().min(SHOWN)]);
    let more = if line.len() > SHOWN { format!(" ... ({} bytes)", line.len()) } else { String::new() };
    format!("{text:?}{more}")
}

/// Why a worker ended other than by being told to. What goes wrong with a job is a message, not one of these.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The job could not be read.
    #[error("the job cannot be read")]
    Job(#[source] ProtocolError),
    /// A message could not be written: the runner has gone.
    #[error("a message cannot be written")]
    Write(#[source] io::Error),
    /// A message cannot be put in JSON.
    #[error("a message cannot be put in JSON")]
    Encode(#[source] serde_json::Error),
    /// Standard output could not be taken for the protocol alone.
    #[error("standard output cannot be set aside for the protocol")]
    Streams(#[source] io::Error),
}

/// Why a job failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JobError {
    /// A program of the job is not valid.
    #[error("the {part} program of the job is not valid")]
    Program {
        /// `parity` or `measure`.
        part: &'static str,
        /// What is wrong.
        #[source]
        source: GraphError,
    },
    /// Compilation failed.
    #[error("compiling the {part} program failed")]
    Compile {
        /// `parity` or `measure`.
        part: &'static str,
        /// Why.
        #[source]
        source: portbench_backend::BackendError,
    },
    /// The parity execution failed.
    #[error("the parity execution failed")]
    Parity(#[source] portbench_measure::MeasureError),
    /// The timed part failed.
    #[error("measuring failed")]
    Measure(#[source] portbench_measure::MeasureError),
    /// The job's scratch directory is not there.
    #[error("the scratch directory {} cannot be used", path.display())]
    Scratch {
        /// The directory.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The outputs could not be written.
    #[error("the parity outputs cannot be kept")]
    Outputs(#[source] portbench_backend::BackendError),
    /// The backend panicked.
    #[error("the backend panicked: {0}")]
    Panicked(String),
    /// The runner cannot be told.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}
