//! The worker program as the runner meets it: a process that speaks the protocol.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::path::Path;
use std::process::Command;

use common::{talk, unavailable};

use portbench_backend::generate::Recipe;
use portbench_backend::{CheckpointFile, CompileOptions, ParamSource};
use portbench_graph::{DType, Program, ProgramBuilder, Type};
use portbench_measure::{
    Boundary, InputSource, Inputs, MeasureSpec, ParityTask, Samples, Sampling, Scenario, Task, Warmup,
};
use portbench_worker::{FromWorker, Job, MeasureJob, ParityJob, VERSION, write_line};

/// `y = 2 x + 1` over `[2, 3]`.
fn program() -> Program {
    let mut p = ProgramBuilder::new("twice", DType::F32);
    p.entry("forward", |g| {
        let x = g.input("x", Type::new(DType::F32, [2, 3]));
        let y = g.affine(x, 2.0, 1.0);
        g.output("x_again", x);
        g.output("y", y);
    });
    p.finish().unwrap()
}

fn job(scratch: &Path) -> Job {
    let params = ParamSource::Generated { seed: 1 };
    let recipe = Recipe::Normal { std: 1.0 };
    let sources = [("x".to_owned(), InputSource::Generated { recipe })].into();
    let inputs = Inputs { seed: 1, sources, ..Inputs::default() };
    let spec = MeasureSpec {
        task: Task::Forward { entry: "forward".into(), units: 1 },
        scenario: Scenario::SingleStream,
        boundary: Boundary::DeviceResident,
        warmup: Warmup { min_seconds: 0.0, max_seconds: 0.001, min_executions: 1 },
        sampling: Sampling { seconds: 0.0, min_samples: 3, max_samples: 3, min_sample_seconds: 0.0 },
    };
    Job {
        protocol: VERSION,
        scratch: scratch.to_owned(),
        options: CompileOptions { threads: Some(1), ..CompileOptions::default() },
        parity: Some(ParityJob {
            program: program(),
            params: params.clone(),
            inputs: inputs.clone(),
            task: ParityTask::Forward { entry: "forward".into() },
        }),
        measure: Some(MeasureJob { program: program(), params, inputs, spec }),
        together: false,
    }
}

#[test]
fn a_job_is_computed_and_timed() {
    let scratch = tempfile::tempdir().unwrap();
    let mut line = Vec::new();
    write_line(&mut line, &job(scratch.path())).unwrap();
    let messages = talk("cpu", &line, &[]);
    let Some(FromWorker::Ready { info }) = messages.get(1) else { panic!("{messages:?}") };
    assert_eq!((info.backend.as_str(), info.device.as_str()), ("tch", "cpu"));
    assert_eq!(info.settings["threads"], "1");
    assert!(info.versions["libtorch"].starts_with("2."), "{info:?}");
    let [.., FromWorker::Measured { measurement, .. }, FromWorker::Done] = &messages[..] else {
        panic!("{messages:?}")
    };
    let Samples::Iterations { nanoseconds, .. } = &measurement.samples else { panic!("{measurement:?}") };
    assert_eq!(nanoseconds.len(), 3);
    let outputs = messages.iter().find_map(|m| match m {
        FromWorker::Parity { outputs, .. } => Some(scratch.path().join(outputs)),
        _ => None,
    });
    let mut file = CheckpointFile::open(&outputs.unwrap()).unwrap();
    let mut read = |name: &str| file.read(name).unwrap().to_f64();
    let (x, y) = (read("x_again"), read("y"));
    assert_eq!(x.len(), 6);
    for (x, y) in x.into_iter().zip(y) {
        assert!((y - (2.0 * x + 1.0)).abs() < 1e-6, "{x} gave {y}");
    }
}

#[test]
fn cuda_without_a_gpu_is_unavailable_and_says_what_to_check() {
    let text = unavailable("cuda:0", &[]);
    assert!(text.contains("tch on `cuda:0`"), "{text}");
    assert!(text.contains("CUDA_VISIBLE_DEVICES") || text.contains("scripts/setup-libtorch"), "{text}");
}

#[test]
fn a_device_of_another_kind_is_unavailable() {
    assert!(unavailable("tpu:0", &[]).contains("devices of tch are cpu, cuda:N, and neuron:N for modules"));
}

#[test]
fn without_a_device_the_usage_is_shown() {
    let output = Command::new(env!("CARGO_BIN_EXE_portbench-worker-tch")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--device DEVICE"));
}
