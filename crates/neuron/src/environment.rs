//! Environment variables that change what an engine computes or how, and that no cell asked for: refused where they change results behind a
//! record's back, recorded where they are somebody's choice.

use std::collections::BTreeMap;

use crate::error::NeuronError;

/// Variables that make PyTorch/XLA compute in other types than the program has. Off where empty, `0` or `false`.
const NARROWING: [(&str, &str); 5] = [
    ("XLA_USE_BF16", "f32 would be computed in bf16"),
    ("XLA_DOWNCAST_BF16", "f32 would be computed in bf16"),
    ("XLA_USE_FP16", "f32 would be computed in f16"),
    ("XLA_DOWNCAST_FP16", "f32 would be computed in f16"),
    ("XLA_USE_32BIT_LONG", "64-bit integers would be computed in 32 bits"),
];
/// The variable with flags for neuronx-cc, which change artefacts without being in their key.
pub const COMPILER_FLAGS_VARIABLE: &str = "NEURON_CC_FLAGS";
/// Variables that a record names with their values. Their values are numbers and words, no paths.
const RECORDED: [&str; 9] = [
    "NEURON_RT_NUM_CORES",
    "NEURON_RT_EXEC_TIMEOUT",
    "NEURON_RT_STOCHASTIC_ROUNDING_EN",
    "NEURON_RT_STOCHASTIC_ROUNDING_SEED",
    "NEURON_RT_ASYNC_EXEC_MAX_INFLIGHT_REQUESTS",
    "NEURON_RT_ALLOW_LEGACY_NEFF",
    "NEURON_RT_VALIDATE_HASH",
    "NEURON_LAUNCH_BLOCKING",
    "NEURON_FUSE_SOFTMAX",
];

/// Refuses an environment in which other numbers come out than a cell's numerics say. `value` is a variable's value; `compiles` says whether the
/// engine runs neuronx-cc.
///
/// # Errors
/// [`NeuronError::Settings`] that names the variable, its value and the way out.
pub fn refuse(value: impl Fn(&str) -> Option<String>, compiles: bool) -> Result<(), NeuronError> {
    let on = |name: &str| {
        value(name).filter(|v| !matches!(v.trim().to_ascii_lowercase().as_str(), "" | "0" | "false"))
    };
    for (name, why) in NARROWING {
        if let Some(value) = on(name) {
            return Err(NeuronError::Settings(format!(
                "{name}={value}: {why}, and the numerics are the cell's; unset it, and choose by --numerics"
            )));
        }
    }
    if compiles && let Some(flags) = value(COMPILER_FLAGS_VARIABLE).filter(|v| !v.trim().is_empty()) {
        return Err(NeuronError::Settings(format!(
            "{COMPILER_FLAGS_VARIABLE}={flags}: every flag of neuronx-cc is written out by portbench, recorded, and part of an artefact's key; unset it"
        )));
    }
    Ok(())
}

/// What of the environment belongs into a record beside the engine's own settings.
#[must_use]
pub fn recorded(value: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let said = |name: &&str| Some(((*name).to_owned(), value(name).filter(|v| !v.trim().is_empty())?));
    RECORDED.iter().filter_map(said).collect()
}
