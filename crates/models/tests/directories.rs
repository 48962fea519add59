//! Model directories that cannot be read, and configurations that are refused: what each says.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use portbench_graph::DType;
use portbench_models::{Activation, Form, Model, ModelDirectory, Request};
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
        with(
            with(llama("qwen3"), "use_sliding_window", json!(true)),
            "layer_types",
            json!(["full_attention", "sliding_attention"]),
        ),
        with(llama("qwen3"), "layer_types", json!(["full_attention", "linear_attention"])),
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

/// The checkpoint's names are held against the model's parameters: what lacks is an error, what is over is told.
#[test]
fn checkpoints_have_what_the_model_reads() {
    let dir = tempfile::tempdir().unwrap();
    let names = |config: &Value| -> Vec<String> {
        write(dir.path(), config, &[]);
        let model = ModelDirectory::read(dir.path()).unwrap().model;
        let form = Form::Forward { sequence: 1, mask: false };
        let request = Request { form, batch: 1, storage: DType::F32, compute: DType::F32 };
        model.program(&request).unwrap().params.into_iter().map(|p| p.name).collect()
    };
    let unread = |config: &Value, names: &[String]| {
        write(dir.path(), config, &names.iter().map(String::as_str).collect::<Vec<_>>());
        ModelDirectory::read(dir.path()).unwrap().unread()
    };
    let config = with(gpt2(), "architectures", json!(["GPT2LMHeadModel"]));
    let mut all = names(&config);
    assert_eq!(unread(&config, &all).unwrap(), [""; 0]);
    all.extend(["transformer.h.0.attn.bias".into(), "transformer.h.7.ln_1.weight".into()]);
    assert_eq!(unread(&config, &all).unwrap(), ["transformer.h.7.ln_1.weight"], "buffers are no news");
    let config = with(llama("llama"), "architectures", json!(["LlamaModel"]));
    let headless: Vec<String> = names(&config).into_iter().filter(|name| name != "lm_head.weight").collect();
    let error = unread(&config, &headless).unwrap_err().to_string();
    assert!(error.contains("`architectures` is LlamaModel") && error.contains("`lm_head.weight`"), "{error}");
}

#[test]
fn a_head_of_its_own_is_no_tied_head() {
    let dir = tempfile::tempdir().unwrap();
    let config = json!({
        "model_type": "llama", "vocab_size": 2, "max_position_embeddings": 8, "hidden_size": 2, "intermediate_size": 2,
        "num_hidden_layers": 1, "num_attention_heads": 1, "hidden_act": "silu", "tie_word_embeddings": true
    });
    fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
    let read = |head: [u8; 16]| {
        let layer = "model.layers.0";
        let mut entries = Map::new();
        let mut add = |name: String, shape: &[u64], at: u64| {
            let bytes = 4 * shape.iter().product::<u64>();
            entries.insert(name, json!({"dtype": "F32", "shape": shape, "data_offsets": [at, at + bytes]}));
        };
        add("model.embed_tokens.weight".into(), &[2, 2], 0);
        add("lm_head.weight".into(), &[2, 2], 16);
        for name in ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"] {
            add(format!("{layer}.{name}.weight"), &[2, 2], 0);
        }
        for name in ["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"] {
            add(format!("{layer}.{name}.weight"), &[2, 2], 0);
        }
        for name in
            ["model.norm", "model.layers.0.input_layernorm", "model.layers.0.post_attention_layernorm"]
        {
            add(format!("{name}.weight"), &[2], 0);
        }
        let header = Value::Object(entries).to_string();
        let table: Vec<u8> = (0..16).collect();
        let file = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &table, &head].concat();
        fs::write(dir.path().join("model.safetensors"), file).unwrap();
        ModelDirectory::read(dir.path()).unwrap().unread()
    };
    let same: [u8; 16] = std::array::from_fn(|i| i as u8);
    assert_eq!(read(same).unwrap(), [""; 0]);
    let error = read([9; 16]).unwrap_err().to_string();
    assert!(error.contains("`tie_word_embeddings`") && error.contains("differs"), "{error}");
}

#[test]
fn layer_norms_of_the_first_checkpoints_are_read() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        &bert(),
        &["embeddings.word_embeddings.weight", "embeddings.LayerNorm.beta", "embeddings.LayerNorm.gamma"],
    );
    let error = ModelDirectory::read(dir.path()).unwrap().unread().unwrap_err().to_string();
    assert!(!error.contains("`embeddings.LayerNorm"), "{error}");
    let Model::Bert(model) = ModelDirectory::read(dir.path()).unwrap().model else { panic!("no BERT") };
    assert!(model.gamma_beta);
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
    assert_eq!(positions(with(qwen.clone(), "use_sliding_window", json!(true))), Some(16));
    let layers = json!(["full_attention", "sliding_attention"]);
    assert_eq!(positions(with(qwen.clone(), "layer_types", layers.clone())), Some(64), "switched off");
    let on = with(qwen, "use_sliding_window", json!(true));
    assert_eq!(positions(with(on.clone(), "layer_types", layers)), Some(16));
    assert_eq!(positions(with(on, "layer_types", json!(["full_attention", "full_attention"]))), Some(64));
}
