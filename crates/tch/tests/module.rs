//! TorchScript files that PyTorch wrote, and files that are none.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use portbench_backend::{
    Backend, BackendError, CheckpointFile, CompileOptions, EntryId, Executable, HostTensor, ParamSource,
};
use portbench_graph::{DType, Program, ProgramBuilder, Type};
use portbench_tch::TchBackend;

const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn files() -> PathBuf {
    let dir = std::env::var_os("PORTBENCH_REFERENCE_MODELS")
        .expect("run scripts/test, which writes and names them");
    PathBuf::from(dir).join("torchscript")
}

fn tensor(file: &str, name: &str) -> HostTensor {
    CheckpointFile::open(&files().join(file)).unwrap().read(name).unwrap()
}

fn program(inputs: &[(&str, Type)], outputs: &[(&str, Option<usize>, Type)]) -> Program {
    let mut program = ProgramBuilder::new("module", DType::F32);
    program.entry("forward", |g| {
        let inputs: Vec<_> = inputs.iter().map(|(name, ty)| g.input(name, ty.clone())).collect();
        for (name, output, ty) in outputs {
            let value = g.module(DIGEST, *output, ty.clone(), &inputs);
            g.output(name, value);
        }
    });
    program.finish().unwrap()
}

fn f32s<const N: usize>(dims: [usize; N]) -> Type {
    Type::new(DType::F32, dims)
}

fn classifier() -> Program {
    program(&[("x", f32s([2, 3, 16, 16]))], &[("features", Some(0), f32s([2, 8]))])
}

fn compile(program: &Program, file: &Path) -> Result<Box<dyn Executable>, BackendError> {
    let params = ParamSource::Module { file: file.to_owned() };
    TchBackend::new("cpu").unwrap().compile(program, &params, &CompileOptions::default())
}

#[track_caller]
fn close(got: &HostTensor, expected: &HostTensor) {
    assert_eq!(got.ty(), expected.ty());
    for (got, expected) in got.to_f64().iter().zip(expected.to_f64()) {
        assert!((got - expected).abs() <= 1e-6 * (1.0 + expected.abs()), "{got} {expected}");
    }
}

#[test]
fn a_traced_module_computes_what_pytorch_did() {
    let mut module = compile(&classifier(), &files().join("traced.pt")).unwrap();
    let entry = EntryId(0);
    module.bind(entry, &[("x", &tensor("inputs.safetensors", "x"))]).unwrap();
    for _ in 0..2 {
        module.execute(entry).unwrap();
        module.synchronize().unwrap();
    }
    close(&module.fetch(entry, "features").unwrap(), &tensor("expected.safetensors", "features"));
    assert_eq!(module.lowering().ops.len(), 1, "{:?}", module.lowering());
}

#[test]
fn nested_results_of_a_scripted_module_are_counted_through() {
    let inputs = [("input_ids", Type::new(DType::I64, [2, 6])), ("scale", f32s([]))];
    let outputs = [
        ("tags", Some(0), f32s([2, 6, 5])),
        ("last", Some(1), f32s([1, 2, 16])),
        ("tensors", None, Type::new(DType::I64, [])),
    ];
    let mut module = compile(&program(&inputs, &outputs), &files().join("scripted.pt")).unwrap();
    let entry = EntryId(0);
    for name in ["input_ids", "scale"] {
        module.bind(entry, &[(name, &tensor("inputs.safetensors", name))]).unwrap();
    }
    module.execute(entry).unwrap();
    for name in ["tags", "last"] {
        close(&module.fetch(entry, name).unwrap(), &tensor("expected.safetensors", name));
    }
    assert_eq!(module.fetch(entry, "tensors").unwrap().to_i64(), [2]);
}

#[track_caller]
fn refused(file: &Path, says: &[&str]) {
    let Err(error) = compile(&classifier(), file) else { panic!("{} was loaded", file.display()) };
    let text = portbench_backend::with_causes(&error);
    for words in says {
        assert!(text.contains(words), "`{words}` is not in: {text}");
    }
    assert!(text.contains(&file.display().to_string()), "{text}");
}

#[test]
fn what_is_no_module_is_not_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let whole = fs::read(files().join("traced.pt")).unwrap();
    let cut = dir.path().join("cut.pt");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    refused(&cut, &["cut short or damaged"]);
    let text = dir.path().join("text.pt");
    fs::write(&text, "hello, module").unwrap();
    refused(&text, &["is no TorchScript archive", "torch.jit.save"]);
    let empty = dir.path().join("empty.pt");
    fs::write(&empty, "").unwrap();
    refused(&empty, &["too short"]);
    refused(&files().join("state.pt"), &["torch.save", "torch.jit.save"]);
    refused(&files().join("legacy.pt"), &["is a pickle, which is not loaded"]);
    refused(&dir.path().join("nowhere.pt"), &["cannot be read"]);
}

#[test]
fn other_inputs_and_outputs_than_declared_are_named() {
    let file = files().join("traced.pt");
    let other = program(&[("x", f32s([2, 5, 16, 16]))], &[("features", Some(0), f32s([2, 8]))]);
    let mut module = compile(&other, &file).unwrap();
    let zeros = HostTensor::from_f64(f32s([2, 5, 16, 16]), &[0.0; 2560]).unwrap();
    module.bind(EntryId(0), &[("x", &zeros)]).unwrap();
    let text = portbench_backend::with_causes(&module.execute(EntryId(0)).unwrap_err());
    assert!(text.contains("forward(x f32[2,5,16,16])") && text.contains("channels"), "{text}");

    let two = program(&[("x", f32s([2, 3, 16, 16])), ("y", f32s([1]))], &[("f", Some(0), f32s([2, 8]))]);
    let mut module = compile(&two, &file).unwrap();
    module.bind(EntryId(0), &[("x", &tensor("inputs.safetensors", "x"))]).unwrap();
    let text = module.execute(EntryId(0)).unwrap_err().to_string();
    assert!(text.contains("`y`") && text.contains("not bound"), "{text}");
    let one = HostTensor::from_f64(f32s([1]), &[1.0]).unwrap();
    module.bind(EntryId(0), &[("y", &one)]).unwrap();
    let text = portbench_backend::with_causes(&module.execute(EntryId(0)).unwrap_err());
    assert!(text.contains("Expected at most 2 argument") && !text.contains("frame #"), "{text}");

    let outputs = [("wide", Some(0), f32s([2, 9])), ("second", Some(1), f32s([1]))];
    let mut module = compile(&program(&[("x", f32s([2, 3, 16, 16]))], &outputs), &file).unwrap();
    module.bind(EntryId(0), &[("x", &tensor("inputs.safetensors", "x"))]).unwrap();
    module.execute(EntryId(0)).unwrap();
    let text = module.fetch(EntryId(0), "wide").unwrap_err().to_string();
    assert!(text.contains("declared as f32[2,9]") && text.contains("[2, 8]"), "{text}");
    let text = module.fetch(EntryId(0), "second").unwrap_err().to_string();
    assert!(text.contains("returned 1 tensors"), "{text}");
}
