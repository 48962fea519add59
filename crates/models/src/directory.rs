//! Model directories in Hugging Face layout.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use portbench_graph::DType;
use serde_json::Value;

use crate::checkpoint;
use crate::config;
use crate::error::ModelError;
use crate::model::Model;
use crate::request::{Form, Request};

/// A model directory that was read: `config.json` and the names in its checkpoint. Values stay on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelDirectory {
    /// The model.
    pub model: Model,
    /// safetensors files that together hold the checkpoint.
    pub files: Vec<PathBuf>,
    config: PathBuf,
    /// What the configuration calls the classes that the checkpoint was saved from.
    architectures: Vec<String>,
    tensors: BTreeSet<String>,
}

impl ModelDirectory {
    /// Reads a directory with `config.json` and `model.safetensors`, or `model.safetensors.index.json` and the files it lists.
    ///
    /// # Errors
    /// [`ModelError::Read`] for files that are missing or malformed, [`ModelError::Config`] for a configuration that is not done here.
    pub fn read(dir: &Path) -> Result<Self, ModelError> {
        if !dir.is_dir() {
            let message =
                "it is no directory; a model directory holds config.json and model.safetensors".into();
            return Err(ModelError::Read { path: dir.to_owned(), message, source: None });
        }
        let path = dir.join("config.json");
        let config: Value = checkpoint::read_json(&path)?;
        let (files, tensors) = checkpoint::names(dir)?;
        let model = config::model(&path, &config, &tensors)?;
        let classes = config.get("architectures").and_then(Value::as_array).into_iter().flatten();
        let architectures = classes.filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(Self { model, files, config: path, architectures, tensors })
    }

    /// Holds the names in the checkpoint against the parameters of the model. Returns the tensors that no parameter reads, apart from buffers that are computed here: of
    /// another head, of further layers, of something that the model lacks.
    ///
    /// # Errors
    /// [`ModelError::Config`] where the checkpoint lacks a parameter, or has an output head of its own that the configuration ties to the token table;
    /// [`ModelError::Read`] where the two cannot be compared; and as [`Model::program`].
    pub fn unread(&self) -> Result<Vec<String>, ModelError> {
        let form = Form::Forward { sequence: 1, mask: false };
        let request = Request { form, batch: 1, storage: DType::F32, compute: DType::F32 };
        let params = self.model.program(&request)?.params;
        let read: BTreeSet<String> = params.into_iter().map(|p| p.name).collect();
        let missing: Vec<&String> = read.difference(&self.tensors).collect();
        if let Some(first) = missing.first() {
            let (family, class) = (self.model.family(), class(&self.model));
            let more = match missing.len() - 1 {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            let message = format!(
                "is {}, whose checkpoint lacks `{first}`{more} of the {family} computed here; save it as {class}",
                if self.architectures.is_empty() {
                    "not given".to_owned()
                } else {
                    self.architectures.join(", ")
                }
            );
            return Err(self.error("architectures", message));
        }
        self.check_tied(&read)?;
        let buffer = |name: &str| BUFFERS.iter().any(|end| name.ends_with(end));
        let unread = self.tensors.difference(&read).filter(|name| !buffer(name));
        Ok(unread.filter(|name| !(self.ties() && *name == HEAD)).cloned().collect())
    }

    fn ties(&self) -> bool {
        matches!(&self.model, Model::Gpt2(_)) || matches!(&self.model, Model::Llama(llama) if llama.tied)
    }

    /// A head of its own beside `tie_word_embeddings` means different things to different releases of transformers.
    fn check_tied(&self, read: &BTreeSet<String>) -> Result<(), ModelError> {
        if !self.ties() || !self.tensors.contains(HEAD) {
            return Ok(());
        }
        let table =
            read.iter().find(|name| name.ends_with("wte.weight") || name.ends_with("embed_tokens.weight"));
        match table {
            Some(table) if !checkpoint::same(&self.files, table, HEAD)? => {
                let message = format!(
                    "ties the output head to `{table}`, but the checkpoint's `{HEAD}` differs from it; set it to false, or leave that tensor out"
                );
                Err(self.error("tie_word_embeddings", message))
            }
            _ => Ok(()),
        }
    }

    fn error(&self, key: &str, message: String) -> ModelError {
        ModelError::Config { path: self.config.clone(), key: key.to_owned(), message }
    }
}

/// The output head of decoders.
const HEAD: &str = "lm_head.weight";

/// Ends of the names of what transformers has saved beside parameters: masks, positions and frequencies that follow from the configuration, and counts of training.
const BUFFERS: [&str; 5] = [
    ".attn.bias",
    ".attn.masked_bias",
    "rotary_emb.inv_freq",
    "embeddings.position_ids",
    "num_batches_tracked",
];

/// The class of transformers whose checkpoints hold what is computed here.
fn class(model: &Model) -> &'static str {
    match model {
        Model::Gpt2(_) => "GPT2LMHeadModel",
        Model::Llama(_) => "the family's ...ForCausalLM",
        Model::Bert(_) => "BertModel",
        Model::Vit(_) => "ViTForImageClassification",
        Model::Resnet(_) => "ResNetForImageClassification",
        Model::Mlp(_) | Model::Kernel(_) => "a model of transformers",
    }
}
