//! Code bases that are made up.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test program uses a part of it, and fails by panicking"
)]

use std::sync::LazyLock;

use portbench_migrate::{Entry, Finding, Matcher, Options, Report, Rules, Tree, Wanted, scan};

/// Compiled once: properties ask many times.
static USUAL: LazyLock<Matcher<'static>> =
    LazyLock::new(|| Matcher::new(Rules::built_in(), Options::default()).unwrap());

/// Scans files that are given by name and text.
pub(crate) fn scanned(files: &[(&str, &str)], options: Options) -> Report {
    if options == Options::default() {
        return scan(&tree(files), &USUAL).unwrap();
    }
    scanned_by(Rules::built_in(), files, options)
}

fn tree(files: &[(&str, &str)]) -> Tree {
    let entries = files.iter().map(|(path, text)| Entry::of_bytes(path, text.as_bytes())).collect();
    Tree::of_entries(entries, &Wanted::default()).unwrap()
}

/// The same with other rules.
pub(crate) fn scanned_by(rules: &Rules, files: &[(&str, &str)], options: Options) -> Report {
    scan(&tree(files), &Matcher::new(rules, options).unwrap()).unwrap()
}

/// What is found in one Python file, as `RULE@line:column`, with what suppresses it.
pub(crate) fn found(text: &str) -> Vec<String> {
    let report = scanned(&[("file.py", text)], Options::default());
    report.findings.iter().map(words).collect()
}

/// A finding in short.
pub(crate) fn words(finding: &Finding) -> String {
    let place = format!("{}@{}:{}", finding.rule, finding.line, finding.column);
    match &finding.suppressed {
        Some(s) => format!("{place} ({} on line {}: {})", s.by.name(), s.line, s.why),
        None => place,
    }
}
