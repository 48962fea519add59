//! The `training` table of a workload file.

use std::path::PathBuf;

use portbench_graph::{DecayRule, Optimizer, Schedule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a training step is, and on what it trains.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrainingTable {
    /// Steps to take, each on a batch of its own and every one timed. If not given: as many as sampling asks for, all on one batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Update rule. AdamW if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<OptimizerTable>,
    /// Learning rate over the steps. 3e-4 throughout if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleTable>,
    /// Largest norm of all gradients together; larger ones are scaled down to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// The text to train on, for models that predict the next character. If not given: generated tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataTable>,
    /// Evaluation on the held-out part of the text; needs `data` and `steps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<EvaluationTable>,
}

/// Update rule; defaults are PyTorch's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum OptimizerTable {
    /// Gradient descent.
    #[serde(rename_all = "kebab-case")]
    Sgd {
        /// 0 for none.
        #[serde(default)]
        momentum: f64,
    },
    /// AdamW.
    #[serde(rename = "adamw", rename_all = "kebab-case")]
    AdamW {
        /// Decay of the first moment.
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay of the second moment.
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the root of the second moment.
        #[serde(default = "eps")]
        eps: f64,
        /// Decoupled weight decay.
        #[serde(default = "weight_decay")]
        weight_decay: f64,
        /// Parameters that decay.
        #[serde(default)]
        decay: Decay,
    },
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

fn eps() -> f64 {
    1e-8
}

fn weight_decay() -> f64 {
    0.01
}

/// Parameters that weight decay applies to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// Every trainable parameter.
    All,
    /// Matrices and embeddings, not biases and norm weights.
    #[default]
    Matrices,
}

/// Learning rate over the steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ScheduleTable {
    /// The same at every step.
    #[serde(rename_all = "kebab-case")]
    Constant {
        /// Learning rate.
        rate: f64,
    },
    /// A linear rise to `rate`, then a cosine down to `floor`.
    #[serde(rename_all = "kebab-case")]
    WarmupCosine {
        /// Highest learning rate.
        rate: f64,
        /// Last learning rate.
        floor: f64,
        /// Steps of the rise.
        warmup: u64,
        /// Step at which the floor is reached.
        steps: u64,
    },
}

/// A text to train on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DataTable {
    /// UTF-8 file; relative to the workload file, `~` is the home directory.
    pub text: PathBuf,
    /// Fraction at the end that is held out. 0.1 if not given.
    #[serde(default = "validation")]
    pub validation: f64,
}

fn validation() -> f64 {
    0.1
}

/// Evaluation on the held-out part of the text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EvaluationTable {
    /// Steps between evaluations; there is one before the first step and one after the last as well.
    pub every: u64,
    /// Batches averaged.
    pub batches: u64,
    /// Largest final loss that counts as trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
}

impl TrainingTable {
    /// Update rule in force.
    #[must_use]
    pub fn optimizer(&self) -> Optimizer {
        match self.optimizer {
            Some(OptimizerTable::Sgd { momentum }) => Optimizer::Sgd { momentum },
            Some(OptimizerTable::AdamW { beta1, beta2, eps, weight_decay, decay }) => {
                Optimizer::AdamW { beta1, beta2, eps, weight_decay, decay: decay.into() }
            }
            None => Optimizer::AdamW {
                beta1: beta1(),
                beta2: beta2(),
                eps: eps(),
                weight_decay: weight_decay(),
                decay: Decay::default().into(),
            },
        }
    }

    /// Learning rate in force.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        match self.schedule {
            Some(ScheduleTable::Constant { rate }) => Schedule::Constant { rate },
            Some(ScheduleTable::WarmupCosine { rate, floor, warmup, steps }) => {
                Schedule::WarmupCosine { rate, floor, warmup, steps }
            }
            None => Schedule::Constant { rate: 3e-4 },
        }
    }
}

impl From<Decay> for DecayRule {
    fn from(decay: Decay) -> Self {
        match decay {
            Decay::All => Self::All,
            Decay::Matrices => Self::Matrices,
        }
    }
}
