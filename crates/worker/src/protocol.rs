//! What the runner and a worker say to each other: one JSON object a line, UTF-8, in both directions.
//!
//! A worker is started as a process. It writes [`FromWorker::Hello`] and then, when its backend is ready, [`FromWorker::Ready`] (or [`FromWorker::Failed`]).
//! The runner writes one [`Job`]. The worker answers with [`FromWorker::Phase`] lines as phases begin, [`FromWorker::Progress`] lines at least every few
//! seconds while it can, [`FromWorker::Waiting`] where the job asks for it (the runner then says [`ToWorker::Go`]), [`FromWorker::Parity`] and [`FromWorker::Measured`] where the job asks for them, and ends with [`FromWorker::Done`] or
//! [`FromWorker::Failed`]. End of input tells a worker to exit. Anything else on the line, or another version, is a broken worker.

use std::path::PathBuf;

use portbench_backend::{BackendInfo, CompileOptions, LoweringReport, ParamSource, UnsupportedOp};
use portbench_graph::Program;
use portbench_measure::{Compilations, Inputs, MeasureSpec, Measurement, ParityTask, Phases};
use serde::{Deserialize, Serialize};

/// Version of the protocol. A worker of another version is refused.
pub const VERSION: u32 = 1;

/// Longest line either side accepts, in bytes.
pub const MAX_LINE: usize = 256 << 20;

/// One trial's work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Job {
    /// [`VERSION`].
    pub protocol: u32,
    /// Directory that both sides reach, for tensors.
    pub scratch: PathBuf,
    /// Choices of every compilation.
    pub options: CompileOptions,
    /// What to compute for comparison, if anything.
    pub parity: Option<ParityJob>,
    /// What to time, if anything.
    pub measure: Option<MeasureJob>,
    /// Whether to wait for [`ToWorker::Go`] between warm-up and sampling: others are to sample at the same time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub together: bool,
}

/// A line to a worker that has its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ToWorker {
    /// Everybody is ready: sample.
    Go,
}

/// The parity part of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ParityJob {
    /// Program.
    pub program: Program,
    /// Its parameters.
    pub params: ParamSource,
    /// Its inputs.
    pub inputs: Inputs,
    /// What is executed.
    pub task: ParityTask,
}

/// The timed part of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MeasureJob {
    /// Program.
    pub program: Program,
    /// Its parameters.
    pub params: ParamSource,
    /// Its inputs.
    pub inputs: Inputs,
    /// What is executed and how it is timed.
    pub spec: MeasureSpec,
}

/// A line from a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FromWorker {
    /// First line.
    Hello {
        /// [`VERSION`] the worker speaks.
        protocol: u32,
        /// Name and version of the program.
        worker: String,
    },
    /// The backend holds its device; the job may be sent.
    Ready {
        /// Who executes.
        info: BackendInfo,
    },
    /// A phase begins.
    Phase {
        /// Which.
        phase: Phase,
    },
    /// Still alive.
    Progress {
        /// Fraction of the phase done, where it is known.
        fraction: Option<f64>,
        /// What a person may like to see, such as `step 1200, loss 2.013`.
        detail: Option<String>,
    },
    /// Warmed up, and waiting for [`ToWorker::Go`].
    Waiting,
    /// The parity outputs were written.
    Parity {
        /// safetensors file under the scratch directory.
        outputs: PathBuf,
        /// How the parity program was lowered.
        lowering: LoweringReport,
    },
    /// The timed part is done.
    Measured {
        /// What was measured.
        measurement: Box<Measurement>,
        /// How the program was lowered.
        lowering: LoweringReport,
        /// One-off phases.
        phases: Phases,
        /// What compiling cost, of a backend that keeps what it compiles.
        #[serde(default, skip_serializing_if = "Compilations::is_empty")]
        compilations: Box<Compilations>,
        /// Who executed, as it stands after the timed part: the job may have set threads and switches. What [`FromWorker::Ready`] said if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        info: Option<Box<BackendInfo>>,
    },
    /// The job is done; the worker may be told to exit.
    Done,
    /// The job cannot go on; the worker exits.
    Failed {
        /// What kind of failure.
        failure: Failure,
        /// What happened, with its causes.
        text: String,
    },
}

/// Phases of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Compiling, executing and writing the parity outputs.
    Parity,
    /// Lowering, compiling, loading.
    Compile,
    /// First execution.
    FirstExecute,
    /// Warm-up.
    Warmup,
    /// Sampling.
    Sampling,
}

/// Kinds of failure that a worker can name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Failure {
    /// The device or a library is not there.
    Unavailable,
    /// The backend cannot run these ops.
    Unsupported {
        /// Every one.
        ops: Vec<UnsupportedOp>,
    },
    /// The device or host has not enough memory.
    OutOfMemory,
    /// A step that has a time limit of its own, such as compiling, ran past it.
    TimedOut,
    /// Anything else.
    Error,
}
