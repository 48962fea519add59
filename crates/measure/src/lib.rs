//! Measuring: what to execute and how to time it, and what was measured.
//!
//! Not here: processes and protocol (`portbench-worker`), statistics (`portbench-stats`), storage (`portbench-records`).

mod figure;
mod measurement;
mod spec;
mod words;

pub use figure::{Figure, FigureValue, Metric};
pub use measurement::{
    BarrierCheck, GenerateSample, Histogram, LossPoint, Measurement, Overhead, Phases, Samples, Telemetry,
    WarmupReport,
};
pub use spec::{Corpus, Evaluation, InputSource, Inputs, MeasureSpec, ParityTask, Sampling, Task, Warmup};
pub use words::{Boundary, LatencyBounds, Mode, Numerics, Scenario, Unit};
