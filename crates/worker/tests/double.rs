//! The fake worker does what its scripts say, and a real process keeps the protocol clean.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use portbench_backend::{CheckpointFile, CompileOptions, ParamSource};
use portbench_graph::{DType, ProgramBuilder, Type};
use portbench_measure::{Boundary, Inputs, MeasureSpec, ParityTask, Sampling, Scenario, Task, Warmup};
use portbench_worker::{
    Failure, FromWorker, Job, MeasureJob, ParityJob, Phase, ProtocolError, VERSION, read_message, write_line,
};

fn job(scratch: &Path) -> Job {
    let mut p = ProgramBuilder::new("constant", DType::F32);
    p.entry("forward", |g| {
        let one = g.constant(1.0, Type::new(DType::F32, [3]));
        g.output("y", one);
    });
    let program = p.finish().unwrap();
    let params = ParamSource::Generated { seed: 1 };
    let inputs = Inputs::default();
    let entry = "forward".to_owned();
    let spec = MeasureSpec {
        task: Task::Forward { entry: entry.clone(), units: 1 },
        scenario: Scenario::SingleStream,
        boundary: Boundary::DeviceResident,
        warmup: Warmup { min_seconds: 0.0, max_seconds: 0.001, min_executions: 1 },
        sampling: Sampling { seconds: 0.0, min_samples: 5, max_samples: 5, min_sample_seconds: 0.0 },
    };
    Job {
        protocol: VERSION,
        scratch: scratch.to_owned(),
        options: CompileOptions::default(),
        parity: Some(ParityJob {
            program: program.clone(),
            params: params.clone(),
            inputs: inputs.clone(),
            task: ParityTask::Forward { entry },
        }),
        measure: Some(MeasureJob { program, params, inputs, spec }),
        together: false,
    }
}

struct Talk {
    messages: Vec<FromWorker>,
    /// How reading ended.
    end: ProtocolError,
    status: ExitStatus,
    stderr: String,
    scratch: tempfile::TempDir,
}

fn start(script: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_portbench-fake-worker"))
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Gives the job and reads to the end. A worker that goes without reading its job is no error.
fn talk(script: &str) -> Talk {
    let scratch = tempfile::tempdir().unwrap();
    let mut child = start(script);
    let mut stdin = child.stdin.take().unwrap();
    let _ = write_line(&mut stdin, &job(scratch.path()));
    drop(stdin);
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut messages = Vec::new();
    let end = loop {
        match read_message(&mut reader) {
            Ok(message) => messages.push(message),
            Err(end) => break end,
        }
    };
    drop(reader);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    Talk { messages, end, status: child.wait().unwrap(), stderr, scratch }
}

fn measured(talk: &Talk) -> bool {
    talk.messages.iter().any(|m| matches!(m, FromWorker::Measured { .. }))
}

fn failed(talk: &Talk) -> &Failure {
    match talk.messages.last() {
        Some(FromWorker::Failed { failure, .. }) => failure,
        other => panic!("{other:?}, {}", talk.stderr),
    }
}

#[test]
fn an_honest_worker_and_one_with_noisy_libraries_say_the_same() {
    for script in ["honest", "noise", "late=1"] {
        let talk = talk(script);
        assert!(matches!(talk.end, ProtocolError::End), "{script}: {}", talk.end);
        assert!(talk.status.success() && measured(&talk), "{script}: {}", talk.stderr);
        assert_eq!(talk.messages.last(), Some(&FromWorker::Done), "{script}");
        // What was printed to standard output came out on standard error.
        assert_eq!(talk.stderr.contains("warming caches"), script == "noise");
    }
}

#[test]
fn reported_failures() {
    assert_eq!(failed(&talk("unavailable")), &Failure::Unavailable);
    assert_eq!(failed(&talk("out-of-memory")), &Failure::OutOfMemory);
    assert!(matches!(failed(&talk("unsupported")), Failure::Unsupported { ops } if ops.len() == 1));
    assert_eq!(failed(&talk("panic")), &Failure::Error);
}

#[test]
fn ends_without_a_word() {
    let exit = talk("exit=3");
    assert_eq!((exit.status.code(), exit.messages.len()), (Some(3), 2));
    let exit = talk("exit-in-sampling=4");
    assert_eq!(exit.status.code(), Some(4));
    assert!(!measured(&exit));
    for (script, heard) in [("abort-at-start", 0), ("abort", 2)] {
        let talk = talk(script);
        assert_eq!((talk.status.code(), talk.messages.len()), (None, heard), "{script}");
    }
    assert_eq!(talk("abort-in-sampling").status.code(), None);
    let silent = talk("no-done");
    assert!(measured(&silent) && silent.messages.last() != Some(&FromWorker::Done));
    let silent = talk("no-measured");
    assert!(!measured(&silent) && silent.messages.last() == Some(&FromWorker::Done));
}

#[test]
fn broken_lines() {
    for script in ["garbage", "garbage-at-start"] {
        assert!(matches!(talk(script).end, ProtocolError::Garbage { .. }), "{script}");
    }
    assert!(matches!(talk("partial").end, ProtocolError::Truncated { .. }));
    assert!(matches!(talk("huge-line").end, ProtocolError::TooLong));
    assert!(matches!(talk("version=9").end, ProtocolError::Version { got: 9 }));
}

#[test]
fn numbers_that_are_none() {
    let talk = talk("nan");
    assert_eq!(talk.messages.last(), Some(&FromWorker::Done), "{}", talk.stderr);
    let mut file = CheckpointFile::open(&talk.scratch.path().join("parity.safetensors")).unwrap();
    assert!(file.read("y").unwrap().to_f64().iter().all(|x| x.is_nan()));
}

#[test]
fn hanging() {
    for (script, last) in
        [("hang-in-sampling", Some(FromWorker::Phase { phase: Phase::Warmup })), ("hang-in-parity", None)]
    {
        let scratch = tempfile::tempdir().unwrap();
        let mut child = start(script);
        let mut stdin = child.stdin.take().unwrap();
        write_line(&mut stdin, &job(scratch.path())).unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let wanted = last.unwrap_or(FromWorker::Hello { protocol: VERSION, worker: String::new() });
        while std::mem::discriminant(&read_message(&mut reader).unwrap()) != std::mem::discriminant(&wanted) {
        }
        assert!(child.try_wait().unwrap().is_none(), "{script} is alive");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut child = start("hang-at-start");
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_script_that_does_not_exist_is_a_usage_error() {
    let mut child = start("nonsense");
    child.stdin.take().unwrap().flush().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
}
