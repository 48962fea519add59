//! Calls and values the contract forbids: errors of the right kind, not panics and not results.

use portbench_graph::{DType, GraphBuilder, Init, Program, ProgramBuilder, Type, Value};

use crate::causes::with_causes;
use crate::conformance::case::{compile, guarded, tensor};
use crate::conformance::report::{CaseReport, Verdict};
use crate::contract::{Backend, CompileOptions, EntryId, Executable};
use crate::error::BackendError;
use crate::tensor::HostTensor;

const FORWARD: EntryId = EntryId(0);

/// A call that has to fail, and how.
type Call = (&'static str, fn(&mut dyn Executable) -> Result<(), BackendError>, fn(&BackendError) -> bool);

const CALLS: [Call; 9] = [
    (
        "binding an unknown input",
        |e| e.bind(FORWARD, &[("q", &tensor(DType::F32, &[2], &[1.0, 2.0]))]),
        |e| matches!(e, BackendError::Input { input, .. } if input == "q"),
    ),
    (
        "binding another shape",
        |e| e.bind(FORWARD, &[("x", &tensor(DType::F32, &[1, 2], &[1.0, 2.0]))]),
        |e| matches!(e, BackendError::Input { input, .. } if input == "x"),
    ),
    (
        "binding another element type",
        |e| e.bind(FORWARD, &[("x", &tensor(DType::F64, &[2], &[1.0, 2.0]))]),
        |e| matches!(e, BackendError::Input { input, .. } if input == "x"),
    ),
    (
        "binding in an unknown entry",
        |e| e.bind(EntryId(1), &[("x", &tensor(DType::F32, &[2], &[1.0, 2.0]))]),
        |e| matches!(e, BackendError::UnknownEntry { .. }),
    ),
    (
        "executing with an unbound input",
        |e| e.execute(FORWARD),
        |e| matches!(e, BackendError::Input { input, .. } if input == "x"),
    ),
    (
        "executing an unknown entry",
        |e| e.execute(EntryId(usize::MAX)),
        |e| matches!(e, BackendError::UnknownEntry { .. }),
    ),
    (
        "fetching before executing",
        |e| e.fetch(FORWARD, "y").map(drop),
        |e| matches!(e, BackendError::Output { name, .. } if name == "y"),
    ),
    (
        "fetching an unknown output",
        |e| {
            e.bind(FORWARD, &[("x", &tensor(DType::F32, &[2], &[1.0, 2.0]))])?;
            e.execute(FORWARD)?;
            e.fetch(FORWARD, "z").map(drop)
        },
        |e| matches!(e, BackendError::Output { name, .. } if name == "z"),
    ),
    (
        "fetching an unknown parameter",
        |e| e.fetch_param("v").map(drop),
        |e| matches!(e, BackendError::Output { name, .. } if name == "v"),
    ),
];

pub(super) fn check(backend: &mut dyn Backend) -> Vec<CaseReport> {
    let mut reports = Vec::new();
    for (name, call, expected) in CALLS {
        reports.push(guarded(name, || {
            let mut executable = match compiled(backend, &scaling())? {
                Ok(executable) => executable,
                Err(reason) => return Ok(Verdict::Unsupported { reason }),
            };
            must_fail(call(&mut *executable), expected)
        }));
    }
    for (name, inputs, build) in forbidden_values() {
        reports.push(guarded(&name, || {
            let program = program_of(&inputs, build);
            let mut executable = match compiled(backend, &program)? {
                Ok(executable) => executable,
                Err(reason) => return Ok(Verdict::Unsupported { reason }),
            };
            for (i, input) in inputs.iter().enumerate() {
                executable.bind(FORWARD, &[(&format!("x{i}"), input)]).map_err(|e| with_causes(&e))?;
            }
            // Devices that answer late may tell at the barrier, but not later.
            let answer = executable.execute(FORWARD).and_then(|()| executable.synchronize());
            must_fail(answer, |_| true)
        }));
    }
    reports
}

fn must_fail(
    answer: Result<(), BackendError>,
    expected: impl FnOnce(&BackendError) -> bool,
) -> Result<Verdict, String> {
    match answer {
        Ok(()) => Err("succeeded, and has to be an error".into()),
        Err(e) if expected(&e) => Ok(Verdict::Passed),
        Err(e) => Err(format!("is an error of the wrong kind: {e:?}")),
    }
}

fn compiled(
    backend: &mut dyn Backend,
    program: &Result<Program, String>,
) -> Result<Result<Box<dyn Executable>, String>, String> {
    let program = program.as_ref().map_err(|m| format!("the suite is wrong: {m}"))?;
    compile(program, backend, &CompileOptions::default())
}

fn scaling() -> Result<Program, String> {
    let mut p = ProgramBuilder::new("misuse", DType::F32);
    p.entry("forward", |g| {
        let x = g.input("x", Type::new(DType::F32, [2]));
        let w = g.param("w", &[2], Init::Constant { value: 2.0 });
        let y = g.mul(x, w);
        g.output("y", y);
    });
    p.finish().map_err(|e| e.to_string())
}

type Build = fn(&mut GraphBuilder<'_>, &[Value]) -> Value;

fn program_of(inputs: &[HostTensor], build: Build) -> Result<Program, String> {
    let mut p = ProgramBuilder::new("misuse", DType::F32);
    p.entry("forward", |g| {
        let args: Vec<Value> =
            inputs.iter().enumerate().map(|(i, t)| g.input(&format!("x{i}"), t.ty().clone())).collect();
        let y = build(g, &args);
        g.output("y", y);
    });
    p.finish().map_err(|e| e.to_string())
}

/// Programs whose inputs break a rule of an op.
fn forbidden_values() -> Vec<(String, Vec<HostTensor>, Build)> {
    let mut cases: Vec<(String, Vec<HostTensor>, Build)> = Vec::new();
    let table = tensor(DType::F32, &[3, 2], &[1., 2., 3., 4., 5., 6.]);
    for bad in [3i64, -1, 1 << 40] {
        let ids = tensor(DType::I64, &[2], &[0.0, bad as f64]);
        let along = tensor(DType::I64, &[1, 2], &[0.0, bad as f64]);
        cases.push((format!("gather of index {bad} out of 3"), vec![table.clone(), ids.clone()], |g, x| {
            g.gather(x[0], x[1], 0)
        }));
        cases.push((format!("embedding of id {bad} out of 3"), vec![ids.clone(), table.clone()], |g, x| {
            g.embedding(x[0], x[1])
        }));
        cases.push((format!("gather-along of index {bad} out of 3"), vec![table.clone(), along], |g, x| {
            g.gather_along(x[0], x[1], 0)
        }));
        let logits = tensor(DType::F32, &[2, 3], &[0.; 6]);
        cases.push((format!("cross-entropy of target {bad} out of 3"), vec![logits, ids], |g, x| {
            g.cross_entropy(x[0], x[1])
        }));
    }
    for start in [2, -1, i64::MAX] {
        let update = tensor(DType::F32, &[2, 2], &[7., 8., 9., 10.]);
        let args = vec![table.clone(), update, HostTensor::scalar_i64(start)];
        cases.push((format!("update-slice of 2 rows of 3 at {start}"), args, |g, x| {
            g.update_slice(x[0], x[1], x[2], 0)
        }));
    }
    cases
}
