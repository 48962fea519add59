//! Engines written in Python pass the conformance suite: the same cases, compared with the same oracle, in a process of the interpreter.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::python;

fn passes(engine: &str) {
    let output = python(&["conformance", "--engine", engine]).output().unwrap();
    let [report, errors] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{report}{errors}");
    assert!(report.contains(" 0 failed"), "{report}");
}

#[test]
fn torch_passes() {
    passes("torch");
}
