//! Hierarchical bootstrap: resample trials, then samples inside each drawn trial.
//!
//! # How it is fast
//!
//! Drawing every sample anew costs `resamples x trials x samples`, 30 million draws for 2000 resamples of 3 trials
//! of 5000. Only the statistic of a resample is wanted, and its distribution is known more directly:
//!
//! * **Median.** A resample of `n` values takes `sorted[floor(n U_i)]` for independent uniform `U_i`. The map is
//!   monotone, so the resample's `k`-th smallest value is `sorted[floor(n U_(k))]`, and `U_(k)`, the `k`-th smallest
//!   of `n` uniforms, is `Beta(k, n - k + 1)`. One beta draw replaces `n` draws, exactly; for even `n` the next order
//!   statistic follows from the minimum of the `n - k` uniforms above the first.
//! * **Mean.** Up to [`EXACT_MEAN_LIMIT`] values, every draw is made. Above it, the [`EXTREMES`] values farthest from
//!   the median are drawn one by one (their number is binomial), and the rest, which then has no long tail, enters
//!   as a normal with the mean and variance of its sum. An outlier so keeps its lumpy influence on the interval.
//!
//! Cost: O(trials) a resample for the median, O(trials x [`EXTREMES`]) for the mean, after one sort.
//!
//! Source: Davison and Hinkley, "Bootstrap Methods and their Application" (1997), 3.8, for the hierarchy and 5.3 for
//! the percentile interval; David and Nagaraja, "Order Statistics", 2.3, for the beta law.

use crate::error::{StatsError, check_open_unit};
use crate::estimate::{Estimate, Statistic};
use crate::sample::{Sample, mean_of, quantile_of_sorted};
use crate::trials::Trials;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Binomial, Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// Up to this many samples in a trial, a resample of its mean draws every one.
pub const EXACT_MEAN_LIMIT: usize = 256;
/// Values drawn one by one in longer trials.
pub const EXTREMES: usize = 64;

/// Settings of a bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BootstrapOptions {
    /// How many resamples; 100 to 1,000,000.
    pub resamples: u32,
    /// Seed of the generator (ChaCha8). The same seed, data and crate version give the same interval.
    pub seed: u64,
    /// Nominal coverage, strictly between 0 and 1.
    pub confidence: f64,
}

impl Default for BootstrapOptions {
    /// 5000 resamples, 95 %.
    fn default() -> Self {
        Self { resamples: 5000, seed: 0, confidence: 0.95 }
    }
}

impl BootstrapOptions {
    fn check(&self) -> Result<(), StatsError> {
        check_open_unit("confidence", self.confidence)?;
        if (100..=1_000_000).contains(&self.resamples) {
            Ok(())
        } else {
            let value = f64::from(self.resamples);
            Err(StatsError::Parameter { name: "resamples", value, wanted: "100 to 1,000,000" })
        }
    }
}

/// The cell's figure (mean over trials of each trial's statistic) with its percentile interval.
///
/// With fewer than 6 trials the interval covers less than it says: use [`crate::interval`], which then takes
/// Student's t.
///
/// # Errors
///
/// [`StatsError::Parameter`] for options out of range.
pub fn bootstrap(
    trials: &Trials,
    statistic: Statistic,
    options: &BootstrapOptions,
) -> Result<Estimate, StatsError> {
    options.check()?;
    let draws = resampled(trials, statistic, options, 0);
    Ok(percentile(trials.figure(statistic), draws, options.confidence))
}

/// The ratio of two cells' figures with its percentile interval; the cells are resampled independently.
///
/// `None` where the denominator, or a resample of it, is not above 0: the ratio then has no interval.
///
/// # Errors
///
/// [`StatsError::Parameter`] for options out of range.
pub fn bootstrap_ratio(
    numerator: &Trials,
    denominator: &Trials,
    statistic: Statistic,
    options: &BootstrapOptions,
) -> Result<Option<Estimate>, StatsError> {
    options.check()?;
    let below = resampled(denominator, statistic, options, 1);
    let value = numerator.figure(statistic) / denominator.figure(statistic);
    if !value.is_finite() || below.iter().any(|&d| d <= 0.0) || denominator.figure(statistic) <= 0.0 {
        return Ok(None);
    }
    let above = resampled(numerator, statistic, options, 0);
    let ratios = above.iter().zip(&below).map(|(n, d)| n / d).collect();
    Ok(Some(percentile(value, ratios, options.confidence)))
}

fn percentile(value: f64, mut draws: Vec<f64>, confidence: f64) -> Estimate {
    draws.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    let (low, high) = (quantile_of_sorted(&draws, tail), quantile_of_sorted(&draws, 1.0 - tail));
    Estimate::around(value, low, high, confidence)
}

/// The cell's figure in each resample. Each `stream` is an independent sequence of the same seed.
fn resampled(trials: &Trials, statistic: Statistic, options: &BootstrapOptions, stream: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    rng.set_stream(stream);
    let within: Vec<Within<'_>> =
        trials.as_slice().iter().map(|trial| Within::new(trial, statistic)).collect();
    (0..options.resamples)
        .map(|_| {
            let total: f64 =
                (0..within.len()).map(|_| within[rng.random_range(0..within.len())].draw(&mut rng)).sum();
            total / within.len() as f64
        })
        .collect()
}

/// The distribution of a trial's statistic when the samples in it are resampled.
enum Within<'a> {
    /// A trial that has one outcome: a single sample.
    Fixed(f64),
    /// The `k`-th (from 1) of `n` uniforms picks the median, or the lower of the two middle values.
    Median { sorted: &'a [f64], lower: Beta<f64>, k: usize },
    /// Every sample is drawn.
    Mean(&'a [f64]),
    /// Extremes drawn one by one, the bulk as a normal.
    LongMean { extremes: Vec<f64>, count: Binomial, n: f64, bulk_mean: f64, bulk_sd: f64 },
}

impl<'a> Within<'a> {
    fn new(trial: &'a Sample, statistic: Statistic) -> Self {
        let sorted = trial.sorted();
        let n = sorted.len();
        if n == 1 {
            return Self::Fixed(sorted[0]);
        }
        match statistic {
            Statistic::Median => {
                let k = n.div_ceil(2);
                // Both parameters are at least 1 here, which is all the constructor asks.
                match Beta::new(k as f64, (n - k + 1) as f64) {
                    Ok(lower) => Self::Median { sorted, lower, k },
                    Err(_) => Self::Fixed(trial.median()),
                }
            }
            Statistic::Mean if n <= EXACT_MEAN_LIMIT => Self::Mean(sorted),
            Statistic::Mean => Self::long_mean(trial),
        }
    }

    fn long_mean(trial: &Sample) -> Self {
        let n = trial.count();
        let median = trial.median();
        let mut far = trial.sorted().to_vec();
        far.sort_unstable_by(|a, b| (b - median).abs().total_cmp(&(a - median).abs()));
        let bulk = far.split_off(EXTREMES);
        let bulk_mean = mean_of(&bulk);
        let variance = bulk.iter().map(|x| (x - bulk_mean).powi(2)).sum::<f64>() / bulk.len() as f64;
        match Binomial::new(n as u64, EXTREMES as f64 / n as f64) {
            Ok(count) => {
                Self::LongMean { extremes: far, count, n: n as f64, bulk_mean, bulk_sd: variance.sqrt() }
            }
            Err(_) => Self::Fixed(trial.mean()),
        }
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> f64 {
        match self {
            Self::Fixed(value) => *value,
            Self::Median { sorted, lower, k } => {
                let n = sorted.len();
                let at = |u: f64| sorted[((u * n as f64) as usize).min(n - 1)];
                let u = lower.sample(rng);
                if n % 2 == 1 {
                    return at(u);
                }
                // The smallest of the n - k uniforms that fall in (u, 1).
                let rest = (n - k) as f64;
                let next = u + (1.0 - u) * (1.0 - rng.random::<f64>().powf(1.0 / rest));
                let (low, high) = (at(u), at(next));
                low + (high - low) / 2.0
            }
            Self::Mean(values) => {
                let n = values.len();
                (0..n).map(|_| values[rng.random_range(0..n as u32) as usize]).sum::<f64>() / n as f64
            }
            Self::LongMean { extremes, count, n, bulk_mean, bulk_sd } => {
                let drawn = count.sample(rng);
                let offset: f64 =
                    (0..drawn).map(|_| extremes[rng.random_range(0..extremes.len())] - bulk_mean).sum();
                let z: f64 = StandardNormal.sample(rng);
                bulk_mean + (offset + z * bulk_sd * (n - drawn as f64).sqrt()) / n
            }
        }
    }
}
