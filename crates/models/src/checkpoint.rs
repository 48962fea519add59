//! What a checkpoint of a directory says of itself: its files and the names in their headers. Values stay on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::ModelError;

/// Bytes that are compared at once.
const BLOCK: usize = 1 << 20;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// A tensor as a header describes it.
#[derive(Deserialize, PartialEq)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// The safetensors files of a directory and the names of all tensors.
pub(crate) fn names(dir: &Path) -> Result<(Vec<PathBuf>, BTreeSet<String>), ModelError> {
    let whole = dir.join("model.safetensors");
    let index = dir.join("model.safetensors.index.json");
    if whole.is_file() {
        let (_, header) = header(&whole)?;
        return Ok((vec![whole], header.into_keys().collect()));
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

/// Whether two tensors of a checkpoint are the same, bit for bit.
pub(crate) fn same(files: &[PathBuf], one: &str, other: &str) -> Result<bool, ModelError> {
    let (Some(mut one), Some(mut other)) = (Value::find(files, one)?, Value::find(files, other)?) else {
        return Ok(false);
    };
    if (&one.entry.dtype, &one.entry.shape) != (&other.entry.dtype, &other.entry.shape) {
        return Ok(false);
    }
    loop {
        let (a, b) = (one.block()?, other.block()?);
        if a != b {
            return Ok(false);
        }
        if a.is_empty() {
            return Ok(true);
        }
    }
}

/// The bytes of a tensor.
struct Value {
    path: PathBuf,
    file: File,
    entry: Entry,
    left: u64,
}

impl Value {
    fn find(files: &[PathBuf], name: &str) -> Result<Option<Self>, ModelError> {
        for path in files {
            let (start, mut header) = header(path)?;
            if let Some(entry) = header.remove(name) {
                let entry: Entry = serde_json::from_value(entry).map_err(|e| ModelError::Read {
                    path: path.clone(),
                    message: format!("its header entry of `{name}` is malformed: {e}"),
                    source: None,
                })?;
                let [from, to] = entry.data_offsets;
                let mut file = File::open(path).map_err(|e| failed(path, e))?;
                file.seek(SeekFrom::Start(start + from)).map_err(|e| failed(path, e))?;
                return Ok(Some(Self { path: path.clone(), file, entry, left: to.saturating_sub(from) }));
            }
        }
        Ok(None)
    }

    /// The next bytes; nothing at the end.
    fn block(&mut self) -> Result<Vec<u8>, ModelError> {
        let mut block = vec![0; self.left.min(BLOCK as u64) as usize];
        self.file.read_exact(&mut block).map_err(|e| failed(&self.path, e))?;
        self.left -= block.len() as u64;
        Ok(block)
    }
}

pub(crate) fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ModelError> {
    let read = |message: String, source| ModelError::Read { path: path.to_owned(), message, source };
    let text = fs::read_to_string(path).map_err(|e| read("it cannot be opened as text".into(), Some(e)))?;
    serde_json::from_str(&text).map_err(|e| read(format!("it is not the JSON expected: {e}"), None))
}

fn failed(path: &Path, source: std::io::Error) -> ModelError {
    ModelError::Read { path: path.to_owned(), message: "it cannot be read".into(), source: Some(source) }
}

/// The header of a safetensors file by name, and where the values begin. Entries are checked when values are read.
fn header(path: &Path) -> Result<(u64, BTreeMap<String, serde_json::Value>), ModelError> {
    let lies = |message: String| ModelError::Read { path: path.to_owned(), message, source: None };
    let mut file = File::open(path).map_err(|e| failed(path, e))?;
    let size = file.metadata().map_err(|e| failed(path, e))?.len();
    let mut length = [0u8; 8];
    file.read_exact(&mut length).map_err(|_| lies(format!("{size} bytes hold no safetensors header")))?;
    let length = u64::from_le_bytes(length);
    if length > size - 8 {
        return Err(lies(format!(
            "its header claims {length} bytes of a file of {size}: it is truncated or no safetensors file"
        )));
    }
    let mut text = String::new();
    file.take(length).read_to_string(&mut text).map_err(|e| lies(format!("its header is not text: {e}")))?;
    let mut header: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&text).map_err(|e| lies(format!("its header is not JSON: {e}")))?;
    header.remove("__metadata__");
    Ok((8 + length, header))
}
