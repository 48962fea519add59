//! `compare`: two stored runs.

use std::io;

use portbench_backend::with_causes;
use portbench_records::{Run, Store, StoreError};
use portbench_report::{COMPARE_COLUMNS, COMPARE_NUMERIC, Change, CompareRow, compare_runs};

use crate::args::{CompareArgs, Format};
use crate::failure::{Failure, GATE};
use crate::progress;
use crate::table::Table;

pub(crate) fn run(args: &CompareArgs) -> Result<u8, Failure> {
    if !(0.0..=1.0).contains(&args.relevant) {
        return Err(Failure::usage(format!(
            "--relevant is {}; it must be a share from 0 to 1, such as 0.05 for 5 %",
            args.relevant
        )));
    }
    let store = Store::new(&args.results.results);
    let (baseline, candidate) = (store.resolve(&args.baseline)?, store.resolve(&args.candidate)?);
    let unread = |error: &StoreError| progress::say(&format!("warning: {}", with_causes(error)));
    let rows = compare_runs(&baseline, &candidate, args.relevant, &unread)?;
    if rows.is_empty() {
        return Err(Failure::nothing("neither run has a finished cell"));
    }
    if rows.iter().all(CompareRow::alone) && rows.iter().any(|row| row.change == Change::OnlyInCandidate) {
        let named =
            |run: &Run| run.info().map_or_else(|_| run.id(), |info| format!("{} ({})", run.id(), info.suite));
        return Err(Failure::usage(format!(
            "runs {} and {} have no cell in common; `portbench show RUN` lists a run's cells",
            named(&baseline),
            named(&candidate)
        )));
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
