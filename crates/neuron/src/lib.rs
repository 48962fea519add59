//! AWS Neuron: what this harness needs of a Trainium or Inferentia host.
//!
//! - The runtime: [`Library`] opens `libnrt.so.1` at run time, [`Runtime`] holds it initialised, [`Model`], [`Tensor`], [`TensorSet`] and
//!   [`Bound`] load a NEFF and execute it, [`in_flight`] keeps several executions going. Each keeps alive what it needs, so that any order of
//!   dropping is a right one.
//! - A back end: [`NeffBackend`] executes NEFF files as workloads.
//! - Files: [`NeffHeader`] reads the head of a NEFF without libnrt.
//! - The machine: [`machine`] reads `neuron-ls`, [`monitor`] reads `neuron-monitor`, [`sysfs`] reads what the driver shows; [`host`] looks at all of
//!   it. Ids of instance and account are never read.
//! - Cores: [`VisibleCores`] are those that the environment shows to a process; [`environment`] knows what else in it changes results.
//! - Before compiling: [`limits`] is the table of what Trainium cannot take, and holds a program against it.
//! - Compiling: [`compiler`] has the flags, runs neuronx-cc, reads why it failed, and keeps artefacts and failures.
//!
//! The crate builds on any machine and runs no code of a Neuron SDK there. `README.md` beside this crate says, claim by claim, what was run for
//! real, what against a double and what is written from documents alone.

mod backend;
pub mod compiler;
mod cores;
pub mod environment;
mod error;
pub mod host;
mod json;
mod library;
pub mod limits;
pub mod machine;
mod model;
pub mod monitor;
mod neff;
mod raw;
mod status;
pub mod sysfs;
mod target;
mod tensor;

pub use backend::{DEVICES_VARIABLE, NEFF_BACKEND, NeffBackend, OneCore};
pub use cores::{CORE_COUNT_VARIABLE, VISIBLE_CORES_VARIABLE, VisibleCores};
pub use error::NeuronError;
pub use library::{
    Family, INSTALLED, InstanceInfo, LIBNRT, LIBNRT_VARIABLE, Library, MemoryUse, Runtime, RuntimeVersion,
    locate,
};
pub use model::{Bound, Flight, Model, NeffType, TensorInfo, Usage, in_flight};
pub use neff::{HEADER_BYTES, NeffHeader};
pub use status::NrtStatus;
pub use target::{Line, Sdk, Target};
pub use tensor::{Placement, Tensor, TensorSet};
