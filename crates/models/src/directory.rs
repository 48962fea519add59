//! Model directories in Hugging Face layout.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::config;
use crate::error::ModelError;
use crate::model::Model;

/// A model directory that was read: `config.json` and the names in its checkpoint. Values stay on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelDirectory {
    /// The model.
    pub model: Model,
    /// safetensors files that together hold the checkpoint.
    pub files: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
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
        let config: Value = read_json(&path)?;
        let (files, tensors) = checkpoint(dir)?;
        Ok(Self { model: config::model(&path, &config, &tensors)?, files })
    }
}

fn checkpoint(dir: &Path) -> Result<(Vec<PathBuf>, BTreeSet<String>), ModelError> {
    let whole = dir.join("model.safetensors");
    let index = dir.join("model.safetensors.index.json");
    if whole.is_file() {
        let names = tensor_names(&whole)?;
        return Ok((vec![whole], names));
    }
    if !index.is_file() {
        let message = "there is neither that file nor model.safetensors.index.json; save the model with safe_serialization".into();
        return Err(ModelError::Read { path: whole, message, source: None });
    }
    let Index { weight_map } = read_json(&index)?;
    let files: BTreeSet<&String> = weight_map.values().collect();
    if let Some(outside) = files.iter().find(|f| Path::new(f).file_name().is_none_or(|n| n != f.as_str())) {
        let message = format!("it lists `{outside}`, which is not a file of the same directory");
        return Err(ModelError::Read { path: index, message, source: None });
    }
    let files: Vec<PathBuf> = files.into_iter().map(|f| dir.join(f)).collect();
    if let Some(missing) = files.iter().find(|f| !f.is_file()) {
        let message = format!("{} lists it, but it is not there", index.display());
        return Err(ModelError::Read { path: missing.clone(), message, source: None });
    }
    Ok((files, weight_map.into_keys().collect()))
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ModelError> {
    let read = |message: String, source| ModelError::Read { path: path.to_owned(), message, source };
    let text = fs::read_to_string(path).map_err(|e| read("it cannot be opened as text".into(), Some(e)))?;
    serde_json::from_str(&text).map_err(|e| read(format!("it is not the JSON expected: {e}"), None))
}

/// Names in the header of a safetensors file. The rest of the header is checked when values are read.
fn tensor_names(path: &Path) -> Result<BTreeSet<String>, ModelError> {
    let lies = |message: String| ModelError::Read { path: path.to_owned(), message, source: None };
    let failed = |source| ModelError::Read {
        path: path.to_owned(),
        message: "it cannot be read".into(),
        source: Some(source),
    };
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut length = [0u8; 8];
    file.read_exact(&mut length).map_err(|_| lies(format!("{size} bytes hold no safetensors header")))?;
    let length = u64::from_le_bytes(length);
    if length > size - 8 {
        return Err(lies(format!(
            "its header claims {length} bytes of a file of {size}: it is truncated or no safetensors file"
        )));
    }
    let mut header = String::new();
    file.take(length)
        .read_to_string(&mut header)
        .map_err(|e| lies(format!("its header is not text: {e}")))?;
    let header: BTreeMap<String, serde::de::IgnoredAny> =
        serde_json::from_str(&header).map_err(|e| lies(format!("its header is not JSON: {e}")))?;
    Ok(header.into_keys().filter(|name| name != "__metadata__").collect())
}
