//! Where parameters come from.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use portbench_graph::{DType, ParamSpec, Shape, Type};
use serde::{Deserialize, Serialize};

use crate::error::BackendError;
use crate::generate;
use crate::tensor::HostTensor;

/// Source of parameter values; crosses to workers as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ParamSource {
    /// Made by [`crate::generate`] from each parameter's initial value.
    Generated {
        /// Seed of every stream.
        seed: u64,
    },
    /// Read from safetensors files, converted to each parameter's declared type.
    Checkpoint {
        /// Files that together hold every parameter under its own name.
        files: Vec<PathBuf>,
    },
    /// Inside the module of [`portbench_graph::Op::Module`]: the program has no parameters of its own.
    Module {
        /// The module's file.
        file: PathBuf,
    },
}

impl ParamSource {
    /// Opens the source. Headers are read and checked now, values when asked for.
    ///
    /// # Errors
    /// [`BackendError::Checkpoint`] for a file that cannot be read or whose header lies.
    pub fn open(&self) -> Result<OpenParams, BackendError> {
        match self {
            Self::Generated { seed } => Ok(OpenParams::Generated { seed: *seed }),
            Self::Checkpoint { files } => Ok(OpenParams::Checkpoint {
                files: files.iter().map(|f| CheckpointFile::open(f)).collect::<Result<_, _>>()?,
            }),
            Self::Module { .. } => Ok(OpenParams::Checkpoint { files: Vec::new() }),
        }
    }
}

/// An opened [`ParamSource`].
#[derive(Debug)]
pub enum OpenParams {
    /// Generated values.
    Generated {
        /// Seed of every stream.
        seed: u64,
    },
    /// Opened files.
    Checkpoint {
        /// In the order given; the first that holds a name wins.
        files: Vec<CheckpointFile>,
    },
}

impl OpenParams {
    /// The value of a parameter, in its declared type.
    ///
    /// # Errors
    /// [`BackendError::Parameter`] for a name no file holds or a shape that differs.
    pub fn load(&mut self, spec: &ParamSpec) -> Result<HostTensor, BackendError> {
        match self {
            Self::Generated { seed } => generate::tensor(*seed, &spec.name, &spec.ty, spec.init.into()),
            Self::Checkpoint { files } => {
                let file = files.iter_mut().find(|f| f.tensors.contains_key(&spec.name));
                let Some(file) = file else {
                    return Err(BackendError::Parameter {
                        name: spec.name.clone(),
                        message: "is in none of the checkpoint's files".into(),
                    });
                };
                let value = file.read(&spec.name)?;
                if value.ty().shape != spec.ty.shape {
                    return Err(BackendError::Parameter {
                        name: spec.name.clone(),
                        message: format!(
                            "is {} in {}, the model needs {}",
                            value.ty(),
                            file.path.display(),
                            spec.ty
                        ),
                    });
                }
                Ok(value.cast(spec.ty.dtype))
            }
        }
    }
}

/// A safetensors file whose header was read and checked: offsets in order, inside the file, and as long as the types say.
#[derive(Debug)]
pub struct CheckpointFile {
    path: PathBuf,
    file: File,
    data_start: u64,
    tensors: BTreeMap<String, Stored>,
    /// Tensors of element types this project does not know: common and harmless until somebody asks for one.
    unread: BTreeMap<String, String>,
}

/// Where a tensor lies, and as what.
#[derive(Debug)]
struct Stored {
    /// What it is read as.
    ty: Type,
    start: u64,
    /// Bytes of an element, and whether it has a sign, where it is an integer of less than 64 bits: read as `i64`.
    narrow: Option<(usize, bool)>,
}

/// Largest header accepted, as in the format's own readers.
const MAX_HEADER: u64 = 100_000_000;

impl CheckpointFile {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// [`BackendError::Checkpoint`] naming what is wrong.
    pub fn open(path: &Path) -> Result<Self, BackendError> {
        let io = |source: std::io::Error| BackendError::Checkpoint {
            path: path.to_owned(),
            message: "cannot be read".into(),
            source: Some(source),
        };
        let lies =
            |message: String| BackendError::Checkpoint { path: path.to_owned(), message, source: None };
        let mut file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let mut head = [0u8; 8];
        if size < 8 {
            return Err(lies(format!("is truncated: {size} bytes hold no header")));
        }
        file.read_exact(&mut head).map_err(io)?;
        let header_len = u64::from_le_bytes(head);
        if header_len > MAX_HEADER || header_len > size - 8 {
            return Err(lies(format!(
                "is truncated or no safetensors file: the header claims {header_len} bytes of a file of {size}"
            )));
        }
        let mut header = vec![0u8; header_len as usize];
        file.read_exact(&mut header).map_err(io)?;
        let data_start = 8 + header_len;
        let data_len = size - data_start;
        let entries: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(&header).map_err(|e| lies(format!("the header is not JSON: {e}")))?;
        let (mut tensors, mut unread) = (BTreeMap::new(), BTreeMap::new());
        for (name, entry) in entries {
            if name == "__metadata__" {
                continue;
            }
            let info: TensorInfo = serde_json::from_value(entry)
                .map_err(|e| lies(format!("the header entry of `{name}` is malformed: {e}")))?;
            let narrow = narrow(&info.dtype);
            let Some(dtype) = narrow.map(|_| DType::I64).or_else(|| dtype(&info.dtype)) else {
                unread.insert(name, info.dtype);
                continue;
            };
            let shape = Shape::new(&info.shape);
            let size = narrow.map_or(dtype.size() as u64, |(bytes, _)| bytes as u64);
            let bytes = shape.checked_elements().map(|n| n * size);
            let [start, end] = info.data_offsets;
            if bytes.is_none() || end.checked_sub(start) != bytes || end > data_len {
                return Err(lies(format!(
                    "the header places `{name}` ({}{shape}) at bytes {start}..{end} of {data_len}; the file is truncated or its header lies",
                    info.dtype
                )));
            }
            tensors.insert(name, Stored { ty: Type::new(dtype, shape), start, narrow });
        }
        Ok(Self { path: path.to_owned(), file, data_start, tensors, unread })
    }

    /// Names and types of the tensors, in order of name; integers of fewer bits count as `i64`. Tensors of element types this project does not know are left out.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Type)> {
        self.tensors.iter().map(|(name, stored)| (name.as_str(), &stored.ty))
    }

    /// Names of the tensors that are left out, and of what element type each is.
    pub fn unread(&self) -> impl Iterator<Item = (&str, &str)> {
        self.unread.iter().map(|(name, dtype)| (name.as_str(), dtype.as_str()))
    }

    /// One tensor.
    ///
    /// # Errors
    /// [`BackendError::Parameter`] for an unknown name, [`BackendError::Checkpoint`] when reading fails.
    pub fn read(&mut self, name: &str) -> Result<HostTensor, BackendError> {
        let Some(Stored { ty, start, narrow }) = self.tensors.get(name) else {
            let path = self.path.display();
            let message = match self.unread.get(name) {
                Some(dtype) => {
                    format!("is {dtype} in {path}, which is not read; save it as I64, BOOL or a float type")
                }
                None => format!("is not in {path}"),
            };
            return Err(BackendError::Parameter { name: name.to_owned(), message });
        };
        let io = |source: std::io::Error| BackendError::Checkpoint {
            path: self.path.clone(),
            message: format!("`{name}` cannot be read"),
            source: Some(source),
        };
        let size = narrow.map_or(ty.bytes(), |(bytes, _)| ty.shape.elements() as u64 * bytes as u64);
        let mut bytes = vec![0u8; size as usize];
        self.file.seek(SeekFrom::Start(self.data_start + start)).map_err(io)?;
        self.file.read_exact(&mut bytes).map_err(io)?;
        match narrow {
            None => HostTensor::new(ty.clone(), bytes),
            Some((bytes_each, signed)) => {
                let values: Vec<i64> = bytes.chunks_exact(*bytes_each).map(|b| widened(b, *signed)).collect();
                HostTensor::from_i64(ty.dims(), &values)
            }
        }
    }
}

#[derive(Deserialize)]
struct TensorInfo {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

/// Bytes of an element, and whether it has a sign, of integers that fit into `i64` and are not it.
fn narrow(name: &str) -> Option<(usize, bool)> {
    Some(match name {
        "I32" => (4, true),
        "I16" => (2, true),
        "I8" => (1, true),
        "U32" => (4, false),
        "U16" => (2, false),
        "U8" => (1, false),
        _ => return None,
    })
}

/// A little-endian integer.
fn widened(bytes: &[u8], signed: bool) -> i64 {
    let negative = signed && bytes.last().is_some_and(|top| top & 0x80 != 0);
    let mut wide = if negative { [0xff; 8] } else { [0; 8] };
    wide[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(wide)
}

fn dtype(name: &str) -> Option<DType> {
    Some(match name {
        "F64" => DType::F64,
        "F32" => DType::F32,
        "BF16" => DType::Bf16,
        "F16" => DType::F16,
        "I64" => DType::I64,
        "BOOL" => DType::Bool,
        _ => return None,
    })
}
