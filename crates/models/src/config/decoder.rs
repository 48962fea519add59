//! Configurations of decoders.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::config::keys::Keys;
use crate::config::prefix;
use crate::error::ModelError;
use crate::family::gpt2::Gpt2;
use crate::family::llama::{Experts, Llama, RopeScaling};

pub(crate) fn gpt2(keys: &mut Keys<'_>, tensors: &BTreeSet<String>) -> Result<Gpt2, ModelError> {
    keys.only("scale_attn_weights", &json!(true), "scores are scaled")?;
    keys.only("scale_attn_by_inverse_layer_idx", &json!(false), "every layer scales alike")?;
    keys.only("add_cross_attention", &json!(false), "there is no encoder")?;
    keys.only("tie_word_embeddings", &json!(true), "the output head is the token table")?;
    let prefix = prefix(tensors, &["transformer", ""], "wte.weight");
    Ok(Gpt2 {
        vocabulary: keys.required("vocab_size")?,
        positions: keys.required("n_positions")?,
        width: keys.required("n_embd")?,
        layers: keys.required("n_layer")?,
        heads: keys.required("n_head")?,
        inner: keys.optional("n_inner")?,
        eps: keys.or("layer_norm_epsilon", 1e-5)?,
        bias: true,
        activation: keys.required("activation_function")?,
        prefix,
    })
}

pub(crate) fn llama(
    family: &str,
    keys: &mut Keys<'_>,
    tensors: &BTreeSet<String>,
) -> Result<Llama, ModelError> {
    let layers = keys.required("num_hidden_layers")?;
    let heads = keys.required("num_attention_heads")?;
    let (rope_theta, rope_scaling) = rope(family, keys)?;
    let window = window(family, keys)?;
    let bias: bool = keys.or("attention_bias", false)?;
    let experts = match family {
        "mixtral" => {
            keys.only("hidden_act", &json!("silu"), "experts are gated by silu")?;
            Some(Experts {
                count: keys.required("num_local_experts")?,
                active: keys.required("num_experts_per_tok")?,
            })
        }
        _ => None,
    };
    Ok(Llama {
        vocabulary: keys.required("vocab_size")?,
        positions: keys.required("max_position_embeddings")?,
        width: keys.required("hidden_size")?,
        inner: keys.required("intermediate_size")?,
        layers,
        heads,
        kv_heads: default_of_llama(family, keys, "num_key_value_heads", heads)?,
        head_dim: keys.optional("head_dim")?,
        eps: default_of_llama(family, keys, "rms_norm_eps", 1e-6)?,
        rope_theta,
        rope_scaling,
        tied: keys.or("tie_word_embeddings", false)?,
        qkv_bias: bias || family == "qwen2",
        output_bias: bias,
        mlp_bias: keys.or("mlp_bias", false)?,
        qk_norm: family == "qwen3",
        window,
        activation: keys.required("hidden_act")?,
        experts,
        prefix: prefix(tensors, &["model", ""], "embed_tokens.weight"),
    })
}

/// A key that the first Llama configurations lack. The relatives all write it, and their defaults differ.
fn default_of_llama<T: DeserializeOwned>(
    family: &str,
    keys: &mut Keys<'_>,
    key: &str,
    default: T,
) -> Result<T, ModelError> {
    if family == "llama" { keys.or(key, default) } else { keys.required(key) }
}

/// Base and scaling of the rotary frequencies, out of `rope_parameters` (transformers 5) or of `rope_theta` and `rope_scaling`.
fn rope(family: &str, keys: &mut Keys<'_>) -> Result<(f64, Option<RopeScaling>), ModelError> {
    let (key, parameters) = match keys.optional::<Map<String, Value>>("rope_parameters")? {
        Some(parameters) => ("rope_parameters", parameters),
        None => ("rope_scaling", keys.optional("rope_scaling")?.unwrap_or_default()),
    };
    let number = |keys: &Keys<'_>, name: &str| {
        let value = parameters.get(name).and_then(Value::as_f64);
        value.ok_or_else(|| keys.error(key, format!("has no number `{name}`")))
    };
    let theta = match parameters.get("rope_theta") {
        Some(_) => number(keys, "rope_theta")?,
        None => default_of_llama(family, keys, "rope_theta", 10_000.0)?,
    };
    let kind = parameters.get("rope_type").or_else(|| parameters.get("type"));
    let scaling = match kind.and_then(Value::as_str) {
        None if parameters.is_empty() => None,
        Some("default") => None,
        Some("llama3") => Some(RopeScaling {
            factor: number(keys, "factor")?,
            low_freq_factor: number(keys, "low_freq_factor")?,
            high_freq_factor: number(keys, "high_freq_factor")?,
            original_positions: number(keys, "original_max_position_embeddings")? as usize,
        }),
        kind => {
            let kind = kind.map_or("without a type".to_owned(), |kind| format!("`{kind}`"));
            return Err(keys.error(key, format!("is {kind}; only default and llama3 scaling are done here")));
        }
    };
    if let Some(partial) = parameters.get("partial_rotary_factor").filter(|p| p.as_f64() != Some(1.0)) {
        return Err(
            keys.error(key, format!("rotates a part of each head only (partial_rotary_factor {partial})"))
        );
    }
    Ok((theta, scaling))
}

/// The sliding window, where it is in force in any layer. Sequences that it does not reach are computed whole.
fn window(family: &str, keys: &mut Keys<'_>) -> Result<Option<usize>, ModelError> {
    let window = keys.optional("sliding_window")?;
    let on = match family {
        "qwen2" | "qwen3" => keys.or("use_sliding_window", false)?,
        _ => true,
    };
    let kinds: Vec<String> = keys.or("layer_types", Vec::new())?;
    let slides = kinds.iter().any(|kind| kind == "sliding_attention");
    if let Some(kind) =
        kinds.iter().find(|kind| !["full_attention", "sliding_attention"].contains(&kind.as_str()))
    {
        return Err(
            keys.error("layer_types", format!("has `{kind}`; full and sliding attention are done here"))
        );
    }
    if slides && on && window.is_none() {
        return Err(keys.error("layer_types", "has `sliding_attention`, but `sliding_window` is not given"));
    }
    Ok(window.filter(|_| on && (slides || kinds.is_empty())))
}
