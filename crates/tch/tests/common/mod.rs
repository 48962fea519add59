//! The worker program as the runner meets it: a process that speaks the protocol.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::Write;
use std::process::{Command, Stdio};

use portbench_worker::{Failure, FromWorker, VERSION, parse_message};

/// Everything the worker on that device says when it is sent these bytes, with this in its environment.
pub(crate) fn talk(device: &str, input: &[u8], env: &[(&str, &str)]) -> Vec<FromWorker> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portbench-worker-tch"))
        .args(["--device", device])
        .env("RAYON_NUM_THREADS", "1")
        // Accelerators of this machine are none of these tests' business.
        .env("CUDA_VISIBLE_DEVICES", "")
        .env_remove("NEURON_RT_VISIBLE_CORES")
        .env_remove("PORTBENCH_PYTHON")
        .env_remove("VIRTUAL_ENV")
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // A worker that gave up already reads nothing; what it said tells why.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| parse_message(line.as_bytes()).unwrap()).collect()
}

/// The text with which a worker on that device gives up before it takes a job.
pub(crate) fn unavailable(device: &str, env: &[(&str, &str)]) -> String {
    let messages = talk(device, b"", env);
    match &messages[..] {
        [
            FromWorker::Hello { protocol: VERSION, .. },
            FromWorker::Failed { failure: Failure::Unavailable, text },
        ] => text.clone(),
        other => panic!("not a greeting and a failure: {other:?}"),
    }
}
