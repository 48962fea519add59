//! Several trials of one cell: variance components, intervals and ratios after Kalibera and Jones.
//!
//! Samples of one process share its memory layout, its compiled code and its clock state; only a new process draws
//! those afresh. So an interval is taken over trials and not over samples (Kalibera and Jones, "Rigorous
//! Benchmarking in Reasonable Time", ISMM 2013, and "Quantifying Performance Changes with Effect Size Confidence
//! Intervals", arXiv:2007.10899). The formulas are those of one-way random-effects analysis of variance and of
//! Fieller's theorem.

use crate::error::{StatsError, check_open_unit};
use crate::estimate::{Estimate, Statistic};
use crate::sample::{Sample, mean_of, variance_of};
use crate::special::t_two_sided;
use serde::{Deserialize, Serialize};

/// The samples of each trial of one cell; at least one trial. Trials may differ in length.
#[derive(Debug, Clone, PartialEq)]
pub struct Trials {
    trials: Vec<Sample>,
}

impl Trials {
    /// Takes one [`Sample`] a trial.
    ///
    /// # Errors
    ///
    /// [`StatsError::Empty`] without a trial.
    pub fn new(trials: Vec<Sample>) -> Result<Self, StatsError> {
        if trials.is_empty() { Err(StatsError::Empty) } else { Ok(Self { trials }) }
    }

    /// Takes one slice a trial.
    ///
    /// # Errors
    ///
    /// [`StatsError::Empty`] without a trial or with an empty one, [`StatsError::NotFinite`] for a value that is not.
    pub fn from_nested<T: AsRef<[f64]>>(trials: &[T]) -> Result<Self, StatsError> {
        Self::new(trials.iter().map(|t| Sample::new(t.as_ref().to_vec())).collect::<Result<_, _>>()?)
    }

    /// How many trials there are; at least 1.
    #[must_use]
    pub fn count(&self) -> usize {
        self.trials.len()
    }

    /// The trials.
    #[must_use]
    pub fn as_slice(&self) -> &[Sample] {
        &self.trials
    }

    /// All values in one sample, trial after trial: for percentiles and charts, not for intervals of a mean.
    #[must_use]
    pub fn pooled(&self) -> Sample {
        let values = self.trials.iter().flat_map(|t| t.values().iter().copied()).collect::<Vec<_>>();
        let mut sorted = values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        Sample::from_parts(values, sorted)
    }

    /// The statistic of each trial.
    #[must_use]
    pub fn figures(&self, statistic: Statistic) -> Vec<f64> {
        self.trials.iter().map(|trial| statistic.of(trial)).collect()
    }

    /// The cell's figure: the mean over trials of each trial's statistic.
    #[must_use]
    pub fn figure(&self, statistic: Statistic) -> f64 {
        mean_of(&self.figures(statistic))
    }

    /// Student's t interval over the trials' figures: `mean +- t(r-1) sqrt(S^2 / r)` with `r` trials and `S^2` the
    /// sample variance of their figures.
    ///
    /// # Errors
    ///
    /// [`StatsError::TooFew`] below two trials, [`StatsError::Parameter`] for a confidence outside (0, 1).
    pub fn t_interval(&self, statistic: Statistic, confidence: f64) -> Result<Estimate, StatsError> {
        check_open_unit("confidence", confidence)?;
        let figures = self.figures(statistic);
        let Some(variance) = variance_of(&figures) else {
            return Err(StatsError::TooFew { what: "trials", needed: 2, got: figures.len() });
        };
        let r = figures.len();
        let half = t_two_sided(confidence, r - 1) * (variance / r as f64).sqrt();
        let mean = mean_of(&figures);
        Ok(Estimate { value: mean, low: mean - half, high: mean + half, confidence })
    }

    /// The variance within and between trials.
    ///
    /// # Errors
    ///
    /// [`StatsError::TooFew`] below two trials, or with a trial of fewer than two samples.
    pub fn variance_components(&self) -> Result<VarianceComponents, StatsError> {
        let mut within = Vec::with_capacity(self.count());
        let mut inverse_lengths = 0.0;
        for trial in &self.trials {
            within.push(trial.variance().ok_or(StatsError::TooFew {
                what: "samples in a trial",
                needed: 2,
                got: trial.count(),
            })?);
            inverse_lengths += 1.0 / trial.count() as f64;
        }
        let Some(of_means) = variance_of(&self.figures(Statistic::Mean)) else {
            return Err(StatsError::TooFew { what: "trials", needed: 2, got: self.count() });
        };
        let within = mean_of(&within);
        // The harmonic mean of the lengths stands for r_1 where trials differ in length; it is r_1 where they do not.
        let samples_per_trial = self.count() as f64 / inverse_lengths;
        let between = (of_means - within / samples_per_trial).max(0.0);
        Ok(VarianceComponents { within, of_means, between, samples_per_trial })
    }
}

/// Where the variance of a cell comes from, in the square of the sample's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VarianceComponents {
    /// Mean over trials of the variance within one (`S_1^2 = T_1^2`).
    pub within: f64,
    /// Variance of the trials' means (`S_2^2`).
    pub of_means: f64,
    /// Unbiased variance between trials, `T_2^2 = S_2^2 - S_1^2 / r_1`, not below 0.
    pub between: f64,
    /// Samples a trial, `r_1` (their harmonic mean where trials differ).
    pub samples_per_trial: f64,
}

impl VarianceComponents {
    /// The number of samples a trial that gives the narrowest interval for a given time:
    /// `r_1 = ceil(sqrt(c_2/c_1 * T_1^2/T_2^2))`, at least 1; `None` where no variance between trials was seen, for
    /// then more samples are always the cheaper way.
    ///
    /// `cost_ratio` is the time of starting one more trial over the time of one more sample.
    ///
    /// # Errors
    ///
    /// [`StatsError::Parameter`] unless `cost_ratio` is finite and above 0.
    pub fn best_samples_per_trial(&self, cost_ratio: f64) -> Result<Option<u64>, StatsError> {
        if !(cost_ratio > 0.0 && cost_ratio.is_finite()) {
            return Err(StatsError::Parameter {
                name: "cost ratio",
                value: cost_ratio,
                wanted: "above 0, finite",
            });
        }
        Ok((self.between > 0.0)
            .then(|| ((cost_ratio * self.within / self.between).sqrt().ceil() as u64).max(1)))
    }
}

/// The interval of `numerator / denominator` from the two intervals (Fieller 1954, in the half-width form of
/// Kalibera and Jones): `(y y' +- sqrt((y y')^2 - (y^2 - h^2)(y'^2 - h'^2))) / (y^2 - h^2)`.
///
/// `None` where the denominator's interval reaches 0 (`y^2 <= h^2`): the ratio is then unbounded. Both estimates
/// should have the same confidence; the result carries the numerator's.
#[must_use]
pub fn fieller_ratio(numerator: &Estimate, denominator: &Estimate) -> Option<Estimate> {
    let (y, h) = (denominator.value, denominator.half_width());
    let (y2, h2) = (numerator.value, numerator.half_width());
    let leading = y * y - h * h;
    if leading.is_nan() || leading <= 0.0 {
        return None;
    }
    let product = y * y2;
    // Not negative where leading > 0, apart from rounding.
    let root = (product * product - leading * (y2 * y2 - h2 * h2)).max(0.0).sqrt();
    let (low, high) = ((product - root) / leading, (product + root) / leading);
    Some(Estimate::around(y2 / y, low, high, numerator.confidence))
}

/// How many trials an arm needs to see a relative change: `n = 2 ((z_{1-a/2} + z_power) cv / change)^2`, the
/// two-sample normal approximation.
///
/// `variation` is the coefficient of variation between trials, `change` the relative change to be seen.
///
/// # Errors
///
/// [`StatsError::Parameter`] unless `variation` is finite and not negative, `change` is finite and above 0, and
/// `confidence` and `power` lie inside (0, 1).
pub fn trials_needed(variation: f64, change: f64, confidence: f64, power: f64) -> Result<u64, StatsError> {
    check_open_unit("confidence", confidence)?;
    check_open_unit("power", power)?;
    if !(variation >= 0.0 && variation.is_finite()) {
        return Err(StatsError::Parameter {
            name: "variation",
            value: variation,
            wanted: "0 or more, finite",
        });
    }
    if !(change > 0.0 && change.is_finite()) {
        return Err(StatsError::Parameter { name: "change", value: change, wanted: "above 0, finite" });
    }
    let z = crate::special::z_two_sided(confidence) + crate::special::normal_quantile(power);
    Ok((2.0 * (z * variation / change).powi(2)).ceil().max(2.0) as u64)
}
