//! Errors of this crate.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// One mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line and column, counted from 1 in characters; `None` when it is about the file as a whole.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// The line it stands on and a second line that marks the place, if there is a place.
    pub(crate) excerpt: Option<(String, String)>,
    /// The way out.
    pub help: Option<String>,
}

/// The mistakes of one file, in order of place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// The file as it was named; `built-in NAME` for one that is part of the program.
    pub file: String,
    /// At least one.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.mistakes.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{}", self.file)?;
            if let Some((line, column)) = mistake.place {
                write!(f, ":{line}:{column}")?;
            }
            write!(f, ": {}", mistake.message)?;
            if let (Some((line, _)), Some((text, mark))) = (mistake.place, &mistake.excerpt) {
                let number = line.to_string();
                let margin = " ".repeat(number.len());
                write!(f, "\n  {number} | {text}\n  {margin} | {mark}")?;
            }
            if let Some(help) = &mistake.help {
                write!(f, "\n  help: {help}")?;
            }
        }
        Ok(())
    }
}

/// Why a workload or suite cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorkloadError {
    /// The file was read and is wrong; every mistake found is listed.
    #[error("{0}")]
    Mistakes(Mistakes),
    /// The file or directory cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No workload or suite has that name.
    #[error("{message}")]
    Unknown {
        /// The name, what was probably meant, and what there is.
        message: String,
    },
    /// The choice is not one that the workload offers, or what it needs is not there.
    #[error("{workload}: {message}")]
    Unresolved {
        /// Workload.
        workload: String,
        /// What is wrong and the way out.
        message: String,
    },
    /// The graph's builder refused the model.
    #[error("{workload}: the program cannot be built")]
    Graph {
        /// Workload.
        workload: String,
        /// Why.
        #[source]
        source: portbench_graph::GraphError,
    },
}
