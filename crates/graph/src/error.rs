//! Errors of this crate.

use std::fmt;

use thiserror::Error;

/// One mistake made while building, with the line of model code that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    /// What was wrong, naming the operator and its operand types.
    pub message: String,
    /// Source file and line of the call.
    pub location: String,
    /// Scope inside the model, empty at the top.
    pub scope: String,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scope.is_empty() {
            write!(f, "{} (at {})", self.message, self.location)
        } else {
            write!(f, "{} (in `{}`, at {})", self.message, self.scope, self.location)
        }
    }
}

fn join(errors: &[BuildError]) -> String {
    errors.iter().map(|e| format!("\n  {e}")).collect()
}

/// Why there is no program.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The builder was used wrongly; every mistake is listed.
    #[error("the graph `{program}` cannot be built: {} mistake(s){}", errors.len(), join(errors))]
    Build {
        /// Program name.
        program: String,
        /// Every mistake, in order.
        errors: Vec<BuildError>,
    },
    /// A program from outside breaks a rule.
    #[error("invalid program at {place}: {message}")]
    Invalid {
        /// Entry and value, or the part of the program.
        place: String,
        /// The broken rule.
        message: String,
    },
    /// JSON that is not a program.
    #[error("not a program in JSON form")]
    Json {
        /// The reader's message, with line and column.
        #[source]
        source: serde_json::Error,
    },
    /// Text that is not a program.
    #[error("text form, line {line}: {message}")]
    Text {
        /// Line, counted from 1.
        line: usize,
        /// What was expected.
        message: String,
    },
}
