//! What can go wrong.

use std::io;
use std::path::PathBuf;

/// An error of this crate. Each message names the thing, the place and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// A file or directory that was named cannot be read.
    #[error("{} cannot be read: give a file or a directory that is there", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of rules holds none, or a rule in it is wrong.
    #[error("{file}: {what}")]
    Rules {
        /// The file.
        file: String,
        /// What is wrong, with line and column where TOML knows them.
        what: String,
    },
    /// A word is no category, severity or id.
    #[error(
        "`{given}` is no category ({categories}), no severity ({severities}) and no id of a rule, which has capitals (PY-DEV-001, PY-KER-*)"
    )]
    Word {
        /// What was given.
        given: String,
        /// What categories there are.
        categories: String,
        /// What severities there are.
        severities: String,
    },
    /// There is no rule of that id.
    #[error("no rule is called `{given}`: `portbench list rules` has them")]
    NoRule {
        /// What was given.
        given: String,
    },
    /// A pattern of paths to leave out is none.
    #[error("`{pattern}` is no pattern of paths: write it as in a .gitignore, such as `tests/` or `*.ipynb`")]
    Exclude {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        source: ignore::Error,
    },
    /// The patterns of all rules together do not compile.
    #[error(
        "the patterns of the rules cannot be compiled together: take the last rule out of the file of your own"
    )]
    Patterns(#[source] regex::Error),
    /// `git` could not be started, or says no.
    #[error("git {arguments}: {what}")]
    Git {
        /// What was asked.
        arguments: String,
        /// What it said, or why it did not start.
        what: String,
    },
}
