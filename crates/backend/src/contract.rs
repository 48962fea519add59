//! The two traits.

use std::collections::BTreeMap;

use portbench_graph::{Op, Program, Type};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compilation::Compilation;
use crate::error::BackendError;
use crate::lower::{LoweringReport, Support};
use crate::params::ParamSource;
use crate::tensor::HostTensor;

/// What the executable is for: an op may be native in one use and have to be decomposed in the other (a fused kernel without a
/// backward pass).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// Entries are executed forward only.
    Inference,
    /// The training entry is differentiated.
    Training,
}

/// Who executes, where, in which versions and settings: stored in every record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackendInfo {
    /// Backend name: `reference`, `candle`, `tch`, ...
    pub backend: String,
    /// Device name: `cpu`, `cuda:0`, `neuron:0`.
    pub device: String,
    /// Versions of the software that executes, by component.
    pub versions: BTreeMap<String, String>,
    /// Settings in force that change speed or results (threads, TF32, reduced-precision switches, instruction sets), by name.
    pub settings: BTreeMap<String, String>,
}

/// Choices of one compilation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompileOptions {
    /// Threads for CPU kernels; `None` leaves the backend's default, which [`BackendInfo::settings`] then states.
    pub threads: Option<usize>,
    /// Whether `f32` matrix products may round their operands to TF32.
    pub tf32: bool,
    /// Decompose every composite, whatever the backend has: what conformance compares native forms with.
    pub decompose_all: bool,
}

/// An entry of the compiled program: its position in [`Program::entries`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(pub usize);

impl EntryId {
    /// The entry of that name.
    ///
    /// # Errors
    /// [`BackendError::UnknownEntry`] listing the entries there are.
    pub fn of(program: &Program, name: &str) -> Result<Self, BackendError> {
        program.entries.iter().position(|g| g.name == name).map(Self).ok_or_else(|| {
            BackendError::UnknownEntry {
                entry: name.to_owned(),
                known: program.entries.iter().map(|g| g.name.clone()).collect(),
            }
        })
    }
}

/// Software that executes programs on one device.
///
/// # Contract
/// - Creating a backend reserves its device; [`BackendError::Unavailable`] when that cannot be, with the way out.
/// - [`Backend::support`] answers for one op without executing anything; [`Backend::compile`] uses the same answers through
///   [`crate::lower`] and reports every unsupported op at once. Nothing is found unsupported later.
/// - A backend never moves work to another device silently.
pub trait Backend: Send {
    /// Names, versions and settings.
    fn info(&self) -> BackendInfo;

    /// How an op on operands of these types would run.
    fn support(&self, op: &Op, args: &[&Type], result: &Type, use_: Use) -> Support;

    /// Makes a program executable: lowers it, loads its parameters (each converted to its declared type), sets its state to zero. The program trains if
    /// it has a training specification; its training entry then takes one optimiser step per execution.
    ///
    /// # Errors
    /// [`BackendError::Unsupported`] listing every op; [`BackendError::Parameter`], [`BackendError::OutOfMemory`], [`BackendError::TimedOut`],
    /// [`BackendError::Device`].
    fn compile(
        &mut self,
        program: &Program,
        params: &ParamSource,
        options: &CompileOptions,
    ) -> Result<Box<dyn Executable>, BackendError>;
}

/// A compiled program on a device.
///
/// # Contract
/// - `bind` copies inputs to the device; they stay bound until bound again. Every input of an entry is bound before `execute`.
/// - `execute` runs an entry once and may return before the device has finished. It reads the state as the previous execution
///   left it and writes its updates. In a training entry it is one whole step: forward, backward, clip, update.
/// - `execute` does not read results back, and does not keep results of one call to answer the next.
/// - After `synchronize` nothing is pending on the device.
/// - `fetch` waits for the value it returns and does not change what a later `execute` does.
/// - A failed call leaves the executable usable only for being dropped.
pub trait Executable: Send {
    /// How each op was lowered.
    fn lowering(&self) -> &LoweringReport;

    /// What compiling each entry cost, of a backend that keeps what it compiles.
    fn compilation(&self) -> &[Compilation] {
        &[]
    }

    /// Binds inputs of an entry, by name.
    ///
    /// # Errors
    /// [`BackendError::Input`] for an unknown name or another type than declared.
    fn bind(&mut self, entry: EntryId, inputs: &[(&str, &HostTensor)]) -> Result<(), BackendError>;

    /// Runs an entry once.
    ///
    /// # Errors
    /// [`BackendError::Input`] for an unbound input, [`BackendError::MissingGradient`] at the first training step,
    /// [`BackendError::OutOfMemory`], [`BackendError::Device`].
    fn execute(&mut self, entry: EntryId) -> Result<(), BackendError>;

    /// Waits until everything executed has finished.
    ///
    /// # Errors
    /// [`BackendError::Device`] for what went wrong meanwhile.
    fn synchronize(&mut self) -> Result<(), BackendError>;

    /// An output of the entry's latest execution.
    ///
    /// # Errors
    /// [`BackendError::Output`] for an unknown name or an entry that has not run.
    fn fetch(&mut self, entry: EntryId, output: &str) -> Result<HostTensor, BackendError>;

    /// The current value of a parameter.
    ///
    /// # Errors
    /// [`BackendError::Output`] for an unknown name.
    fn fetch_param(&mut self, name: &str) -> Result<HostTensor, BackendError>;

    /// Sets every state to zero. Parameters and optimiser moments stay.
    ///
    /// # Errors
    /// [`BackendError::Device`].
    fn reset_state(&mut self) -> Result<(), BackendError>;
}
