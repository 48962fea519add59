//! What compiling the entries of a cell cost.

use portbench_records::Trial;

/// Heads of the table's columns.
pub const COMPILATION_COLUMNS: [&str; 7] =
    ["trial", "program", "entry", "outcome", "cold seconds", "artefact MB", "compiler memory MB"];

/// Those that are numbers.
pub const COMPILATION_NUMERIC: [&str; 4] = ["trial", "cold seconds", "artefact MB", "compiler memory MB"];

/// One line an entry and trial: whether it was compiled or found, and what compiling it cost.
#[must_use]
pub fn compilation_cells(trials: &[Trial]) -> Vec<[String; 7]> {
    let megabytes = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
    let mut rows = Vec::new();
    for (number, trial) in trials.iter().enumerate() {
        let found = &trial.compilations;
        let parity = found.parity.iter().map(|entry| ("parity check", entry));
        for (program, entry) in parity.chain(found.timed.iter().map(|entry| ("timed", entry))) {
            rows.push([
                number.to_string(),
                program.to_owned(),
                entry.entry.clone(),
                if entry.cached { "cached" } else { "compiled" }.to_owned(),
                format!("{:.1}", entry.seconds),
                megabytes(entry.bytes),
                entry.memory.map_or_else(String::new, megabytes),
            ]);
        }
    }
    rows
}
