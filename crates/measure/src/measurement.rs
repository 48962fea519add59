//! What one trial measured. Times are whole nanoseconds unless a name says seconds; nothing is summarised away that a later reader may need.

use crate::accelerator::AcceleratorTelemetry;
use portbench_backend::Compilation;
use portbench_stats::{LatencyHistogram, StatsError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One trial's measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Measurement {
    /// What was discarded before sampling.
    pub warmup: WarmupReport,
    /// The samples.
    pub samples: Samples,
    /// Does the barrier wait for the work?
    pub barrier: Option<BarrierCheck>,
    /// What the machine did meanwhile.
    pub telemetry: Telemetry,
    /// What the accelerator said of itself meanwhile; absent on a CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator: Option<AcceleratorTelemetry>,
    /// What measuring itself cost.
    pub overhead: Overhead,
    /// Of replicas that were measured together, what each one added to the samples; empty for one worker alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<ReplicaShare>,
}

/// What one of several replicas added to a measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReplicaShare {
    /// The device that it ran on, with the CPUs that it was bound to if any: `cuda:1`, `cpu (2-3)`.
    pub device: String,
    /// Samples of this replica: they stand together, in the order of the replicas.
    pub samples: u64,
    /// Time that its samples took together, seconds.
    pub seconds: f64,
}

/// The warm-up, discarded from every figure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WarmupReport {
    /// Executions of the task.
    pub executions: u64,
    /// Time taken.
    pub seconds: f64,
    /// Whether the times had settled by its end; `None` with too few to tell.
    pub settled: Option<bool>,
    /// Times of its first executions, in order: as many as [`WarmupReport::KEPT`]. Empty in records that are older than this field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nanoseconds: Vec<u64>,
}

impl WarmupReport {
    /// Most executions whose times are kept.
    pub const KEPT: usize = 512;
}

/// The samples of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Samples {
    /// Executions one after another, each sample closed by a barrier.
    Iterations {
        /// Executions in one sample.
        group: u64,
        /// Units of work of one execution.
        units: u64,
        /// Time of each sample.
        nanoseconds: Vec<u64>,
    },
    /// Generate requests one after another.
    Generate {
        /// Rows of a request.
        batch: u64,
        /// Tokens of each row's prompt.
        prompt: u64,
        /// Tokens written per row.
        new_tokens: u64,
        /// The requests.
        requests: Vec<GenerateSample>,
        /// Time between tokens, over all requests.
        between_tokens: Histogram,
    },
    /// Optimiser steps.
    Training {
        /// Units of work of one step.
        units: u64,
        /// Time of each sample.
        nanoseconds: Vec<u64>,
        /// Steps in one sample.
        group: u64,
        /// Loss on the training batch.
        losses: Vec<LossPoint>,
        /// Loss on the held-out text.
        evaluations: Vec<LossPoint>,
    },
    /// An open loop of queries.
    Server {
        /// Units of work of one query.
        units: u64,
        /// Mean arrivals per second asked for.
        rate: f64,
        /// Queries answered.
        queries: u64,
        /// From the first scheduled arrival to the last completion.
        seconds: f64,
        /// Scheduled arrival to completion.
        latency: Histogram,
        /// Scheduled arrival to issue, while the backend was free: the harness' own lateness.
        lag: Histogram,
        /// Scheduled arrival to first token, of generate.
        ttft: Option<Histogram>,
        /// Mean time per further token of each query, of generate.
        tpot: Option<Histogram>,
        /// Most queries that waited at once.
        longest_queue: u64,
    },
}

/// One generate request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GenerateSample {
    /// Start to first token on the host.
    pub ttft: u64,
    /// Start to last token on the host.
    pub total: u64,
}

/// A loss at a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LossPoint {
    /// Steps taken before it was computed.
    pub step: u64,
    /// The loss.
    pub loss: f64,
}

/// An HDR histogram, serialised as its own V2 format in base64, with what people read beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Histogram {
    /// Values counted.
    pub count: u64,
    /// Smallest value.
    pub min: u64,
    /// Largest value.
    pub max: u64,
    /// HDR histogram V2 bytes, base64.
    pub hdr: String,
}

impl Histogram {
    /// What a histogram of nanoseconds holds.
    ///
    /// # Errors
    /// [`StatsError::Encode`] for a count above 2^63.
    pub fn of(histogram: &LatencyHistogram) -> Result<Self, StatsError> {
        Ok(Self {
            count: histogram.count(),
            min: histogram.min().unwrap_or(0),
            max: histogram.max().unwrap_or(0),
            hdr: histogram.to_base64()?,
        })
    }

    /// The histogram, to ask for quantiles.
    ///
    /// # Errors
    /// [`StatsError::Base64`], [`StatsError::Decode`], [`StatsError::Parameter`] for text that no histogram of this project wrote.
    pub fn open(&self) -> Result<LatencyHistogram, StatsError> {
        LatencyHistogram::from_base64(&self.hdr)
    }
}

/// Work doubled must take twice the time, and reading a result back must add no more than its copy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BarrierCheck {
    /// Time of `2 n` executions and a barrier over that of `n` and a barrier.
    pub doubling: f64,
    /// Seconds that a fetch after the barrier took beyond a second fetch of the same output: pending work shows here.
    pub read_back_seconds: f64,
    /// Whether both are as they must be of a barrier.
    pub honest: bool,
}

/// Readings of the worker process and its machine while samples were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Telemetry {
    /// CPU time of the worker over wall time, in cores.
    pub cpu_cores: Option<f64>,
    /// Load of everything else on the machine, in cores.
    pub other_load_cores: Option<f64>,
    /// Largest resident set of the worker since its start, bytes.
    pub peak_rss_bytes: Option<u64>,
    /// Resident set at the end of sampling, bytes.
    pub rss_bytes: Option<u64>,
    /// Memory available on the machine at the end of sampling, bytes.
    pub available_memory_bytes: Option<u64>,
}

/// Cost of measuring, found in the same process before sampling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Overhead {
    /// Smallest step of the clock seen.
    pub timer_resolution_ns: u64,
    /// Harness time per sample over a backend that does nothing.
    pub sample_ns: f64,
}

/// One-off phases of a trial, each in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Phases {
    /// Process start to backend ready.
    pub start: Option<f64>,
    /// Lowering, compiling and loading parameters.
    pub compile: Option<f64>,
    /// First execution with its barrier.
    pub first_execute: Option<f64>,
    /// The parity execution, its own compilation included.
    pub parity: Option<f64>,
}

/// What compiling cost, entry by entry, of a backend that keeps what it compiles; else empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Compilations {
    /// Of the program of the parity check, in a trial that made it. Where it is the timed program, that finds its artefacts here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parity: Vec<Compilation>,
    /// Of the timed program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timed: Vec<Compilation>,
}

impl Compilations {
    /// Whether nothing was compiled or found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parity.is_empty() && self.timed.is_empty()
    }
}
