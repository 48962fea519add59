//! Two cells side by side: the ratio of their figures, its interval, and what may be said about it.

use crate::bootstrap::{BootstrapOptions, bootstrap_ratio};
use crate::error::StatsError;
use crate::estimate::{BOOTSTRAP_MIN_TRIALS, Estimate, IntervalMethod, Statistic};
use crate::trials::{Trials, fieller_ratio};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Below this many trials on either side no verdict is given.
pub const MIN_TRIALS: usize = 3;

/// Which way a figure is good. There is no default: a guess here turns a gain into a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Latency, time, cost.
    LowerIsBetter,
    /// Throughput, rate.
    HigherIsBetter,
}

/// What a comparison may claim. It reads as a short phrase when displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The interval excludes 1 and the change is large enough to matter, for the better.
    Faster,
    /// The interval excludes 1 and the change is large enough to matter, for the worse.
    Slower,
    /// The interval excludes 1, but the change is below the smallest one that matters.
    NotRelevant,
    /// The interval lies inside the band that does not matter and includes 1: the cells were shown to be alike.
    Equivalent,
    /// The interval includes 1 and reaches beyond the band: no difference was shown, nor its absence.
    WithinNoise,
    /// A side has fewer than [`MIN_TRIALS`] trials.
    TooFewTrials,
    /// The baseline's interval reaches 0, so that the ratio has no bounds.
    NotEstimable,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::NotRelevant => "not relevant",
            Self::Equivalent => "equivalent",
            Self::WithinNoise => "within noise",
            Self::TooFewTrials => "too few trials",
            Self::NotEstimable => "not estimable",
        })
    }
}

/// Settings of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CompareOptions {
    /// Which way the figure is good.
    pub direction: Direction,
    /// The smallest relative change that matters, such as 0.01: a ratio inside `[1/(1+e), 1+e]` does not.
    pub minimum_effect: f64,
    /// What summarises a trial.
    pub statistic: Statistic,
    /// The interval's settings.
    pub bootstrap: BootstrapOptions,
}

impl CompareOptions {
    /// Medians, 95 %, the default bootstrap.
    #[must_use]
    pub fn new(direction: Direction, minimum_effect: f64) -> Self {
        Self {
            direction,
            minimum_effect,
            statistic: Statistic::Median,
            bootstrap: BootstrapOptions::default(),
        }
    }
}

/// The outcome of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Candidate over baseline, dimensionless; `None` where it has no bounds or a side has a single trial.
    pub ratio: Option<Estimate>,
    /// How the interval was made; `None` as for `ratio`.
    pub method: Option<IntervalMethod>,
    /// What may be claimed.
    pub verdict: Verdict,
}

/// Compares a candidate with a baseline.
///
/// From 6 trials on both sides the interval is the hierarchical bootstrap's, with fewer it is Fieller's from the
/// two t intervals. A significant result (interval without 1) is a claim only if it is relevant too (point estimate
/// outside the band of [`CompareOptions::minimum_effect`]). With 2 trials the ratio is given, without a verdict.
///
/// Each call is one test: where many series are compared, correct for that with [`crate::multiplicity`].
///
/// # Errors
///
/// [`StatsError::Parameter`] for options out of range.
pub fn compare(
    candidate: &Trials,
    baseline: &Trials,
    options: &CompareOptions,
) -> Result<Comparison, StatsError> {
    let effect = options.minimum_effect;
    if !(effect >= 0.0 && effect.is_finite()) {
        return Err(StatsError::Parameter {
            name: "minimum effect",
            value: effect,
            wanted: "0 or more, finite",
        });
    }
    let fewest = candidate.count().min(baseline.count());
    let (ratio, method) = if fewest >= BOOTSTRAP_MIN_TRIALS {
        let ratio = bootstrap_ratio(candidate, baseline, options.statistic, &options.bootstrap)?;
        (ratio, IntervalMethod::Bootstrap)
    } else if fewest >= 2 {
        let confidence = options.bootstrap.confidence;
        let above = candidate.t_interval(options.statistic, confidence)?;
        let below = baseline.t_interval(options.statistic, confidence)?;
        (fieller_ratio(&above, &below), IntervalMethod::StudentT)
    } else {
        return Ok(Comparison { ratio: None, method: None, verdict: Verdict::TooFewTrials });
    };
    let verdict = match &ratio {
        _ if fewest < MIN_TRIALS => Verdict::TooFewTrials,
        None => Verdict::NotEstimable,
        Some(ratio) => judge(ratio, options.direction, effect),
    };
    Ok(Comparison { method: ratio.map(|_| method), ratio, verdict })
}

/// The verdict on a ratio of candidate to baseline. The band `[1/(1+effect), 1+effect]` is symmetric in the
/// logarithm, so that swapping the two cells swaps the verdict.
fn judge(ratio: &Estimate, direction: Direction, effect: f64) -> Verdict {
    let (floor, ceiling) = (1.0 / (1.0 + effect), 1.0 + effect);
    if ratio.contains(1.0) {
        let inside = floor <= ratio.low && ratio.high <= ceiling;
        return if inside { Verdict::Equivalent } else { Verdict::WithinNoise };
    }
    if ratio.value > floor && ratio.value < ceiling {
        return Verdict::NotRelevant;
    }
    match (ratio.value < 1.0, direction) {
        (true, Direction::LowerIsBetter) | (false, Direction::HigherIsBetter) => Verdict::Faster,
        (true, Direction::HigherIsBetter) | (false, Direction::LowerIsBetter) => Verdict::Slower,
    }
}
