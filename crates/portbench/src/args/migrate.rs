//! Arguments of `migrate`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use portbench_migrate::{Execution, Severity, Stack, Word};

use super::{Format, FormatArgs};

/// Arguments of `migrate`.
#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// What about it.
    #[command(subcommand)]
    pub(crate) command: MigrateCommand,
}

/// What about a migration.
#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Find what in a code base is tied to CUDA, and say what to do about it and how much that is
    Scan(ScanArgs),
    /// Hold a code base before and after a port against each other: lines, files, findings, code convergence
    Diff(DiffArgs),
}

/// For what, and which findings.
#[derive(Debug, Args)]
pub(crate) struct RuleArgs {
    /// The Neuron stack to move to: torchneuron, xla, vllm, vllm-nxd, jax, optimum
    #[arg(long, default_value = "torchneuron", value_name = "STACK", value_parser = stack)]
    pub(crate) stack: Stack,
    /// How models execute there: eager, compile, trace (the stack's usual way if not given)
    #[arg(long, value_name = "HOW", value_parser = execution)]
    pub(crate) execution: Option<Execution>,
    /// Only these categories, severities or rules (PY-KER-* for those that begin so)
    #[arg(long, value_name = "WORD,...", value_delimiter = ',')]
    pub(crate) only: Vec<Word>,
    /// None of these categories, severities or rules
    #[arg(long, value_name = "WORD,...", value_delimiter = ',')]
    pub(crate) except: Vec<Word>,
    /// A file of your own rules, laid over the built-in ones (TOML, as crates/migrate/data/README.md has it)
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// Leave out paths like this, written as in a .gitignore
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
    /// Read directories of other people's code too (third_party, vendor, node_modules, ...)
    #[arg(long)]
    pub(crate) vendored: bool,
}

/// Arguments of `migrate scan`.
#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// Directories and files of the code base
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    /// Which rows; json has all of them at once, and sarif the findings
    #[arg(long, value_enum, default_value_t)]
    pub(crate) view: ScanView,
    /// Show findings that are suppressed as well
    #[arg(long)]
    pub(crate) suppressed: bool,
    /// Exit with 4 if a finding that counts has this severity or a higher one: info, auto, low, medium, high, blocker
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub(crate) fail_on: Option<Severity>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ScanFormat,
}

/// Arguments of `migrate diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The code base before the port and after it; with --git, the repository (this directory if not given)
    #[arg(value_name = "BEFORE AFTER", num_args = 0..=2)]
    pub(crate) trees: Vec<PathBuf>,
    /// Two revisions of a git repository in place of two directories
    #[arg(long, value_name = "REV..REV")]
    pub(crate) git: Option<String>,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    /// Which rows; json has all of them at once
    #[arg(long, value_enum, default_value_t)]
    pub(crate) view: DiffView,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Rows of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScanView {
    /// A row a category, and one of all
    #[default]
    Scorecard,
    /// A row a rule, with what to do
    Rules,
    /// A row a file
    Files,
    /// A row a finding
    Findings,
}

/// Rows of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffView {
    /// Files, lines and findings
    #[default]
    Summary,
    /// A row a file that differs
    Files,
    /// A row a rule whose findings there are on either side
    Rules,
}

/// How a scan is written to stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScanFormat {
    /// Aligned columns for people
    #[default]
    Table,
    /// JSON, one object with everything
    Json,
    /// Comma-separated values with a header
    Csv,
    /// A Markdown table
    Markdown,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

impl ScanFormat {
    /// The same among the formats of tables, where it is one.
    pub(crate) fn of_table(self) -> Option<Format> {
        match self {
            Self::Table => Some(Format::Table),
            Self::Csv => Some(Format::Csv),
            Self::Markdown => Some(Format::Markdown),
            Self::Json | Self::Sarif => None,
        }
    }
}

pub(crate) fn stack(word: &str) -> Result<Stack, String> {
    Stack::named(word).ok_or_else(|| known(Stack::ALL.map(Stack::name).as_slice()))
}

fn execution(word: &str) -> Result<Execution, String> {
    Execution::ALL
        .into_iter()
        .find(|e| e.name() == word)
        .ok_or_else(|| known(&Execution::ALL.map(Execution::name)))
}

fn severity(word: &str) -> Result<Severity, String> {
    Severity::named(word).ok_or_else(|| known(&Severity::ALL.map(Severity::name)))
}

fn known(names: &[&str]) -> String {
    format!("there are {}", names.join(", "))
}
