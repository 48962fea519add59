//! What a scan found.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use crate::error::MigrateError;
use crate::finding::{Finding, Suppressed, Suppressor};
use crate::language::{Kind, Language};
use crate::matcher::{Matcher, Scanned};
use crate::rules::Source;
use crate::scorecard::Scorecard;
use crate::stack::{Execution, Stack};
use crate::tree::{Entry, LeftOut, Text, Tree};

/// What a scan found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The stack to move to.
    pub stack: Stack,
    /// How models execute there.
    pub execution: Execution,
    /// What was read, and what was not.
    pub read: Read,
    /// Roll-ups.
    pub scorecard: Scorecard,
    /// Every finding, in the order of paths and lines.
    pub findings: Vec<Finding>,
    /// The sources that findings name.
    pub sources: BTreeMap<String, Source>,
    /// What is wrong with comments and files on the way.
    pub remarks: Vec<String>,
}

/// What was read, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Read {
    /// Files.
    pub files: u64,
    /// Lines with code in them: neither empty nor comment nor doc-string.
    pub lines: u64,
    /// Files of each language.
    pub languages: BTreeMap<Language, u64>,
    /// Files whose name alone says something: compiled kernels.
    pub by_name: u64,
    /// Files of no language that rules know: prose, data, lock files.
    pub other: u64,
    /// Binary files.
    pub binary: u64,
    /// Files larger than [`crate::LARGEST_BYTES`].
    pub huge: u64,
    /// What was left out on the way.
    pub left_out: LeftOut,
}

enum Outcome {
    Scanned(Kind, Scanned),
    Other,
    Binary,
    Huge,
    Unreadable(String),
}

/// Scans a tree.
///
/// # Errors
/// [`MigrateError::Patterns`]. What of the tree cannot be read is no error: it is counted and named.
pub fn scan(tree: &Tree, matcher: &Matcher<'_>) -> Result<Report, MigrateError> {
    let outcomes: Vec<(Vec<Finding>, Outcome)> =
        tree.entries.par_iter().map(|entry| scan_entry(entry, matcher)).collect::<Result<_, _>>()?;
    let mut read = Read { left_out: tree.left_out.clone(), ..Read::default() };
    let (mut findings, mut remarks) = (Vec::new(), Vec::new());
    for (entry, (named, outcome)) in tree.entries.iter().zip(outcomes) {
        let unread = !matches!(outcome, Outcome::Scanned(..));
        read.by_name += u64::from(unread && !named.is_empty());
        findings.extend(named);
        match outcome {
            Outcome::Scanned(kind, scanned) => {
                read.files += 1;
                read.lines += scanned.lines;
                *read.languages.entry(kind.language).or_default() += 1;
                findings.extend(scanned.findings);
                remarks.extend(scanned.remarks);
            }
            Outcome::Other => read.other += 1,
            Outcome::Binary => read.binary += 1,
            Outcome::Huge => read.huge += 1,
            Outcome::Unreadable(why) => {
                read.left_out.unreadable.push(format!("{}: {why}", entry.shown));
            }
        }
    }
    suppress_own(&mut findings, tree);
    let named = findings.iter().flat_map(|f: &Finding| &f.sources);
    let known = matcher.rules().sources();
    let sources = named.filter_map(|name| Some((name.clone(), known.get(name)?.clone()))).collect();
    let scorecard = Scorecard::of(&findings, &read);
    let (stack, execution) = (matcher.options.stack, matcher.options.execution());
    Ok(Report { stack, execution, read, scorecard, findings, sources, remarks })
}

/// Takes a library's imports of itself out of what counts: what is to be ported is no dependency.
fn suppress_own(findings: &mut [Finding], tree: &Tree) {
    let own = tree.own_packages();
    for finding in findings.iter_mut().filter(|f| f.suppressed.is_none()) {
        let mut words = finding.snippet.split(|c: char| c.is_whitespace() || c == '.');
        let imports = matches!(words.next(), Some("import" | "from"));
        if let Some(package) = words.next().filter(|name| imports && own.contains(name)) {
            let why = format!("{package} is the code base itself");
            finding.suppressed = Some(Suppressed { by: Suppressor::OwnPackage, line: finding.line, why });
        }
    }
}

fn scan_entry(entry: &Entry, matcher: &Matcher<'_>) -> Result<(Vec<Finding>, Outcome), MigrateError> {
    let named = matcher.scan_name(&entry.shown);
    let known = Kind::of_path(&entry.shown);
    // What has an ending and no language is not worth opening.
    let name = entry.shown.rsplit('/').next().unwrap_or_default();
    if known.is_none() && name.contains('.') {
        return Ok((named, Outcome::Other));
    }
    let outcome = match entry.read() {
        Text::Bytes(text) => match known.or_else(|| Kind::of_interpreter(&text)) {
            Some(kind) => Outcome::Scanned(kind, matcher.scan(&entry.shown, kind, &text)?),
            None => Outcome::Other,
        },
        Text::Binary => Outcome::Binary,
        Text::Huge => Outcome::Huge,
        Text::Unreadable(why) => Outcome::Unreadable(why),
    };
    Ok((named, outcome))
}
