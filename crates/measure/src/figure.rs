//! Figures: what a person reads of a cell.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A figure of a cell over its trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Figure {
    /// What it is.
    pub metric: Metric,
    /// The value, or why there is none.
    pub value: FigureValue,
    /// The same figure of each trial alone, in order of trials: what comparisons rest on. Empty where a trial alone does not give it.
    #[serde(default)]
    pub trials: Vec<f64>,
}

impl Figure {
    /// Value and interval, if it is estimable: value, lower end, upper end.
    #[must_use]
    pub const fn estimate(&self) -> Option<[f64; 3]> {
        match self.value {
            FigureValue::Estimated { value, low, high, .. } => Some([value, low, high]),
            FigureValue::NotEstimable { .. } => None,
        }
    }
}

/// A value with its interval, or the reason for having none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FigureValue {
    /// A value.
    Estimated {
        /// Point estimate, in the metric's unit.
        value: f64,
        /// Lower end of the interval.
        low: f64,
        /// Upper end of the interval.
        high: f64,
        /// Confidence of the interval, as 0.95.
        confidence: f64,
        /// How the interval was made.
        method: String,
    },
    /// Too few samples or trials.
    NotEstimable {
        /// What would be needed.
        reason: String,
    },
}

/// What a figure is. Throughput is in the workload's unit per second, times are in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Units of work per second; of generate: tokens written per second over whole requests.
    Throughput,
    /// Median latency of one execution, request or step.
    LatencyP50,
    /// 90th percentile of latency.
    LatencyP90,
    /// 99th percentile of latency.
    LatencyP99,
    /// Median time to first token.
    TtftP50,
    /// 99th percentile of the time to first token.
    TtftP99,
    /// Median time per further token.
    TpotP50,
    /// 99th percentile of the time per further token.
    TpotP99,
    /// Prompt tokens read per second in prefill.
    PrefillThroughput,
    /// Loss on the training batch after the last step.
    Loss,
    /// Loss on held-out text after the last step.
    ValidationLoss,
    /// Floating-point operations per second achieved.
    FlopRate,
    /// Largest resident set of the worker, bytes.
    PeakMemory,
    /// Most memory of the accelerator in use at once while samples were taken, bytes: of every process on it.
    DeviceMemory,
    /// Energy of the accelerator per unit of work, joules: that of the sampling phase over the work done in it.
    EnergyPerUnit,
}

impl Metric {
    /// Every one, in the order of tables.
    pub const ALL: [Self; 15] = [
        Self::Throughput,
        Self::LatencyP50,
        Self::LatencyP90,
        Self::LatencyP99,
        Self::TtftP50,
        Self::TtftP99,
        Self::TpotP50,
        Self::TpotP99,
        Self::PrefillThroughput,
        Self::Loss,
        Self::ValidationLoss,
        Self::FlopRate,
        Self::PeakMemory,
        Self::DeviceMemory,
        Self::EnergyPerUnit,
    ];

    /// The word in tables and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::LatencyP50 => "latency-p50",
            Self::LatencyP90 => "latency-p90",
            Self::LatencyP99 => "latency-p99",
            Self::TtftP50 => "ttft-p50",
            Self::TtftP99 => "ttft-p99",
            Self::TpotP50 => "tpot-p50",
            Self::TpotP99 => "tpot-p99",
            Self::PrefillThroughput => "prefill-throughput",
            Self::Loss => "loss",
            Self::ValidationLoss => "validation-loss",
            Self::FlopRate => "flop-rate",
            Self::PeakMemory => "peak-memory",
            Self::DeviceMemory => "device-memory",
            Self::EnergyPerUnit => "energy-per-unit",
        }
    }

    /// Whether a larger value is better.
    #[must_use]
    pub const fn higher_is_better(self) -> bool {
        matches!(self, Self::Throughput | Self::PrefillThroughput | Self::FlopRate)
    }
}
