//! Quantiles with confidence intervals from order statistics, and the sample sizes they need.
//!
//! The number of values below the true `q` quantile is binomial, whatever the distribution of the values, so two
//! order statistics bracket the quantile with known confidence (David and Nagaraja, "Order Statistics", 3rd ed.,
//! 7.1). Where no order statistic is far enough out, the data cannot bound the quantile, and the answer is
//! "not estimable" rather than the sample's maximum.
//!
//! The intervals take the values as independent. Values of several trials pooled are not, when trials differ:
//! report quantiles per trial, or say that the interval is within-trial.

use crate::error::{StatsError, check_open_unit};
use crate::estimate::Estimate;
use crate::sample::{Sample, quantile_of_sorted};
use crate::special::{binomial_cdf, binomial_sf};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A quantile with its interval, or the statement that there are too few values for one.
///
/// It displays as the value alone, honouring width and precision, or as `not estimable`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuantileEstimate {
    /// The quantile (type 7) between two order statistics, in the sample's unit.
    Estimable(Estimate),
    /// Too few values to bound the quantile on both sides.
    NotEstimable {
        /// Values there are.
        have: u64,
        /// The smallest number that bounds this quantile at this confidence.
        needed: u64,
    },
}

impl QuantileEstimate {
    /// The estimate, where there is one.
    #[must_use]
    pub fn estimate(&self) -> Option<&Estimate> {
        match self {
            Self::Estimable(estimate) => Some(estimate),
            Self::NotEstimable { .. } => None,
        }
    }
}

impl fmt::Display for QuantileEstimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Estimable(estimate) => fmt::Display::fmt(&estimate.value, f),
            // `pad` would cut the words at the number's precision.
            Self::NotEstimable { .. } => {
                write!(f, "{:>width$}", "not estimable", width = f.width().unwrap_or(0))
            }
        }
    }
}

/// Ranks, from 1, of the order statistics that bracket a quantile; `None` where that side is unbounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranks {
    /// Rank of the lower end.
    pub low: Option<u64>,
    /// Rank of the upper end.
    pub high: Option<u64>,
}

/// The ranks that bracket the `q` quantile of `n` values, each side missing it with probability at most
/// `(1 - confidence) / 2`: the largest `l` with `P(B <= l - 1) <= a/2` and the smallest `u` with
/// `P(B >= u) <= a/2`, `B ~ Bin(n, q)`.
///
/// # Errors
///
/// [`StatsError::Empty`] for `n = 0`, [`StatsError::Parameter`] unless `q` and `confidence` lie inside (0, 1).
pub fn ranks(n: u64, q: f64, confidence: f64) -> Result<Ranks, StatsError> {
    check_open_unit("quantile", q)?;
    check_open_unit("confidence", confidence)?;
    if n == 0 {
        return Err(StatsError::Empty);
    }
    let half = (1.0 - confidence) / 2.0;
    // Both predicates change once over 1..=n.
    let too_high = first(1, n + 1, |l| binomial_cdf(l - 1, n, q) > half);
    let high = first(1, n + 1, |u| binomial_sf(u, n, q) <= half);
    Ok(Ranks { low: (too_high > 1).then(|| too_high - 1), high: (high <= n).then_some(high) })
}

/// The `q` quantile of a sample with its order-statistic interval.
///
/// # Errors
///
/// [`StatsError::Parameter`] unless `q` and `confidence` lie inside (0, 1).
pub fn quantile_interval(sample: &Sample, q: f64, confidence: f64) -> Result<QuantileEstimate, StatsError> {
    let sorted = sample.sorted();
    let n = sorted.len() as u64;
    match ranks(n, q, confidence)? {
        Ranks { low: Some(low), high: Some(high) } => Ok(QuantileEstimate::Estimable(Estimate::around(
            quantile_of_sorted(sorted, q),
            sorted[low as usize - 1],
            sorted[high as usize - 1],
            confidence,
        ))),
        _ => Ok(QuantileEstimate::NotEstimable { have: n, needed: smallest_n_two_sided(q, confidence)? }),
    }
}

/// The smallest number of values whose extremes bracket the `q` quantile from both sides: `max(q, 1-q)^n <= a/2`.
///
/// # Errors
///
/// [`StatsError::Parameter`] unless `q` and `confidence` lie inside (0, 1).
pub fn smallest_n_two_sided(q: f64, confidence: f64) -> Result<u64, StatsError> {
    check_open_unit("quantile", q)?;
    check_open_unit("confidence", confidence)?;
    Ok(smallest_power(q.max(1.0 - q), (1.0 - confidence) / 2.0))
}

/// The smallest number of values whose maximum bounds the `q` quantile from above: `q^n <= a`.
///
/// # Errors
///
/// [`StatsError::Parameter`] unless `q` and `confidence` lie inside (0, 1).
pub fn smallest_n_one_sided(q: f64, confidence: f64) -> Result<u64, StatsError> {
    check_open_unit("quantile", q)?;
    check_open_unit("confidence", confidence)?;
    Ok(smallest_power(q, 1.0 - confidence))
}

/// The smallest `n >= 1` with `base^n <= bound`. The tolerance keeps a bound such as `1 - 0.9` from costing one
/// more value by its rounding.
fn smallest_power(base: f64, bound: f64) -> u64 {
    let exact = bound.ln() / base.ln();
    ((exact - exact * 1e-12).ceil() as u64).max(1)
}

/// The first `x` in `low..high` for which `holds` is true, or `high`; `holds` changes at most once, to true.
pub(crate) fn first(mut low: u64, mut high: u64, holds: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}
