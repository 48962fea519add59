//! Metrics that must agree with each other, checked.
//!
//! Two figures of one run that contradict each other say that one was measured wrongly, whichever looks plausible. A
//! finding holds both sides, so that a report can print the sum and not only the complaint.

use crate::error::StatsError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A relation that must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// End-to-end latency = TTFT + TPOT x (output tokens - 1); seconds.
    EndToEnd,
    /// Completion rate x mean latency = mean concurrency (Little 1961); queries.
    LittlesLaw,
    /// Rate x duration = units of work done; units.
    RateTimesDuration,
    /// Achieved rate <= the device's peak rate; units a second.
    BelowPeak,
}

impl Identity {
    /// The relation in words, left side first.
    #[must_use]
    pub fn relation(self) -> &'static str {
        match self {
            Self::EndToEnd => "end-to-end latency = TTFT + TPOT x (tokens - 1)",
            Self::LittlesLaw => "rate x latency = concurrency",
            Self::RateTimesDuration => "rate x duration = work done",
            Self::BelowPeak => "achieved rate <= peak rate",
        }
    }
}

/// A relation with the figures of a run filled in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// For one request, or for means over requests with the same number of output tokens.
    EndToEnd {
        /// End-to-end latency, seconds.
        end_to_end: f64,
        /// Time to first token, seconds.
        ttft: f64,
        /// Time per output token after the first, seconds.
        tpot: f64,
        /// Output tokens, the first included.
        tokens: u64,
    },
    /// For a run in steady state.
    LittlesLaw {
        /// Completed queries a second.
        rate: f64,
        /// Mean latency, seconds.
        latency: f64,
        /// Mean number of queries in flight.
        concurrency: f64,
    },
    /// For any throughput.
    RateTimesDuration {
        /// Units of work a second.
        rate: f64,
        /// Seconds over which the rate was taken.
        duration: f64,
        /// Units of work done.
        work: f64,
    },
    /// For any rate with a ceiling, such as FLOP a second or bytes a second.
    BelowPeak {
        /// Rate achieved.
        achieved: f64,
        /// Highest rate the device can reach, in the same unit.
        peak: f64,
    },
}

impl Check {
    /// Which relation this is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        match self {
            Self::EndToEnd { .. } => Identity::EndToEnd,
            Self::LittlesLaw { .. } => Identity::LittlesLaw,
            Self::RateTimesDuration { .. } => Identity::RateTimesDuration,
            Self::BelowPeak { .. } => Identity::BelowPeak,
        }
    }

    /// Left and right side, in the unit of [`Identity`].
    #[must_use]
    pub fn sides(&self) -> (f64, f64) {
        match *self {
            Self::EndToEnd { end_to_end, ttft, tpot, tokens } => {
                (end_to_end, ttft + tpot * tokens.saturating_sub(1) as f64)
            }
            Self::LittlesLaw { rate, latency, concurrency } => (rate * latency, concurrency),
            Self::RateTimesDuration { rate, duration, work } => (rate * duration, work),
            Self::BelowPeak { achieved, peak } => (achieved, peak),
        }
    }

    /// The violation, if the sides differ by more than `tolerance` relative to the larger one. A side that is not a
    /// finite number always violates.
    fn violation(&self, tolerance: f64) -> Option<Violation> {
        let (left, right) = self.sides();
        let larger = left.abs().max(right.abs());
        let difference = if larger > 0.0 { (left - right) / larger } else { 0.0 };
        let holds = match self.identity() {
            Identity::BelowPeak => difference <= tolerance,
            _ => difference.abs() <= tolerance,
        };
        let finite = left.is_finite() && right.is_finite();
        (!(holds && finite)).then(|| Violation {
            identity: self.identity(),
            left,
            right,
            relative_difference: difference,
            tolerance,
        })
    }
}

/// Two sides that do not agree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// The relation.
    pub identity: Identity,
    /// Its left side.
    pub left: f64,
    /// Its right side.
    pub right: f64,
    /// `(left - right)` over the larger magnitude.
    pub relative_difference: f64,
    /// What was allowed.
    pub tolerance: f64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} against {} ({:+.2} %, {:.2} % allowed)",
            self.identity.relation(),
            self.left,
            self.right,
            100.0 * self.relative_difference,
            100.0 * self.tolerance
        )
    }
}

/// The relations that do not hold within a relative tolerance, in the order given.
///
/// # Errors
///
/// [`StatsError::Parameter`] unless the tolerance is finite and not negative.
pub fn violations(checks: &[Check], tolerance: f64) -> Result<Vec<Violation>, StatsError> {
    if !(tolerance >= 0.0 && tolerance.is_finite()) {
        return Err(StatsError::Parameter {
            name: "tolerance",
            value: tolerance,
            wanted: "0 or more, finite",
        });
    }
    Ok(checks.iter().filter_map(|check| check.violation(tolerance)).collect())
}
