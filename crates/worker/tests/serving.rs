//! The worker's loop, in this process.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::Cursor;
use std::path::Path;

use portbench_backend::null::NullBackend;
use portbench_backend::{Backend, BackendError, CheckpointFile, CompileOptions, ParamSource};
use portbench_graph::{DType, Program, ProgramBuilder, Type, ValueId};
use portbench_measure::{
    Boundary, InputSource, Inputs, MeasureSpec, ParityTask, Samples, Sampling, Scenario, Task, Warmup,
};
use portbench_worker::{
    Failure, FromWorker, Job, MeasureJob, ParityJob, Phase, ProtocolError, VERSION, WorkerError,
    read_message, serve, write_line,
};

fn program() -> Program {
    let mut p = ProgramBuilder::new("twice", DType::F32);
    p.entry("forward", |g| {
        let x = g.input("x", Type::new(DType::F32, [2, 3]));
        let y = g.affine(x, 2.0, 1.0);
        g.output("y", y);
    });
    p.finish().unwrap()
}

fn job(scratch: &Path) -> Job {
    let params = ParamSource::Generated { seed: 1 };
    let recipe = portbench_backend::generate::Recipe::Normal { std: 1.0 };
    let inputs = Inputs {
        seed: 1,
        sources: [("x".to_owned(), InputSource::Generated { recipe })].into(),
        ..Inputs::default()
    };
    let spec = MeasureSpec {
        task: Task::Forward { entry: "forward".into(), units: 1 },
        scenario: Scenario::SingleStream,
        boundary: Boundary::DeviceResident,
        warmup: Warmup { min_seconds: 0.0, max_seconds: 0.001, min_executions: 1 },
        sampling: Sampling { seconds: 0.0, min_samples: 7, max_samples: 7, min_sample_seconds: 0.0 },
    };
    Job {
        protocol: VERSION,
        scratch: scratch.to_owned(),
        options: CompileOptions::default(),
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

fn null() -> Result<Box<dyn Backend>, BackendError> {
    Ok(Box::new(NullBackend::new()))
}

fn talk(
    input: &[u8],
    open: impl FnOnce() -> Result<Box<dyn Backend>, BackendError>,
) -> (Vec<FromWorker>, Result<(), WorkerError>) {
    let mut written = Vec::new();
    let result = serve("test", open, &mut Cursor::new(input), &mut written);
    let mut reader = Cursor::new(written);
    let mut messages = Vec::new();
    loop {
        match read_message(&mut reader) {
            Ok(message) => messages.push(message),
            Err(ProtocolError::End) => return (messages, result),
            Err(error) => panic!("{error}"),
        }
    }
}

fn line(job: &Job) -> Vec<u8> {
    let mut line = Vec::new();
    write_line(&mut line, job).unwrap();
    line
}

fn failure(messages: &[FromWorker]) -> (&Failure, &str) {
    match messages.last().unwrap() {
        FromWorker::Failed { failure, text } => (failure, text),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_job_is_answered_in_order() {
    let scratch = tempfile::tempdir().unwrap();
    let (messages, result) = talk(&line(&job(scratch.path())), null);
    result.unwrap();
    let phases: Vec<Phase> = messages
        .iter()
        .filter_map(|m| if let FromWorker::Phase { phase } = m { Some(*phase) } else { None })
        .collect();
    assert_eq!(phases, [Phase::Parity, Phase::Compile, Phase::FirstExecute, Phase::Warmup, Phase::Sampling]);
    assert!(matches!(&messages[0], FromWorker::Hello { protocol: VERSION, worker } if worker == "test"));
    assert!(matches!(&messages[1], FromWorker::Ready { info } if info.backend == "null"));
    let [.., FromWorker::Measured { measurement, phases, .. }, FromWorker::Done] = &messages[..] else {
        panic!("{messages:?}")
    };
    let Samples::Iterations { nanoseconds, .. } = &measurement.samples else { panic!() };
    assert_eq!(nanoseconds.len(), 7);
    assert!(phases.start.is_some() && phases.compile.is_some());
    assert!(phases.first_execute.is_some() && phases.parity.is_some());
    let outputs = messages.iter().find_map(|m| match m {
        FromWorker::Parity { outputs, .. } => Some(scratch.path().join(outputs)),
        _ => None,
    });
    let mut file = CheckpointFile::open(&outputs.unwrap()).unwrap();
    assert_eq!(file.read("y").unwrap().to_f64(), [0.0; 6]);
}

#[test]
fn end_of_input_ends_a_worker_quietly() {
    let (messages, result) = talk(b"", null);
    result.unwrap();
    assert_eq!(messages.len(), 2, "hello and ready alone: {messages:?}");
}

#[test]
fn a_job_of_another_version_is_refused_whatever_it_holds() {
    let (messages, result) = talk(b"{\"protocol\": 99, \"novelty\": true}\n", null);
    assert!(matches!(result, Err(WorkerError::Job(ProtocolError::Version { got: 99 }))), "{result:?}");
    let (kind, text) = failure(&messages);
    assert_eq!(kind, &Failure::Error);
    assert!(text.contains("protocol 99") && text.contains("same version"), "{text}");
}

#[test]
fn lines_that_are_no_job_are_reported() {
    for (input, part) in [
        (&b"GET / HTTP/1.1\r\n"[..], "GET /"),
        (b"{\"protocol\": 1", "ended within a line"),
        (b"\xFF\xFE\n", "no message"),
    ] {
        let (messages, result) = talk(input, null);
        assert!(matches!(result, Err(WorkerError::Job(_))), "{result:?}");
        assert!(failure(&messages).1.contains(part), "{messages:?}");
    }
}

#[test]
fn a_program_that_lies_is_an_error_and_no_panic() {
    let scratch = tempfile::tempdir().unwrap();
    let mut lying = job(scratch.path());
    // A reference to a node that is not there.
    lying.parity.as_mut().unwrap().program.entries[0].nodes[1].args[0] = ValueId(999);
    let (messages, result) = talk(&line(&lying), null);
    result.unwrap();
    let (kind, text) = failure(&messages);
    assert_eq!(kind, &Failure::Error);
    assert!(text.starts_with("the parity program of the job is not valid: "), "{text}");
}

#[test]
fn failures_of_the_backend_keep_their_kind() {
    let missing =
        || Err(BackendError::Unavailable { what: "CUDA device 3".into(), hint: "there are 2".into() });
    let (messages, result) = talk(b"", missing);
    result.unwrap();
    assert_eq!(failure(&messages), (&Failure::Unavailable, "CUDA device 3 is not available; there are 2"));
}

#[test]
fn a_panic_of_the_backend_is_reported() {
    let (messages, result) = talk(b"", || panic!("null pointer of sorts"));
    result.unwrap();
    assert_eq!(failure(&messages).1, "the backend panicked: null pointer of sorts");
}

#[test]
fn an_input_without_a_source_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let mut job = job(scratch.path());
    job.parity = None;
    job.measure.as_mut().unwrap().inputs.sources.clear();
    let (messages, _) = talk(&line(&job), null);
    let text = failure(&messages).1;
    assert!(text.starts_with("measuring failed: input `x` of entry `forward`"), "{text}");
}

#[test]
fn a_scratch_directory_that_is_not_there_is_named() {
    let (messages, _) = talk(&line(&job(Path::new("no/such/directory"))), null);
    let text = failure(&messages).1;
    assert!(text.contains("no/such/directory"), "{text}");
}
