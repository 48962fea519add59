//! A small plan: a linear layer with logits and their best token, on scripted workers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use portbench_backend::generate::Recipe;
use portbench_backend::{CompileOptions, ParamSource};
use portbench_graph::{DType, Init, Program, ProgramBuilder, Type};
use portbench_measure::{
    Boundary, InputSource, Inputs, MeasureSpec, Mode, Numerics, ParityTask, Sampling, Scenario, Task, Unit,
    Warmup,
};
use portbench_records::Cell;
use portbench_runner::{Plan, PlannedCell, WorkerCommand};
use portbench_workload::{ParityCheck, Resolved};

pub(crate) const SEED: u64 = 7;

pub(crate) fn program(width: usize) -> Program {
    let mut builder = ProgramBuilder::new("layer", DType::F32);
    builder.entry("forward", |g| {
        let x = g.input("x", Type::new(DType::F32, [4, 16]));
        let w = g.param("weight", &[width, 16], Init::Normal { std: 0.3 });
        let logits = g.linear(x, w, None);
        let next = g.arg_max(logits, 1);
        g.output("logits", logits);
        g.output("next", next);
    });
    builder.finish().unwrap()
}

pub(crate) fn inputs() -> Inputs {
    let source = InputSource::Generated { recipe: Recipe::Uniform { bound: 1.0 } };
    Inputs { seed: SEED, sources: [("x".to_owned(), source)].into(), ..Inputs::default() }
}

pub(crate) fn spec() -> MeasureSpec {
    MeasureSpec {
        task: Task::Forward { entry: "forward".into(), units: 4 },
        scenario: Scenario::SingleStream,
        boundary: Boundary::DeviceResident,
        warmup: Warmup { min_seconds: 0.0, max_seconds: 1.0, min_executions: 1 },
        sampling: Sampling { seconds: 0.01, min_samples: 5, max_samples: 100, min_sample_seconds: 0.0 },
    }
}

pub(crate) fn resolved(name: &str, width: usize) -> Resolved {
    let (program, params) = (program(width), ParamSource::Generated { seed: SEED });
    Resolved {
        name: name.to_owned(),
        mode: Mode::Inference,
        numerics: Numerics::F32,
        model: "layer".into(),
        shape: BTreeMap::from([("batch".to_owned(), 4)]),
        unit: Unit::Samples,
        program: program.clone(),
        params: params.clone(),
        inputs: inputs(),
        task: spec().task,
        boundary: Boundary::DeviceResident,
        parity: Some(ParityCheck {
            program,
            params,
            inputs: inputs(),
            task: ParityTask::Forward { entry: "forward".into() },
            reduced: None,
        }),
    }
}

pub(crate) fn cell(name: &str) -> Cell {
    Cell {
        workload: name.to_owned(),
        mode: Mode::Inference,
        scenario: Scenario::SingleStream,
        backend: "double".into(),
        device: "cpu".into(),
        numerics: Numerics::F32,
        replicas: 1,
    }
}

/// A cell on a worker that acts as told.
pub(crate) fn planned(double: &Path, name: &str, act: &str) -> PlannedCell {
    PlannedCell {
        cell: cell(name),
        resolved: Arc::new(resolved(name, 32)),
        spec: spec(),
        options: CompileOptions::default(),
        flags: None,
        cast: None,
        worker: WorkerCommand {
            program: double.to_owned(),
            args: vec!["worker".into(), act.into()],
            env: Vec::new(),
            cpus: None,
        },
        replicas: Vec::new(),
    }
}

/// Cells that all go well.
#[allow(dead_code, reason = "each test file uses a part")]
pub(crate) fn plan(double: &Path, cells: usize, trials: u64) -> Plan {
    let cells = (0..cells).map(|i| planned(double, &format!("w{i:03}"), "right")).collect();
    Plan::new("test", SEED, trials, cells).unwrap()
}
