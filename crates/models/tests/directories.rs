//! Model directories that cannot be read, and configurations that are refused: what each says.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use portbench_models::{Activation, Model, ModelDirectory};
use serde_json::{Map, Value, json};

/// A safetensors file with these names and no values: reading a directory looks at names only.
fn checkpoint(names: &[&str]) -> Vec<u8> {
    let header: Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({"dtype": "F32", "shape": [0], "data_offsets": [0, 0]})))
        .collect();
    let header = Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()
}

fn write(dir: &Path, config: &Value, names: &[&str]) {
    fs::write(dir.join("config.json"), config.to_string()).unwrap();
    fs::write(dir.join("model.safetensors"), checkpoint(names)).unwrap();
}

/// The message for a directory, with its path cut away.
fn message(dir: &Path) -> String {
    let error = ModelDirectory::read(dir).unwrap_err().to_string();
    error.replace(&format!("{}/", dir.display()), "").replace(&dir.display().to_string(), "DIR")
}

fn gpt2() -> Value {
    json!({
        "model_type": "gpt2", "vocab_size": 96, "n_positions": 64, "n_embd": 32, "n_layer": 2, "n_head": 4,
        "activation_function": "gelu_new", "resid_pdrop": 0.1, "initializer_range": 0.02
    })
}

fn llama(model_type: &str) -> Value {
    json!({
        "model_type": model_type, "vocab_size": 96, "max_position_embeddings": 64, "hidden_size": 32, "intermediate_size": 64,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_act": "silu", "rms_norm_eps": 1e-6,
        "rope_theta": 10_000.0, "attention_dropout": 0.0, "torch_dtype": "bfloat16"
    })
}

fn bert() -> Value {
    json!({
        "model_type": "bert", "vocab_size": 96, "max_position_embeddings": 64, "type_vocab_size": 2, "hidden_size": 32,
        "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_act": "gelu"
    })
}

/// `base` with one key set, or taken away by null.
fn with(mut base: Value, key: &str, value: Value) -> Value {
    let map = base.as_object_mut().unwrap();
    match value {
        Value::Null => map.remove(key),
        value => map.insert(key.to_owned(), value),
    };
    base
}

#[test]
fn configurations_that_are_refused() {
    let configs = [
        json!(["gpt2"]),
        json!({}),
        with(gpt2(), "model_type", json!("mamba")),
        with(gpt2(), "n_head", Value::Null),
        with(gpt2(), "n_head", json!("four")),
        with(gpt2(), "n_head", json!(-4)),
        with(gpt2(), "n_head", json!(0)),
        with(gpt2(), "n_head", json!(5)),
        with(gpt2(), "n_embd", json!(u64::MAX)),
        with(gpt2(), "n_layer", json!(1_000_000)),
        with(gpt2(), "activation_function", json!("mish")),
        with(gpt2(), "scale_attn_by_inverse_layer_idx", json!(true)),
        with(gpt2(), "scale_attn_weights", json!(false)),
        with(gpt2(), "layer_norm_epsilon", json!(-1.0)),
        with(gpt2(), "alibi", json!(true)),
        with(llama("llama"), "num_key_value_heads", json!(3)),
        with(llama("llama"), "head_dim", json!(7)),
        with(llama("llama"), "rope_scaling", json!({"type": "yarn", "factor": 4.0})),
        with(llama("llama"), "rope_scaling", json!({"rope_type": "llama3", "factor": 4.0})),
        with(llama("llama"), "rope_scaling", json!({"factor": 4.0})),
        with(
            llama("llama"),
            "rope_parameters",
            json!({"rope_type": "default", "partial_rotary_factor": 0.5}),
        ),
        with(llama("mistral"), "num_key_value_heads", Value::Null),
        with(llama("mixtral"), "num_experts_per_tok", json!(2)),
        with(llama("qwen3"), "layer_types", json!(["full_attention", "sliding_attention"])),
        with(bert(), "position_embedding_type", json!("relative_key")),
        with(bert(), "is_decoder", json!(true)),
        json!({"model_type": "resnet", "layer_type": "basic"}),
    ];
    let dir = tempfile::tempdir().unwrap();
    let messages: Vec<String> = configs
        .iter()
        .map(|config| {
            write(dir.path(), config, &[]);
            message(dir.path())
        })
        .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn directories_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    let mut messages = vec![message(&path.join("missing")), message(path)];
    fs::write(path.join("config.json"), "{").unwrap();
    messages.push(message(path));
    fs::write(path.join("config.json"), gpt2().to_string()).unwrap();
    messages.push(message(path));
    for bytes in [&b"short"[..], &u64::MAX.to_le_bytes(), b"\x01\0\0\0\0\0\0\0{", b"\x01\0\0\0\0\0\0\0\xff"] {
        fs::write(path.join("model.safetensors"), bytes).unwrap();
        messages.push(message(path));
    }
    fs::remove_file(path.join("model.safetensors")).unwrap();
    for file in ["../secrets.safetensors", "/etc/passwd", "..", "model-00001-of-00002.safetensors"] {
        let index = json!({"weight_map": {"transformer.wte.weight": file}});
        fs::write(path.join("model.safetensors.index.json"), index.to_string()).unwrap();
        messages.push(message(path));
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn names_in_the_checkpoint_decide_the_prefix_and_the_pooler() {
    let dir = tempfile::tempdir().unwrap();
    let read = |config: &Value, names: &[&str]| {
        write(dir.path(), config, names);
        ModelDirectory::read(dir.path()).unwrap().model
    };
    for (name, prefix) in [("wte.weight", ""), ("transformer.wte.weight", "transformer")] {
        let Model::Gpt2(model) = read(&gpt2(), &[name]) else { panic!("no GPT-2") };
        assert_eq!((model.prefix.as_str(), model.activation), (prefix, Activation::GeluTanh));
    }
    for (prefix, pooler) in [("", true), ("", false), ("bert", true), ("bert", false)] {
        let name = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        let words = name("embeddings.word_embeddings.weight");
        let dense = name("pooler.dense.weight");
        let names = if pooler { vec![words.as_str(), &dense] } else { vec![words.as_str()] };
        let Model::Bert(model) = read(&bert(), &names) else { panic!("no BERT") };
        assert_eq!((model.prefix.as_str(), model.pooler), (prefix, pooler));
    }
}

/// A window shorter than the positions limits the sequences that are built; Qwen's is in force only when switched on.
#[test]
fn sliding_windows_limit_sequences() {
    let dir = tempfile::tempdir().unwrap();
    let positions = |config: Value| {
        write(dir.path(), &config, &[]);
        ModelDirectory::read(dir.path()).unwrap().model.positions()
    };
    assert_eq!(positions(with(llama("mistral"), "sliding_window", json!(16))), Some(16));
    assert_eq!(positions(llama("mistral")), Some(64));
    let qwen = with(llama("qwen2"), "sliding_window", json!(16));
    assert_eq!(positions(qwen.clone()), Some(64));
    assert_eq!(positions(with(qwen, "use_sliding_window", json!(true))), Some(16));
}
