//! SARIF 2.1.0, as GitHub code scanning and other viewers take it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::finding::{Finding, Suppressor};
use crate::report::Report;
use crate::rules::{Confidence, Rules};
use crate::severity::Severity;

/// A report as one run of SARIF 2.1.0. Rules are those that found something; what is suppressed says so.
#[must_use]
pub fn sarif(report: &Report, rules: &Rules, version: &str) -> Value {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut described = Vec::new();
    for finding in &report.findings {
        if !places.contains_key(finding.rule.as_str()) {
            places.insert(&finding.rule, described.len());
            described.push(rule(finding, report, rules));
        }
    }
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let results = report.findings.iter().map(|f| {
        let print = fingerprint(f);
        let again = seen.entry(print.clone()).or_default();
        *again += 1;
        result(f, places[f.rule.as_str()], &format!("{print}:{again}"))
    });
    let results: Vec<Value> = results.collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "portbench migrate", "semanticVersion": version, "rules": described } },
            "columnKind": "unicodeCodePoints",
            "properties": { "stack": report.stack, "execution": report.execution },
            "results": results,
        }],
    })
}

fn rule(finding: &Finding, report: &Report, rules: &Rules) -> Value {
    let sources = finding.sources.iter().filter_map(|name| report.sources.get(name));
    let address = sources.clone().find_map(|s| s.address.as_deref());
    let mut help = format!("{}\n\nSources:\n", finding.action);
    for source in sources {
        let _ = match &source.address {
            Some(address) => writeln!(help, "- [{}]({address}), {}", source.what, source.date),
            None => writeln!(help, "- {}, {}", source.what, source.date),
        };
    }
    let disputed = rules.rule(&finding.rule).and_then(|r| r.disputed.as_deref());
    if let Some(disputed) = disputed {
        let _ = writeln!(help, "\nSources disagree: {disputed}");
    }
    let precision = match finding.confidence {
        Confidence::High => "high",
        Confidence::Medium => "medium",
        Confidence::Low => "low",
    };
    let mut rule = json!({
        "id": finding.rule,
        "shortDescription": { "text": format!("{}: {}", finding.category, finding.rule) },
        "fullDescription": { "text": finding.action },
        "help": { "text": help, "markdown": help },
        "defaultConfiguration": { "level": level(finding.severity) },
        "properties": {
            "precision": precision,
            "problem.severity": problem(finding.severity),
            "tags": ["portability", finding.category.name()],
            "severity": finding.severity,
        },
    });
    if let Some(address) = address {
        rule["helpUri"] = json!(address);
    }
    rule
}

fn result(finding: &Finding, rule: usize, fingerprint: &str) -> Value {
    let mut physical = json!({ "artifactLocation": { "uri": uri(&finding.path) } });
    // The lines of a cell are no lines of the file.
    if finding.cell.is_none() && finding.line > 0 {
        physical["region"] = json!({
            "startLine": finding.line,
            "startColumn": finding.column,
            "endLine": finding.line,
            "endColumn": finding.end_column,
            "snippet": { "text": finding.snippet },
        });
    }
    let mut location = json!({ "physicalLocation": physical });
    if let Some(cell) = finding.cell {
        location["logicalLocations"] =
            json!([{ "name": format!("cell {cell}, line {}", finding.line), "kind": "element" }]);
    } else if !finding.function.is_empty() {
        location["logicalLocations"] =
            json!([{ "fullyQualifiedName": finding.function, "kind": "function" }]);
    }
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": level(finding.severity),
        "message": { "text": format!("{} ({}): {}", finding.snippet, finding.severity, finding.action) },
        "locations": [location],
        "partialFingerprints": { "primaryLocationLineHash": fingerprint },
    });
    if let Some(suppressed) = &finding.suppressed {
        let kind = if suppressed.by == Suppressor::Comment { "inSource" } else { "external" };
        let why = format!("{} on line {}: {}", suppressed.by.name(), suppressed.line, suppressed.why);
        result["suppressions"] = json!([{ "kind": kind, "justification": why }]);
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info | Severity::Auto | Severity::Low => "note",
        Severity::Medium => "warning",
        Severity::High | Severity::Blocker => "error",
    }
}

/// The words of GitHub's own scale.
fn problem(severity: Severity) -> &'static str {
    match severity {
        Severity::Info | Severity::Auto | Severity::Low => "recommendation",
        Severity::Medium => "warning",
        Severity::High | Severity::Blocker => "error",
    }
}

/// The same as long as rule, file and the words of the line are, wherever the line moves.
fn fingerprint(finding: &Finding) -> String {
    let mut hash = blake3::Hasher::new();
    for part in [&finding.rule, &finding.path, &finding.snippet] {
        hash.update(part.as_bytes()).update(&[0]);
    }
    hash.finalize().to_hex()[..16].to_owned()
}

/// A path as a reference that a URI may hold: relative ones stay relative.
fn uri(path: &str) -> String {
    let mut text = String::new();
    if path.starts_with('/') {
        text.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(byte))
            }
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}
