//! Configurations of encoders and image classifiers.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::config::keys::Keys;
use crate::config::prefix;
use crate::error::ModelError;
use crate::family::bert::Bert;
use crate::family::resnet::Resnet;
use crate::family::vit::Vit;

pub(crate) fn bert(keys: &mut Keys<'_>, tensors: &BTreeSet<String>) -> Result<Bert, ModelError> {
    keys.only("position_embedding_type", &json!("absolute"), "positions are a table")?;
    keys.only("is_decoder", &json!(false), "attention is not causal")?;
    keys.only("add_cross_attention", &json!(false), "there is no decoder")?;
    // The output head is not part of the encoder.
    keys.optional::<bool>("tie_word_embeddings")?;
    let prefix = prefix(tensors, &["", "bert"], "embeddings.word_embeddings.weight");
    let pooler = tensors.iter().any(|name| name.ends_with("pooler.dense.weight"));
    Ok(Bert {
        vocabulary: keys.required("vocab_size")?,
        positions: keys.required("max_position_embeddings")?,
        types: keys.required("type_vocab_size")?,
        width: keys.required("hidden_size")?,
        inner: keys.required("intermediate_size")?,
        layers: keys.required("num_hidden_layers")?,
        heads: keys.required("num_attention_heads")?,
        eps: keys.or("layer_norm_eps", 1e-12)?,
        activation: keys.required("hidden_act")?,
        pooler,
        prefix,
        gamma_beta: tensors.iter().any(|name| name.ends_with("LayerNorm.gamma")),
    })
}

pub(crate) fn vit(keys: &mut Keys<'_>, tensors: &BTreeSet<String>) -> Result<Vit, ModelError> {
    Ok(Vit {
        image: keys.required("image_size")?,
        patch: keys.required("patch_size")?,
        channels: keys.or("num_channels", 3)?,
        width: keys.required("hidden_size")?,
        inner: keys.required("intermediate_size")?,
        layers: keys.required("num_hidden_layers")?,
        heads: keys.required("num_attention_heads")?,
        classes: classes(keys)?,
        eps: keys.or("layer_norm_eps", 1e-12)?,
        qkv_bias: keys.or("qkv_bias", true)?,
        activation: keys.required("hidden_act")?,
        prefix: prefix(tensors, &["vit"], "embeddings.cls_token"),
    })
}

pub(crate) fn resnet(keys: &mut Keys<'_>, tensors: &BTreeSet<String>) -> Result<Resnet, ModelError> {
    keys.only("layer_type", &json!("bottleneck"), "blocks are bottlenecks")?;
    keys.only("downsample_in_first_stage", &json!(false), "the first stage keeps its size")?;
    keys.only("downsample_in_bottleneck", &json!(false), "the 3 x 3 convolution strides")?;
    keys.only("hidden_act", &json!("relu"), "the activation is relu")?;
    Ok(Resnet {
        image: 224,
        channels: keys.or("num_channels", 3)?,
        stem: keys.required("embedding_size")?,
        widths: keys.required("hidden_sizes")?,
        depths: keys.required("depths")?,
        classes: classes(keys)?,
        prefix: prefix(tensors, &["resnet"], "embedder.embedder.convolution.weight"),
    })
}

/// Number of labels: transformers writes it as the table of their names, and leaves that out when there are two.
fn classes(keys: &mut Keys<'_>) -> Result<usize, ModelError> {
    let labels: Option<Map<String, Value>> = keys.optional("id2label")?;
    Ok(labels.map_or(2, |labels| labels.len()))
}
