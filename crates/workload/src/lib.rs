//! Workload and suite files, and what they resolve to.

mod builtin;
mod catalogue;
mod document;
mod error;
mod file;
mod module;
mod resolve;
mod resolved;
mod schema;
mod sizing;
mod suggest;
mod suite;
mod translate;
mod workload;

pub use catalogue::{Catalogue, Listed};
pub use error::{Mistake, Mistakes, WorkloadError};
pub use file::{
    BackendChoice, DataTable, Decay, ElementType, EvaluationTable, KernelTable, ModelTable, ModuleInput,
    ModuleOutput, OptimizerTable, ParityTable, Replicas, SamplingTable, ScheduleTable, SuiteEntry, SuiteFile,
    TrainingTable, WarmupTable, WorkloadFile,
};
pub use resolved::{ParityCheck, Resolved};
pub use schema::{suite_schema, workload_schema};
pub use suite::{Planned, Suite};
pub use workload::Workload;
