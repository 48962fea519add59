//! Helpers of the integration tests.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses its own share")]

use portbench_backend::{Backend, CompileOptions, EntryId, Executable, HostTensor, ParamSource, generate};
use portbench_candle::CandleBackend;
use portbench_graph::{GraphBuilder, Program, ProgramBuilder, Type};
use portbench_reference::Reference;

pub(crate) const SEED: u64 = 7;

/// A program of one entry `forward`.
pub(crate) fn forward(dtype: portbench_graph::DType, build: impl FnOnce(&mut GraphBuilder<'_>)) -> Program {
    let mut builder = ProgramBuilder::new("test", dtype);
    builder.entry("forward", build);
    builder.finish().unwrap()
}

pub(crate) fn candle(program: &Program) -> Box<dyn Executable> {
    let params = ParamSource::Generated { seed: SEED };
    CandleBackend::cpu().compile(program, &params, &CompileOptions::default()).unwrap()
}

pub(crate) fn oracle(program: &Program) -> Box<dyn Executable> {
    let params = ParamSource::Generated { seed: SEED };
    Reference::exact().compile(program, &params, &CompileOptions::default()).unwrap()
}

/// Values for an input: small integers for indices, a normal spread for floats.
pub(crate) fn sample(name: &str, ty: &Type, below: i64) -> HostTensor {
    use portbench_graph::DType;
    match ty.dtype {
        DType::I64 => {
            let n = ty.shape.elements();
            let values: Vec<i64> = (0..n as i64).map(|i| (i * 7 + 3) % below).collect();
            HostTensor::from_i64(ty.dims(), &values).unwrap()
        }
        DType::Bool => {
            let n = ty.shape.elements();
            let values: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i % 3 != 1))).collect();
            HostTensor::from_f64(ty.clone(), &values).unwrap()
        }
        _ => generate::tensor(SEED, name, ty, portbench_graph::Init::Normal { std: 1.0 }.into()).unwrap(),
    }
}

/// Binds the same sample inputs to both, runs the entry once on both.
pub(crate) fn run_both(
    program: &Program,
    entry: &str,
    below: i64,
    executables: &mut [&mut Box<dyn Executable>],
) {
    let id = EntryId::of(program, entry).unwrap();
    let inputs: Vec<(String, HostTensor)> = program
        .entry(entry)
        .unwrap()
        .inputs()
        .map(|(name, ty)| (name.to_owned(), sample(name, ty, below)))
        .collect();
    let named: Vec<(&str, &HostTensor)> = inputs.iter().map(|(n, t)| (n.as_str(), t)).collect();
    for executable in executables {
        executable.bind(id, &named).unwrap();
        executable.execute(id).unwrap();
        executable.synchronize().unwrap();
    }
}

/// Largest error of `got`, relative to the largest magnitude of `want`.
pub(crate) fn error(got: &HostTensor, want: &HostTensor) -> f64 {
    let (got, want) = (got.to_f64(), want.to_f64());
    assert_eq!(got.len(), want.len());
    let scale = want.iter().fold(1e-30f64, |m, x| m.max(x.abs()));
    got.iter().zip(&want).fold(0.0f64, |m, (g, w)| {
        assert!(g.is_finite() == w.is_finite(), "{g} against {w}");
        if g == w { m } else { m.max((g - w).abs() / scale) }
    })
}
