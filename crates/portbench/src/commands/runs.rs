//! The runs that arguments name.

use std::path::Path;

use portbench_backend::with_causes;
use portbench_records::{Run, Store};

use crate::failure::{Failure, usage};
use crate::progress;

/// Each of them, none twice.
pub(super) fn each_once(results: &Path, selectors: &[String]) -> Result<Vec<Run>, Failure> {
    let store = Store::new(results);
    let mut runs: Vec<Run> = Vec::new();
    for selector in selectors {
        let run = store.resolve(selector).map_err(usage)?;
        if runs.iter().any(|known| known.id() == run.id()) {
            return Err(Failure::usage(format!("`{selector}` is run {}, which is given twice", run.id())));
        }
        runs.push(run);
    }
    Ok(runs)
}

/// All runs of a results directory, oldest first; what cannot be read is named and left out.
pub(super) fn every_readable(results: &Path) -> Result<Vec<Run>, Failure> {
    let store = Store::new(results);
    let mut runs = Vec::new();
    for id in store.runs()? {
        match store.resolve(&id).and_then(|run| run.info().map(|_| run)) {
            Ok(run) => runs.push(run),
            Err(error) => progress::say(&format!("warning: left out: {}", with_causes(&error))),
        }
    }
    if runs.is_empty() {
        return Err(Failure::nothing(format!("{} has no runs", results.display())));
    }
    Ok(runs)
}
