//! Tensors on disk: what workers write, and what the oracle computed before.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use portbench_backend::{BackendError, CheckpointFile, ParamSource};
use portbench_measure::{InputSource, Inputs, ParityTask};

use super::gate::Tensors;
use crate::digest::digest;

/// Reads every tensor of a safetensors file.
pub(crate) fn read(path: &Path) -> Result<Tensors, BackendError> {
    let mut file = CheckpointFile::open(path)?;
    let names: Vec<String> = file.tensors().map(|(name, _)| name.to_owned()).collect();
    names.into_iter().map(|name| file.read(&name).map(|tensor| (name, tensor))).collect()
}

/// Name of what the oracle computes from these: everything that decides its outputs, files by path, length and time of change.
pub(crate) fn key(
    fingerprint: &str,
    params: &ParamSource,
    inputs: &Inputs,
    task: &ParityTask,
    precision: &str,
) -> String {
    let mut files: Vec<&Path> = Vec::new();
    if let ParamSource::Checkpoint { files: checkpoint } = params {
        files.extend(checkpoint.iter().map(PathBuf::as_path));
    }
    files.extend(inputs.corpus.iter().map(|c| c.path.as_path()));
    files.extend(inputs.sources.values().filter_map(|source| match source {
        InputSource::File { path, .. } => Some(path.as_path()),
        _ => None,
    }));
    let states: Vec<(u64, u128)> = files.into_iter().map(state).collect();
    let version = env!("CARGO_PKG_VERSION");
    digest(&((version, precision, fingerprint), (params, inputs, task), states))
}

/// Length and time of change, zero where there is no file: reading it will say so.
fn state(path: &Path) -> (u64, u128) {
    let Ok(metadata) = fs::metadata(path) else { return (0, 0) };
    let changed = metadata.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    (metadata.len(), changed.map_or(0, |t| t.as_nanos()))
}
