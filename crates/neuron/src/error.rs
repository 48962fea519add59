//! What can go wrong between this crate and a Neuron host.

use std::io;
use std::path::PathBuf;

use crate::status::NrtStatus;

/// An error of this crate. Each message names the thing, the place and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NeuronError {
    /// The runtime library is on none of the places where it is installed.
    #[error("libnrt.so.1 was not found (looked at {}): install aws-neuronx-runtime-lib (scripts/setup-neuron does), or name the file in PORTBENCH_LIBNRT", shown(.tried))]
    NoLibrary {
        /// Where it was looked for.
        tried: Vec<PathBuf>,
    },
    /// There is no compiler.
    #[error(
        "neuronx-cc is not on the PATH: activate the environment that has it (source /opt/aws_neuronx_venv_*/bin/activate), or run scripts/setup-neuron"
    )]
    NoCompiler,
    /// The library is there and does not load.
    #[error("{} does not load: install aws-neuronx-runtime-lib again, or name another file in PORTBENCH_LIBNRT", path.display())]
    Library {
        /// The file.
        path: PathBuf,
        /// What the loader said.
        source: libloading::Error,
    },
    /// The library lacks a function.
    #[error("{} has no function `{symbol}`: bring aws-neuronx-runtime-lib to SDK 2.28 or later", path.display())]
    Symbol {
        /// The file.
        path: PathBuf,
        /// The function.
        symbol: &'static str,
        /// What the loader said.
        source: libloading::Error,
    },
    /// A second initialisation in one process.
    #[error("{} was initialised in this process before, and libnrt does not come back after nrt_close: use the runtime that is there, or another process", path.display())]
    InitialisedBefore {
        /// The library.
        path: PathBuf,
    },
    /// libnrt answered something other than success.
    #[error("{call} on {place}: {status}; {}", status.way_out())]
    Status {
        /// The function.
        call: &'static str,
        /// The model, tensor or core it was called for.
        place: String,
        /// The answer.
        status: NrtStatus,
    },
    /// libnrt said success and gave something that cannot be.
    #[error(
        "{call} on {place} said success and gave {what}: bring aws-neuronx-runtime-lib to the SDK of the compiler"
    )]
    Nonsense {
        /// The function.
        call: &'static str,
        /// What it was called for.
        place: String,
        /// What cannot be.
        what: String,
    },
    /// What was given does not fit the tensor, the set or the model.
    #[error("{place}: {what}")]
    Unfit {
        /// The model or tensor.
        place: String,
        /// What does not fit, and what would.
        what: String,
    },
    /// A file that is no NEFF, or not one for this machine.
    #[error("{place} cannot be used as a NEFF: {what}")]
    Neff {
        /// The file.
        place: String,
        /// What is wrong, and the way out.
        what: String,
    },
    /// Text that a tool wrote and that is not what it documents.
    #[error("{tool} wrote something that cannot be read: {what}")]
    Malformed {
        /// The tool.
        tool: &'static str,
        /// What is wrong, with line and column where there are any.
        what: String,
    },
    /// A tool that ended badly.
    #[error("{tool} failed: {what}")]
    Failed {
        /// The tool.
        tool: &'static str,
        /// What it said, and how it ended.
        what: String,
    },
    /// A tool that did not answer, and was ended.
    #[error("{} did not answer in {seconds} s: {way_out}", program.display())]
    Silent {
        /// The tool.
        program: PathBuf,
        /// How long it had, in seconds.
        seconds: f64,
        /// What to do.
        way_out: &'static str,
    },
    /// A word of the command line or of the environment that is not understood.
    #[error("`{given}` is no {what}; known: {known}")]
    Word {
        /// What it should be.
        what: &'static str,
        /// What was given.
        given: String,
        /// What would be understood.
        known: String,
    },
    /// Settings that contradict each other.
    #[error("{0}")]
    Settings(String),
    /// A file could not be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// `read`, `write`, `remove` or `run`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl NeuronError {
    /// The status of libnrt, where there is one.
    #[must_use]
    pub fn status(&self) -> Option<NrtStatus> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}

fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
}
