//! `migrate scan`.

use std::io::{self, Write};

use portbench_migrate::{Finding, Report, Rules, Severity, Tally, Tree, Work, sarif, scan};
use serde::Serialize;

use super::{failure, matcher, percent, rules, say_read, wanted};
use crate::args::{ScanArgs, ScanFormat, ScanView};
use crate::failure::{Failure, GATE};
use crate::progress;
use crate::rows;
use crate::table::Table;

pub(crate) fn run(args: &ScanArgs) -> Result<u8, Failure> {
    let rules = rules(&args.rules)?;
    let tree = Tree::of_paths(&args.paths, &wanted(&args.rules)).map_err(failure)?;
    let report = scan(&tree, &matcher(&rules, &args.rules)?).map_err(failure)?;
    if report.read.files + report.read.by_name == 0 {
        say_read(&report.read, "");
        return Err(Failure::nothing("no file of a language that rules know (README.md lists them)"));
    }
    write(&report, &rules, args)?;
    say(&report, args);
    let worst = report.findings.iter().filter(|f| f.suppressed.is_none()).map(|f| f.severity).max();
    match args.fail_on {
        Some(limit) if worst.is_some_and(|worst| worst >= limit) => {
            progress::say(&format!("there are findings of severity {limit} or higher"));
            Ok(GATE)
        }
        _ => Ok(0),
    }
}

fn write(report: &Report, rules: &Rules, args: &ScanArgs) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let Some(format) = args.format.of_table() else {
        match args.format {
            ScanFormat::Sarif => {
                serde_json::to_writer_pretty(&mut out, &sarif(report, rules, env!("CARGO_PKG_VERSION")))?;
            }
            _ => serde_json::to_writer_pretty(&mut out, report)?,
        }
        writeln!(out)?;
        return Ok(());
    };
    match args.view {
        ScanView::Scorecard => {
            let rows = categories(report);
            rows::write(&rows, &category_table(&rows), format, &mut out)
        }
        ScanView::Rules => {
            let rows = by_rule(report);
            rows::write(&rows, &rule_table(&rows), format, &mut out)
        }
        ScanView::Files => {
            let rows = files(report);
            rows::write(&rows, &file_table(&rows), format, &mut out)
        }
        ScanView::Findings => {
            let shown = report.findings.iter().filter(|f| args.suppressed || f.suppressed.is_none());
            let rows: Vec<FindingRow<'_>> = shown.map(|f| FindingRow::new(f, report)).collect();
            rows::write(&rows, &finding_table(&rows), format, &mut out)
        }
    }
}

/// Counts by severity and by kind of work.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct CategoryRow {
    /// `all` in the last row.
    category: String,
    findings: u64,
    sites: u64,
    files: u64,
    lines: u64,
    auto: u64,
    low: u64,
    medium: u64,
    high: u64,
    blocker: u64,
}

fn categories(report: &Report) -> Vec<CategoryRow> {
    let row = |name: &str, tally: &Tally| {
        let of = |severity| tally.severities.get(&severity).copied().unwrap_or_default();
        CategoryRow {
            category: name.to_owned(),
            findings: tally.findings,
            sites: tally.sites,
            files: tally.files,
            lines: tally.lines,
            auto: of(Severity::Auto),
            low: of(Severity::Low),
            medium: of(Severity::Medium),
            high: of(Severity::High),
            blocker: of(Severity::Blocker),
        }
    };
    let card = &report.scorecard;
    let mut rows: Vec<CategoryRow> = card.categories.iter().map(|(c, t)| row(c.name(), t)).collect();
    rows.push(row("all", &card.total));
    rows
}

fn category_table(rows: &[CategoryRow]) -> Table {
    const NUMBERS: [&str; 9] =
        ["findings", "sites", "files", "lines", "auto", "low", "medium", "high", "blocker"];
    let mut table = Table::new(&[&["category"][..], &NUMBERS].concat()).numeric(&NUMBERS);
    for row in rows {
        let numbers = [
            row.findings,
            row.sites,
            row.files,
            row.lines,
            row.auto,
            row.low,
            row.medium,
            row.high,
            row.blocker,
        ];
        let cells = numbers.iter().map(|n| if *n == 0 { String::new() } else { n.to_string() });
        table.row([row.category.clone()].into_iter().chain(cells));
    }
    table
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct RuleRow<'r> {
    rule: &'r str,
    category: &'static str,
    severity: Severity,
    confidence: &'static str,
    findings: u64,
    sites: u64,
    files: u64,
    action: &'r str,
    sources: String,
}

/// The heaviest first.
fn by_rule(report: &Report) -> Vec<RuleRow<'_>> {
    let row = |(id, tally): (&'_ String, &Tally)| {
        let first = report.findings.iter().find(|f| f.rule == *id)?;
        Some(RuleRow {
            rule: &first.rule,
            category: first.category.name(),
            severity: first.severity,
            confidence: first.confidence.name(),
            findings: tally.findings,
            sites: tally.sites,
            files: tally.files,
            action: &first.action,
            sources: sources(first, report),
        })
    };
    let mut rows: Vec<RuleRow<'_>> = report.scorecard.rules.iter().filter_map(row).collect();
    rows.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.sites.cmp(&a.sites)).then(a.rule.cmp(b.rule)));
    rows
}

fn rule_table(rows: &[RuleRow<'_>]) -> Table {
    let columns = ["rule", "severity", "category", "sites", "findings", "files", "what to do"];
    let mut table = Table::new(&columns).numeric(&["sites", "findings", "files"]);
    for row in rows {
        table.row([
            row.rule,
            row.severity.name(),
            row.category,
            &row.sites.to_string(),
            &row.findings.to_string(),
            &row.files.to_string(),
            row.action,
        ]);
    }
    table
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct FileRow<'r> {
    path: &'r str,
    findings: u64,
    sites: u64,
    lines: u64,
    worst: Severity,
}

fn files(report: &Report) -> Vec<FileRow<'_>> {
    let row = |(path, tally): (&'_ str, &Tally)| FileRow {
        path: report.findings.iter().find(|f| f.path == path).map_or("", |f| &f.path),
        findings: tally.findings,
        sites: tally.sites,
        lines: tally.lines,
        worst: tally.severities.keys().max().copied().unwrap_or(Severity::Info),
    };
    report.scorecard.fullest_files().into_iter().map(row).collect()
}

fn file_table(rows: &[FileRow<'_>]) -> Table {
    let columns = ["file", "findings", "sites", "lines", "worst"];
    let mut table = Table::new(&columns).numeric(&["findings", "sites", "lines"]);
    for row in rows {
        let [findings, sites, lines] = [row.findings, row.sites, row.lines].map(|n| n.to_string());
        table.row([row.path, &findings, &sites, &lines, row.worst.name()]);
    }
    table
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct FindingRow<'r> {
    #[serde(flatten)]
    finding: &'r Finding,
    /// In words, with dates and addresses.
    cited: String,
}

impl<'r> FindingRow<'r> {
    fn new(finding: &'r Finding, report: &Report) -> Self {
        Self { finding, cited: sources(finding, report) }
    }
}

fn sources(finding: &Finding, report: &Report) -> String {
    let named = finding.sources.iter().filter_map(|name| report.sources.get(name));
    let words = named.map(|s| match &s.address {
        Some(address) => format!("{} ({}), {address}", s.what, s.date),
        None => format!("{} ({})", s.what, s.date),
    });
    words.collect::<Vec<_>>().join("; ")
}

fn finding_table(rows: &[FindingRow<'_>]) -> Table {
    let mut table =
        Table::new(&["place", "rule", "severity", "confidence", "suppressed by", "code", "what to do"]);
    for FindingRow { finding, .. } in rows {
        let place = match (finding.cell, finding.line) {
            (Some(cell), line) => format!("{} cell {cell}:{line}:{}", finding.path, finding.column),
            (None, 0) => finding.path.clone(),
            (None, line) => format!("{}:{line}:{}", finding.path, finding.column),
        };
        let suppressed = finding.suppressed.as_ref();
        let suppressed = suppressed.map(|s| format!("{} on line {}: {}", s.by.name(), s.line, s.why));
        table.row([
            place.as_str(),
            &finding.rule,
            finding.severity.name(),
            finding.confidence.name(),
            &suppressed.unwrap_or_default(),
            &finding.snippet,
            &finding.action,
        ]);
    }
    table
}

/// What the numbers are about.
fn say(report: &Report, args: &ScanArgs) {
    say_read(&report.read, "");
    let card = &report.scorecard;
    progress::say(&format!("to {} ({}): {}", report.stack, report.execution, report.stack.state()));
    if card.total.findings == 0 {
        progress::say("nothing to convert was found");
    }
    let works =
        card.works.iter().map(|(work, share)| format!("{} {work} ({})", share.sites, percent(share.share)));
    progress::say(&format!(
        "sites (a rule in a function): {}; touched: {} of the files, {} of the lines of code",
        works.collect::<Vec<_>>().join(", "),
        percent(card.files_touched),
        percent(card.lines_touched)
    ));
    let orders = Severity::ALL.iter().filter(|s| s.work() != Work::Nothing);
    let orders: Vec<String> = orders.map(|s| format!("{s} {}", s.order())).collect();
    progress::say(&format!(
        "a site takes, by SYCLomatic's scale and not by measurement: {}",
        orders.join(", ")
    ));
    progress::say(&format!(
        "besides: suppressed {} (by comments, guards, optional imports, imports of itself), asking for nothing {}",
        card.suppressed, card.info
    ));
    report.remarks.iter().for_each(|remark| progress::say(remark));
    if args.view == ScanView::Scorecard && args.format == ScanFormat::Table && card.total.findings > 0 {
        progress::say("what to do: --view rules; where: --view files, --view findings");
    }
}
