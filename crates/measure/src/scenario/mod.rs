//! Loops of the scenarios.

pub(crate) mod generate;
pub(crate) mod iterations;
pub(crate) mod server;
pub(crate) mod training;

use crate::measurement::{BarrierCheck, Samples, WarmupReport};

/// What a scenario brings home.
pub(crate) struct Sampled {
    pub(crate) first_execute: f64,
    pub(crate) warmup: WarmupReport,
    pub(crate) barrier: Option<BarrierCheck>,
    pub(crate) samples: Samples,
    pub(crate) telemetry: crate::measurement::Telemetry,
}
