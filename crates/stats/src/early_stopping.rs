//! MLPerf's early-stopping rule: when a run has issued enough queries to stand behind a percentile.
//!
//! Source: MLCommons inference policies, "Early Stopping Criterion", and LoadGen's use of it, with the tolerance
//! `d = 0`. A run that had `t` queries over its latency bound passes once the number under the bound reaches the
//! smallest `h` with `P(Bin(h + t, 1 - p) <= t) <= 1 - c`: were the true percentile over the bound, so few
//! overlatency queries would then be improbable.

use crate::error::{StatsError, check_open_unit};
use crate::quantile::first;
use crate::sample::Sample;
use crate::special::{binomial_cdf, z_two_sided};
use serde::{Deserialize, Serialize};

/// The confidence MLPerf asks for.
pub const MLPERF_CONFIDENCE: f64 = 0.99;

const MOST_QUERIES: u64 = 1 << 40;

/// The smallest number `h` of queries within the latency bound that lets a run pass with `overlatency` queries over
/// it.
///
/// # Errors
///
/// [`StatsError::Parameter`] unless `percentile` (0.99 for p99) and `confidence` lie inside (0, 1), or where the
/// count would pass 2^40, beyond which the binomial tail loses its digits.
pub fn queries_within(overlatency: u64, percentile: f64, confidence: f64) -> Result<u64, StatsError> {
    check_open_unit("percentile", percentile)?;
    check_open_unit("confidence", confidence)?;
    let t = overlatency;
    let passes = |h: u64| binomial_cdf(t, h + t, 1.0 - percentile) <= 1.0 - confidence;
    let mut high = 1;
    while !passes(high) {
        if high >= MOST_QUERIES || t >= MOST_QUERIES {
            return Err(StatsError::Parameter {
                name: "percentile",
                value: percentile,
                wanted: "one that needs at most 2^40 queries",
            });
        }
        high *= 2;
    }
    Ok(first(1, high, passes))
}

/// The smallest number of queries in all, `h + t`, that lets a run pass with `overlatency` of them over the bound.
///
/// # Errors
///
/// As [`queries_within`].
pub fn min_queries(overlatency: u64, percentile: f64, confidence: f64) -> Result<u64, StatsError> {
    Ok(queries_within(overlatency, percentile, confidence)? + overlatency)
}

/// Whether a `server` run stands, and what it was short of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundCheck {
    /// Queries within the latency bound.
    pub within: u64,
    /// Queries over it.
    pub over: u64,
    /// Queries within the bound that so many over it call for.
    pub needed_within: u64,
}

impl BoundCheck {
    /// Whether the run passes.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.within >= self.needed_within
    }
}

/// Applies the rule to latencies under a bound, both in the same unit. A latency on the bound is within it.
///
/// # Errors
///
/// [`StatsError::Parameter`] for a bound that is NaN, and as [`queries_within`].
pub fn check_bound(
    latencies: &Sample,
    bound: f64,
    percentile: f64,
    confidence: f64,
) -> Result<BoundCheck, StatsError> {
    if bound.is_nan() {
        return Err(StatsError::Parameter { name: "bound", value: bound, wanted: "a number" });
    }
    let within = latencies.sorted().partition_point(|&latency| latency <= bound) as u64;
    let over = latencies.count() as u64 - within;
    Ok(BoundCheck { within, over, needed_within: queries_within(over, percentile, confidence)? })
}

/// A percentile that early stopping stands behind, for the `single-stream` scenario.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PercentileBound {
    /// The percentile is at most `value` with the confidence asked for.
    Bounded {
        /// The largest latency left, in the sample's unit.
        value: f64,
        /// How many of the highest latencies were set aside.
        set_aside: u64,
    },
    /// Too few queries for any bound.
    TooFewQueries {
        /// Queries there were.
        have: u64,
        /// The smallest number that gives a bound.
        needed: u64,
    },
}

/// MLPerf's percentile estimate: find the largest `t >= 1` for which the run has `min_queries(t)` queries, and
/// report the largest latency after the `t - 1` highest.
///
/// # Errors
///
/// As [`queries_within`].
pub fn percentile_bound(
    latencies: &Sample,
    percentile: f64,
    confidence: f64,
) -> Result<PercentileBound, StatsError> {
    let n = latencies.count() as u64;
    let needed = min_queries(1, percentile, confidence)?;
    if n < needed {
        return Ok(PercentileBound::TooFewQueries { have: n, needed });
    }
    // With n queries in all and t of them over the bound, the rule reads P(Bin(n, 1 - p) <= t) <= 1 - c.
    let fails = |t: u64| binomial_cdf(t, n, 1.0 - percentile) > 1.0 - confidence;
    let t = first(1, n, fails) - 1;
    let value = latencies.sorted()[(n - t) as usize];
    Ok(PercentileBound::Bounded { value, set_aside: t - 1 })
}

/// MLPerf's query count for a percentile: `z^2 p (1-p) / m^2` with the margin `m = (1-p)/20`, rounded to the
/// nearest whole number, as its rules print it.
///
/// # Errors
///
/// [`StatsError::Parameter`] unless both arguments lie inside (0, 1).
pub fn required_queries(percentile: f64, confidence: f64) -> Result<u64, StatsError> {
    check_open_unit("percentile", percentile)?;
    check_open_unit("confidence", confidence)?;
    let margin = (1.0 - percentile) / 20.0;
    let z = z_two_sided(confidence);
    Ok((z * z * percentile * (1.0 - percentile) / (margin * margin)).round() as u64)
}

/// [`required_queries`] rounded up to a multiple of 2^13: the count MLPerf's rules then ask for.
///
/// # Errors
///
/// As [`required_queries`].
pub fn required_queries_rounded(percentile: f64, confidence: f64) -> Result<u64, StatsError> {
    let exact = required_queries(percentile, confidence)?;
    Ok(exact.checked_next_multiple_of(1 << 13).unwrap_or(u64::MAX))
}
