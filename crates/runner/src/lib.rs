//! Plan to cells to workers to records.
//!
//! A [`Plan`] is a list of cells that somebody resolved; [`Runner::start`] executes it in a [`portbench_records::Store`] and [`Runner::resume`] goes on after whatever
//! stopped it. Every trial is a process of its own that speaks the worker protocol; whatever it does (hangs, dies, prints garbage), its cell ends with an
//! outcome and a text that says why, and the run goes on. The answers of each cell are held against the `f64` oracle before any of its times are stored
//! as figures.
//!
//! Not in this crate: which backends there are and how suites name cells (`portbench`), how results look (`portbench-report`).

mod ask;
mod assemble;
mod budget;
mod digest;
mod error;
mod event;
mod goldens;
mod parity;
mod plan;
mod runner;
mod work;
mod worker;

pub use ask::{Answer, ask};
pub use budget::Budget;
pub use error::RunnerError;
pub use event::Event;
pub use goldens::{GOLDENS, Golden, goldens};
pub use parity::{Cast, RATIO_LIMIT, Tensors, judge, tolerance};
pub use plan::{Plan, PlannedCell, Replica, WorkerCommand};
pub use runner::{Runner, Summary};
pub use work::{task_graphs, task_work};
pub use worker::{Limits, allowed_cpus};
