//! What Trainium cannot take, said before anything is compiled.
//!
//! The table is `limits.toml`: each entry has a verdict, how certain it is, targets, lines and SDKs it holds for, its source with a date, and a
//! way out. [`check`] holds a program against it. Entries that no program can meet (the graph has no dynamic shapes, no sort, ...) are listed
//! for people who bring their own code.

mod check;

use std::fmt;
use std::sync::LazyLock;

use portbench_graph::DType;
use serde::Deserialize;

use crate::error::NeuronError;
use crate::target::{Line, Sdk, Target};

pub use check::{Finding, check, of_op};

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Does not compile or does not run.
    Unsupported,
    /// Runs on the host, unless that is switched off.
    CpuFallback,
    /// Runs with fewer bits than the program says.
    Narrowed,
    /// Runs slower than its work suggests.
    Slow,
}

impl Verdict {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unsupported => "unsupported",
            Self::CpuFallback => "cpu-fallback",
            Self::Narrowed => "narrowed",
            Self::Slow => "slow",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How certain an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// AWS says so.
    Documented,
    /// Documents or reports contradict each other.
    Disputed,
    /// One person's published report.
    Reported,
}

impl Certainty {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Disputed => "disputed",
            Self::Reported => "reported",
        }
    }
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An entry of the table.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Limit {
    /// Its name, unique in the table.
    pub id: String,
    /// What becomes of it.
    pub verdict: Verdict,
    /// How certain that is.
    pub certainty: Certainty,
    /// Targets it holds for.
    #[serde(default = "every_target")]
    pub targets: Vec<Target>,
    /// Lines it holds for.
    #[serde(default = "every_line")]
    pub lines: Vec<Line>,
    /// First SDK it is known for; `None` for all before `to`.
    #[serde(default)]
    pub from: Option<Sdk>,
    /// Last SDK it is known for; `None` for all after `from`.
    #[serde(default)]
    pub to: Option<Sdk>,
    /// Codes with which the compiler refuses it.
    #[serde(default)]
    pub codes: Vec<String>,
    /// What it is.
    pub what: String,
    /// What to do instead.
    pub way_out: String,
    /// Who says so.
    pub source: String,
    /// Date of the source, `YYYY-MM-DD`.
    pub date: String,
    /// What of a program it concerns.
    #[serde(default)]
    pub when: Option<When>,
    /// Why no program of portbench has it.
    #[serde(default)]
    pub outside: Option<String>,
}

/// What of a program a limit concerns. All that is given has to hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct When {
    /// Values computed by one of these ops, by [`portbench_graph::Op::name`].
    #[serde(default)]
    pub ops: Vec<String>,
    /// Values of one of these element types, or with an operand of one.
    #[serde(default)]
    pub dtypes: Vec<DType>,
    /// Integer constants outside of 32 bits.
    #[serde(default)]
    pub beyond_32_bit: bool,
    /// Programs that train.
    #[serde(default)]
    pub training: bool,
    /// Programs whose parameters, state and optimiser take more than this many GiB.
    #[serde(default)]
    pub more_than_gib: Option<u64>,
    /// Every program.
    #[serde(default)]
    pub every_program: bool,
}

/// What one wants to run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// The target.
    pub target: Target,
    /// The line; `None` for both.
    pub line: Option<Line>,
    /// The SDK; `None` for all.
    pub sdk: Option<Sdk>,
}

impl Platform {
    /// The target on a line, with the newest SDK that ships it.
    #[must_use]
    pub const fn new(target: Target, line: Line) -> Self {
        Self { target, line: Some(line), sdk: Some(line.newest_sdk()) }
    }
}

impl Limit {
    /// Whether a program that meets it is not worth compiling: by AWS's own words it does not run, for what is in it and not for what AWS ships.
    #[must_use]
    pub fn forbids(&self) -> bool {
        let of_program = self.when.as_ref().is_some_and(|w| w.of_values() || w.more_than_gib.is_some());
        self.verdict == Verdict::Unsupported && self.certainty == Certainty::Documented && of_program
    }

    /// Whether it holds there.
    #[must_use]
    pub fn holds_on(&self, platform: Platform) -> bool {
        let line = platform.line.is_none_or(|line| self.lines.contains(&line));
        let sdk = platform
            .sdk
            .is_none_or(|sdk| self.from.is_none_or(|from| sdk >= from) && self.to.is_none_or(|to| sdk <= to));
        self.targets.contains(&platform.target) && line && sdk
    }

    /// The SDKs it is known for, for people.
    #[must_use]
    pub fn sdks(&self) -> String {
        match (self.from, self.to) {
            (None, None) => "all".into(),
            (Some(from), None) => format!("{from} and later"),
            (None, Some(to)) => format!("up to {to}"),
            (Some(from), Some(to)) => format!("{from} to {to}"),
        }
    }
}

fn every_target() -> Vec<Target> {
    Target::ALL.to_vec()
}

fn every_line() -> Vec<Line> {
    vec![Line::Xla, Line::Native]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    limit: Vec<Limit>,
}

/// Reads a table.
///
/// # Errors
/// [`NeuronError::Malformed`] with line and column for what is no table of limits.
pub fn parse(text: &str) -> Result<Vec<Limit>, NeuronError> {
    let document: Document = toml::from_str(text)
        .map_err(|e| NeuronError::Malformed { tool: "the table of limits", what: e.to_string() })?;
    Ok(document.limit)
}

/// The built-in table, in the order of its file.
#[must_use]
pub fn limits() -> &'static [Limit] {
    #[expect(
        clippy::expect_used,
        reason = "the file is part of the program, and every test of this module reads it"
    )]
    static TABLE: LazyLock<Vec<Limit>> =
        LazyLock::new(|| parse(include_str!("limits.toml")).expect("limits.toml is a table of limits"));
    &TABLE
}
