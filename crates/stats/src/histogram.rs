//! A compact store for many latencies.
//!
//! Where a run has more samples than are worth keeping (a `server` scenario of millions of queries), they go into a
//! histogram of nanoseconds whose buckets keep 3 significant digits: every value read back is within 0.1 % of the one
//! recorded. Histograms of several trials merge without loss. Below some 10^5 samples keep the raw nanoseconds.

use crate::error::{StatsError, check_open_unit};
use crate::estimate::Estimate;
use crate::quantile::{QuantileEstimate, Ranks, ranks, smallest_n_two_sided};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2Serializer};
use serde::de::Error as _;
use serde::ser::Error as _;
use std::fmt;

/// Significant decimal digits kept.
pub const SIGNIFICANT_DIGITS: u8 = 3;

/// Counts of latencies in nanoseconds.
///
/// Written by serde as one string: the HdrHistogram V2 encoding in base64, which the HdrHistogram libraries of other
/// languages read too.
#[derive(Clone, PartialEq)]
pub struct LatencyHistogram(Histogram<u64>);

impl LatencyHistogram {
    /// An empty histogram; it grows with what is recorded.
    ///
    /// # Errors
    ///
    /// [`StatsError::Create`] where the platform cannot hold one.
    pub fn new() -> Result<Self, StatsError> {
        Histogram::new(SIGNIFICANT_DIGITS).map(Self).map_err(StatsError::Create)
    }

    /// Counts one latency.
    ///
    /// # Errors
    ///
    /// [`StatsError::Record`] where the platform cannot hold a histogram that wide.
    pub fn record(&mut self, nanos: u64) -> Result<(), StatsError> {
        self.0.record(nanos).map_err(StatsError::Record)
    }

    /// Counts one latency of a closed loop that meant to send every `interval` nanoseconds, and the ones the stall hid:
    /// `nanos - interval`, `nanos - 2 interval`, ... (coordinated omission). Only for data without scheduled times; an
    /// open loop that measures from the scheduled time must use [`Self::record`].
    ///
    /// # Errors
    ///
    /// As [`Self::record`].
    pub fn record_corrected(&mut self, nanos: u64, interval: u64) -> Result<(), StatsError> {
        self.0.record_correct(nanos, interval).map_err(StatsError::Record)
    }

    /// Adds the counts of another histogram.
    ///
    /// # Errors
    ///
    /// [`StatsError::Merge`] where the platform cannot hold the result.
    pub fn merge(&mut self, other: &Self) -> Result<(), StatsError> {
        self.0.add(&other.0).map_err(StatsError::Merge)
    }

    /// How many latencies lie within a bound, to the 3 digits kept.
    #[must_use]
    pub fn count_within(&self, nanos: u64) -> u64 {
        self.0.count_between(0, nanos)
    }

    /// How many latencies were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Smallest latency in nanoseconds, to 3 digits; `None` when empty.
    #[must_use]
    pub fn min(&self) -> Option<u64> {
        (!self.0.is_empty()).then(|| self.0.min())
    }

    /// Largest latency in nanoseconds, to 3 digits; `None` when empty.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (!self.0.is_empty()).then(|| self.0.max())
    }

    /// Mean in nanoseconds, to 3 digits; `None` when empty.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.mean())
    }

    /// The smallest recorded latency that at least a share `q` of all does not exceed, in nanoseconds.
    ///
    /// # Errors
    ///
    /// [`StatsError::Empty`], and [`StatsError::Parameter`] unless `0 <= q <= 1`.
    pub fn quantile(&self, q: f64) -> Result<u64, StatsError> {
        if !(0.0..=1.0).contains(&q) {
            return Err(StatsError::Parameter { name: "quantile", value: q, wanted: "0 to 1" });
        }
        if self.0.is_empty() {
            return Err(StatsError::Empty);
        }
        Ok(self.0.value_at_quantile(q))
    }

    /// The `q` quantile in nanoseconds with its order-statistic interval (see [`crate::quantile`]).
    ///
    /// # Errors
    ///
    /// [`StatsError::Empty`], and [`StatsError::Parameter`] unless `q` and `confidence` lie inside (0, 1).
    pub fn quantile_interval(&self, q: f64, confidence: f64) -> Result<QuantileEstimate, StatsError> {
        check_open_unit("quantile", q)?;
        let n = self.count();
        match ranks(n, q, confidence)? {
            Ranks { low: Some(low), high: Some(high) } => {
                let value = self.quantile(q)? as f64;
                let (low, high) = (self.at_rank(low), self.at_rank(high));
                Ok(QuantileEstimate::Estimable(Estimate::around(value, low, high, confidence)))
            }
            _ => Ok(QuantileEstimate::NotEstimable { have: n, needed: smallest_n_two_sided(q, confidence)? }),
        }
    }

    /// The latency of a rank from 1 to the count. Half a rank is taken off, so that rounding cannot reach the next.
    fn at_rank(&self, rank: u64) -> f64 {
        self.0.value_at_quantile((rank as f64 - 0.5) / self.count() as f64) as f64
    }

    /// The V2 encoding in base64.
    ///
    /// # Errors
    ///
    /// [`StatsError::Encode`] for a count above 2^63.
    pub fn to_base64(&self) -> Result<String, StatsError> {
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&self.0, &mut bytes).map_err(StatsError::Encode)?;
        Ok(STANDARD.encode(bytes))
    }

    /// Reads what [`Self::to_base64`] wrote.
    ///
    /// # Errors
    ///
    /// [`StatsError::Base64`], [`StatsError::Decode`], [`StatsError::Parameter`] for a histogram of another precision.
    pub fn from_base64(text: &str) -> Result<Self, StatsError> {
        let bytes = STANDARD.decode(text).map_err(StatsError::Base64)?;
        let mut histogram: Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(StatsError::Decode)?;
        if histogram.sigfig() != SIGNIFICANT_DIGITS {
            let value = f64::from(histogram.sigfig());
            return Err(StatsError::Parameter { name: "significant digits", value, wanted: "3" });
        }
        histogram.auto(true);
        Ok(Self(histogram))
    }
}

impl fmt::Debug for LatencyHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LatencyHistogram").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl serde::Serialize for LatencyHistogram {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64().map_err(S::Error::custom)?)
    }
}

impl<'de> serde::Deserialize<'de> for LatencyHistogram {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::from_base64(&text).map_err(D::Error::custom)
    }
}
