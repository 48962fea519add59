//! `compare`: two stored runs.

use std::io;

use portbench_backend::with_causes;
use portbench_records::{RecordHead, Run, Store, StoreError};
use portbench_report::{COMPARE_COLUMNS, COMPARE_NUMERIC, compare};

use crate::args::{CompareArgs, Format};
use crate::failure::{Failure, GATE};
use crate::progress;
use crate::table::Table;

pub(crate) fn run(args: &CompareArgs) -> Result<u8, Failure> {
    if !(args.relevant.is_finite() && args.relevant >= 0.0) {
        return Err(Failure::usage(format!(
            "--relevant is {}; it must be a number of at least 0",
            args.relevant
        )));
    }
    let store = Store::new(&args.results.results);
    let (baseline, candidate) = (store.resolve(&args.baseline)?, store.resolve(&args.candidate)?);
    let rows = compare(heads(&baseline)?, heads(&candidate)?, args.relevant);
    if rows.is_empty() {
        return Err(Failure::nothing("neither run has a finished cell"));
    }
    let mut out = io::stdout().lock();
    if args.format.format == Format::Json {
        serde_json::to_writer_pretty(&mut out, &rows)?;
        io::Write::write_all(&mut out, b"\n")?;
    } else {
        let mut table = Table::new(&COMPARE_COLUMNS).numeric(&COMPARE_NUMERIC);
        for row in &rows {
            table.row(row.cells());
        }
        table.write(args.format.format, &mut out)?;
    }
    let regressed = rows.iter().filter(|row| row.regressed()).count();
    progress::say(&format!(
        "ratio is candidate / baseline with its 95 % interval; changes under {} % do not count; claims hold for {} comparisons together (Benjamini and Hochberg)",
        100.0 * args.relevant,
        rows.iter().filter(|row| row.metric.is_some()).count()
    ));
    let incomparable = rows.iter().filter(|row| row.incomparable()).count();
    if incomparable > 0 {
        progress::say(&format!(
            "warning: {incomparable} cells of the same name are not comparable and were left out; the verdict column says what differs"
        ));
    }
    if args.gate && regressed > 0 {
        progress::say(&format!("gate: {regressed} regressions"));
        return Ok(GATE);
    }
    Ok(0)
}

/// Heads that can be read; the others are named on stderr.
fn heads(run: &Run) -> Result<impl Iterator<Item = RecordHead>, Failure> {
    let warned = |head: Result<RecordHead, StoreError>| {
        head.inspect_err(|e| progress::say(&format!("warning: {}", with_causes(e)))).ok()
    };
    Ok(run.heads()?.filter_map(warned))
}
