//! `show`: the figures of a stored run, or how its ops ran.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use portbench_backend::with_causes;
use portbench_catalog::{Accelerator, Catalog};
use portbench_records::{Record, Run, Store};
use portbench_report::{
    COLUMNS, COMPILATION_COLUMNS, COMPILATION_NUMERIC, EFFICIENCY_COLUMNS, EFFICIENCY_NUMERIC,
    LOWERING_COLUMNS, NUMERIC, Row, TELEMETRY_COLUMNS, TELEMETRY_NUMERIC, compilation_cells, efficiency,
    efficiency_cells, judge_bounds, judge_scaling, lowering_cells, markdown, precision, telemetry_cells,
};

use crate::args::{Format, ShowArgs};
use crate::failure::{Failure, usage};
use crate::progress;
use crate::table::Table;

pub(crate) fn run(args: &ShowArgs) -> Result<u8, Failure> {
    let run = Store::new(&args.results.results).resolve(&args.run)?;
    let mut out = io::stdout().lock();
    if args.lowering {
        lowering(&run, args.format.format, &mut out)?;
    } else if args.compilation {
        compilation(&run, args.format.format, &mut out)?;
    } else if args.telemetry {
        telemetry(&run, args.format.format, &mut out)?;
    } else if let Some(name) = &args.on {
        let catalog = Catalog::load(args.catalog.catalog.as_deref()).map_err(usage)?;
        utilisation(&run, catalog.accelerator(name).map_err(usage)?, args.format.format, &mut out)?;
    } else {
        figures(&run, args.format.format, &mut out)?;
    }
    progress::say(&format!("records: {}", run.dir().display()));
    Ok(0)
}

/// Writes a run's figures. A record that cannot be read is named on stderr and the others are shown.
pub(crate) fn figures(run: &Run, format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    let rows = rows(run)?;
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &rows)?;
            writeln!(out)?;
        }
        Format::Markdown => out.write_all(markdown(&rows).as_bytes())?,
        Format::Table | Format::Csv => {
            let mut table = Table::new(&COLUMNS).numeric(&NUMERIC);
            for row in &rows {
                table.row(row.cells());
            }
            table.write(format, out)?;
            let remarks =
                rows.iter().flat_map(|row| row.remarks().into_iter().map(move |words| (&row.id, words)));
            // Of CSV every line is a row.
            for (cell, words) in remarks.filter(|_| format == Format::Table) {
                writeln!(out, "{cell}: {words}")?;
            }
        }
    }
    Ok(())
}

/// The cells of a run in the order of its plan.
fn rows(run: &Run) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for head in run.heads()? {
        match head {
            Ok(head) => rows.push(Row::from(head)),
            Err(error) => progress::say(&format!("warning: {}", with_causes(&error))),
        }
    }
    let order: BTreeMap<String, usize> =
        run.info()?.plan.iter().enumerate().map(|(i, entry)| (entry.cell.id(), i)).collect();
    rows.sort_by_key(|row| order.get(&row.id).copied().unwrap_or(usize::MAX));
    judge_bounds(run, &mut rows)?;
    judge_scaling(&mut rows);
    Ok(rows)
}

/// The records of a run. One that cannot be read is named on stderr and left out.
fn records(run: &Run) -> Result<impl Iterator<Item = Record>, Failure> {
    Ok(run.records()?.filter_map(|record| {
        record.map_err(|error| progress::say(&format!("warning: {}", with_causes(&error)))).ok()
    }))
}

/// The rows that each record of a run has, behind the name of its cell.
fn by_record<const N: usize>(
    run: &Run,
    columns: [&'static str; N],
    numeric: &[&'static str],
    cells: impl Fn(&Record) -> Vec<[String; N]>,
) -> Result<Table, Failure> {
    let mut heads = vec!["cell"];
    heads.extend(columns);
    let mut table = Table::new(&heads).numeric(numeric);
    for record in records(run)? {
        let id = record.cell.id();
        for cells in cells(&record) {
            table.row([id.clone()].into_iter().chain(cells));
        }
    }
    Ok(table)
}

fn lowering(run: &Run, format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    let cells = |record: &Record| record.lowering.iter().flat_map(lowering_cells).collect();
    Ok(by_record(run, LOWERING_COLUMNS, &[], cells)?.write(format, out)?)
}

/// Writes what compiling each cell's entries cost.
fn compilation(run: &Run, format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    let cells = |record: &Record| compilation_cells(&record.trials);
    let table = by_record(run, COMPILATION_COLUMNS, &COMPILATION_NUMERIC, cells)?;
    if table.is_empty() {
        return Err(Failure::nothing(
            "no record of this run says what compiling cost: only backends that keep what they compile do (neuron-trace)",
        ));
    }
    Ok(table.write(format, out)?)
}

/// Writes what machine and accelerator did while each cell was measured.
fn telemetry(run: &Run, format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    let cells = |record: &Record| telemetry_cells(&record.trials);
    let table = by_record(run, TELEMETRY_COLUMNS, &TELEMETRY_NUMERIC, cells)?;
    if table.is_empty() {
        return Err(Failure::nothing("no cell of this run was measured"));
    }
    Ok(table.write(format, out)?)
}

/// Writes what share of an accelerator's peaks each cell reached.
fn utilisation(
    run: &Run,
    accelerator: &Accelerator,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut table = Table::new(&EFFICIENCY_COLUMNS).numeric(&EFFICIENCY_NUMERIC);
    let mut numerics = BTreeSet::new();
    let mut without: BTreeMap<String, usize> = BTreeMap::new();
    for record in records(run)? {
        match efficiency(&record, accelerator) {
            Ok(found) => {
                numerics.insert(record.cell.numerics);
                table.row(efficiency_cells(&record.cell, &found));
            }
            Err(why) => *without.entry(why.to_string()).or_default() += 1,
        }
    }
    let without: Vec<String> = without.into_iter().map(|(why, n)| format!("{n} cells: {why}")).collect();
    if table.is_empty() {
        let all = if without.is_empty() { "no cell is finished".to_owned() } else { without.join("; ") };
        return Err(Failure::nothing(format!("nothing to hold against {}: {all}", accelerator.name)));
    }
    table.write(format, out)?;
    for line in without {
        progress::say(&format!("left out {line}"));
    }
    let peaks = numerics.into_iter().filter_map(|n| {
        let peak = accelerator.peak(precision(n)).ok()?;
        Some(format!("{} TFLOPS {}", peak / 1e12, precision(n)))
    });
    let bandwidth = accelerator.bytes_per_second().map(|b| format!("{:.0} GB/s", b / 1e9)).ok();
    let peaks: Vec<String> = peaks.chain(bandwidth).collect();
    let estimate = accelerator.peak_dense_tflops.as_ref().is_some_and(|p| p.estimate);
    progress::say(&format!(
        "peaks of one {} (dense{}): {} ({})",
        accelerator.name,
        if estimate { ", estimated" } else { "" },
        peaks.join(", "),
        accelerator.sources.join(" ")
    ));
    Ok(())
}
