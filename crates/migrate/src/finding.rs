//! A place where a rule holds.

use serde::Serialize;

use crate::category::Category;
use crate::rules::Confidence;
use crate::severity::Severity;

/// A place where a rule holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// Id of the rule.
    pub rule: String,
    /// The file.
    pub path: String,
    /// The cell of a notebook, from 1; `line` then counts within it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell: Option<u32>,
    /// From 1; 0 where the file's name is what was found.
    pub line: u32,
    /// In characters, from 1; 0 where the file's name is what was found.
    pub column: u32,
    /// One after the last character, on the same line.
    pub end_column: u32,
    /// The line, without the blanks at its ends.
    pub snippet: String,
    /// The function that it is in, with its classes; empty outside of one and in other languages than Python.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub function: String,
    /// What kind of thing it is.
    pub category: Category,
    /// How much it asks for.
    pub severity: Severity,
    /// How sure the match is.
    pub confidence: Confidence,
    /// What to do.
    pub action: String,
    /// Who says so, by names of the report's sources.
    pub sources: Vec<String>,
    /// Limits of Neuron behind it, by their ids in `portbench list limits`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<String>,
    /// Why it does not count, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<Suppressed>,
}

/// Why a finding does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Suppressed {
    /// By what.
    pub by: Suppressor,
    /// The line of the comment, the condition or the `try`.
    pub line: u32,
    /// The comment's reason, or the condition.
    pub why: String,
}

/// What suppresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Suppressor {
    /// A comment in the code.
    Comment,
    /// A condition that holds where CUDA or the package is there, while other code serves the rest.
    Guard,
    /// An import whose failure is handled.
    OptionalImport,
    /// An import of the code base from itself.
    OwnPackage,
}

impl Suppressor {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Comment => "comment",
            Self::Guard => "guard",
            Self::OptionalImport => "optional-import",
            Self::OwnPackage => "own-package",
        }
    }
}

impl Finding {
    /// Whether it asks for work.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.suppressed.is_none() && self.severity > Severity::Info
    }
}
