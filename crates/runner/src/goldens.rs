//! The oracle's answers, computed ahead of a run.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::RunnerError;
use crate::parity::Oracle;
use crate::plan::Plan;

/// Name of the folder of goldens in a results directory.
pub const GOLDENS: &str = ".oracle-cache";

/// One program that runs of a plan will ask the oracle about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Golden {
    /// The first workload that asks.
    pub workload: String,
    /// Fingerprint of the program.
    pub fingerprint: String,
    /// Why there is no answer.
    pub failed: Option<String>,
}

/// Computes, into the cache of goldens at `cache`, what a run of this plan asks the oracle, and tells of each answer when it is there. A run that finds them spends no time of
/// an accelerator on the oracle. What the cache holds already is not computed again.
///
/// # Errors
/// [`RunnerError::Program`] for a program without a fingerprint.
pub fn goldens(plan: &Plan, cache: &Path, told: &mut dyn FnMut(&Golden)) -> Result<Vec<Golden>, RunnerError> {
    let oracle = Oracle::new(cache.to_owned());
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for planned in &plan.cells {
        let Some(check) = &planned.resolved.parity else { continue };
        let program = |source| RunnerError::Program { id: planned.cell.id(), source };
        let fingerprint = check.program.fingerprint().map_err(program)?.as_str().to_owned();
        if !seen.insert(oracle.keys(check, &fingerprint, planned.arithmetic())) {
            continue;
        }
        let failed = oracle.answers(check, &fingerprint, planned.arithmetic()).err();
        let golden = Golden { workload: planned.cell.workload.clone(), fingerprint, failed };
        told(&golden);
        found.push(golden);
    }
    Ok(found)
}
