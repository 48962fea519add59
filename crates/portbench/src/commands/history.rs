//! `history`: every cell over all stored runs.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use portbench_backend::with_causes;
use portbench_chart::number::counted;
use portbench_records::{Cell, Store, StoreError};
use portbench_report::history::{
    HISTORY_COLUMNS, HISTORY_NUMERIC, History, HistoryRow, SHIFT_COLUMNS, SHIFT_NUMERIC, Stale, Wanted,
    shift_cells,
};

use crate::args::{Format, HistoryArgs};
use crate::cells::matches;
use crate::failure::{Failure, GATE};
use crate::progress;
use crate::rows;
use crate::table::Table;

pub(crate) fn run(args: &HistoryArgs) -> Result<u8, Failure> {
    let store = Store::new(&args.results.results);
    let unread = |error: &StoreError| progress::say(&format!("warning: left out: {}", with_causes(error)));
    let cell = |cell: &Cell| {
        let named = |pattern: &String| matches(pattern, &cell.workload) || matches(pattern, &cell.id());
        args.cells.is_empty() || args.cells.iter().any(named)
    };
    let wanted = Wanted {
        metric: args.metric,
        cell: &cell,
        suite: args.suite.as_deref(),
        since: args.since,
        last: args.last.map(|last| last as usize),
    };
    let history = History::read(&store, &wanted, &unread)?;
    let (Some(first), Some(last)) = (history.runs.first(), history.runs.last()) else {
        return Err(Failure::nothing(format!(
            "{} has no run of what was asked for: `portbench run --results {0}` makes one, and without patterns, --suite and --since all are followed",
            args.results.results.display()
        )));
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let stale = args.stale.map(|hours| history.stale(now, hours)).unwrap_or_default();
    let rows = history.rows(args.ended);
    write(&rows, args.format.format)?;
    progress::say(&format!(
        "{}, {} to {}; baseline: median of the runs since the last change point or break; a change counts from its floor on, claims hold for {} series together (Benjamini and Hochberg), and a first run out of line is a suspicion",
        counted(history.runs.len(), "run"),
        first.0,
        last.0,
        history.tests()
    ));
    for old in &stale {
        let Stale { suite, machine, run, hours } = old;
        progress::say(&format!("stale: the newest run of {suite} on {machine} is {run}, {hours} hours old"));
    }
    summarise(&rows, &stale);
    let caught = rows.iter().filter(|row| row.gated()).count();
    if args.gate && caught + stale.len() > 0 {
        let reasons = [(caught, "cell"), (stale.len(), "stale suite")];
        let words: Vec<String> =
            reasons.iter().filter(|(n, _)| *n > 0).map(|(n, what)| counted(*n, what)).collect();
        progress::say(&format!("gate: {}", words.join(", ")));
        return Ok(GATE);
    }
    Ok(0)
}

fn write(rows: &[HistoryRow], format: Format) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let mut table = Table::new(&HISTORY_COLUMNS).numeric(&HISTORY_NUMERIC);
    rows.iter().for_each(|row| table.row(row.cells()));
    if format == Format::Csv {
        // A run is a line of its own in the CSV of the chart; here a series is one.
        let bare: Vec<HistoryRow> =
            rows.iter().map(|row| HistoryRow { points: Vec::new(), ..row.clone() }).collect();
        return rows::write(&bare, &table, format, &mut out);
    }
    rows::write(rows, &table, format, &mut out)?;
    let mut shifts = Table::new(&SHIFT_COLUMNS).numeric(&SHIFT_NUMERIC);
    shift_cells(rows).into_iter().for_each(|cells| shifts.row(cells));
    if format != Format::Json && !shifts.is_empty() {
        writeln!(out)?;
        shifts.write(format, &mut out)?;
    }
    Ok(())
}

/// How many rows say what, worst first.
fn summarise(rows: &[HistoryRow], stale: &[Stale]) {
    let mut counts: Vec<(bool, String, usize)> = Vec::new();
    for row in rows {
        let words = row.verdict.words();
        match counts.iter_mut().find(|(_, known, _)| *known == words) {
            Some((.., count)) => *count += 1,
            None => counts.push((!row.gated(), words, 1)),
        }
    }
    counts.sort();
    let mut words: Vec<String> =
        counts.into_iter().map(|(_, words, count)| format!("{count} {words}")).collect();
    let jumped = rows.iter().filter(|row| row.accuracy.as_ref().is_some_and(|drift| drift.jumped)).count();
    words.extend((jumped > 0).then(|| format!("{jumped} less right than before")));
    words.extend((!stale.is_empty()).then(|| format!("{} stale", stale.len())));
    progress::say(&format!("tonight: {}", words.join(", ")));
}
