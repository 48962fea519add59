//! Results that others published, as a table.

use std::path::PathBuf;

use portbench_catalog::published::{Entry, built_in, read_directory};
use portbench_report::plain;

use crate::failure::{Failure, usage};
use crate::table::Table;

/// Those of a directory, or of the program.
pub(crate) fn published_entries(dir: &Option<PathBuf>) -> Result<Vec<Entry>, Failure> {
    match dir {
        Some(dir) => read_directory(dir).map_err(usage),
        None => built_in().map_err(usage),
    }
}

pub(super) fn published(dir: &Option<PathBuf>) -> Result<Table, Failure> {
    let mut table = Table::new(&[
        "model",
        "mode",
        "instance",
        "shape",
        "numerics",
        "rate",
        "seconds",
        "software",
        "configuration",
        "publisher",
        "date",
        "caveats",
        "source",
    ]);
    for Entry { publisher, result, .. } in published_entries(dir)? {
        let shape: Vec<String> = result.shape.iter().map(|(word, n)| format!("{word} {n}")).collect();
        let seconds: Vec<String> =
            result.seconds.iter().map(|(metric, s)| format!("{metric} {}", plain(*s))).collect();
        let rate = result.throughput.zip(result.unit.as_ref()).map(|(rate, unit)| format!("{rate} {unit}/s"));
        let instance = match result.instances {
            Some(n) => format!("{n} x {}", result.instance),
            None => result.instance,
        };
        table.row([
            result.model,
            result.mode,
            instance,
            shape.join(", "),
            result.numerics.unwrap_or_default(),
            rate.unwrap_or_default(),
            seconds.join(", "),
            result.software.unwrap_or_default(),
            result.configuration.unwrap_or_default(),
            publisher,
            result.date.to_string(),
            result.caveats.join(" "),
            result.source,
        ]);
    }
    Ok(table)
}
