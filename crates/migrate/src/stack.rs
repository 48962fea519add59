//! The Neuron stack that a code base moves to, and how its models execute there.

use std::fmt;

use portbench_neuron::Line;
use serde::{Deserialize, Serialize};

/// A software stack on Neuron devices. What is to be done about a finding depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stack {
    /// TorchNeuron: PyTorch with a device `neuron`, eager and compiled. Trn2 and Trn3.
    #[default]
    #[serde(rename = "torchneuron")]
    TorchNeuron,
    /// PyTorch/XLA: torch-neuronx up to 2.9. Trn1 and Inf2.
    Xla,
    /// The vLLM Neuron plugin, for serving. Trn2 and Trn3.
    Vllm,
    /// vLLM 0.16 over NxD Inference.
    VllmNxd,
    /// JAX on Neuron.
    Jax,
    /// Hugging Face's optimum-neuron, over PyTorch/XLA.
    Optimum,
}

impl Stack {
    /// Every stack.
    pub const ALL: [Self; 6] =
        [Self::TorchNeuron, Self::Xla, Self::Vllm, Self::VllmNxd, Self::Jax, Self::Optimum];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TorchNeuron => "torchneuron",
            Self::Xla => "xla",
            Self::Vllm => "vllm",
            Self::VllmNxd => "vllm-nxd",
            Self::Jax => "jax",
            Self::Optimum => "optimum",
        }
    }

    /// The stack of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// The line of torch-neuronx that it stands on, where it stands on one.
    #[must_use]
    pub const fn line(self) -> Option<Line> {
        match self {
            Self::TorchNeuron => Some(Line::Native),
            Self::Xla | Self::VllmNxd | Self::Optimum => Some(Line::Xla),
            Self::Vllm | Self::Jax => None,
        }
    }

    /// How models execute there if nobody says otherwise.
    #[must_use]
    pub const fn usual_execution(self) -> Execution {
        match self {
            Self::TorchNeuron => Execution::Compile,
            _ => Execution::Trace,
        }
    }

    /// What has to be known about it before anything else, with its source and date.
    #[must_use]
    pub const fn state(self) -> &'static str {
        match self {
            Self::TorchNeuron => {
                "public beta since SDK 2.33 (2026-10-19), for Trn2 and Trn3 alone; rules are mostly of SDK 2.32's documents (2026-08-17)"
            }
            Self::Xla => {
                "training is not supported since SDK 2.30, inference in maintenance since 2.31, not shipped from 2.32 on (2026-08-17): for Trn1 and Inf2"
            }
            Self::Vllm => {
                "beta in SDK 2.32 and 2.33 (2026-10-19), for Trn2 and Trn3 and the models of its registry"
            }
            Self::VllmNxd => "in maintenance as of SDK 2.32 (2026-08-17)",
            Self::Jax => "as of SDK 2.33 (2026-10-19); this table knows more of PyTorch than of JAX",
            Self::Optimum => {
                "over PyTorch/XLA and NxD, which AWS no longer develops (2026-08-17): check its version"
            }
        }
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a model executes. What depends on the values of tensors is slow in one and impossible in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Execution {
    /// Op by op: such code waits for the device, and works.
    Eager,
    /// `torch.compile`: the graph breaks there, or its sizes are refused.
    Compile,
    /// Traced ahead into one static graph: the path is frozen without a word, or compiling fails.
    Trace,
}

impl Execution {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Eager, Self::Compile, Self::Trace];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eager => "eager",
            Self::Compile => "compile",
            Self::Trace => "trace",
        }
    }
}

impl fmt::Display for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
