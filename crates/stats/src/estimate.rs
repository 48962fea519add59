//! A value with its interval, and the choice of the method that makes it.

use crate::bootstrap::{BootstrapOptions, bootstrap};
use crate::error::StatsError;
use crate::sample::Sample;
use crate::trials::Trials;
use serde::{Deserialize, Serialize};

/// A point estimate and a two-sided confidence interval around it: `low <= value <= high`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The point estimate.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// The interval's nominal coverage, such as 0.95.
    pub confidence: f64,
}

impl Estimate {
    /// Half the interval's width, in the estimate's unit.
    #[must_use]
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Half the interval's width over the magnitude of the value; infinite for a value of 0.
    #[must_use]
    pub fn relative_half_width(&self) -> f64 {
        self.half_width() / self.value.abs()
    }

    /// Whether `point` lies in the interval, ends included.
    #[must_use]
    pub fn contains(&self, point: f64) -> bool {
        self.low <= point && point <= self.high
    }

    /// Makes an estimate, widening the interval to the value where a method left it outside.
    pub(crate) fn around(value: f64, low: f64, high: f64, confidence: f64) -> Self {
        Self { value, low: low.min(value), high: high.max(value), confidence }
    }
}

/// What summarises a trial. A cell's figure is the mean of it over the cell's trials, each trial counting once
/// however many samples it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// Arithmetic mean.
    Mean,
    /// Median: the default for latencies, which have long tails.
    Median,
}

impl Statistic {
    /// The statistic of one sample.
    #[must_use]
    pub fn of(self, sample: &Sample) -> f64 {
        match self {
            Self::Mean => sample.mean(),
            Self::Median => sample.median(),
        }
    }
}

/// How an interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntervalMethod {
    /// Student's t over the trials' figures: 2 to 5 trials.
    StudentT,
    /// Hierarchical bootstrap: 6 trials and more.
    Bootstrap,
    /// Bootstrap inside a single trial. It knows nothing of the spread between process launches and is too narrow
    /// for any claim beyond that process; print it as such.
    WithinTrial,
}

/// From this many trials on, the bootstrap is used; with fewer it covers less than it says.
pub const BOOTSTRAP_MIN_TRIALS: usize = 6;

/// A cell's figure with the interval that suits its number of trials.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CellInterval {
    /// The figure and its interval.
    pub estimate: Estimate,
    /// How the interval was made.
    pub method: IntervalMethod,
}

/// The figure of a cell, with the method chosen by the number of trials (see [`IntervalMethod`]).
///
/// # Errors
///
/// [`StatsError::Parameter`] for options out of range.
pub fn interval(
    trials: &Trials,
    statistic: Statistic,
    options: &BootstrapOptions,
) -> Result<CellInterval, StatsError> {
    let (estimate, method) = match trials.count() {
        1 => (bootstrap(trials, statistic, options)?, IntervalMethod::WithinTrial),
        n if n < BOOTSTRAP_MIN_TRIALS => {
            (trials.t_interval(statistic, options.confidence)?, IntervalMethod::StudentT)
        }
        _ => (bootstrap(trials, statistic, options)?, IntervalMethod::Bootstrap),
    };
    Ok(CellInterval { estimate, method })
}
