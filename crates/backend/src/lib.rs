//! The contract between the harness and what executes programs.
//!
//! A [`Backend`] compiles a verified [`portbench_graph::Program`] into an [`Executable`]; the harness binds inputs, executes
//! entries, synchronises and fetches results. Tensors cross this wall as [`HostTensor`]s only; device buffers never leave a
//! backend. [`lower`] decides, op by op, what runs natively, what is decomposed and what is unsupported, and writes it down in a
//! [`LoweringReport`].
//!
//! Not in this crate: timing (`portbench-measure`), processes (`portbench-worker`), any backend but [`null`].

mod causes;
mod compilation;
pub mod conformance;
mod contract;
mod error;
pub mod generate;
mod lower;
mod module;
pub mod null;
mod params;
pub mod plan;
mod save;
mod tensor;

pub use causes::{with_causes, without_user};
pub use compilation::Compilation;
pub use contract::{Backend, BackendInfo, CompileOptions, EntryId, Executable, Use};
pub use error::{BackendError, UnsupportedOp};
pub use lower::{LoweredOp, Lowering, LoweringReport, Support, is_in_place_update, lower};
pub use module::whole_module;
pub use params::{CheckpointFile, OpenParams, ParamSource};
pub use save::save_tensors;
pub use tensor::HostTensor;
