//! Engines written in Python pass the conformance suite: the same cases, compared with the same oracle, in a process of the interpreter.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::python;

fn passes(arguments: &[&str]) {
    let mut command = python(&[&["conformance"], arguments].concat());
    // XLA lowers the same graphs either way; its compiler for CPUs then takes half the time.
    let output = command.env("XLA_FLAGS", "--xla_backend_optimization_level=0").output().unwrap();
    let [report, errors] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{report}{errors}");
    assert!(report.contains(" 0 failed"), "{report}");
}

#[test]
fn torch_passes() {
    passes(&["--engine", "torch"]);
}

/// One case of each form of an op, in f32 where it has several element types: each is compiled, and all 2,723 take three minutes.
#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    ignore = "torch_xla has wheels for Linux on x86-64 alone"
)]
fn torch_xla_passes() {
    passes(&["--engine", "torch-xla", "--brief"]);
}
