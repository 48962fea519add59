//! Whether a cell that passes its parity check is as right as it used to be.

use portbench_records::Outcome;
use serde::Serialize;

use super::read::{Nights, Sight};

/// Fewest earlier runs that an error is held against.
const BEFORE: usize = 3;

/// An error so many times the largest one before is no scatter: errors of one program on one device repeat, or move by the order of a sum.
const JUMP: f64 = 2.0;

/// The error of the parity check tonight, beside those before. Errors are relative, against the `f64` oracle.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Drift {
    /// The largest error of its outputs.
    pub error: f64,
    /// The largest `R`: the error over that of the same element type on the CPU.
    pub r: Option<f64>,
    /// The largest error of any earlier run.
    pub largest_before: f64,
    /// How many those are.
    pub runs_before: usize,
    /// Whether the error is more than twice that.
    pub jumped: bool,
    /// The first run of those up to now whose errors are out of line.
    pub since: Option<String>,
}

/// How the error moved over the sights of one series; `None` without earlier runs enough. Declared breaks do not end it: what a new compiler does to results is the question.
pub(super) fn drift(nights: &Nights, sights: &[&Sight]) -> Option<Drift> {
    let errors: Vec<(f64, &Sight)> = sights
        .iter()
        .filter(|s| s.outcome == Outcome::Measured)
        .filter_map(|s| Some((s.error.filter(|e| e.is_finite())?, *s)))
        .collect();
    let (error, sight) = *errors.last()?;
    // Runs right before that are as wrong belong to the jump.
    let largest = |count: usize| errors[..count].iter().map(|(e, _)| *e).fold(0.0, f64::max);
    let out = |count: usize| errors[count..].iter().all(|(e, _)| *e > JUMP * largest(count));
    let count = (BEFORE..errors.len()).find(|&count| out(count));
    let before = count.unwrap_or(errors.len() - 1);
    (before >= BEFORE).then(|| Drift {
        error,
        r: sight.ratio,
        largest_before: largest(before),
        runs_before: before,
        jumped: count.is_some(),
        since: count.map(|count| nights.runs[errors[count].1.run].id.clone()),
    })
}
