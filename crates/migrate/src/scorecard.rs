//! Findings rolled up.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::category::Category;
use crate::finding::Finding;
use crate::report::Read;
use crate::severity::{Severity, Work};

/// Findings rolled up. Suppressed ones and those of severity `info` count nowhere but in their own numbers.
///
/// A **site** is a rule in a function (or in what of a file is in none): an already portable library changes its dispatch helpers, and several matches in one of them
/// are one change. There are no hours: what a site takes is said by [`Severity::order`] alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Scorecard {
    /// All that count.
    pub total: Tally,
    /// By category.
    pub categories: BTreeMap<Category, Tally>,
    /// By severity.
    pub severities: BTreeMap<Severity, Tally>,
    /// By kind of work.
    pub works: BTreeMap<Work, Share>,
    /// By rule.
    pub rules: BTreeMap<String, Tally>,
    /// By file.
    pub files: BTreeMap<String, Tally>,
    /// Findings that do not count for a reason in the code.
    pub suppressed: u64,
    /// Findings that say something and ask for nothing.
    pub info: u64,
    /// Share of the files with a finding that counts; `None` where no file was read.
    pub files_touched: Option<f64>,
    /// Share of the lines of code with one; `None` where there is no line of code.
    pub lines_touched: Option<f64>,
}

/// How much there is of something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tally {
    /// Findings, one a rule and line.
    pub findings: u64,
    /// Sites.
    pub sites: u64,
    /// Files.
    pub files: u64,
    /// Lines, each once.
    pub lines: u64,
    /// Findings by severity.
    pub severities: BTreeMap<Severity, u64>,
}

/// A part of all sites.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Share {
    /// Sites.
    pub sites: u64,
    /// Their share; `None` where there is nothing to convert.
    pub share: Option<f64>,
}

/// Tallies that are being counted.
#[derive(Default)]
struct Count<'f> {
    findings: u64,
    sites: BTreeSet<(&'f str, &'f str, Option<u32>, &'f str)>,
    files: BTreeSet<&'f str>,
    lines: BTreeSet<(&'f str, Option<u32>, u32)>,
    severities: BTreeMap<Severity, u64>,
}

impl<'f> Count<'f> {
    fn add(&mut self, finding: &'f Finding) {
        self.findings += 1;
        self.sites.insert((&finding.rule, &finding.path, finding.cell, &finding.function));
        self.files.insert(&finding.path);
        self.lines.insert((&finding.path, finding.cell, finding.line));
        *self.severities.entry(finding.severity).or_default() += 1;
    }

    fn tally(self) -> Tally {
        Tally {
            findings: self.findings,
            sites: self.sites.len() as u64,
            files: self.files.len() as u64,
            // What a name alone says is on no line.
            lines: self.lines.iter().filter(|(.., line)| *line > 0).count() as u64,
            severities: self.severities,
        }
    }
}

impl Scorecard {
    pub(crate) fn of(findings: &[Finding], read: &Read) -> Self {
        let mut total = Count::default();
        let mut categories: BTreeMap<Category, Count<'_>> = BTreeMap::new();
        let mut severities: BTreeMap<Severity, Count<'_>> = BTreeMap::new();
        let mut rules: BTreeMap<String, Count<'_>> = BTreeMap::new();
        let mut files: BTreeMap<String, Count<'_>> = BTreeMap::new();
        for finding in findings.iter().filter(|f| f.counts()) {
            total.add(finding);
            categories.entry(finding.category).or_default().add(finding);
            severities.entry(finding.severity).or_default().add(finding);
            rules.entry(finding.rule.clone()).or_default().add(finding);
            files.entry(finding.path.clone()).or_default().add(finding);
        }
        let total = total.tally();
        let severities = tallies(severities);
        let work = |work: Work| {
            let of_it = severities.iter().filter(|(severity, _)| severity.work() == work);
            let sites = of_it.map(|(_, tally)| tally.sites).sum();
            (work, Share { sites, share: share(sites, total.sites) })
        };
        let suppressed = findings.iter().filter(|f| f.suppressed.is_some()).count() as u64;
        let info = findings.iter().filter(|f| f.suppressed.is_none() && f.severity == Severity::Info).count();
        Self {
            works: Work::ALL.into_iter().map(work).collect(),
            categories: tallies(categories),
            rules: tallies(rules),
            files: tallies(files),
            suppressed,
            info: info as u64,
            files_touched: share(total.files, read.files + read.by_name),
            lines_touched: share(total.lines, read.lines),
            severities,
            total,
        }
    }

    /// Files with the most findings, the most first.
    #[must_use]
    pub fn fullest_files(&self) -> Vec<(&str, &Tally)> {
        let mut files: Vec<(&str, &Tally)> = self.files.iter().map(|(path, t)| (path.as_str(), t)).collect();
        files.sort_by(|a, b| b.1.findings.cmp(&a.1.findings).then(a.0.cmp(b.0)));
        files
    }
}

fn tallies<K: Ord>(counts: BTreeMap<K, Count<'_>>) -> BTreeMap<K, Tally> {
    counts.into_iter().map(|(key, count)| (key, count.tally())).collect()
}

/// `part` of `whole`; nothing where there is no whole.
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
