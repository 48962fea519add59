//! Whole files: written atomically and durably, read with their format version checked.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::VERSION;
use crate::error::StoreError;

/// Writes `value` as the JSON file `path`: a temporary file beside it is filled and synced, then renamed, then the directory is synced. Whoever reads `path`
/// finds the old file, the new one, or none, at every moment and after a loss of power.
pub(crate) fn write_json<T: Serialize + DeserializeOwned>(path: &Path, value: &T) -> Result<(), StoreError> {
    let not_storable =
        |e: serde_json::Error| StoreError::NotStorable { path: path.to_owned(), message: e.to_string() };
    let mut text = serde_json::to_vec(value).map_err(not_storable)?;
    // A number that is not finite is written as `null`, which no reader takes for a number.
    serde_json::from_slice::<T>(&text).map_err(not_storable)?;
    text.push(b'\n');
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let error = || StoreError::write(path);
    let mut file = tempfile::Builder::new().prefix(".partial-").tempfile_in(directory).map_err(error())?;
    file.write_all(&text).map_err(error())?;
    file.as_file().sync_all().map_err(error())?;
    file.persist(path).map_err(|e| error()(e.error))?;
    sync_directory(directory)
}

/// Makes renames and new names in a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), StoreError> {
    #[cfg(unix)]
    File::open(directory).and_then(|d| d.sync_all()).map_err(StoreError::write(directory))?;
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}

/// Reads a JSON file of ours; `buffer` is scratch space that a caller of many reads keeps.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path, buffer: &mut Vec<u8>) -> Result<T, StoreError> {
    buffer.clear();
    File::open(path).and_then(|mut f| f.read_to_end(buffer)).map_err(StoreError::read(path))?;
    parse(path, buffer)
}

/// Reads the text of a JSON file of ours.
pub(crate) fn parse<T: DeserializeOwned>(path: &Path, text: &[u8]) -> Result<T, StoreError> {
    // Checking the whole text once is cheaper than each string by itself.
    let read = std::str::from_utf8(text).map_or_else(|_| serde_json::from_slice(text), serde_json::from_str);
    read.map_err(|error| match version(text) {
        Some(version) if version > u64::from(VERSION) => {
            StoreError::Newer { path: path.to_owned(), version, known: VERSION }
        }
        _ => malformed(path, &error),
    })
}

/// Refuses a version this code does not know, in a file that reads like one that it does.
pub(crate) fn check_version(path: &Path, version: u32) -> Result<(), StoreError> {
    if version > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), version: version.into(), known: VERSION });
    }
    if version == 0 {
        let message = "format version 0 was never written".into();
        return Err(StoreError::Malformed { path: path.to_owned(), line: 1, column: 1, message });
    }
    Ok(())
}

fn version(text: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    serde_json::from_slice::<Versioned>(text).ok().map(|v| v.version)
}

fn malformed(path: &Path, error: &serde_json::Error) -> StoreError {
    let text = error.to_string();
    // The place is named before the message already.
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = text.strip_suffix(&place).unwrap_or(&text).to_owned();
    StoreError::Malformed { path: path.to_owned(), line: error.line(), column: error.column(), message }
}
