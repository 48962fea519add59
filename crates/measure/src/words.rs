//! The words that name a cell.

use std::fmt;

use portbench_graph::DType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is done with the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// One forward pass.
    Inference,
    /// Prefill and greedy decoding with a KV cache.
    Generate,
    /// Optimiser steps.
    Training,
}

/// Shape of the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Scenario {
    /// The next query starts when the last one has finished.
    SingleStream,
    /// Queries are issued back to back, the barrier comes at the end of a group: throughput only.
    Offline,
    /// Open loop: arrivals follow a Poisson process whatever the backend does; latency counts from the scheduled arrival.
    Server {
        /// Mean arrivals per second.
        rate: f64,
        /// Bounds that the run is held against.
        #[serde(default)]
        bounds: LatencyBounds,
    },
}

/// Latency bounds of a server scenario, each at the 99th percentile as in MLPerf inference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LatencyBounds {
    /// Seconds from scheduled arrival to completion.
    pub latency: Option<f64>,
    /// Seconds from scheduled arrival to the first token.
    pub ttft: Option<f64>,
    /// Mean seconds per further token of a query.
    pub tpot: Option<f64>,
}

/// What the timer encloses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Boundary {
    /// Execution and barrier; inputs lie on the device, results stay there.
    #[default]
    DeviceResident,
    /// Binding inputs, execution, and fetching the results.
    HostToHost,
}

/// Number formats in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Numerics {
    /// Everything in `f64`.
    F64,
    /// Everything in `f32`.
    F32,
    /// `f32`, with matrix products allowed to round their operands to TF32.
    Tf32,
    /// Computation in `bf16`; training keeps parameters and optimiser state in `f32`.
    Bf16,
    /// Computation in `f16`; training keeps parameters and optimiser state in `f32`.
    F16,
}

/// What one unit of work is, for throughput and cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Tokens: read by a forward pass or training step, written by generate.
    Tokens,
    /// Images.
    Images,
    /// Sentences embedded or other whole rows of a batch.
    Samples,
    /// Executions of a single kernel.
    Executions,
}

impl Mode {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inference => "inference",
            Self::Generate => "generate",
            Self::Training => "training",
        }
    }
}

impl Scenario {
    /// The word, without the rate.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SingleStream => "single-stream",
            Self::Offline => "offline",
            Self::Server { .. } => "server",
        }
    }
}

impl Numerics {
    /// Every one, most precise first.
    pub const ALL: [Self; 5] = [Self::F64, Self::F32, Self::Tf32, Self::Bf16, Self::F16];

    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }

    /// The numerics of that word.
    ///
    /// # Errors
    /// A text that lists the words there are.
    pub fn parse(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|n| n.name() == word).ok_or_else(|| {
            format!("`{word}` is no numerics; there are {}", Self::ALL.map(Self::name).join(", "))
        })
    }

    /// Type of activations and of the parameters as operands.
    #[must_use]
    pub const fn compute(self) -> DType {
        match self {
            Self::F64 => DType::F64,
            Self::F32 | Self::Tf32 => DType::F32,
            Self::Bf16 => DType::Bf16,
            Self::F16 => DType::F16,
        }
    }

    /// Type in which parameters are kept.
    #[must_use]
    pub const fn storage(self, mode: Mode) -> DType {
        match (self, mode) {
            (Self::Bf16 | Self::F16, Mode::Training) => DType::F32,
            _ => self.compute(),
        }
    }
}

impl Unit {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Images => "images",
            Self::Samples => "samples",
            Self::Executions => "executions",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Numerics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Boundary {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeviceResident => "device-resident",
            Self::HostToHost => "host-to-host",
        }
    }
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server { rate, .. } => f.pad(&format!("server@{rate}/s")),
            _ => f.pad(self.name()),
        }
    }
}
