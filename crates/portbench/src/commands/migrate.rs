//! `migrate`: what moving a code base takes, estimated by a scan and measured between two trees.

mod diff;
mod scan;

use portbench_migrate::{LeftOut, Matcher, MigrateError, Options, Read, Rules, Selection, Wanted};

use crate::args::{MigrateArgs, MigrateCommand, RuleArgs};
use crate::failure::{Failure, usage};
use crate::progress;

pub(crate) fn run(args: &MigrateArgs) -> Result<u8, Failure> {
    match &args.command {
        MigrateCommand::Scan(args) => scan::run(args),
        MigrateCommand::Diff(args) => diff::run(args),
    }
}

/// The rules that were asked for.
fn rules(args: &RuleArgs) -> Result<Rules, Failure> {
    match &args.rules {
        Some(path) => Rules::with_own(path).map_err(usage),
        None => Ok(Rules::built_in().clone()),
    }
}

fn matcher<'r>(rules: &'r Rules, args: &RuleArgs) -> Result<Matcher<'r>, Failure> {
    let selection = Selection { only: args.only.clone(), except: args.except.clone() };
    selection.check(rules).map_err(usage)?;
    Ok(Matcher::new(rules, Options { stack: args.stack, execution: args.execution, selection })?)
}

fn wanted(args: &RuleArgs) -> Wanted {
    Wanted { vendored: args.vendored, exclude: args.exclude.clone() }
}

/// What went wrong with what was named, or on the way.
fn failure(error: MigrateError) -> Failure {
    match error {
        MigrateError::Patterns(_) => Failure::from(error),
        given => usage(given),
    }
}

/// Says what was read and what was not; `of` names the tree where there are two.
fn say_read(read: &Read, of: &str) {
    let languages: Vec<String> =
        read.languages.iter().map(|(language, n)| format!("{n} {language}")).collect();
    progress::say(&format!(
        "{of}read: {} files ({}), {} lines of code",
        read.files,
        languages.join(", "),
        read.lines
    ));
    let mut not: Vec<String> = Vec::new();
    let mut add = |n: u64, what: &str| {
        if n > 0 {
            not.push(format!("{n} {what}"));
        }
    };
    add(read.other, "of no language that rules know");
    add(read.binary, "binary");
    add(read.huge, "over 2 MiB");
    let LeftOut { hidden, vendored, environments, unreadable } = &read.left_out;
    add(hidden.len() as u64, "hidden");
    for (list, what) in [
        (vendored, "of other people's code (--vendored reads them)"),
        (environments, "virtual environments"),
        (unreadable, "unreadable"),
    ] {
        if let Some(first) = list.first() {
            let more = if list.len() > 1 { ", ..." } else { "" };
            not.push(format!("{} {what}: {first}{more}", list.len()));
        }
    }
    if !not.is_empty() {
        progress::say(&format!("{of}not read: {}", not.join("; ")));
    }
}

/// A share for people; `n/a` where there is no whole.
fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "n/a".to_owned(), |share| format!("{:.1} %", 100.0 * share))
}
