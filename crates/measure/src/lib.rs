//! Measuring: what to execute and how to time it, and what was measured.
//!
//! Not here: processes and protocol (`portbench-worker`), statistics (`portbench-stats`), storage (`portbench-records`).

mod accelerator;
mod barrier;
mod clock;
mod corpus;
mod decode;
mod error;
mod feed;
mod figure;
mod figures;
mod measurement;
mod overhead;
mod parity;
mod replicas;
mod run;
mod scenario;
mod session;
mod spec;
mod telemetry;
mod warm;
mod words;

pub use accelerator::{AcceleratorTelemetry, DeviceErrors, EnergyMethod, PowerShare, Reading, Watch};
pub use clock::{Clock, FakeClock, SystemClock, resolution};
pub use corpus::Split;
pub use error::MeasureError;
pub use feed::{Batch, Feeder};
pub use figure::{Figure, FigureValue, Metric};
pub use figures::{BoundVerdict, Finding, Gravity, bound_verdicts, figures, findings};
pub use measurement::{
    BarrierCheck, Compilations, GenerateSample, Histogram, LossPoint, Measurement, Overhead, Phases,
    ReplicaShare, Samples, Telemetry, WarmupReport,
};
pub use overhead::overhead;
pub use parity::execute_parity;
pub use replicas::together;
pub use run::{Timed, measure};
pub use session::{Progress, Stage};
pub use spec::{Corpus, Evaluation, InputSource, Inputs, MeasureSpec, ParityTask, Sampling, Task, Warmup};
pub use words::{Boundary, LatencyBounds, Mode, Numerics, Scenario, Unit};
