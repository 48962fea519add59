//! Reading the keys of a `config.json` one by one, so that the ones nobody read are noticed.

use std::collections::BTreeSet;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::ModelError;

/// Keys without effect on what is computed here: names, tokens, dropout (off in evaluation), initial values, training losses, output
/// options, library bookkeeping.
const WITHOUT_EFFECT: [&str; 71] = [
    "_name_or_path",
    "architectures",
    "attention_dropout",
    "attention_probs_dropout_prob",
    "attn_pdrop",
    "auto_map",
    "bos_token_id",
    "classifier_dropout",
    "dtype",
    "embd_pdrop",
    "encoder_stride",
    "eos_token_id",
    "finetuning_task",
    "gradient_checkpointing",
    "hidden_dropout_prob",
    "id2label",
    "initializer_range",
    "label2id",
    "max_window_layers",
    "model_type",
    "n_ctx",
    "num_labels",
    "out_features",
    "out_indices",
    "output_attentions",
    "output_hidden_states",
    "output_router_logits",
    "pad_token_id",
    "pooler_act",
    "pooler_output_size",
    "pretraining_tp",
    "problem_type",
    "reorder_and_upcast_attn",
    "resid_pdrop",
    "return_dict",
    "router_aux_loss_coef",
    "router_jitter_noise",
    "stage_names",
    "summary_activation",
    "summary_first_dropout",
    "summary_proj_to_labels",
    "summary_type",
    "summary_use_proj",
    "task_specific_params",
    "torch_dtype",
    "transformers_version",
    "unk_token_id",
    "use_cache",
    "sep_token_id",
    "cls_token_id",
    "mask_token_id",
    "decoder_start_token_id",
    "pruned_heads",
    "torchscript",
    "use_bfloat16",
    "attn_implementation",
    "_attn_implementation",
    "chunk_size_feed_forward",
    "is_encoder_decoder",
    "tokenizer_class",
    "prefix",
    // Of Google's BERT checkpoints.
    "directionality",
    "pooler_fc_size",
    "pooler_num_attention_heads",
    "pooler_num_fc_layers",
    "pooler_size_per_head",
    "pooler_type",
    // Of tools that wrote a configuration again.
    "_attn_implementation_autoset",
    "unsloth_fixed",
    "unsloth_version",
    "is_llama_config",
];

/// The keys of one file.
pub(crate) struct Keys<'a> {
    path: &'a Path,
    map: &'a Map<String, Value>,
    read: BTreeSet<String>,
}

impl<'a> Keys<'a> {
    pub(crate) fn new(path: &'a Path, config: &'a Value) -> Result<Self, ModelError> {
        match config {
            Value::Object(map) => Ok(Self { path, map, read: BTreeSet::new() }),
            _ => Err(ModelError::Read {
                path: path.to_owned(),
                message: "it is not a JSON object of configuration keys".into(),
                source: None,
            }),
        }
    }

    pub(crate) fn error(&self, key: &str, message: impl Into<String>) -> ModelError {
        ModelError::Config { path: self.path.to_owned(), key: key.to_owned(), message: message.into() }
    }

    /// The value of a key, unless it is missing or null.
    pub(crate) fn optional<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, ModelError> {
        self.read.insert(key.to_owned());
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match serde_json::from_value(value.clone()) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(self.error(key, format!("is {value}: {error}"))),
            },
        }
    }

    /// The value of a key that must be there.
    pub(crate) fn required<T: DeserializeOwned>(&mut self, key: &str) -> Result<T, ModelError> {
        self.optional(key)?.ok_or_else(|| self.error(key, "is missing"))
    }

    /// The value of a key, or the default of transformers.
    pub(crate) fn or<T: DeserializeOwned>(&mut self, key: &str, default: T) -> Result<T, ModelError> {
        Ok(self.optional(key)?.unwrap_or(default))
    }

    pub(crate) fn text(&mut self, key: &str) -> Result<String, ModelError> {
        self.required(key)
    }

    /// A key that may only have one value (or be missing or null).
    pub(crate) fn only(&mut self, key: &str, value: &Value, why: &str) -> Result<(), ModelError> {
        match self.optional::<Value>(key)? {
            Some(found) if found != *value => {
                Err(self.error(key, format!("is {found}; only {value} is done here: {why}")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what nobody read and what is not known to be without effect. Null and false ask for nothing.
    pub(crate) fn finish(self) -> Result<(), ModelError> {
        let asks = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
        let unknown = self.map.iter().find(|(key, value)| {
            asks(value) && !self.read.contains(*key) && !WITHOUT_EFFECT.contains(&key.as_str())
        });
        unknown.map_or(Ok(()), |(key, value)| Err(self.unread(key, value)))
    }

    fn unread(&self, key: &str, value: &Value) -> ModelError {
        self.error(
            key,
            format!("is {value}, a setting that is not known here; if it changes nothing, remove it"),
        )
    }
}
