//! Programs as people read them, and dimensions that make none.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portbench_graph::{DType, Program};
use portbench_models::{Form, Model, ModelError, Request, families, presets};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn program(model: &Model, form: Form, batch: usize) -> Result<Program, ModelError> {
    model.program(&Request { form, batch, storage: DType::F32, compute: DType::F32 })
}

fn one_layer(family: &str) -> Model {
    let dimensions = json!({"layers": 1});
    Model::from_dimensions(family, Some("tiny"), dimensions.as_object().unwrap()).unwrap()
}

fn forward(sequence: usize) -> Form {
    Form::Forward { sequence, mask: false }
}

#[test]
fn gpt2_generates() {
    let form = Form::Generate { prompt: 3, new_tokens: 2 };
    insta::assert_snapshot!(program(&one_layer("gpt2"), form, 2).unwrap().to_text().unwrap());
}

#[test]
fn mixtral_forward() {
    insta::assert_snapshot!(program(&one_layer("mixtral"), forward(3), 2).unwrap().to_text().unwrap());
}

#[test]
fn bert_forward() {
    insta::assert_snapshot!(program(&one_layer("bert"), forward(3), 2).unwrap().to_text().unwrap());
}

#[test]
fn vit_forward() {
    insta::assert_snapshot!(program(&one_layer("vit"), forward(1), 2).unwrap().to_text().unwrap());
}

/// The checkpoints' own names, of every family.
#[test]
fn names_of_parameters() {
    let mut names = String::new();
    for family in families() {
        let program = program(&Model::preset(family, "tiny").unwrap(), forward(4), 1).unwrap();
        names += &format!("{family}\n");
        for param in &program.params {
            names += &format!("  {} {}\n", param.name, param.ty);
        }
    }
    insta::assert_snapshot!(names);
}

#[test]
fn requests_that_are_refused() {
    let generate = |prompt, new_tokens| Form::Generate { prompt, new_tokens };
    let cases = [
        ("gpt2", forward(65), 1),
        ("gpt2", forward(0), 1),
        ("gpt2", forward(8), 0),
        ("gpt2", generate(60, 5), 1),
        ("gpt2", generate(usize::MAX, 1), 1),
        ("llama", forward(64), usize::MAX),
        ("llama", generate(8, 0), 1),
        ("bert", generate(8, 8), 1),
        ("resnet", generate(8, 8), 1),
        ("mlp", forward(1), 0),
    ];
    let mut messages: Vec<String> = cases
        .into_iter()
        .map(|(family, form, batch)| {
            program(&Model::preset(family, "tiny").unwrap(), form, batch).unwrap_err().to_string()
        })
        .collect();
    let misspelt = json!({"widht": 64});
    messages.extend([
        Model::preset("gpt3", "tiny").unwrap_err().to_string(),
        Model::preset("gpt2", "7b").unwrap_err().to_string(),
        Model::from_dimensions("gpt2", Some("tiny"), misspelt.as_object().unwrap()).unwrap_err().to_string(),
        Model::from_dimensions("gpt2", None, &Map::new()).unwrap_err().to_string(),
        Model::kernel("fft", &Map::new()).unwrap_err().to_string(),
        Model::kernel("gemm", json!({"m": 0, "n": 1, "k": 1}).as_object().unwrap()).unwrap_err().to_string(),
    ]);
    insta::assert_snapshot!(messages.join("\n"));
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..9_u64,
        2 => prop::sample::select(vec![1 << 12, 1 << 21, (1 << 21) + 1, 1 << 32, 1 << 63, u64::MAX]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Any dimension of any tiny preset replaced by anything: a program that stands its checks, or an error.
    #[test]
    fn dimensions_never_panic(
        family in prop::sample::select(families()),
        changes in prop::collection::vec((0..16_usize, count()), 1..4),
        (batch, sequence) in (count(), count()),
    ) {
        let tiny = serde_json::to_value(Model::preset(family, presets(family)[0]).unwrap()).unwrap();
        let numbers: Vec<&String> =
            tiny.as_object().unwrap().iter().filter(|(_, v)| v.is_u64()).map(|(k, _)| k).collect();
        let dimensions: Map<String, Value> = changes
            .iter()
            // A thousand layers are allowed and slow to build again and again.
            .filter(|(i, count)| numbers[i % numbers.len()] != "layers" || *count < 9 || *count > 1024)
            .map(|(i, count)| (numbers[i % numbers.len()].clone(), json!(count)))
            .collect();
        if let Ok(model) = Model::from_dimensions(family, Some("tiny"), &dimensions) {
            let (batch, sequence) = (batch as usize, sequence as usize);
            let mut forms = vec![forward(sequence)];
            if model.is_decoder() {
                forms.push(Form::Generate { prompt: sequence, new_tokens: batch });
            }
            for form in forms {
                if let Ok(program) = program(&model, form, batch) {
                    program.verify().unwrap();
                }
            }
        }
    }

    #[test]
    fn kernels_never_panic(
        op in prop::sample::select(portbench_models::Kernel::NAMES.to_vec()),
        counts in prop::collection::vec(count(), 17),
    ) {
        const FIELDS: [&str; 19] = [
            "m", "n", "k", "batch", "heads", "kv-heads", "sequence", "cache", "head-dim", "rows", "columns", "elements", "vocab",
            "channels", "filters", "height", "width", "kernel", "stride",
        ];
        let fields: Map<String, Value> = FIELDS
            .iter()
            .zip(counts.iter().cycle())
            .filter(|(field, _)| dimensions_of(op).contains(field))
            .map(|(field, count)| ((*field).to_owned(), json!(count)))
            .collect();
        if let Ok(model) = Model::kernel(op, &fields) {
            prop_assert_eq!(model.family(), op);
            if let Ok(program) = program(&model, forward(1), 1) {
                program.verify().unwrap();
            }
        }
    }
}

fn dimensions_of(op: &str) -> &'static [&'static str] {
    match op {
        "gemm" => &["m", "n", "k", "batch"],
        "attention-prefill" => &["batch", "heads", "kv-heads", "sequence", "head-dim"],
        "attention-decode" => &["batch", "heads", "kv-heads", "cache", "head-dim"],
        "stream" => &["elements"],
        "embedding-gather" => &["rows", "vocab", "columns"],
        "conv2d" => &["batch", "channels", "filters", "height", "width", "kernel", "stride"],
        _ => &["rows", "columns"],
    }
}
