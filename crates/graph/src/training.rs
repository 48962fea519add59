//! What one training step is.

use serde::{Deserialize, Serialize};

/// Learning rate as a function of the step, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// The same at every step.
    Constant {
        /// Learning rate.
        rate: f64,
    },
    /// Linear warm-up to `rate` over `warmup` steps, `rate * (step + 1) / (warmup + 1)`, then a cosine down to `floor` at step
    /// `steps`, then `floor`.
    WarmupCosine {
        /// Peak learning rate.
        rate: f64,
        /// Final learning rate.
        floor: f64,
        /// Warm-up steps.
        warmup: u64,
        /// Step at which the floor is reached.
        steps: u64,
    },
}

impl Schedule {
    /// Learning rate of a step.
    #[must_use]
    pub fn rate(&self, step: u64) -> f64 {
        match *self {
            Self::Constant { rate } => rate,
            Self::WarmupCosine { rate, floor, warmup, steps } => {
                if step < warmup {
                    rate * (step + 1) as f64 / (warmup + 1) as f64
                } else if step >= steps {
                    floor
                } else {
                    let progress = (step - warmup) as f64 / (steps - warmup) as f64;
                    floor + 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()) * (rate - floor)
                }
            }
        }
    }
}

/// Which parameters AdamW's weight decay applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecayRule {
    /// Every trainable parameter.
    All,
    /// Those of rank 2 and more: matrices and embeddings, not biases and norm weights.
    Matrices,
}

/// Update rule. `p` parameter, `g` gradient after clipping, `lr` the schedule's rate, `t` the step counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Optimizer {
    /// `v = momentum * v + g` (`v = g` at the first step), `p -= lr * v`.
    Sgd {
        /// 0 for plain gradient descent.
        momentum: f64,
    },
    /// Loshchilov and Hutter's AdamW (arXiv:1711.05101) as PyTorch computes it: `p *= 1 - lr * weight_decay` where the rule
    /// applies; `m = beta1 m + (1 - beta1) g`; `v = beta2 v + (1 - beta2) g^2`;
    /// `p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)`.
    #[serde(rename = "adamw")]
    AdamW {
        /// Decay of the first moment.
        beta1: f64,
        /// Decay of the second moment.
        beta2: f64,
        /// Added to the root of the second moment after bias correction.
        eps: f64,
        /// Decoupled weight decay.
        weight_decay: f64,
        /// Where it applies.
        decay: DecayRule,
    },
}

/// One training step: run `entry`, differentiate its scalar output `loss` by every trainable parameter the entry reads, clip,
/// update. Frozen parameters are those whose [`crate::ParamSpec::trainable`] is false.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSpec {
    /// Entry that computes the loss.
    pub entry: String,
    /// Its scalar float output to minimise.
    pub loss: String,
    /// Update rule.
    pub optimizer: Optimizer,
    /// Learning rate.
    pub schedule: Schedule,
    /// Gradients are multiplied by `min(1, clip / (norm + 1e-6))`, the norm taken over all of them (PyTorch's
    /// `clip_grad_norm_`); `None` leaves them.
    pub clip_norm: Option<f64>,
}
