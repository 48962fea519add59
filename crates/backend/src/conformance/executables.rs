//! What executables promise beside values of single ops: outputs of every kind, parameters, calls in any order.

use portbench_graph::{AttentionOptions, DType, GraphError, Init, Program, ProgramBuilder, Type};

use crate::causes::with_causes;
use crate::conformance::case::{FLOATS, PARAMS, around_zero, close, compile, guarded, once, roundoff};
use crate::conformance::report::{CaseReport, Verdict};
use crate::contract::{Backend, CompileOptions, EntryId, Executable};
use crate::error::BackendError;
use crate::tensor::HostTensor;

/// What a backend shows in a story, or what went wrong.
type Told = Result<Vec<HostTensor>, BackendError>;

pub(super) fn check(backend: &mut dyn Backend, oracle: &mut dyn Backend) -> Vec<CaseReport> {
    let mut reports = Vec::new();
    for dtype in FLOATS {
        let mut both = |name: &str,
                        program: Result<Program, GraphError>,
                        steps: f64,
                        tell: &dyn Fn(&mut dyn Executable) -> Told| {
            reports.push(guarded(&format!("{name} ({dtype})"), || {
                let program = program.map_err(|e| format!("the suite is wrong: {e}"))?;
                let options = CompileOptions::default();
                let mut executable = match compile(&program, backend, &options)? {
                    Ok(executable) => executable,
                    Err(reason) => return Ok(Verdict::Unsupported { reason }),
                };
                let mut golden = compile(&program, oracle, &options)??;
                let got = tell(&mut *executable).map_err(|e| with_causes(&e))?;
                let expected = tell(&mut *golden).map_err(|e| with_causes(&e))?;
                for (i, (g, e)) in got.iter().zip(&expected).enumerate() {
                    close(g, e, steps * roundoff(dtype), 0.0).map_err(|m| format!("result {i}: {m}"))?;
                }
                Ok(Verdict::Passed)
            }));
        };
        both("outputs that are inputs, parameters, views, or the same value", outputs(dtype), 2.0, &|e| {
            tell_outputs(e, dtype)
        });
        both("attention over a cache, step by step", cached_attention(dtype), 32.0, &|e| {
            tell_cached_attention(e, dtype)
        });
        reports.push(guarded(&format!("parameters as generated ({dtype})"), || parameters(dtype, backend)));
        reports.push(guarded(&format!("two executables side by side ({dtype})"), || {
            side_by_side(dtype, backend)
        }));
    }
    reports
}

fn outputs(dtype: DType) -> Result<Program, GraphError> {
    let mut p = ProgramBuilder::new("outputs", dtype);
    p.entry("forward", |g| {
        let x = g.input("x", Type::new(dtype, [2, 3]));
        let w = g.param("w", &[2, 3], Init::Normal { std: 1.0 });
        let sum = g.add(x, w);
        let turned = g.permute(sum, &[1, 0]);
        let flat = g.reshape(turned, &[6]);
        let wide = g.reshape(sum, &[2, 1, 3]);
        let wide = g.broadcast(wide, &[2, 2, 3]);
        let column = g.slice(sum, 1, 1, 1);
        let filled = g.constant(1.5, Type::new(dtype, [2]));
        for (name, value) in NAMES.into_iter().zip([x, w, sum, sum, turned, flat, wide, column, filled]) {
            g.output(name, value);
        }
    });
    p.finish()
}

const NAMES: [&str; 9] = ["x", "w", "sum", "sum-again", "turned", "flat", "wide", "column", "filled"];

/// Two executions on different inputs, outputs fetched in another order than declared and more than once.
fn tell_outputs(executable: &mut dyn Executable, dtype: DType) -> Told {
    let mut fetched = Vec::new();
    for seed in [101, 102] {
        let x = around_zero(seed, dtype, &[2, 3]);
        executable.bind(EntryId(0), &[("x", &x)])?;
        executable.execute(EntryId(0))?;
        for name in NAMES.into_iter().rev().chain(NAMES) {
            fetched.push(executable.fetch(EntryId(0), name)?);
        }
    }
    Ok(fetched)
}

/// Keys and values of one step are written into caches and attended over.
fn cached_attention(dtype: DType) -> Result<Program, GraphError> {
    let mut p = ProgramBuilder::new("cache", dtype);
    for (name, s) in [("prefill", 3), ("decode", 1)] {
        p.entry(name, |g| {
            let position = g.input("position", Type::scalar(DType::I64));
            let q = g.input("q", Type::new(dtype, [1, 4, s, 4]));
            let caches = ["k", "v"].map(|name| {
                let new = g.input(name, Type::new(dtype, [1, 2, s, 4]));
                let cache = g.state(name, Type::new(dtype, [1, 2, 6, 4]));
                let written = g.update_slice(cache, new, position, 2);
                g.update(name, written);
                written
            });
            let options = AttentionOptions { scale: 0.5, causal: true, mask: None, position: Some(position) };
            let y = g.attention([q, caches[0], caches[1]], options);
            g.output("y", y);
        });
    }
    p.finish()
}

fn tell_cached_attention(executable: &mut dyn Executable, dtype: DType) -> Told {
    let mut fetched = Vec::new();
    for (step, (entry, s, position)) in [(0, 3, 0), (1, 1, 3), (1, 1, 4), (1, 1, 5)].into_iter().enumerate() {
        let seed = 110 + 3 * step as u64;
        let inputs = [
            ("position".to_owned(), HostTensor::scalar_i64(position)),
            ("q".to_owned(), around_zero(seed, dtype, &[1, 4, s, 4])),
            ("k".to_owned(), around_zero(seed + 1, dtype, &[1, 2, s, 4])),
            ("v".to_owned(), around_zero(seed + 2, dtype, &[1, 2, s, 4])),
        ];
        fetched.push(once(executable, EntryId(entry), &inputs, "y")?);
    }
    Ok(fetched)
}

/// Parameters are the generator's values in their declared type, used or not, before and after an execution.
fn parameters(dtype: DType, backend: &mut dyn Backend) -> Result<Verdict, String> {
    let program = outputs(dtype).map_err(|e| format!("the suite is wrong: {e}"))?;
    let mut executable = match compile(&program, backend, &CompileOptions::default())? {
        Ok(executable) => executable,
        Err(reason) => return Ok(Verdict::Unsupported { reason }),
    };
    let mut source = PARAMS.open().map_err(|e| with_causes(&e))?;
    let expected = source.load(&program.params[0]).map_err(|e| with_causes(&e))?;
    for when in ["before executing", "after executing"] {
        let got = executable.fetch_param("w").map_err(|e| with_causes(&e))?;
        if got.ty().dtype != dtype && got.ty().dtype != DType::F64 {
            return Err(format!("{when} the parameter is {}, declared is {}", got.ty(), expected.ty()));
        }
        close(&got, &expected, 0.0, 0.0).map_err(|m| format!("{when}: {m}"))?;
        tell_outputs(&mut *executable, dtype).map_err(|e| with_causes(&e))?;
    }
    Ok(Verdict::Passed)
}

/// State, inputs and outputs of two executables of one program do not mix.
fn side_by_side(dtype: DType, backend: &mut dyn Backend) -> Result<Verdict, String> {
    let program = cached_attention(dtype).map_err(|e| format!("the suite is wrong: {e}"))?;
    let options = CompileOptions::default();
    let mut alone = match compile(&program, backend, &options)? {
        Ok(executable) => executable,
        Err(reason) => return Ok(Verdict::Unsupported { reason }),
    };
    let expected = tell_cached_attention(&mut *alone, dtype).map_err(|e| with_causes(&e))?;
    let mut second = compile(&program, backend, &options)??;
    let got = tell_cached_attention(&mut *second, dtype).map_err(|e| with_causes(&e))?;
    for (g, e) in got.iter().zip(&expected) {
        close(g, e, 0.0, 0.0).map_err(|m| format!("the second executable: {m}"))?;
    }
    let last = alone.fetch(EntryId(1), "y").map_err(|e| with_causes(&e))?;
    close(&last, &expected[expected.len() - 1], 0.0, 0.0)
        .map_err(|m| format!("the first executable: {m}"))?;
    Ok(Verdict::Passed)
}
