//! What stands in workload and suite files.

pub(crate) mod check;
mod suite;
mod training;
mod workload;

pub use suite::{BackendChoice, Replicas, SamplingTable, SuiteEntry, SuiteFile, WarmupTable};
pub use training::{DataTable, Decay, EvaluationTable, OptimizerTable, ScheduleTable, TrainingTable};
pub(crate) use workload::ModuleKind;
pub use workload::{
    ElementType, KernelTable, ModelTable, ModuleInput, ModuleOutput, ParityTable, WorkloadFile,
};
