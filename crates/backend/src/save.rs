//! Writing safetensors files.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::Path;

use portbench_graph::DType;
use safetensors::tensor::{Dtype, View};

use crate::error::BackendError;
use crate::tensor::HostTensor;

/// Writes named tensors as a safetensors file that appears whole or not at all; its folder is made if it is not there.
/// [`crate::CheckpointFile`] reads it.
///
/// # Errors
/// [`BackendError::Checkpoint`] when it cannot be written.
pub fn save_tensors<'a, N>(
    path: &Path,
    tensors: impl IntoIterator<Item = (&'a N, &'a HostTensor)>,
) -> Result<(), BackendError>
where
    N: AsRef<str> + ?Sized + 'a,
{
    let write = || {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(folder)?;
        let file = tempfile::NamedTempFile::new_in(folder)?;
        let views = tensors.into_iter().map(|(name, tensor)| (name.as_ref(), Borrowed(tensor)));
        safetensors::serialize_to_file(views, None, file.path()).map_err(io::Error::other)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|source: io::Error| BackendError::Checkpoint {
        path: path.to_owned(),
        message: "cannot be written".into(),
        source: Some(source),
    })
}

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
