//! Parity outputs as a file.

use std::borrow::Cow;
use std::path::Path;

use indexmap::IndexMap;
use portbench_backend::HostTensor;
use portbench_graph::DType;
use safetensors::tensor::{Dtype, View};

use crate::error::JobError;

struct Borrowed<'a>(&'a HostTensor);

impl View for Borrowed<'_> {
    fn dtype(&self) -> Dtype {
        match self.0.ty().dtype {
            DType::F64 => Dtype::F64,
            DType::F32 => Dtype::F32,
            DType::Bf16 => Dtype::BF16,
            DType::F16 => Dtype::F16,
            DType::I64 => Dtype::I64,
            DType::Bool => Dtype::BOOL,
        }
    }

    fn shape(&self) -> &[usize] {
        self.0.dims()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.0.bytes())
    }

    fn data_len(&self) -> usize {
        self.0.bytes().len()
    }
}

/// Writes tensors as a safetensors file, which [`portbench_backend::CheckpointFile`] reads.
///
/// # Errors
/// [`JobError::Outputs`].
pub fn write_outputs(path: &Path, outputs: &IndexMap<String, HostTensor>) -> Result<(), JobError> {
    let views = outputs.iter().map(|(name, tensor)| (name.as_str(), Borrowed(tensor)));
    safetensors::serialize_to_file(views, None, path)
        .map_err(|source| JobError::Outputs { path: path.to_owned(), source: source.into() })
}
