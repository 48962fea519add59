//! Errors of the store.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why the store did not do what was asked. Every message names the file and the way out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or directory cannot be written.
    #[error("cannot write {}: {}", path.display(), way_out(source))]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// A file or directory cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// A stored file is cut short or is not what this code writes.
    #[error(
        "{}:{line}:{column}: {message}; the file was cut short or edited: {}",
        path.display(),
        if path.ends_with("run.json") { "bring it back, or start a new run" } else { "delete it, and `run --resume` measures that cell again" }
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line, from 1; 0 where the text as a whole is wrong.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A stored file is of a later format than this code knows.
    #[error("{}: has format version {version}, this portbench reads up to {known}; update portbench to read it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
        /// Last version known here.
        known: u32,
    },
    /// A value has no JSON form: a number that is not finite.
    #[error("{}: is not written, it would not read back: {message}", path.display())]
    NotStorable {
        /// The file that was to be written.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// No run is called that.
    #[error("no run `{selector}` in {}; {}", root.display(), known_runs(known))]
    NoRun {
        /// What was asked for.
        selector: String,
        /// The results directory.
        root: PathBuf,
        /// Runs there are, latest first.
        known: Vec<String>,
    },
    /// Several runs begin like that.
    #[error("`{selector}` may be any of {}; give more of the id", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        selector: String,
        /// The runs it may mean.
        candidates: Vec<String>,
    },
    /// Another process executes the run.
    #[error("{}: another process is executing this run; wait for it, or start a run of your own", path.display())]
    Busy {
        /// The run's directory.
        path: PathBuf,
    },
}

impl StoreError {
    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Write { path: path.to_owned(), source }
    }

    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    /// Whether no later write can be expected to succeed either.
    #[must_use]
    pub fn is_write(&self) -> bool {
        matches!(self, Self::Write { .. })
    }
}

fn way_out(source: &io::Error) -> String {
    let advice = match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "there is no space; free some or choose another directory with --results; finished cells are kept and `run --resume` goes on from them"
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "it may not be written to; choose another directory with --results or change its permissions"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file is in the place of a directory; move it or choose another directory with --results"
        }
        _ => "check the directory or choose another with --results",
    };
    format!("{source}; {advice}")
}

fn known_runs(known: &[String]) -> String {
    const SHOWN: usize = 5;
    if known.is_empty() {
        return "there are no runs: `portbench run` makes one".into();
    }
    let more = if known.len() > SHOWN { ", ..." } else { "" };
    let shown = &known[..known.len().min(SHOWN)];
    format!("there are {}{more}; `latest` is the first of these", shown.join(", "))
}
