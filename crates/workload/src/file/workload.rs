//! Workload files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use portbench_measure::{Boundary, Mode, Numerics};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::training::TrainingTable;

/// A workload: a model or kernel, its shapes, and what is done with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "portbench workload")]
pub struct WorkloadFile {
    /// One line on what it is, for lists and reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The model. Either `model` or `kernel` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelTable>,
    /// The single kernel. Either `model` or `kernel` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<KernelTable>,
    /// What is done with the model; a kernel is always `inference`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Rows of a batch. 1 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    /// Tokens of each row's prompt, for `generate`. 128 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<u64>,
    /// Tokens written per row, for `generate`. 128 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_tokens: Option<u64>,
    /// Tokens a row, for `inference` and `training` of models that read tokens. 128 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Number formats that it may run at. `["f32"]` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numerics: Option<Vec<Numerics>>,
    /// What the timer encloses. `device-resident` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<Boundary>,
    /// Seed of weights and inputs, in place of the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What a training step is, and on what it trains; for `training`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingTable>,
    /// Sizes of the parity check, where the ones chosen by themselves do not do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parity: Option<ParityTable>,
}

/// The model: a family with a preset, dimensions, or both (the dimensions then replace the preset's); or a directory in Hugging Face layout.
///
/// The dimensions are those of the family: see `portbench list models`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelTable {
    /// Model family, such as `gpt2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Published dimensions, such as `124m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Directory with `config.json` and `model.safetensors`; relative to the workload file, `~` is the home directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// A TorchScript file of your own, saved by `torch.jit.save`: relative to the workload file, `~` is the home directory. Runs on `tch`; its weights stay inside it and no
    /// oracle checks what it computes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torchscript: Option<PathBuf>,
    /// A NEFF of your own, as neuronx-cc writes it. Runs on `neuron-neff`; its weights stay inside it and no oracle checks what it computes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neff: Option<PathBuf>,
    /// The inputs of `torchscript`, in the order of its `forward`, or of `neff`, by their names in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<ModuleInput>,
    /// The tensors that `torchscript` returns, nested ones counted through in order, or that `neff` writes, by their names in it. Not given, only that it returns is looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<ModuleOutput>,
    /// Dimensions by the family's own names.
    #[serde(flatten)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub dimensions: BTreeMap<String, toml::Value>,
}

/// What a module of the user's own is, whose inside the harness does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModuleKind {
    TorchScript,
    Neff,
}

impl ModuleKind {
    /// The key that names its file.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::TorchScript => "torchscript",
            Self::Neff => "neff",
        }
    }

    /// What it is called in messages.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::TorchScript => "a TorchScript file",
            Self::Neff => "a NEFF",
        }
    }

    /// How such a file is made.
    pub(crate) const fn made_by(self) -> &'static str {
        match self {
            Self::TorchScript => {
                "save a module with torch.jit.save(torch.jit.trace(model, inputs), \"model.pt\")"
            }
            Self::Neff => "neuronx-cc compile ... --output model.neff writes one",
        }
    }
}

impl ModelTable {
    /// The file of the user's own module, if it is one.
    pub(crate) fn module(&self) -> Option<(ModuleKind, &Path)> {
        let torchscript = self.torchscript.as_deref().map(|file| (ModuleKind::TorchScript, file));
        torchscript.or_else(|| self.neff.as_deref().map(|file| (ModuleKind::Neff, file)))
    }
}

/// An input of a TorchScript file or a NEFF. What it is filled with: normally distributed numbers, or `value` everywhere, or whole numbers below `below`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ModuleInput {
    /// Name, for people and records; that of a NEFF's tensor.
    pub name: String,
    /// Element type: `f32`, `bf16`, `f16`, `f64`, `i64`, `bool`.
    pub dtype: ElementType,
    /// Sizes; none for a scalar.
    pub shape: Vec<u64>,
    /// Every element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Whole numbers from 0 up to below this, such as a vocabulary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<u64>,
}

/// A tensor that a TorchScript file or a NEFF returns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ModuleOutput {
    /// Name, for people and records.
    pub name: String,
    /// Element type.
    pub dtype: ElementType,
    /// Sizes.
    pub shape: Vec<u64>,
}

/// An element type of tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ElementType {
    /// 64-bit float.
    F64,
    /// 32-bit float.
    F32,
    /// bfloat16.
    Bf16,
    /// 16-bit float.
    F16,
    /// 64-bit integer.
    I64,
    /// Boolean.
    Bool,
}

/// A single kernel and its dimensions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelTable {
    /// Kernel, such as `gemm`.
    pub op: String,
    /// Dimensions by the kernel's own names.
    #[serde(flatten)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub dimensions: BTreeMap<String, toml::Value>,
}

/// Sizes of the parity program. What is not given is chosen so that the oracle needs a few seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ParityTable {
    /// Rows of the batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    /// Tokens of each row's prompt, for `generate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<u64>,
    /// Tokens written per row, for `generate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_tokens: Option<u64>,
    /// Tokens a row, for `inference` and `training`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Dimensions that replace the model's or kernel's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub dimensions: BTreeMap<String, toml::Value>,
}
