//! What tables and comparisons need of a record, read without its raw samples.

use std::collections::BTreeMap;

use portbench_measure::{Boundary, Figure, Metric};
use serde::Deserialize;

use crate::record::{Cell, Outcome, Problem, Provenance};

/// The part of a [`crate::Record`] that is small: everything but samples, lowering and environment. Reading it skips the rest of the text.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordHead {
    /// Format version of the record.
    pub version: u32,
    /// Which cell.
    pub cell: Cell,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, where it did not end as measured.
    pub detail: Option<String>,
    /// Where the figures come from.
    pub provenance: Provenance,
    /// What the work is.
    pub problem: Problem,
    /// How right it was.
    pub parity: Option<ParityHead>,
    /// Figures over the trials.
    pub figures: Vec<Figure>,
    /// How it was timed.
    pub spec: SpecHead,
    /// Who executed; absent if no worker became ready.
    pub backend: Option<BackendHead>,
    /// On what machine.
    pub environment: EnvironmentHead,
    /// The trials that finished.
    pub trials: Vec<TrialHead>,
}

impl RecordHead {
    /// What the accelerator said of itself, in the first trial in which it did.
    #[must_use]
    pub fn accelerator(&self) -> Option<&AcceleratorHead> {
        self.trials.iter().find_map(|trial| trial.measurement.accelerator.as_ref())
    }
}

/// What a comparison of runs needs of a [`crate::Record`]: less than [`RecordHead`], for runs of many cells.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparable {
    /// Format version of the record.
    pub version: u32,
    /// Which cell.
    pub cell: Cell,
    /// How it ended.
    pub outcome: Outcome,
    /// What the work is.
    pub problem: Problem,
    /// How it was timed.
    pub spec: SpecHead,
    /// With what settings; absent if no worker became ready.
    pub backend: Option<BackendHead>,
    /// The figures of each trial.
    pub figures: Vec<TrialFigures>,
}

/// A figure of each trial alone.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrialFigures {
    /// What it is.
    pub metric: Metric,
    /// In order of trials; empty where a trial alone does not give it.
    #[serde(default)]
    pub trials: Vec<f64>,
}

/// What two timings must share to be comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SpecHead {
    /// What the timer encloses.
    pub boundary: Boundary,
}

/// Versions and settings of a backend.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BackendHead {
    /// Versions of its libraries.
    pub versions: BTreeMap<String, String>,
    /// Flags and counts by name, as the backend reported them.
    pub settings: BTreeMap<String, String>,
}

/// The machine and the program.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EnvironmentHead {
    /// Version of portbench.
    pub portbench: String,
    /// Commit it was built from, if known.
    pub commit: Option<String>,
    /// Operating system and version.
    pub os: String,
    /// Kernel version.
    pub kernel: String,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// CPU model.
    pub cpu: String,
    /// Logical CPUs that the process could use.
    pub cpus: u64,
    /// Further facts by name.
    pub facts: BTreeMap<String, String>,
}

/// A trial, without its samples.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrialHead {
    /// What was measured.
    pub measurement: MeasurementHead,
}

/// A measurement, without its samples.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MeasurementHead {
    /// What the accelerator said of itself; absent on a CPU.
    pub accelerator: Option<AcceleratorHead>,
}

/// An accelerator, without its readings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AcceleratorHead {
    /// Its product name.
    pub name: Option<String>,
    /// Version of its driver.
    pub driver: Option<String>,
    /// Size of its memory; of replicas together that of all.
    pub memory_bytes: Option<u64>,
}

/// The verdict of a parity check.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ParityHead {
    /// Whether it passed.
    pub passed: bool,
    /// How the checked program differs from the timed one.
    pub reduced: Option<String>,
    /// Every compared output.
    pub outputs: Vec<OutputHead>,
}

/// How far one output is from what is right.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OutputHead {
    /// Error against the oracle.
    pub error: Option<f64>,
    /// `R`: the error over that of the same element type on the CPU.
    pub ratio: Option<f64>,
}
