//! Hugging Face `config.json`: every key is honoured, known to be without effect here, or refused by name.

mod decoder;
mod encoder;
mod keys;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::config::keys::Keys;
use crate::error::ModelError;
use crate::model::Model;

/// `model_type`s that are read.
pub const MODEL_TYPES: [&str; 9] =
    ["gpt2", "llama", "mistral", "qwen2", "qwen3", "mixtral", "bert", "vit", "resnet"];

/// The model that a configuration describes. `path` names the file in messages; `tensors` are the names in the checkpoint, which decide
/// what the configuration leaves open: the prefix of the names, and whether there is a pooler.
pub(crate) fn model(path: &Path, config: &Value, tensors: &BTreeSet<String>) -> Result<Model, ModelError> {
    let mut keys = Keys::new(path, config)?;
    let model = match keys.text("model_type")?.as_str() {
        "gpt2" => Model::Gpt2(decoder::gpt2(&mut keys, tensors)?),
        family @ ("llama" | "mistral" | "qwen2" | "qwen3" | "mixtral") => {
            Model::Llama(decoder::llama(family, &mut keys, tensors)?)
        }
        "bert" => Model::Bert(encoder::bert(&mut keys, tensors)?),
        "vit" => Model::Vit(encoder::vit(&mut keys, tensors)?),
        "resnet" => Model::Resnet(encoder::resnet(&mut keys, tensors)?),
        other => {
            let known = MODEL_TYPES.join(", ");
            return Err(
                keys.error("model_type", format!("is `{other}`, which is not read; known are {known}"))
            );
        }
    };
    keys.finish()?;
    model.check().map_err(|error| {
        // The dimensions of the family are called otherwise in the file.
        ModelError::Dimensions { family: path.display().to_string(), message: error.to_string() }
    })?;
    Ok(model)
}

/// The first of `prefixes` under which the checkpoint has the tensor; the first of all if none.
fn prefix(tensors: &BTreeSet<String>, prefixes: &[&str], tensor: &str) -> String {
    let has = |prefix: &&&str| {
        let name = if prefix.is_empty() { tensor.to_owned() } else { format!("{prefix}.{tensor}") };
        tensors.contains(&name)
    };
    (*prefixes.iter().find(has).unwrap_or(&prefixes[0])).to_owned()
}
