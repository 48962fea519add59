//! How much a series moves from one run to the next while nothing happens.

use crate::error::{StatsError, check_finite};
use serde::{Deserialize, Serialize};

/// Changes that a threshold is taken from: the latest ones.
pub const HISTORY: usize = 30;

/// The threshold where there are too few changes for quartiles.
pub const WITHOUT_HISTORY: f64 = 0.002;

/// Interquartile ranges above the third quartile from which on a change is no noise.
const RANGES: f64 = 3.0;

/// The noise of a series: quartiles of its relative changes from run to run, and the smallest change that is none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// First quartile of the relative changes, without their signs.
    pub q1: f64,
    /// Third quartile.
    pub q3: f64,
    /// A relative change of at least this is more than noise.
    pub threshold: f64,
}

/// The noise threshold of rustc-perf (169b07b): `Q3 + 3 (Q3 - Q1)` of `|v[i] - v[i-1]| / v[i-1]` over the latest
/// [`HISTORY`] changes. The quartiles are the medians of the lower and of the upper half of the sorted changes,
/// without the middle one of an odd number of them and without the middle two of an even one. With fewer than 3
/// changes there are no such halves, and the threshold is [`WITHOUT_HISTORY`]. A step in the series is one of its
/// changes and hardly moves the quartiles.
///
/// # Errors
///
/// [`StatsError::Empty`], [`StatsError::NotFinite`]; [`StatsError::Parameter`] for a value that is not above 0, to which no change is relative.
pub fn noise(values: &[f64]) -> Result<Noise, StatsError> {
    check_finite(values)?;
    if let Some(&value) = values.iter().find(|v| **v <= 0.0) {
        return Err(StatsError::Parameter { name: "value of a series", value, wanted: "above 0" });
    }
    let latest = &values[values.len().saturating_sub(HISTORY + 1)..];
    let mut changes: Vec<f64> = latest.windows(2).map(|pair| (pair[1] / pair[0] - 1.0).abs()).collect();
    changes.sort_unstable_by(f64::total_cmp);
    let n = changes.len();
    if n < 3 {
        return Ok(Noise { q1: 0.0, q3: 0.0, threshold: WITHOUT_HISTORY });
    }
    // As many in either half; 1 at least.
    let half = n.div_ceil(2) - 1;
    let (q1, q3) = (middle(&changes[..half]), middle(&changes[n - half..]));
    Ok(Noise { q1, q3, threshold: q3 + RANGES * (q3 - q1) })
}

/// Median of a non-empty ascending slice.
fn middle(sorted: &[f64]) -> f64 {
    let n = sorted.len();
    f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2])
}
