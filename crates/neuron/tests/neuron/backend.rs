//! NEFFs as a back end, over the double of libnrt: nothing here runs on a Neuron device.

use crate::double::Double;
use crate::files::{PROGRAM, neff};
use portbench_backend::{
    Backend, BackendError, CompileOptions, EntryId, Executable, HostTensor, ParamSource,
};
use portbench_graph::{DType, Init, Program, ProgramBuilder, Type};
use portbench_neuron::NeffBackend;

const FORWARD: EntryId = EntryId(0);

/// The module of [`PROGRAM`], its tensors declared so.
fn module(inputs: &[(&str, Type)], outputs: &[(&str, Type)]) -> Program {
    let digest = "0".repeat(64);
    let mut builder = ProgramBuilder::new("neff", DType::F32);
    builder.entry("forward", |g| {
        let inputs: Vec<_> = inputs.iter().map(|(name, ty)| g.input(name, ty.clone())).collect();
        for (index, (name, ty)) in outputs.iter().enumerate() {
            let value = g.module(&digest, Some(index), ty.clone(), &inputs);
            g.output(name, value);
        }
        if outputs.is_empty() {
            let value = g.module(&digest, None, Type::new(DType::I64, []), &inputs);
            g.output("tensors", value);
        }
    });
    builder.finish().unwrap()
}

fn x() -> (&'static str, Type) {
    ("x", Type::new(DType::F32, [2, 3]))
}

fn token() -> (&'static str, Type) {
    ("token", Type::new(DType::I64, [1]))
}

fn compile(double: &Double, program: &Program, file: &[u8]) -> Result<Box<dyn Executable>, BackendError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.neff");
    std::fs::write(&path, file).unwrap();
    let mut backend = NeffBackend::over(double.library(), "neuron:0")?;
    backend.compile(program, &ParamSource::Module { file: path }, &CompileOptions::default())
}

fn floats(values: &[f32]) -> HostTensor {
    HostTensor::from_f32(&[2, 3], values).unwrap()
}

#[test]
fn what_it_executes_is_what_the_neff_computes() {
    let double = Double::new();
    {
        let outputs = [("z", Type::new(DType::F32, [6])), ("same", Type::new(DType::I64, []))];
        let program = module(&[x(), token()], &outputs);
        let mut neff = compile(&double, &program, &neff(PROGRAM)).unwrap();
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.5];
        let seven = HostTensor::from_i64(&[1], &[7]).unwrap();
        neff.bind(FORWARD, &[("x", &floats(&values)), ("token", &seven)]).unwrap();
        neff.execute(FORWARD).unwrap();
        neff.synchronize().unwrap();
        assert_eq!(neff.fetch(FORWARD, "z").unwrap().to_f64(), [-1.0, -2.0, -3.0, -4.0, -5.0, -6.5]);
        assert_eq!(neff.fetch(FORWARD, "same").unwrap().to_i64(), [7]);
        // Inputs stay bound until they are bound again.
        let minus = HostTensor::from_i64(&[1], &[-3]).unwrap();
        neff.bind(FORWARD, &[("token", &minus)]).unwrap();
        neff.execute(FORWARD).unwrap();
        assert_eq!(neff.fetch(FORWARD, "same").unwrap().to_i64(), [-3]);
        assert_eq!(neff.fetch(FORWARD, "z").unwrap().to_f64()[5], -6.5);
    }
    double.assert_clean();
}

#[test]
fn without_declared_outputs_it_tells_how_many_there_are() {
    let double = Double::new();
    let mut neff = compile(&double, &module(&[x(), token()], &[]), &neff(PROGRAM)).unwrap();
    let error = neff.execute(FORWARD).unwrap_err().to_string();
    assert_eq!(error, "input `x` of entry `forward`: is not bound");
    let zero = HostTensor::from_i64(&[1], &[0]).unwrap();
    neff.bind(FORWARD, &[("x", &floats(&[0.0; 6])), ("token", &zero)]).unwrap();
    assert!(neff.fetch(FORWARD, "tensors").unwrap_err().to_string().contains("has not run"));
    neff.execute(FORWARD).unwrap();
    assert_eq!(neff.fetch(FORWARD, "tensors").unwrap().to_i64(), [3]);
}

#[test]
fn a_value_that_the_neff_cannot_hold_is_refused() {
    let double = Double::new();
    let mut neff = compile(&double, &module(&[x(), token()], &[]), &neff(PROGRAM)).unwrap();
    let large = HostTensor::from_i64(&[1], &[1 << 31]).unwrap();
    let error = neff.bind(FORWARD, &[("token", &large)]).unwrap_err().to_string();
    assert_eq!(error, "input `token` of entry `forward`: 2147483648 is no i32, which the NEFF takes");
}

#[test]
fn tensors_that_are_not_the_neffs_are_named_with_those_that_are() {
    let own = "the NEFF has input x f32[2, 3], input token i32[], output y f32[2, 3], output z f32[6], output same i32[]";
    let half = ("x", Type::new(DType::Bf16, [2, 3]));
    let wide = ("x", Type::new(DType::F32, [3, 2]));
    let other = ("w", Type::new(DType::F32, [6]));
    for (inputs, outputs, message) in [
        (vec![x()], vec![], "its input `token` is not declared"),
        (vec![half, token()], vec![], "`x` is declared as bf16[2,3]"),
        (vec![wide, token()], vec![], "`x` is declared as f32[3,2]"),
        (vec![x(), token(), other.clone()], vec![], "no input is called `w`"),
        (vec![x(), token()], vec![other], "no output is called `w`"),
    ] {
        let double = Double::new();
        let error = compile(&double, &module(&inputs, &outputs), &neff(PROGRAM)).err().unwrap().to_string();
        assert!(error.contains(message) && error.contains(own), "{message}: {error}");
        double.assert_clean();
    }
}

#[test]
fn errors_of_libnrt_end_as_what_they_mean() {
    let fails = |call: &str, status: i32| {
        let double = Double::new();
        double.answer(call, status, 0);
        let program = module(&[x(), token()], &[]);
        let made = compile(&double, &program, &neff(PROGRAM)).and_then(|mut neff| {
            let zero = HostTensor::from_i64(&[1], &[0])?;
            neff.bind(FORWARD, &[("x", &floats(&[0.0; 6])), ("token", &zero)])?;
            neff.execute(FORWARD)
        });
        made.unwrap_err()
    };
    assert!(matches!(fails("nrt_init", 9), BackendError::Unavailable { .. }));
    assert!(matches!(fails("nrt_init", 1), BackendError::Unavailable { .. }));
    assert!(matches!(fails("nrt_execute", 1005), BackendError::Unavailable { .. }));
    assert!(matches!(fails("nrt_load", 4), BackendError::OutOfMemory { .. }));
    assert!(matches!(fails("nrt_tensor_allocate", 4), BackendError::OutOfMemory { .. }));
    assert!(matches!(fails("nrt_execute", 5), BackendError::TimedOut { .. }));
    let nan = fails("nrt_execute", 1003);
    assert!(matches!(nan, BackendError::Device { .. }));
    let text = portbench_backend::with_causes(&nan);
    assert!(text.contains("produced NaN") && text.contains("check the inputs and weights"), "{text}");
}

#[test]
fn what_is_no_neff_is_refused() {
    let double = Double::new();
    let program = module(&[x(), token()], &[]);
    let error = compile(&double, &program, b"PK").err().unwrap().to_string();
    assert!(error.contains("inside its head of 1024"), "{error}");
    let double = Double::new();
    let mut builder = ProgramBuilder::new("layer", DType::F32);
    builder.entry("forward", |g| {
        let x = g.input("x", Type::new(DType::F32, [4, 16]));
        let w = g.param("weight", &[8, 16], Init::Normal { std: 0.3 });
        let y = g.linear(x, w, None);
        g.output("y", y);
    });
    let error = compile(&double, &builder.finish().unwrap(), &neff(PROGRAM)).err().unwrap().to_string();
    assert!(error.contains("libnrt executes NEFF files and nothing else"), "{error}");
}
