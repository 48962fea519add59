//! What moving a code base from CUDA to AWS Neuron takes.
//!
//! ```
//! use portbench_migrate::{Entry, Matcher, Options, Rules, Tree, Wanted, scan};
//!
//! let file = Entry::of_bytes("train.py", b"model.cuda()  # not model.cpu()\n");
//! let tree = Tree::of_entries(vec![file], &Wanted::default())?;
//! let report = scan(&tree, &Matcher::new(Rules::built_in(), Options::default())?)?;
//! assert_eq!(report.findings[0].rule, "PY-DEV-001");
//! assert_eq!(report.scorecard.total.findings, 1);
//! # Ok::<(), portbench_migrate::MigrateError>(())
//! ```
//!
//! A [`Tree`] of files is read; comments and doc-strings become blanks ([`lex`]); [`Rules`], reviewed TOML in `data/` with sources and dates, are matched for a
//! [`Stack`] ([`Matcher`]); a [`Report`] has the findings and their [`Scorecard`]. [`fn@compare`] holds two trees, before and after a port, against each other: that is effort measured.
//!
//! Nothing here runs the code that it reads, and nothing is estimated in hours.

mod allow;
mod category;
mod compare;
mod error;
mod finding;
mod git;
mod language;
pub mod lex;
mod matcher;
mod notebook;
mod python;
mod report;
mod rules;
mod sarif;
mod scorecard;
mod severity;
mod stack;
mod text;
mod tree;

pub use category::Category;
pub use compare::{Comparison, FileChange, Kept, LineCounts, compare};
pub use error::MigrateError;
pub use finding::{Finding, Suppressed, Suppressor};
pub use git::revision;
pub use language::{Kind, Language};
pub use matcher::{Matcher, Options};
pub use report::{Read, Report, scan};
pub use rules::{Calibration, Confidence, OnStack, Rule, Rules, Scope, Selection, Source, Word};
pub use sarif::sarif;
pub use scorecard::{Scorecard, Share, Tally};
pub use severity::{Severity, Work};
pub use stack::{Execution, Stack};
pub use tree::{Entry, LARGEST_BYTES, LeftOut, Text, Tree, Wanted};
