//! The worker as a process: what reaches the runner when something is missing, and what does not reach it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::process::{Command, Output};

use common::{interpreter, python};
use portbench_worker::{Failure, FromWorker, VERSION};

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
