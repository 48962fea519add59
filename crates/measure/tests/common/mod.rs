//! A backend whose time is a fake clock's, small programs, and settings.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test binary uses its part")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use portbench_backend::null::NullBackend;
use portbench_backend::{
    Backend, BackendError, CompileOptions, EntryId, Executable, HostTensor, LoweringReport, ParamSource,
};
use portbench_graph::{DType, Program, ProgramBuilder, Type};
use portbench_measure::{
    Boundary, FakeClock, InputSource, Inputs, MeasureSpec, Sampling, Scenario, Task, Warmup,
};

pub(crate) use portbench_backend::generate::Recipe;

/// Everything that was asked of a [`Scripted`] executable, and what it answers.
#[derive(Default)]
pub(crate) struct Script {
    /// Calls, in words.
    pub(crate) calls: Vec<String>,
    /// Time of the execution of that number (from 0) of an entry.
    #[expect(clippy::type_complexity, reason = "a closure spelt once")]
    pub(crate) takes: Option<Box<dyn Fn(&str, u64) -> Duration + Send>>,
    /// Answer of a fetch: entry, output, executions of the entry so far.
    #[expect(clippy::type_complexity, reason = "a closure spelt once")]
    pub(crate) answers: Option<Box<dyn Fn(&str, &str, u64) -> Option<f64> + Send>>,
    /// Bound tensors, by `entry/input`, latest last.
    pub(crate) bound: Vec<(String, HostTensor)>,
}

/// The null backend's executable under a script.
pub(crate) struct Scripted {
    inner: Box<dyn Executable>,
    program: Program,
    clock: FakeClock,
    counts: Vec<u64>,
    pub(crate) script: Arc<Mutex<Script>>,
}

impl Scripted {
    pub(crate) fn new(program: &Program, clock: &FakeClock) -> Self {
        let params = ParamSource::Generated { seed: 1 };
        let inner = NullBackend::new().compile(program, &params, &CompileOptions::default()).unwrap();
        Self {
            inner,
            program: program.clone(),
            clock: clock.clone(),
            counts: vec![0; program.entries.len()],
            script: Arc::default(),
        }
    }

    pub(crate) fn taking(self, takes: impl Fn(&str, u64) -> Duration + Send + 'static) -> Self {
        self.script.lock().unwrap().takes = Some(Box::new(takes));
        self
    }

    pub(crate) fn answering(self, answers: impl Fn(&str, &str, u64) -> Option<f64> + Send + 'static) -> Self {
        self.script.lock().unwrap().answers = Some(Box::new(answers));
        self
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.script.lock().unwrap().calls.clone()
    }

    fn note(&self, call: String) {
        self.script.lock().unwrap().calls.push(call);
    }
}

impl Executable for Scripted {
    fn lowering(&self) -> &LoweringReport {
        self.inner.lowering()
    }

    fn bind(&mut self, entry: EntryId, inputs: &[(&str, &HostTensor)]) -> Result<(), BackendError> {
        let name = &self.program.entries[entry.0].name;
        for (input, tensor) in inputs {
            self.script.lock().unwrap().bound.push((format!("{name}/{input}"), (*tensor).clone()));
        }
        self.note(format!("bind {name}"));
        self.inner.bind(entry, inputs)
    }

    fn execute(&mut self, entry: EntryId) -> Result<(), BackendError> {
        let name = &self.program.entries[entry.0].name;
        let count = self.counts[entry.0];
        self.counts[entry.0] += 1;
        self.note(format!("execute {name}"));
        let takes = self.script.lock().unwrap().takes.as_ref().map(|f| f(name, count));
        self.clock.advance(takes.unwrap_or(Duration::from_millis(1)));
        self.inner.execute(entry)
    }

    fn synchronize(&mut self) -> Result<(), BackendError> {
        self.note("synchronize".into());
        self.inner.synchronize()
    }

    fn fetch(&mut self, entry: EntryId, output: &str) -> Result<HostTensor, BackendError> {
        let graph = &self.program.entries[entry.0];
        self.note(format!("fetch {} {output}", graph.name));
        let value = self.inner.fetch(entry, output)?;
        let script = self.script.lock().unwrap();
        let answer = script.answers.as_ref().and_then(|f| f(&graph.name, output, self.counts[entry.0]));
        match answer {
            Some(x) => HostTensor::from_f64(value.ty().clone(), &vec![x; value.ty().shape.elements()]),
            None => Ok(value),
        }
    }

    fn fetch_param(&mut self, name: &str) -> Result<HostTensor, BackendError> {
        self.inner.fetch_param(name)
    }

    fn reset_state(&mut self) -> Result<(), BackendError> {
        self.note("reset".into());
        self.inner.reset_state()
    }
}

/// `forward`: `x` f32[2, 3] to `y`.
pub(crate) fn forward_program() -> Program {
    let mut p = ProgramBuilder::new("twice", DType::F32);
    p.entry("forward", |g| {
        let x = g.input("x", Type::new(DType::F32, [2, 3]));
        let y = g.affine(x, 2.0, 1.0);
        g.output("y", y);
    });
    p.finish().unwrap()
}

/// `prefill` and `decode` with `next`, two rows, a prompt of four.
pub(crate) fn generate_program() -> Program {
    let mut p = ProgramBuilder::new("chat", DType::F32);
    for (entry, length) in [("prefill", 4), ("decode", 1)] {
        p.entry(entry, |g| {
            let ids = g.input("input_ids", Type::new(DType::I64, [2, length]));
            let position = g.input("position", Type::scalar(DType::I64));
            let position = g.broadcast_last(position, &[2, length]);
            let sum = g.add(ids, position);
            let next = g.sum(sum, &[1]);
            let next = g.reshape(next, &[2]);
            g.output("next", next);
        });
    }
    p.finish().unwrap()
}

/// `train` and `evaluate` of a one-parameter model on windows of a text.
pub(crate) fn training_program() -> Program {
    let mut p = ProgramBuilder::new("line", DType::F32);
    for entry in ["train", "evaluate"] {
        p.entry(entry, |g| {
            let ids = g.input("input_ids", Type::new(DType::I64, [2, 3]));
            let labels = g.input("labels", Type::new(DType::I64, [2, 3]));
            let w = g.param("w", &[2, 3], portbench_graph::Init::Constant { value: 0.5 });
            let x = g.cast(ids, DType::F32);
            let y = g.cast(labels, DType::F32);
            let scaled = g.mul(x, w);
            let miss = g.sub(scaled, y);
            let square = g.mul(miss, miss);
            let loss = g.mean(square, &[0, 1]);
            let loss = g.reshape(loss, &[]);
            g.output("loss", loss);
        });
    }
    p.training(portbench_graph::TrainSpec {
        entry: "train".into(),
        loss: "loss".into(),
        optimizer: portbench_graph::Optimizer::Sgd { momentum: 0.0 },
        schedule: portbench_graph::Schedule::Constant { rate: 1.0 },
        clip_norm: None,
    });
    p.finish().unwrap()
}

pub(crate) fn generated(names: &[(&str, Recipe)]) -> Inputs {
    let source = |recipe: &Recipe| InputSource::Generated { recipe: *recipe };
    Inputs {
        seed: 7,
        sources: names.iter().map(|(name, recipe)| ((*name).to_owned(), source(recipe))).collect(),
        ..Inputs::default()
    }
}

pub(crate) fn spec(task: Task, scenario: Scenario) -> MeasureSpec {
    MeasureSpec {
        task,
        scenario,
        boundary: Boundary::DeviceResident,
        warmup: Warmup { min_seconds: 0.01, max_seconds: 1.0, min_executions: 3 },
        sampling: Sampling { seconds: 0.1, min_samples: 10, max_samples: 1000, min_sample_seconds: 0.01 },
    }
}

pub(crate) fn forward() -> Task {
    Task::Forward { entry: "forward".into(), units: 2 }
}

pub(crate) fn generate(new_tokens: u64) -> Task {
    Task::Generate { prefill: "prefill".into(), decode: "decode".into(), batch: 2, prompt: 4, new_tokens }
}
