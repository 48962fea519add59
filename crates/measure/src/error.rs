//! Errors of measuring.

use std::io;
use std::path::PathBuf;

use portbench_backend::BackendError;
use portbench_stats::StatsError;
use thiserror::Error;

/// Why nothing was measured.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// The backend failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// An input has no source, or its source does not fit.
    #[error("input `{input}` of entry `{entry}`: {message}")]
    Input {
        /// Entry.
        entry: String,
        /// Input.
        input: String,
        /// What is wrong.
        message: String,
    },
    /// An input's file cannot be read.
    #[error("input `{input}` of entry `{entry}`")]
    InputFile {
        /// Entry.
        entry: String,
        /// Input.
        input: String,
        /// What is wrong with the file.
        #[source]
        source: Box<BackendError>,
    },
    /// The corpus cannot be read.
    #[error("corpus {}: cannot be read as UTF-8 text", path.display())]
    CorpusFile {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The corpus does not do.
    #[error("corpus {}: {message}", path.display())]
    Corpus {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The task cannot be executed on this program or in this scenario.
    #[error("the task does not fit: {0}")]
    Task(String),
    /// Training produced a loss that is no number.
    #[error("the loss after {step} steps is {loss}: training diverged")]
    Diverged {
        /// Steps taken.
        step: u64,
        /// The loss.
        loss: f64,
    },
    /// A statistic failed on what was measured.
    #[error("statistics")]
    Stats(#[from] StatsError),
}
