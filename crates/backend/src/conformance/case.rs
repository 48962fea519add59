//! One program with one output, and the comparison of two backends on it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use portbench_graph::{DType, GraphBuilder, Program, ProgramBuilder, Shape, Type, Value};

use crate::causes::with_causes;
use crate::conformance::report::{CaseReport, Verdict};
use crate::contract::{Backend, CompileOptions, EntryId, Executable};
use crate::error::BackendError;
use crate::generate::Stream;
use crate::lower::{Lowering, lower};
use crate::params::ParamSource;
use crate::tensor::HostTensor;

/// The float element types of the grid.
pub(super) const FLOATS: [DType; 4] = [DType::F64, DType::F32, DType::Bf16, DType::F16];

/// Where generated parameters come from.
pub(super) const PARAMS: ParamSource = ParamSource::Generated { seed: 5 };

/// Steps of a sum of `n` products: 16-bit floats accumulate in `f32`, where the sum loses nothing that they would notice.
pub(super) fn dot(dtype: DType, n: usize) -> f64 {
    if dtype.accumulator() == dtype { 8.0 + 2.0 * (n as f64).sqrt() } else { 4.0 }
}

/// Floats uniform in `low..high`, rounded to `dtype`; the same for the same `seed`.
pub(super) fn floats(seed: u64, dtype: DType, shape: &[usize], low: f64, high: f64) -> HostTensor {
    let stream = Stream::new(seed, "conformance");
    let n = Shape::new(shape).elements() as u64;
    let unit = |i| (stream.draw(i) >> 11) as f64 / (1u64 << 53) as f64;
    let values: Vec<f64> = (0..n).map(|i| low + (high - low) * unit(i)).collect();
    tensor(dtype, shape, &values)
}

/// Floats between -2 and 2.
pub(super) fn around_zero(seed: u64, dtype: DType, shape: &[usize]) -> HostTensor {
    floats(seed, dtype, shape, -2.0, 2.0)
}

/// Integers in `low..high`.
pub(super) fn integers(seed: u64, shape: &[usize], low: i64, high: i64) -> HostTensor {
    let stream = Stream::new(seed, "conformance");
    let n = Shape::new(shape).elements() as u64;
    let values: Vec<f64> =
        (0..n).map(|i| (low + stream.below(i, (high - low) as u64) as i64) as f64).collect();
    tensor(DType::I64, shape, &values)
}

/// Booleans.
pub(super) fn booleans(seed: u64, shape: &[usize]) -> HostTensor {
    integers(seed, shape, 0, 2).cast(DType::Bool)
}

/// These values under this type.
pub(super) fn tensor(dtype: DType, shape: &[usize], values: &[f64]) -> HostTensor {
    let ty = Type::new(dtype, shape);
    let zeros = HostTensor::zeros(ty.clone());
    // The cases write as many values as their shapes hold; a slip would show as zeros that no oracle expects.
    HostTensor::from_f64(ty, values).unwrap_or(zeros)
}

/// One program with one output.
pub(super) struct Case {
    pub(super) name: String,
    /// What the suite's own builder said, should it have refused the program.
    pub(super) program: Result<Program, String>,
    pub(super) inputs: Vec<(String, HostTensor)>,
    /// Element type whose roundoff the tolerance is counted in.
    pub(super) dtype: DType,
    /// Roundings granted; 0 for equality.
    pub(super) steps: f64,
}

impl Case {
    /// A case over inputs `x0, x1, ...`, with the result named `y`.
    pub(super) fn new(
        name: &str,
        dtype: DType,
        steps: f64,
        inputs: Vec<HostTensor>,
        build: impl FnOnce(&mut GraphBuilder<'_>, &[Value]) -> Value,
    ) -> Self {
        let inputs: Vec<(String, HostTensor)> =
            inputs.into_iter().enumerate().map(|(i, t)| (format!("x{i}"), t)).collect();
        let mut p = ProgramBuilder::new("conformance", dtype);
        p.entry("forward", |g| {
            let args: Vec<Value> = inputs.iter().map(|(n, t)| g.input(n, t.ty().clone())).collect();
            let y = build(g, &args);
            g.output("y", y);
        });
        let program = p.finish().map_err(|e| e.to_string());
        let shapes: Vec<String> = inputs.iter().map(|(_, t)| t.ty().to_string()).collect();
        Self { name: format!("{name} ({})", shapes.join(", ")), program, inputs, dtype, steps }
    }

    /// Runs the case: as the backend would, and decomposed if that is not the same.
    pub(super) fn check(&self, backend: &mut dyn Backend, oracle: &mut dyn Backend) -> CaseReport {
        guarded(&self.name, || {
            let program = self.program.as_ref().map_err(|m| format!("the suite is wrong: {m}"))?;
            let expected =
                self.evaluate(program, oracle, false)?.map_err(|r| format!("the oracle cannot: {r}"))?.0;
            let (got, native) = match self.evaluate(program, backend, false)? {
                Ok(done) => done,
                Err(reason) => return Ok(Verdict::Unsupported { reason }),
            };
            self.compare(&got, &expected)?;
            if native {
                let (got, _) = self
                    .evaluate(program, backend, true)?
                    .map_err(|r| format!("native, but its decomposition is unsupported: {r}"))?;
                self.compare(&got, &expected).map_err(|m| format!("decomposed: {m}"))?;
            }
            Ok(Verdict::Passed)
        })
    }

    /// Output, and whether a composite ran natively; the inner error is why the backend does not run it.
    fn evaluate(
        &self,
        program: &Program,
        backend: &mut dyn Backend,
        decompose_all: bool,
    ) -> Result<Result<(HostTensor, bool), String>, String> {
        let options = CompileOptions { decompose_all, ..CompileOptions::default() };
        let mut executable = match compile(program, backend, &options)? {
            Ok(executable) => executable,
            Err(reason) => return Ok(Err(reason)),
        };
        let output = once(&mut *executable, EntryId(0), &self.inputs, "y").map_err(|e| with_causes(&e))?;
        let composite = |op: &str| {
            program.entries.iter().flat_map(|g| &g.nodes).any(|n| n.op.is_composite() && n.op.name() == op)
        };
        let rows = &executable.lowering().ops;
        let native = rows.iter().any(|r| matches!(r.lowering, Lowering::Native { .. }) && composite(&r.op));
        Ok(Ok((output, native)))
    }

    fn compare(&self, got: &HostTensor, expected: &HostTensor) -> Result<(), String> {
        let declared = self.program.as_ref().ok().and_then(|p| p.entries[0].output("y").cloned());
        if let Some(declared) = declared {
            let wide = declared.dtype.is_float() && got.ty().dtype == DType::F64;
            if got.ty().shape != declared.shape || (got.ty().dtype != declared.dtype && !wide) {
                return Err(format!("the output is {}, declared is {declared}", got.ty()));
            }
        }
        close(got, expected, roundoff(self.dtype) * self.steps, 0.0)
    }
}

/// Compiles, and holds the answer against [`Backend::support`]. The inner error is why the backend does not run it.
pub(super) fn compile(
    program: &Program,
    backend: &mut dyn Backend,
    options: &CompileOptions,
) -> Result<Result<Box<dyn Executable>, String>, String> {
    let promised = match lower(program, backend, options) {
        Ok(_) => None,
        Err(BackendError::Unsupported { ops, .. }) => Some(ops),
        Err(e) => return Err(with_causes(&e)),
    };
    match (backend.compile(program, &PARAMS, options), promised) {
        (Ok(executable), None) => Ok(Ok(executable)),
        (Ok(_), Some(ops)) => {
            Err(format!("`support` refuses {}, `compile` does not", ops.first().map_or("", |o| &o.op)))
        }
        (Err(BackendError::Unsupported { ops, .. }), Some(_)) => {
            let mut reasons: Vec<String> = ops.iter().map(|o| format!("{}: {}", o.op, o.reason)).collect();
            reasons.dedup();
            Ok(Err(reasons.join("; ")))
        }
        (Err(e @ BackendError::Unsupported { .. }), None) => {
            Err(format!("`support` accepts every op, `compile` does not: {}", with_causes(&e)))
        }
        (Err(e), _) => Err(with_causes(&e)),
    }
}

/// Binds, executes once, synchronises and fetches.
pub(super) fn once(
    executable: &mut dyn Executable,
    entry: EntryId,
    inputs: &[(String, HostTensor)],
    output: &str,
) -> Result<HostTensor, BackendError> {
    let inputs: Vec<(&str, &HostTensor)> = inputs.iter().map(|(n, t)| (n.as_str(), t)).collect();
    executable.bind(entry, &inputs)?;
    executable.execute(entry)?;
    executable.synchronize()?;
    executable.fetch(entry, output)
}

/// Turns what happened into a verdict; a panic is a failure.
pub(super) fn guarded(name: &str, check: impl FnOnce() -> Result<Verdict, String>) -> CaseReport {
    let verdict = match catch_unwind(AssertUnwindSafe(check)) {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(reason)) => Verdict::Failed { reason },
        Err(payload) => {
            let text = payload
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("without a message");
            Verdict::Failed { reason: format!("panicked: {text}") }
        }
    };
    CaseReport { name: name.to_owned(), verdict }
}

/// Half the distance from 1 to the next number.
pub(super) fn roundoff(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => f64::EPSILON / 2.0,
        DType::F32 => f64::from(f32::EPSILON) / 2.0,
        DType::Bf16 => 0.5f64.powi(8),
        DType::F16 => 0.5f64.powi(11),
        DType::I64 | DType::Bool => 0.0,
    }
}

/// The tolerance rule of the suite; `unit` is `steps * u`, `absolute` is granted on top.
pub(super) fn close(got: &HostTensor, expected: &HostTensor, unit: f64, absolute: f64) -> Result<(), String> {
    if got.ty().shape != expected.ty().shape {
        return Err(format!("{} instead of {}", got.ty(), expected.ty()));
    }
    if !expected.ty().dtype.is_float() {
        let (g, e) = (got.to_i64(), expected.to_i64());
        return match g.iter().zip(&e).position(|(g, e)| g != e) {
            Some(i) => Err(format!("element {i} is {} instead of {}", g[i], e[i])),
            None => Ok(()),
        };
    }
    let (g, e) = (got.to_f64(), expected.to_f64());
    let finite: Vec<f64> = e.iter().copied().filter(|v| v.is_finite()).collect();
    let rms = (finite.iter().map(|v| v * v).sum::<f64>() / finite.len().max(1) as f64).sqrt();
    for (i, (&g, &e)) in g.iter().zip(&e).enumerate() {
        let same = g == e || (g.is_nan() && e.is_nan());
        let (error, granted) = ((g - e).abs(), unit * (e.abs() + rms) + absolute);
        if !same && (error.is_nan() || error > granted) {
            return Err(format!(
                "element {i} is {g:e} instead of {e:e}: an error of {error:.2e} where {granted:.2e} is granted"
            ));
        }
    }
    Ok(())
}
