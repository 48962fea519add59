//! The runs that arguments name.

use std::path::Path;

use portbench_records::{Run, Store};

use crate::failure::{Failure, usage};

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
