//! A checked sample, its location and spread, and labels for its outliers.

use crate::error::{StatsError, check_finite};
use serde::{Deserialize, Serialize};

/// Finite values, at least one, in the order they were measured.
///
/// A sorted copy is kept beside them, so quantiles cost O(1) after construction. Sums are taken about the first
/// value, which keeps nanosecond counts exact where a plain sum would round.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    values: Vec<f64>,
    sorted: Vec<f64>,
}

impl Sample {
    /// Takes the values in measured order.
    ///
    /// # Errors
    ///
    /// [`StatsError::Empty`] without values, [`StatsError::NotFinite`] for NaN or an infinity.
    pub fn new(values: Vec<f64>) -> Result<Self, StatsError> {
        check_finite(&values)?;
        let mut sorted = values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        Ok(Self { values, sorted })
    }

    /// Joins values and their sorted copy, both finite and non-empty.
    pub(crate) fn from_parts(values: Vec<f64>, sorted: Vec<f64>) -> Self {
        Self { values, sorted }
    }

    /// Takes integer nanoseconds; the sample's unit is the nanosecond. Above 2^53 ns (104 days) the last digits
    /// round.
    ///
    /// # Errors
    ///
    /// [`StatsError::Empty`] without values.
    pub fn from_nanos(nanos: &[u64]) -> Result<Self, StatsError> {
        Self::new(nanos.iter().map(|&n| n as f64).collect())
    }

    /// The values in measured order.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The values in ascending order.
    #[must_use]
    pub fn sorted(&self) -> &[f64] {
        &self.sorted
    }

    /// How many values there are; at least 1.
    #[must_use]
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// Smallest value.
    #[must_use]
    pub fn min(&self) -> f64 {
        self.sorted[0]
    }

    /// Largest value.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }

    /// Arithmetic mean. Summed in ascending order, so that it does not depend on the measured order.
    #[must_use]
    pub fn mean(&self) -> f64 {
        mean_of(&self.sorted)
    }

    /// Unbiased variance (divisor n - 1); `None` for a single value.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        variance_of(&self.sorted)
    }

    /// Square root of the unbiased variance; `None` for a single value.
    #[must_use]
    pub fn std_dev(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }

    /// Standard deviation over the magnitude of the mean; `None` for a single value or a mean of 0.
    #[must_use]
    pub fn coefficient_of_variation(&self) -> Option<f64> {
        let mean = self.mean().abs();
        self.std_dev().filter(|_| mean > 0.0).map(|sd| sd / mean)
    }

    /// Median.
    #[must_use]
    pub fn median(&self) -> f64 {
        quantile_of_sorted(&self.sorted, 0.5)
    }

    /// Quantile of type 7: linear between the order statistics around position `(n - 1) q` (Hyndman and Fan,
    /// "Sample Quantiles in Statistical Packages", 1996; NumPy's default).
    ///
    /// # Errors
    ///
    /// [`StatsError::Parameter`] unless `0 <= q <= 1`.
    pub fn quantile(&self, q: f64) -> Result<f64, StatsError> {
        if (0.0..=1.0).contains(&q) {
            Ok(quantile_of_sorted(&self.sorted, q))
        } else {
            Err(StatsError::Parameter { name: "quantile", value: q, wanted: "0 to 1" })
        }
    }

    /// Median absolute deviation from the median, unscaled (times 1.4826 it estimates a normal's standard
    /// deviation).
    #[must_use]
    pub fn mad(&self) -> f64 {
        let median = self.median();
        let mut deviations: Vec<f64> = self.sorted.iter().map(|value| (value - median).abs()).collect();
        deviations.sort_unstable_by(f64::total_cmp);
        quantile_of_sorted(&deviations, 0.5)
    }

    /// Tukey's fences: the quartiles (type 7) widened by 1.5 and by 3 interquartile ranges (Tukey, "Exploratory
    /// Data Analysis", 1977).
    #[must_use]
    pub fn fences(&self) -> Fences {
        let (q1, q3) = (quantile_of_sorted(&self.sorted, 0.25), quantile_of_sorted(&self.sorted, 0.75));
        let iqr = q3 - q1;
        Fences {
            low_severe: q1 - 3.0 * iqr,
            low_mild: q1 - 1.5 * iqr,
            high_mild: q3 + 1.5 * iqr,
            high_severe: q3 + 3.0 * iqr,
        }
    }

    /// A label for each value, in measured order. Labels are for the reader: no function of this crate drops a
    /// value because of one.
    #[must_use]
    pub fn outliers(&self) -> Vec<Outlier> {
        let fences = self.fences();
        self.values.iter().map(|&value| fences.label(value)).collect()
    }

    /// How many values bear each label.
    #[must_use]
    pub fn outlier_counts(&self) -> OutlierCounts {
        let fences = self.fences();
        let mut counts = OutlierCounts::default();
        for &value in &self.values {
            match fences.label(value) {
                Outlier::None => {}
                Outlier::LowSevere => counts.low_severe += 1,
                Outlier::LowMild => counts.low_mild += 1,
                Outlier::HighMild => counts.high_mild += 1,
                Outlier::HighSevere => counts.high_severe += 1,
            }
        }
        counts
    }
}

/// Tukey's four fences, in the sample's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fences {
    /// Below it: low and severe.
    pub low_severe: f64,
    /// Below it: low and mild.
    pub low_mild: f64,
    /// Above it: high and mild.
    pub high_mild: f64,
    /// Above it: high and severe.
    pub high_severe: f64,
}

impl Fences {
    /// The label of one value. A value on a fence is inside it.
    #[must_use]
    pub fn label(&self, value: f64) -> Outlier {
        if value < self.low_severe {
            Outlier::LowSevere
        } else if value < self.low_mild {
            Outlier::LowMild
        } else if value > self.high_severe {
            Outlier::HighSevere
        } else if value > self.high_mild {
            Outlier::HighMild
        } else {
            Outlier::None
        }
    }
}

/// Where a value lies among Tukey's fences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outlier {
    /// Inside the mild fences.
    None,
    /// More than 3 interquartile ranges below the first quartile.
    LowSevere,
    /// 1.5 to 3 interquartile ranges below the first quartile.
    LowMild,
    /// 1.5 to 3 interquartile ranges above the third quartile.
    HighMild,
    /// More than 3 interquartile ranges above the third quartile.
    HighSevere,
}

/// How many values of a sample bear each outlier label.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutlierCounts {
    /// Values below the severe low fence.
    pub low_severe: usize,
    /// Values between the low fences.
    pub low_mild: usize,
    /// Values between the high fences.
    pub high_mild: usize,
    /// Values above the severe high fence.
    pub high_severe: usize,
}

impl OutlierCounts {
    /// All outliers together.
    #[must_use]
    pub fn total(&self) -> usize {
        self.low_severe + self.low_mild + self.high_mild + self.high_severe
    }
}

/// Mean of a non-empty slice.
pub(crate) fn mean_of(values: &[f64]) -> f64 {
    let first = values[0];
    first + values.iter().map(|value| value - first).sum::<f64>() / values.len() as f64
}

/// Unbiased variance in two passes; `None` below two values.
pub(crate) fn variance_of(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean_of(values);
    Some(values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64)
}

/// Type-7 quantile of a non-empty ascending slice, `0 <= q <= 1`.
pub(crate) fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let below = (position.floor() as usize).min(sorted.len() - 1);
    let above = (below + 1).min(sorted.len() - 1);
    between(sorted[below], sorted[above], position - below as f64)
}

/// The point a fraction of the way from `low` to `high`, never outside them.
pub(crate) fn between(low: f64, high: f64, fraction: f64) -> f64 {
    (low + (high - low) * fraction).clamp(low, high)
}
