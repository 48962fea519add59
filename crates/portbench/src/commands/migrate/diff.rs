//! `migrate diff`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use portbench_migrate::{Comparison, FileChange, Kept, Tree, compare, revision};
use serde::Serialize;

use super::{failure, matcher, rules, say_read, wanted};
use crate::args::{DiffArgs, DiffView, Format};
use crate::failure::Failure;
use crate::progress;
use crate::rows;
use crate::table::Table;

pub(crate) fn run(args: &DiffArgs) -> Result<u8, Failure> {
    let rules = rules(&args.rules)?;
    let matcher = matcher(&rules, &args.rules)?;
    let (before, after) = trees(args)?;
    let (comparison, read_before, read_after) = compare(&before, &after, &matcher).map_err(failure)?;
    if read_before.read.files + read_after.read.files == 0 {
        return Err(Failure::nothing(
            "neither side has a file of a language that rules know (README.md lists them)",
        ));
    }
    write(&comparison, args)?;
    say_read(&read_before.read, "before, ");
    say_read(&read_after.read, "after, ");
    progress::say(&format!(
        "lines are compared within their file, without blanks, comments and doc-strings; {} files changed",
        comparison.files_changed
    ));
    if let (Some(convergence), Some(divergence)) = (comparison.convergence, comparison.divergence) {
        progress::say(&format!(
            "code convergence of the two versions {convergence:.4}, divergence {divergence:.4} (Jaccard, 10.1109/P3HPC.2018.00006)"
        ));
    }
    Ok(0)
}

fn trees(args: &DiffArgs) -> Result<(Tree, Tree), Failure> {
    let wanted = wanted(&args.rules);
    if let Some(range) = &args.git {
        let (before, after) =
            range.split_once("..").filter(|(b, a)| !b.is_empty() && !a.is_empty()).ok_or_else(|| {
                Failure::usage(format!("--git {range}: give two revisions, as in --git main..port"))
            })?;
        let repository = match args.trees.as_slice() {
            [] => Path::new("."),
            [one] => one.as_path(),
            _ => return Err(Failure::usage("with --git there is one repository, and no second directory")),
        };
        let of = |name: &str| revision(repository, name.trim_start_matches('.'), &wanted).map_err(failure);
        return Ok((of(before)?, of(after)?));
    }
    let [before, after] = args.trees.as_slice() else {
        return Err(Failure::usage(
            "give the directory before the port and the one after it, or --git REV..REV",
        ));
    };
    let of = |path: &PathBuf| Tree::of_paths(std::slice::from_ref(path), &wanted).map_err(failure);
    Ok((of(before)?, of(after)?))
}

fn write(comparison: &Comparison, args: &DiffArgs) -> Result<(), Failure> {
    let (mut out, format) = (io::stdout().lock(), args.format.format);
    if format == Format::Json {
        serde_json::to_writer_pretty(&mut out, comparison)?;
        writeln!(out)?;
        return Ok(());
    }
    match args.view {
        DiffView::Summary => {
            let rows = summary(comparison);
            rows::write(&rows, &summary_table(&rows), format, &mut out)
        }
        DiffView::Files => rows::write(&comparison.files, &file_table(&comparison.files), format, &mut out),
        DiffView::Rules => {
            let rows: Vec<RuleRow<'_>> =
                comparison.rules.iter().map(|(rule, kept)| RuleRow { rule, kept }).collect();
            rows::write(&rows, &rule_table(&rows), format, &mut out)
        }
    }
}

/// What of something is on which side.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct SummaryRow {
    what: &'static str,
    before: u64,
    after: u64,
    gone: u64,
    new: u64,
    kept: u64,
}

fn summary(comparison: &Comparison) -> [SummaryRow; 3] {
    let row = |what, before: u64, after: u64, gone: u64, new: u64| SummaryRow {
        what,
        before,
        after,
        gone,
        new,
        kept: before - gone,
    };
    let (lines, found) = (comparison.lines, comparison.findings);
    [
        row(
            "files",
            comparison.files_before,
            comparison.files_after,
            comparison.files_removed,
            comparison.files_added,
        ),
        row("lines of code", lines.before, lines.after, lines.removed, lines.added),
        row(
            "findings",
            found.vanished + found.stayed,
            found.appeared + found.stayed,
            found.vanished,
            found.appeared,
        ),
    ]
}

fn summary_table(rows: &[SummaryRow]) -> Table {
    const NUMBERS: [&str; 5] = ["before", "after", "gone", "new", "kept"];
    let mut table = Table::new(&[&["what"][..], &NUMBERS].concat()).numeric(&NUMBERS);
    for row in rows {
        let numbers = [row.before, row.after, row.gone, row.new, row.kept].map(|n| n.to_string());
        table.row([row.what.to_owned()].into_iter().chain(numbers));
    }
    table
}

fn file_table(files: &[FileChange]) -> Table {
    const NUMBERS: [&str; 4] = ["lines new", "lines gone", "findings before", "findings after"];
    let mut table = Table::new(&[&["file", "change"][..], &NUMBERS].concat()).numeric(&NUMBERS);
    for file in files {
        let numbers = [file.lines.added, file.lines.removed, file.findings_before, file.findings_after];
        let words = [file.path.clone(), file.change.to_owned()];
        table.row(words.into_iter().chain(numbers.map(|n| n.to_string())));
    }
    table
}

#[derive(Debug, Serialize)]
struct RuleRow<'c> {
    rule: &'c str,
    #[serde(flatten)]
    kept: &'c Kept,
}

fn rule_table(rows: &[RuleRow<'_>]) -> Table {
    const NUMBERS: [&str; 3] = ["vanished", "stayed", "appeared"];
    let mut table = Table::new(&[&["rule"][..], &NUMBERS].concat()).numeric(&NUMBERS);
    for row in rows {
        let numbers = [row.kept.vanished, row.kept.stayed, row.kept.appeared].map(|n| n.to_string());
        table.row([row.rule.to_owned()].into_iter().chain(numbers));
    }
    table
}
