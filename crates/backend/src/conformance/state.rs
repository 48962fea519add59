//! State: written in place, shared by entries, read as the execution before left it, reset to zero.

use portbench_graph::{DType, Program, ProgramBuilder, Type};

use crate::causes::with_causes;
use crate::conformance::case::{FLOATS, close, compile, guarded, tensor};
use crate::conformance::report::{CaseReport, Verdict};
use crate::contract::{Backend, CompileOptions, EntryId, Executable};
use crate::error::BackendError;
use crate::tensor::HostTensor;

pub(super) fn check(backend: &mut dyn Backend, oracle: &mut dyn Backend) -> Vec<CaseReport> {
    let mut reports = Vec::new();
    for dtype in FLOATS {
        for in_place in [true, false] {
            let how = if in_place { "in place" } else { "and read again" };
            let name = format!("state written {how}, shared by entries, reset ({dtype})");
            reports.push(guarded(&name, || {
                let program = program(dtype, in_place).map_err(|e| format!("the suite is wrong: {e}"))?;
                let options = CompileOptions::default();
                let mut executable = match compile(&program, backend, &options)? {
                    Ok(executable) => executable,
                    Err(reason) => return Ok(Verdict::Unsupported { reason }),
                };
                let mut golden = compile(&program, oracle, &options)??;
                let got = story(&mut *executable, dtype).map_err(|e| with_causes(&e))?;
                let expected = story(&mut *golden, dtype).map_err(|e| with_causes(&e))?;
                for (step, (g, e)) in got.iter().zip(&expected).enumerate() {
                    close(g, e, 0.0, 0.0).map_err(|m| format!("result {step} of the story: {m}"))?;
                }
                Ok(Verdict::Passed)
            }));
        }
    }
    reports
}

/// `prefill` writes two rows and `decode` one; both answer with the cache, and with what it was before when not in place. `count`
/// keeps an integer.
fn program(dtype: DType, in_place: bool) -> Result<Program, portbench_graph::GraphError> {
    let mut p = ProgramBuilder::new("state", dtype);
    for (name, rows) in [("prefill", 2), ("decode", 1)] {
        p.entry(name, |g| {
            let x = g.input("x", Type::new(dtype, [1, rows, 3]));
            let position = g.input("position", Type::scalar(DType::I64));
            let cache = g.state("cache", Type::new(dtype, [1, 4, 3]));
            let count = g.state("count", Type::scalar(DType::I64));
            let written = g.update_slice(cache, x, position, 1);
            g.update("cache", written);
            g.output("cache", written);
            if !in_place {
                g.output("before", cache);
            }
            let one = g.constant(1.0, Type::scalar(DType::I64));
            let more = g.add(count, one);
            g.update("count", more);
            g.output("count", more);
        });
    }
    p.finish()
}

/// What a generation does, twice, with a reset between; everything that was fetched.
fn story(executable: &mut dyn Executable, dtype: DType) -> Result<Vec<HostTensor>, BackendError> {
    let mut fetched = Vec::new();
    for round in 0..2 {
        let steps: [(usize, usize, i64); 4] = [(0, 2, 0), (1, 1, 2), (1, 1, 3), (1, 1, 3)];
        for (i, (entry, rows, position)) in steps.into_iter().enumerate() {
            let values: Vec<f64> = (0..rows * 3).map(|j| (1 + round * 40 + i * 10 + j) as f64).collect();
            let x = tensor(dtype, &[1, rows, 3], &values);
            let position = HostTensor::scalar_i64(position);
            executable.bind(EntryId(entry), &[("x", &x), ("position", &position)])?;
            executable.execute(EntryId(entry))?;
            for output in ["cache", "count", "before"] {
                match executable.fetch(EntryId(entry), output) {
                    Err(BackendError::Output { .. }) if output == "before" => {}
                    answer => fetched.push(answer?),
                }
            }
        }
        // The same inputs again, several times without looking: the last row is written again, the count goes on.
        for _ in 0..3 {
            executable.execute(EntryId(1))?;
        }
        executable.synchronize()?;
        fetched.push(executable.fetch(EntryId(1), "cache")?);
        fetched.push(executable.fetch(EntryId(1), "count")?);
        // Only `decode` ran since: the other entry's outputs are still those of its own latest execution.
        fetched.push(executable.fetch(EntryId(0), "cache")?);
        executable.reset_state()?;
    }
    Ok(fetched)
}
