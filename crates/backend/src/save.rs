//! Writing safetensors files.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use portbench_graph::DType;
use safetensors::tensor::{Dtype, TensorView};

use crate::error::BackendError;
use crate::tensor::HostTensor;

/// Writes tensors as a safetensors file that appears whole or not at all; its folder is made if it is not there.
///
/// # Errors
/// [`BackendError::Checkpoint`] when it cannot be written.
pub fn save_tensors(path: &Path, tensors: &BTreeMap<String, HostTensor>) -> Result<(), BackendError> {
    let failed = |source: io::Error| BackendError::Checkpoint {
        path: path.to_owned(),
        message: "cannot be written".into(),
        source: Some(source),
    };
    let write = || {
        let views: BTreeMap<&str, TensorView<'_>> = tensors
            .iter()
            .map(|(name, tensor)| view(tensor).map(|view| (name.as_str(), view)))
            .collect::<Result<_, _>>()
            .map_err(io::Error::other)?;
        let bytes = safetensors::serialize(views, None).map_err(io::Error::other)?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(folder)?;
        let file = tempfile::NamedTempFile::new_in(folder)?;
        fs::write(file.path(), bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(failed)
}

fn view(tensor: &HostTensor) -> Result<TensorView<'_>, safetensors::SafeTensorError> {
    let dtype = match tensor.ty().dtype {
        DType::F64 => Dtype::F64,
        DType::F32 => Dtype::F32,
        DType::Bf16 => Dtype::BF16,
        DType::F16 => Dtype::F16,
        DType::I64 => Dtype::I64,
        DType::Bool => Dtype::BOOL,
    };
    TensorView::new(dtype, tensor.dims().to_vec(), tensor.bytes())
}
