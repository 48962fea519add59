//! The record of a run: what was planned.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::{Cell, Environment, Trial};
use crate::{Parity, VERSION};
use portbench_backend::{BackendInfo, LoweringReport};

/// What a run set out to do; `run.json` of its directory. Written once, before the first cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RunInfo {
    /// [`VERSION`] of the writer.
    pub version: u32,
    /// Name of the suite, or of what stood in its place.
    pub suite: String,
    /// Start, seconds since 1970-01-01 UTC.
    pub started: u64,
    /// Seed of the order of trials and of everything resampled.
    pub seed: u64,
    /// Trials of a cell.
    pub trials: u64,
    /// The machine at the start.
    pub environment: Environment,
    /// The cells, in the order of the suite.
    pub plan: Vec<PlanEntry>,
}

impl RunInfo {
    /// The entry of that cell.
    #[must_use]
    pub fn entry(&self, cell_id: &str) -> Option<&PlanEntry> {
        self.plan.iter().find(|entry| entry.cell.id() == cell_id)
    }
}

/// A cell of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PlanEntry {
    /// Which cell.
    pub cell: Cell,
    /// Fingerprint of its program.
    pub fingerprint: String,
    /// Digest of everything else that decides what is done: inputs, parameters, parity check, timing.
    pub settings: String,
}

/// A trial that finished while its cell has not: kept beside the cells until the cell's record is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PartialTrial {
    /// [`VERSION`] of the writer.
    pub version: u32,
    /// Number of the trial within its cell, from 0.
    pub number: u64,
    /// What is known of it.
    pub trial: Trial,
    /// Who executed.
    pub backend: Option<BackendInfo>,
    /// How each op was lowered.
    pub lowering: Option<LoweringReport>,
    /// Verdict of the parity check, in the trial that made it.
    pub parity: Option<Parity>,
}

impl PartialTrial {
    /// A finished trial of this version.
    #[must_use]
    pub fn new(number: u64, trial: Trial) -> Self {
        Self { version: VERSION, number, trial, backend: None, lowering: None, parity: None }
    }
}
