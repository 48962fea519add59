//! Why a command ended early, and with which exit code.

use std::error::Error;
use std::fmt;
use std::io;

use portbench_backend::with_causes;
use portbench_records::StoreError;
use portbench_report::ReportError;

/// Some cell failed.
pub(crate) const SOME_CELL: u8 = 1;
/// The command line, a workload or a suite file is wrong, or something it names is not there.
pub(crate) const USAGE: u8 = 2;
/// There was nothing to do.
pub(crate) const NOTHING: u8 = 3;
/// A regression, or a gate that was not met.
pub(crate) const GATE: u8 = 4;
/// A bug in portbench.
pub(crate) const BUG: u8 = 70;

/// An error with its exit code and, in its text, its causes.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    text: String,
    broken_pipe: bool,
}

impl Failure {
    /// What the user gave is wrong.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { code: USAGE, text: text.into(), broken_pipe: false }
    }

    /// There is nothing to do.
    pub(crate) fn nothing(text: impl Into<String>) -> Self {
        Self { code: NOTHING, text: text.into(), broken_pipe: false }
    }

    /// Something failed on the way.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self { code: SOME_CELL, text: text.into(), broken_pipe: false }
    }

    /// This cannot happen.
    pub(crate) fn bug(text: impl fmt::Display) -> Self {
        let text =
            format!("{text}\nThis is a bug in portbench; please report it with the command that led here.");
        Self { code: BUG, text, broken_pipe: false }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// Whether the reader of stdout went away, which is no failure of anything.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.broken_pipe
    }

    /// Another exit code for the same error.
    pub(crate) fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let any = &error as &(dyn Error + 'static);
        let kind = any.downcast_ref::<io::Error>().map(io::Error::kind);
        let kind = kind.or_else(|| any.downcast_ref::<serde_json::Error>()?.io_error_kind());
        let broken_pipe = kind == Some(io::ErrorKind::BrokenPipe);
        let code = match broken_pipe {
            true => 0,
            false if is_given(&error) => USAGE,
            false => SOME_CELL,
        };
        Self { code, text: with_causes(&error), broken_pipe }
    }
}

/// Whether an error is about something that the user named: a run that is not there, a directory that holds something else or is none.
fn is_given(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{AlreadyExists, IsADirectory, NotADirectory};
    let named = |error: &StoreError| matches!(error, StoreError::NoRun { .. } | StoreError::Ambiguous { .. });
    match error.downcast_ref::<ReportError>() {
        Some(ReportError::Store(error)) => named(error),
        Some(ReportError::OthersFiles { .. }) => true,
        Some(ReportError::Write { source, .. }) => {
            matches!(source.kind(), AlreadyExists | IsADirectory | NotADirectory)
        }
        _ => error.downcast_ref::<StoreError>().is_some_and(named),
    }
}

/// An error in what the user gave, for `map_err`.
pub(crate) fn usage<E: Error + 'static>(error: E) -> Failure {
    Failure::from(error).with_code(USAGE)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
