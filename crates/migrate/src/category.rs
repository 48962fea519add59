//! What kind of thing a finding is about.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of thing a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Choosing, naming and moving to a device.
    Device,
    /// Device memory and pinned memory.
    Memory,
    /// Waiting for a device, events, streams.
    Sync,
    /// CUDA graphs.
    Graph,
    /// torch.compile, TorchScript, ONNX.
    Compile,
    /// Autocast, loss scaling, TF32, cuDNN's flags.
    Precision,
    /// Element types that Neuron lacks or narrows.
    Dtype,
    /// Shapes that depend on data or change from step to step.
    DynamicShape,
    /// Python that decides by the values of tensors.
    ControlFlow,
    /// Writing into slices.
    Inplace,
    /// Random generators of a device.
    Rng,
    /// Collectives, sharding, launchers.
    Distributed,
    /// Kernels of one's own and libraries of kernels.
    Kernel,
    /// Pointers handed from library to library.
    Interop,
    /// Data loading and preparation on a GPU.
    Data,
    /// Monitors and profilers.
    Observability,
    /// Servers of models.
    Serving,
    /// Neuron software that AWS no longer ships or is about to end.
    StaleNeuron,
    /// Packages that a project asks for.
    Dependency,
    /// Images, schedulers, instances, environments.
    Infra,
    /// The CUDA runtime and driver from C++.
    RuntimeApi,
    /// NVIDIA's libraries from C++.
    Library,
    /// C++ bound to Python.
    Binding,
    /// Building CUDA code.
    Build,
    /// Rust on CUDA.
    Rust,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 25] = [
        Self::Device,
        Self::Memory,
        Self::Sync,
        Self::Graph,
        Self::Compile,
        Self::Precision,
        Self::Dtype,
        Self::DynamicShape,
        Self::ControlFlow,
        Self::Inplace,
        Self::Rng,
        Self::Distributed,
        Self::Kernel,
        Self::Interop,
        Self::Data,
        Self::Observability,
        Self::Serving,
        Self::StaleNeuron,
        Self::Dependency,
        Self::Infra,
        Self::RuntimeApi,
        Self::Library,
        Self::Binding,
        Self::Build,
        Self::Rust,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Memory => "memory",
            Self::Sync => "sync",
            Self::Graph => "graph",
            Self::Compile => "compile",
            Self::Precision => "precision",
            Self::Dtype => "dtype",
            Self::DynamicShape => "dynamic-shape",
            Self::ControlFlow => "control-flow",
            Self::Inplace => "inplace",
            Self::Rng => "rng",
            Self::Distributed => "distributed",
            Self::Kernel => "kernel",
            Self::Interop => "interop",
            Self::Data => "data",
            Self::Observability => "observability",
            Self::Serving => "serving",
            Self::StaleNeuron => "stale-neuron",
            Self::Dependency => "dependency",
            Self::Infra => "infra",
            Self::RuntimeApi => "runtime-api",
            Self::Library => "library",
            Self::Binding => "binding",
            Self::Build => "build",
            Self::Rust => "rust",
        }
    }

    /// The category of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
