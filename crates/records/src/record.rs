//! The record of a cell.

use std::collections::BTreeMap;
use std::fmt;

use portbench_backend::{BackendInfo, LoweringReport};
use portbench_measure::{
    Compilations, Figure, MeasureSpec, Measurement, Mode, Numerics, Phases, Scenario, Unit,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the record format that this code writes. Readers accept every version up to it.
pub const VERSION: u32 = 1;

/// One cell of a run: what was to be done, how it ended, what was measured, and everything needed to defend the numbers. Holds no host, user or account names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Record {
    /// [`VERSION`] of the writer.
    pub version: u32,
    /// Which cell.
    pub cell: Cell,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, where it did not end as measured; else what a reader should know of its times, if anything. For people.
    pub detail: Option<String>,
    /// Where the figures come from.
    pub provenance: Provenance,
    /// What the work is.
    pub problem: Problem,
    /// Who executed; absent if no worker became ready.
    pub backend: Option<BackendInfo>,
    /// How each op was lowered; absent if nothing was compiled.
    pub lowering: Option<LoweringReport>,
    /// How right it was; absent if it was not reached.
    pub parity: Option<Parity>,
    /// Figures over the trials; empty unless measured.
    pub figures: Vec<Figure>,
    /// How it was timed.
    pub spec: MeasureSpec,
    /// The trials that finished, in order.
    pub trials: Vec<Trial>,
    /// The machine and the program.
    pub environment: Environment,
}

/// The key of a cell. Its [`Cell::id`] names the record's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cell {
    /// Workload name.
    pub workload: String,
    /// Mode.
    pub mode: Mode,
    /// Traffic.
    pub scenario: Scenario,
    /// Backend name.
    pub backend: String,
    /// Device name.
    pub device: String,
    /// Numerics.
    pub numerics: Numerics,
    /// Workers that ran at the same time, each on a device of its own; `device` is the first one's.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub replicas: u64,
}

fn one() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_one(replicas: &u64) -> bool {
    *replicas == 1
}

impl Cell {
    /// Backend and device, as on the command line; with the number of replicas where there are several.
    #[must_use]
    pub fn target(&self) -> String {
        match self.replicas {
            1 => format!("{}@{}", self.backend, self.device),
            n => format!("{}@{} x{n}", self.backend, self.device),
        }
    }

    /// Name of the cell for people and files: its parts joined by dots, made of `a-z0-9.-` alone. Replicas are named where there are several.
    #[must_use]
    pub fn id(&self) -> String {
        let mut text = format!(
            "{}.{}.{}.{}.{}.{}",
            self.workload, self.mode, self.scenario, self.backend, self.device, self.numerics
        );
        if self.replicas != 1 {
            text.push_str(&format!(".x{}", self.replicas));
        }
        text.chars()
            .map(|c| match c.to_ascii_lowercase() {
                c @ ('a'..='z' | '0'..='9' | '.' | '-') => c,
                _ => '-',
            })
            .collect()
    }
}

/// How a cell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Ran, is right, and was timed.
    Measured,
    /// Ran, but fails its parity check: nothing timed is published.
    Incorrect,
    /// The backend cannot run some op.
    Unsupported,
    /// Backend or device is not on this machine.
    Unavailable,
    /// Not enough memory.
    OutOfMemory,
    /// Did not answer in time.
    TimedOut,
    /// The worker died or broke the protocol.
    Crashed,
    /// Not run, as asked.
    Skipped,
}

impl Outcome {
    /// The word, as in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Incorrect => "incorrect",
            Self::Unsupported => "unsupported",
            Self::Unavailable => "unavailable",
            Self::OutOfMemory => "out-of-memory",
            Self::TimedOut => "timed-out",
            Self::Crashed => "crashed",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where figures come from. The three never share a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// Measured here.
    Measured,
    /// Published by somebody.
    Published,
    /// Computed from a model of the hardware.
    Projected,
}

/// The work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Problem {
    /// Model for people, such as `gpt2 124m`.
    pub model: String,
    /// Number of parameters.
    pub parameters: u64,
    /// Bytes of all parameters as kept.
    pub parameter_bytes: u64,
    /// Shapes and counts by the workload file's own words: `batch`, `prompt`, `new-tokens`, `sequence`.
    pub shape: BTreeMap<String, u64>,
    /// Unit of work.
    pub unit: Unit,
    /// Fingerprint of the program.
    pub fingerprint: String,
    /// Floating-point operations of one execution of the task (one forward, one whole generate request, one step).
    pub flops: u64,
    /// Bytes that must move for one execution of the task, each operand and result once.
    pub bytes: u64,
    /// Where the parameters came from, for people: `generated (seed 1)` or a checkpoint's file names.
    pub weights: String,
}

/// The parity check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Parity {
    /// Fingerprint of the program that was checked: the workload's own, or the same builder at a size that the oracle reaches.
    pub fingerprint: String,
    /// How the checked program differs from the timed one, for people; `None` if it does not.
    pub reduced: Option<String>,
    /// Whether it passed.
    pub passed: bool,
    /// The rule that decided, for people.
    pub rule: String,
    /// Every compared output.
    pub outputs: Vec<OutputParity>,
}

/// One compared output. Errors are relative: the norm of the difference over that of the golden value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OutputParity {
    /// Name.
    pub name: String,
    /// Elements.
    pub elements: u64,
    /// Elements that are NaN or infinite.
    pub non_finite: u64,
    /// Error against the `f64` oracle; absent if something is not finite.
    pub error: Option<f64>,
    /// Error of the same element type on the CPU (the oracle's rounding mode) against the oracle.
    pub same_dtype_error: Option<f64>,
    /// `R`: the first over the second.
    pub ratio: Option<f64>,
    /// Largest absolute difference.
    pub max_abs: Option<f64>,
    /// Cosine with the golden value.
    pub cosine: Option<f64>,
    /// Rows whose largest element is the same, of logits: fraction.
    pub top1_agreement: Option<f64>,
    /// Mean Kullback-Leibler divergence of the golden distribution from the target's, of logits, in nats.
    pub kl: Option<f64>,
    /// Whether this output passed.
    pub passed: bool,
}

/// A trial that finished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Trial {
    /// Position of the trial in the run's interleaved order, from 0.
    pub order: u64,
    /// Start, seconds since 1970-01-01 UTC.
    pub started: u64,
    /// One-off phases.
    pub phases: Phases,
    /// What compiling cost, of a backend that keeps what it compiles.
    #[serde(default, skip_serializing_if = "Compilations::is_empty")]
    pub compilations: Compilations,
    /// What was measured.
    pub measurement: Measurement,
}

/// Machine and program, without anything that names a person, an account or a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Environment {
    /// Version of portbench.
    pub portbench: String,
    /// Commit it was built from, if known.
    pub commit: Option<String>,
    /// Operating system and version.
    pub os: String,
    /// Kernel version.
    pub kernel: String,
    /// Architecture.
    pub arch: String,
    /// CPU model.
    pub cpu: String,
    /// Logical CPUs that this process may use.
    pub cpus: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Further facts by name: frequency governor, virtualisation, container limits, instruction sets.
    pub facts: BTreeMap<String, String>,
}
