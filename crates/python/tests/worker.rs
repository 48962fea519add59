//! The worker as a process: what reaches the runner when something is missing, and what does not reach it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use common::{interpreter, python};
use portbench_backend::{CompileOptions, ParamSource};
use portbench_graph::{DType, Init, ProgramBuilder, Type};
use portbench_measure::{Boundary, Inputs, MeasureSpec, Sampling, Scenario, Task, Warmup};
use portbench_worker::{Failure, FromWorker, Job, MeasureJob, VERSION};

/// The messages on standard output, and the text on standard error.
fn heard(command: &mut Command) -> (Vec<FromWorker>, String) {
    let Output { stdout, stderr, .. } = command.output().unwrap();
    let lines = String::from_utf8(stdout).unwrap();
    (
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        String::from_utf8(stderr).unwrap(),
    )
}

/// Expects a greeting and then the failure of a device or library that is not there; its text.
fn unavailable(messages: &[FromWorker]) -> &str {
    match messages {
        [
            FromWorker::Hello { protocol: VERSION, .. },
            FromWorker::Failed { failure: Failure::Unavailable, text },
        ] => text,
        other => panic!("not a greeting and a failure: {other:?}"),
    }
}

#[test]
fn without_its_extension_the_worker_says_so_in_the_protocol() {
    let mut command = python(&["worker", "--engine", "torch"]);
    let (messages, _) = heard(command.env("PORTBENCH_PYTHON_EXTENSION", "/no/such/file"));
    let text = unavailable(&messages);
    assert!(text.contains("/no/such/file") && text.contains("cargo build"), "{text}");
}

#[test]
fn a_device_that_is_not_there_is_unavailable() {
    let (messages, _) = heard(&mut python(&["worker", "--engine", "torch", "--device", "tpu:0"]));
    let text = unavailable(&messages);
    assert_eq!(text, "torch on `tpu:0` is not available; its devices are cpu and cuda:N");
}

#[test]
fn what_libraries_print_stays_out_of_the_protocol() {
    let program = "
import os
from portbench_torch import errors, native

def engine():
    print('printed', flush=True)
    os.write(1, b'written\\n')
    os.system('echo from a process')
    raise errors.unavailable('it', 'look elsewhere')

native.load().serve(engine)
";
    let like = python(&[]);
    let mut command = Command::new(interpreter());
    command.args(["-c", program]).envs(like.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let (messages, errors) = heard(&mut command);
    assert_eq!(unavailable(&messages), "it is not available; look elsewhere");
    for noise in ["printed", "written", "from a process"] {
        assert!(errors.contains(noise), "{errors}");
    }
}

#[test]
fn an_exception_is_a_failure_with_its_text() {
    let program = "
from portbench_torch import native

def engine():
    return 1 / 0

native.load().serve(engine)
";
    let like = python(&[]);
    let mut command = Command::new(interpreter());
    command.args(["-c", program]).envs(like.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let (messages, _) = heard(&mut command);
    match messages.as_slice() {
        [FromWorker::Hello { .. }, FromWorker::Failed { failure: Failure::Error, text }] => {
            assert!(text.contains("ZeroDivisionError: division by zero"), "{text}");
        }
        other => panic!("not a greeting and a failure: {other:?}"),
    }
}

/// A job that times a layer of 32 GiB.
fn large() -> Job {
    let mut builder = ProgramBuilder::new("large", DType::F32);
    builder.entry("forward", |g| {
        let x = g.input("x", Type::new(DType::F32, [1, 1 << 20]));
        let w = g.param("weight", &[1 << 13, 1 << 20], Init::Normal { std: 0.3 });
        let y = g.linear(x, w, None);
        g.output("y", y);
    });
    let spec = MeasureSpec {
        task: Task::Forward { entry: "forward".into(), units: 1 },
        scenario: Scenario::SingleStream,
        boundary: Boundary::DeviceResident,
        warmup: Warmup { min_seconds: 0.0, max_seconds: 1.0, min_executions: 1 },
        sampling: Sampling { seconds: 0.01, min_samples: 3, max_samples: 3, min_sample_seconds: 0.0 },
    };
    let measure = MeasureJob {
        program: builder.finish().unwrap(),
        params: ParamSource::Generated { seed: 1 },
        inputs: Inputs::default(),
        spec,
    };
    Job {
        protocol: VERSION,
        scratch: "scratch".into(),
        options: CompileOptions::default(),
        parity: None,
        measure: Some(measure),
        together: false,
    }
}

#[test]
fn what_has_no_room_on_a_core_is_refused_before_it_is_compiled() {
    let program = "
from portbench_torch import native

class Engine:
    def describe(self):
        return '{\"backend\":\"neuron-trace\",\"device\":\"neuron:0\",\"versions\":{},\"settings\":{\"target\":\"trn1\"}}'

    def support(self, *_):
        return 'native', 'kernel'

    def compile(self, *_):
        raise AssertionError('compiled')

native.load().serve(Engine)
";
    let like = python(&[]);
    let mut command = Command::new(interpreter());
    command.args(["-c", program]).envs(like.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = serde_json::to_vec(&large()).unwrap();
    line.push(b'\n');
    child.stdin.take().unwrap().write_all(&line).unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    match serde_json::from_str(said.lines().last().unwrap()).unwrap() {
        FromWorker::Failed { failure: Failure::OutOfMemory, text } => {
            assert!(text.contains("memory-of-a-core-16") && text.contains("32.0 GiB at least"), "{text}");
        }
        other => panic!("not out of memory: {other:?}"),
    }
}
