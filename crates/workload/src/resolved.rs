//! A workload at one choice of numerics, ready to run.

use std::collections::BTreeMap;

use portbench_backend::ParamSource;
use portbench_graph::Program;
use portbench_measure::{Boundary, Inputs, Mode, Numerics, ParityTask, Task, Unit};

/// Everything a runner needs of one workload at one choice of numerics.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// Workload name.
    pub name: String,
    /// Mode.
    pub mode: Mode,
    /// Numerics.
    pub numerics: Numerics,
    /// Model for people, such as `gpt2 124m`.
    pub model: String,
    /// Shapes and counts by the workload file's own words.
    pub shape: BTreeMap<String, u64>,
    /// Unit of work.
    pub unit: Unit,
    /// What is timed.
    pub program: Program,
    /// Its parameters.
    pub params: ParamSource,
    /// Its inputs.
    pub inputs: Inputs,
    /// What is executed of it.
    pub task: Task,
    /// What the timer encloses.
    pub boundary: Boundary,
    /// What is checked first; `None` where no oracle can say what is right, as of a module of the user's own.
    pub parity: Option<ParityCheck>,
}

/// The parity check of a workload: the same builder at a size that the oracle reaches.
#[derive(Clone, Debug, PartialEq)]
pub struct ParityCheck {
    /// Program at the numerics of the workload. The oracle executes the same one in exact arithmetic.
    pub program: Program,
    /// Parameters.
    pub params: ParamSource,
    /// Inputs.
    pub inputs: Inputs,
    /// What is executed and compared.
    pub task: ParityTask,
    /// How it differs from the timed program, for people; `None` if it does not.
    pub reduced: Option<String>,
}
