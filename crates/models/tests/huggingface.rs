//! Model directories written by transformers give transformers' own results, on the oracle.
//!
//! The directories are made by `scripts/make_reference_models.py`, whose head says what is in them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use portbench_backend::{
    Backend, CheckpointFile, CompileOptions, EntryId, Executable, HostTensor, ParamSource,
};
use portbench_graph::{DType, Program};
use portbench_models::{Form, Model, ModelDirectory, Request};
use portbench_reference::Reference;

fn directory(name: &str) -> PathBuf {
    let root = std::env::var_os("PORTBENCH_REFERENCE_MODELS")
        .expect("PORTBENCH_REFERENCE_MODELS names no directory: run scripts/test, which makes it");
    PathBuf::from(root).join(name)
}

struct Case {
    model: Model,
    params: ParamSource,
    inputs: CheckpointFile,
    expected: CheckpointFile,
}

fn case(name: &str) -> Case {
    let dir = directory(name);
    let read = ModelDirectory::read(&dir).unwrap();
    Case {
        model: read.model,
        params: ParamSource::Checkpoint { files: read.files },
        inputs: CheckpointFile::open(&dir.join("inputs.safetensors")).unwrap(),
        expected: CheckpointFile::open(&dir.join("expected.safetensors")).unwrap(),
    }
}

fn compile(case: &Case, form: Form, batch: usize) -> (Program, Box<dyn Executable>) {
    let request = Request { form, batch, storage: DType::F32, compute: DType::F32 };
    let program = case.model.program(&request).unwrap();
    let executable = Reference::exact().compile(&program, &case.params, &CompileOptions::default()).unwrap();
    (program, executable)
}

/// Runs `forward` on the inputs of the case and compares these outputs: largest absolute error under 1e-4 of the range.
fn forward(case: &mut Case, outputs: &[&str]) {
    let names: Vec<String> = case.inputs.tensors().map(|(name, _)| name.to_owned()).collect();
    let main = if names.iter().any(|n| n == "input_ids") { "input_ids" } else { "pixel_values" };
    let dims = case.inputs.read(main).unwrap().dims().to_vec();
    if let Model::Resnet(resnet) = &mut case.model {
        resnet.image = dims[2];
    }
    let (program, mut executable) = compile(case, Form::Forward { sequence: dims[1], mask: false }, dims[0]);
    let entry = EntryId::of(&program, "forward").unwrap();
    for (name, ty) in program.entries[0].inputs() {
        let value = case.inputs.read(name).unwrap().cast(ty.dtype);
        executable.bind(entry, &[(name, &value)]).unwrap();
    }
    executable.execute(entry).unwrap();
    for output in outputs {
        let got = executable.fetch(entry, output).unwrap();
        let want = case.expected.read(output).unwrap();
        assert_eq!(got.dims(), want.dims(), "{output}");
        let (got, want) = (got.to_f64(), want.to_f64());
        let (low, high) = want.iter().fold((f64::MAX, f64::MIN), |(l, h), x| (l.min(*x), h.max(*x)));
        let error = got.iter().zip(&want).fold(0.0, |e: f64, (a, b)| e.max((a - b).abs()));
        assert!(error < 1e-4 * (high - low), "{output}: error {error:e} over a range of {}", high - low);
    }
}

/// Greedy tokens through prefill and decode.
fn greedy(case: &mut Case) {
    let prompt = case.inputs.read("prompt").unwrap();
    let want = case.expected.read("greedy").unwrap();
    let (batch, length, new_tokens) = (prompt.dims()[0], prompt.dims()[1], want.dims()[1]);
    let (program, mut executable) = compile(case, Form::Generate { prompt: length, new_tokens }, batch);
    let [prefill, decode] = ["prefill", "decode"].map(|name| EntryId::of(&program, name).unwrap());
    let mut entry = prefill;
    let mut ids = prompt;
    let mut tokens = vec![Vec::new(); batch];
    let mut position = 0;
    for _ in 0..new_tokens {
        executable
            .bind(entry, &[("input_ids", &ids), ("position", &HostTensor::scalar_i64(position))])
            .unwrap();
        executable.execute(entry).unwrap();
        position += ids.dims()[1] as i64;
        let next = executable.fetch(entry, "next").unwrap();
        for (row, token) in tokens.iter_mut().zip(next.to_i64()) {
            row.push(token);
        }
        ids = next.reshape(&[batch, 1]).unwrap();
        entry = decode;
    }
    assert_eq!(tokens.concat(), want.to_i64());
}

fn decoder(name: &str) {
    let mut case = case(name);
    forward(&mut case, &["logits", "last_hidden_state"]);
    greedy(&mut case);
}

#[test]
fn gpt2() {
    decoder("gpt2");
    decoder("gpt2-bare");
}

#[test]
fn llama() {
    decoder("llama");
}

#[test]
fn llama_tied_with_scaled_rotary_frequencies() {
    decoder("llama-tied");
}

#[test]
fn llama_in_several_files() {
    decoder("llama-sharded");
}

#[test]
fn mistral() {
    decoder("mistral");
}

#[test]
fn qwen2() {
    decoder("qwen2");
}

#[test]
fn qwen3() {
    decoder("qwen3");
}

#[test]
fn mixtral() {
    decoder("mixtral");
}

#[test]
fn bert() {
    forward(&mut case("bert"), &["last_hidden_state", "pooler_output", "sentence_embedding"]);
}

#[test]
fn vit() {
    forward(&mut case("vit"), &["logits", "last_hidden_state"]);
}

#[test]
fn resnet() {
    forward(&mut case("resnet"), &["logits", "last_hidden_state"]);
}

/// The real all-MiniLM-L6-v2 on real sentences.
#[test]
fn minilm_embeds_sentences() {
    forward(&mut case("minilm"), &["last_hidden_state", "sentence_embedding"]);
}
