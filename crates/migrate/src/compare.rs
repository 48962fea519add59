//! Effort measured: a code base before and after a port.

use std::collections::{BTreeMap, BTreeSet};

use portbench_stats::divergence::LineSets;
use rayon::prelude::*;
use serde::Serialize;

use crate::error::MigrateError;
use crate::finding::Finding;
use crate::language::Kind;
use crate::lex::blank;
use crate::matcher::Matcher;
use crate::notebook;
use crate::report::{Report, scan};
use crate::tree::{Entry, Text, Tree};

/// A code base before and after a port.
///
/// Lines are those with code, without their blanks and comments, and belong to their path: `x = 1  # one` and `x=1` are one line, and nothing else is. A line that stands twice in a file is two.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// Files that differ.
    pub files: Vec<FileChange>,
    /// Lines of all files.
    pub lines: LineCounts,
    /// Files before and after.
    pub files_before: u64,
    /// Files after.
    pub files_after: u64,
    /// Files that are new.
    pub files_added: u64,
    /// Files that are gone.
    pub files_removed: u64,
    /// Files in both, with other lines.
    pub files_changed: u64,
    /// Code convergence of the two versions: 1 minus the Jaccard distance of their lines. `None` where neither has any.
    pub convergence: Option<f64>,
    /// 1 minus that.
    pub divergence: Option<f64>,
    /// What became of findings that count, by rule.
    pub rules: BTreeMap<String, Kept>,
    /// What became of them in all.
    pub findings: Kept,
}

/// A file that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileChange {
    /// Below the roots.
    pub path: String,
    /// `added`, `removed` or `changed`.
    pub change: &'static str,
    /// Its lines.
    pub lines: LineCounts,
    /// Findings that counted before the port.
    pub findings_before: u64,
    /// Findings that count after it.
    pub findings_after: u64,
}

/// Lines of code on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LineCounts {
    /// Before.
    pub before: u64,
    /// After.
    pub after: u64,
    /// Only after.
    pub added: u64,
    /// Only before.
    pub removed: u64,
}

/// What became of findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Kept {
    /// They were there and are not.
    pub vanished: u64,
    /// They are on the same line of the same file.
    pub stayed: u64,
    /// They were not there.
    pub appeared: u64,
}

/// Names that the two versions have as platforms.
const BEFORE: &str = "before";
const AFTER: &str = "after";

/// How often a line stands in a file.
type Bag = BTreeMap<Vec<u8>, u64>;

/// Holds two trees against each other.
///
/// # Errors
/// As [`scan`]. Files that cannot be read are no error; the reports' own [`crate::Read`] names them.
pub fn compare(
    before: &Tree,
    after: &Tree,
    matcher: &Matcher<'_>,
) -> Result<(Comparison, Report, Report), MigrateError> {
    let (report_before, report_after) = (scan(before, matcher)?, scan(after, matcher)?);
    let (bags_before, bags_after) = (bags(before), bags(after));
    let (told_before, told_after) = (Told::of(&report_before, before), Told::of(&report_after, after));
    let mut files = Vec::new();
    let mut all = LineCounts::default();
    let empty = Bag::new();
    let paths: BTreeSet<&String> = bags_before.keys().chain(bags_after.keys()).collect();
    for path in paths {
        let (old, new) = (bags_before.get(path), bags_after.get(path));
        let lines = counts(old.unwrap_or(&empty), new.unwrap_or(&empty));
        all.before += lines.before;
        all.after += lines.after;
        all.added += lines.added;
        all.removed += lines.removed;
        let change = match (old, new) {
            (None, _) => "added",
            (_, None) => "removed",
            _ if lines.added + lines.removed > 0 => "changed",
            _ => continue,
        };
        files.push(FileChange {
            path: path.clone(),
            change,
            lines,
            findings_before: told_before.in_file(path),
            findings_after: told_after.in_file(path),
        });
    }
    let of = |change: &str| files.iter().filter(|f| f.change == change).count() as u64;
    let both = all.before - all.removed;
    let divergence = divergence(both, all).filter(|_| all.before + all.after > 0);
    let rules = kept(&told_before, &told_after);
    let findings = rules.values().fold(Kept::default(), |sum, kept| Kept {
        vanished: sum.vanished + kept.vanished,
        stayed: sum.stayed + kept.stayed,
        appeared: sum.appeared + kept.appeared,
    });
    let comparison = Comparison {
        files_before: bags_before.len() as u64,
        files_after: bags_after.len() as u64,
        files_added: of("added"),
        files_removed: of("removed"),
        files_changed: of("changed"),
        lines: all,
        convergence: divergence.map(|d| 1.0 - d),
        divergence,
        rules,
        findings,
        files,
    };
    Ok((comparison, report_before, report_after))
}

/// The divergence of two versions that share so many lines.
fn divergence(both: u64, all: LineCounts) -> Option<f64> {
    let mut sets = LineSets::new(&[BEFORE, AFTER]).ok()?;
    sets.add(&[BEFORE, AFTER], both).ok()?;
    sets.add(&[BEFORE], all.removed).ok()?;
    sets.add(&[AFTER], all.added).ok()?;
    Some(sets.divergence())
}

fn counts(old: &Bag, new: &Bag) -> LineCounts {
    let shared: u64 = old.iter().map(|(line, n)| new.get(line).map_or(0, |m| *n.min(m))).sum();
    let (before, after) = (old.values().sum::<u64>(), new.values().sum::<u64>());
    LineCounts { before, after, added: after - shared, removed: before - shared }
}

/// The lines of each file of a tree, by its path below the root.
fn bags(tree: &Tree) -> BTreeMap<String, Bag> {
    let read = |entry: &Entry| Some((entry.relative.clone(), bag(entry)?));
    tree.entries.par_iter().filter_map(read).collect()
}

fn bag(entry: &Entry) -> Option<Bag> {
    let kind = Kind::of_path(&entry.relative)?;
    let Text::Bytes(text) = entry.read() else { return None };
    let code = match kind.language {
        crate::Language::Notebook => {
            let cells = notebook::cells(&text)?.into_iter();
            let code = cells.map(|(_, text)| blank(kind.language, text.as_bytes()).code);
            code.collect::<Vec<_>>().join(&b'\n')
        }
        language => blank(language, &text).code,
    };
    let mut bag = Bag::new();
    for line in code.split(|b| *b == b'\n') {
        let line = squeezed(line);
        if !line.is_empty() {
            *bag.entry(line).or_default() += 1;
        }
    }
    Some(bag)
}

/// A line without its blanks.
fn squeezed(line: &[u8]) -> Vec<u8> {
    line.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect()
}

/// The findings that count, by rule, path below the root and line.
struct Told {
    places: BTreeMap<(String, String, Vec<u8>), u64>,
    files: BTreeMap<String, u64>,
}

impl Told {
    fn of(report: &Report, tree: &Tree) -> Self {
        let relative: BTreeMap<&str, &str> =
            tree.entries.iter().map(|e| (e.shown.as_str(), e.relative.as_str())).collect();
        let mut told = Self { places: BTreeMap::new(), files: BTreeMap::new() };
        let counting = |f: &&Finding| f.counts();
        for finding in report.findings.iter().filter(counting) {
            let path = relative.get(finding.path.as_str()).copied().unwrap_or(&finding.path).to_owned();
            *told.files.entry(path.clone()).or_default() += 1;
            let place = (finding.rule.clone(), path, squeezed(finding.snippet.as_bytes()));
            *told.places.entry(place).or_default() += 1;
        }
        told
    }

    fn in_file(&self, path: &str) -> u64 {
        self.files.get(path).copied().unwrap_or_default()
    }
}

fn kept(before: &Told, after: &Told) -> BTreeMap<String, Kept> {
    let mut rules: BTreeMap<String, Kept> = BTreeMap::new();
    for (place, n) in &before.places {
        let stayed = after.places.get(place).map_or(0, |m| *n.min(m));
        let kept = rules.entry(place.0.clone()).or_default();
        kept.stayed += stayed;
        kept.vanished += n - stayed;
    }
    for (place, n) in &after.places {
        let stayed = before.places.get(place).map_or(0, |m| *n.min(m));
        rules.entry(place.0.clone()).or_default().appeared += n - stayed;
    }
    rules
}
