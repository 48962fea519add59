//! The cache of compiled artefacts, and of compilations that failed.
//!
//! A directory an entry, named by the hash of its key: program, entry, compiler, flags. `entry.json` says what came of it; an artefact lies
//! beside it under the name of its own hash, or what the compiler printed when it failed as `log.txt`. Each file is written whole (a temporary file, flushed to disk, renamed), the artefact first, so a
//! crash leaves an entry or none. An artefact whose hash is not its name's is dropped with the entry and compiled again. A failure is stored
//! too, and comes back until the key changes; one that ran out of time comes back until the limit is raised.
//!
//! (torch-neuronx's own cache does not hold traced models, and holds failures of other graphs without saying so in a result.)

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use portbench_backend::without_user;
use portbench_graph::Fingerprint;
use serde::{Deserialize, Serialize};

use super::failure::{Cause, Failure};
use crate::error::NeuronError;

const ENTRY: &str = "entry.json";
const LOG: &str = "log.txt";
/// Bytes of what the compiler printed that are kept: the last ones.
const LOG_BYTES: usize = 256 << 10;
/// Version of `entry.json`.
const VERSION: u32 = 1;

/// What an artefact depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The program.
    pub fingerprint: Fingerprint,
    /// Its entry.
    pub entry: String,
    /// What compiled: names and versions of compiler and framework.
    pub compiler: String,
    /// The flags, all of them.
    pub flags: String,
}

impl Key {
    /// The name of its directory: 32 hexadecimal digits.
    #[must_use]
    pub fn name(&self) -> String {
        let mut hash = blake3::Hasher::new();
        for part in [self.fingerprint.as_str(), &self.entry, &self.compiler, &self.flags] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().to_hex()[..32].to_owned()
    }
}

/// What came of a compilation.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// An artefact, whole.
    Artefact {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// How long compiling it took, in seconds.
        seconds: f64,
        /// Most resident bytes of the compiler while it did, where somebody looked.
        memory: Option<u64>,
    },
    /// A failure that still holds.
    Failure {
        /// The failure.
        failure: Failure,
        /// What the compiler printed, where it printed anything.
        log: Option<PathBuf>,
    },
    /// Nothing, or nothing any more.
    Nothing {
        /// Why an entry that was there has been dropped.
        dropped: Option<String>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    version: u32,
    key: Key,
    result: Outcome,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Outcome {
    Artefact {
        file: String,
        bytes: u64,
        seconds: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        memory: Option<u64>,
    },
    Failure(Failure),
}

/// A cache in a directory. Several processes may use it: whoever stores last wins, and readers find the one or the other whole.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache in this directory, which is made when something is stored.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// What there is under a key. `limit` is the time limit, in seconds, that a compilation would have now; without one, a failure for time is a failure.
    ///
    /// # Errors
    /// [`NeuronError::File`] if a file is there and cannot be read, or a corrupt entry cannot be removed.
    pub fn find(&self, key: &Key, limit: Option<u64>) -> Result<Found, NeuronError> {
        let directory = self.directory(key);
        let path = directory.join(ENTRY);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing { dropped: None }),
            Err(e) if e.kind() == io::ErrorKind::IsADirectory || directory.is_file() => {
                return self.drop_entry(key, "a file or a directory stands where the other belongs".into());
            }
            Err(source) => return Err(NeuronError::File { action: "read", path, source }),
        };
        let entry: Entry = match serde_json::from_slice(&text) {
            Ok(entry) => entry,
            Err(error) => return self.drop_entry(key, format!("entry.json cannot be read ({error})")),
        };
        if entry.version != VERSION || entry.key != *key {
            return self.drop_entry(key, "entry.json is of another version or key".into());
        }
        match entry.result {
            Outcome::Failure(failure) => match (failure.cause, limit) {
                (Cause::TimeLimit(had), Some(limit)) if had < limit => {
                    self.drop_entry(key, format!("it failed after {had} s, and the limit is {limit} s now"))
                }
                _ => Ok(Found::Failure { failure, log: self.log(key) }),
            },
            Outcome::Artefact { file, bytes, seconds, memory } => {
                let path = directory.join(&file);
                match hash(&path) {
                    Ok(found) if found == stem(&file) => Ok(Found::Artefact { path, bytes, seconds, memory }),
                    Ok(_) => self.drop_entry(key, format!("{file} is not what was stored")),
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {
                        self.drop_entry(key, format!("{file} is gone"))
                    }
                    Err(e) if e.kind() == io::ErrorKind::IsADirectory => {
                        self.drop_entry(key, format!("{file} is a directory"))
                    }
                    Err(source) => Err(NeuronError::File { action: "read", path, source }),
                }
            }
        }
    }

    /// Stores a copy of the artefact in `file`, whose extension it keeps, and says where it is. `seconds` and `memory` are what compiling it took.
    ///
    /// # Errors
    /// [`NeuronError::File`] if it cannot be read or stored.
    pub fn store(
        &self,
        key: &Key,
        file: &Path,
        seconds: f64,
        memory: Option<u64>,
    ) -> Result<PathBuf, NeuronError> {
        let content = fs::read(file).map_err(|source| NeuronError::File {
            action: "read",
            path: file.to_owned(),
            source,
        })?;
        let extension = file.extension().and_then(|e| e.to_str()).unwrap_or("artefact");
        let name = format!("{}.{extension}", blake3::hash(&content).to_hex());
        let directory = self.directory(key);
        let path = directory.join(&name);
        write_whole(&path, &content)?;
        let result = Outcome::Artefact { file: name, bytes: content.len() as u64, seconds, memory };
        self.write_entry(key, result)?;
        Ok(path)
    }

    /// Stores that it failed, with the end of what the compiler printed, in which nobody is named. Says where that is, if it printed anything.
    ///
    /// # Errors
    /// [`NeuronError::File`] if it cannot be stored.
    pub fn store_failure(
        &self,
        key: &Key,
        failure: &Failure,
        printed: &str,
    ) -> Result<Option<PathBuf>, NeuronError> {
        let log = self.directory(key).join(LOG);
        if printed.trim().is_empty() {
            // That of a failure before this one.
            let _ = fs::remove_file(&log);
        } else {
            let cut = printed.len().saturating_sub(LOG_BYTES);
            let from = (cut..printed.len()).find(|&i| printed.is_char_boundary(i)).unwrap_or(0);
            write_whole(&log, without_user(&printed[from..]).as_bytes())?;
        }
        self.write_entry(key, Outcome::Failure(failure.clone()))?;
        Ok(self.log(key))
    }

    /// Removes what is stored under a key, so that it is compiled again.
    ///
    /// # Errors
    /// [`NeuronError::File`] if it is there and cannot be removed.
    pub fn forget(&self, key: &Key) -> Result<(), NeuronError> {
        let path = self.directory(key);
        let removed = if path.is_file() { fs::remove_file(&path) } else { fs::remove_dir_all(&path) };
        match removed {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(NeuronError::File { action: "remove", path, source })
            }
            _ => Ok(()),
        }
    }

    /// Where what is stored under a key lies.
    #[must_use]
    pub fn directory(&self, key: &Key) -> PathBuf {
        self.root.join(key.name())
    }

    fn log(&self, key: &Key) -> Option<PathBuf> {
        Some(self.directory(key).join(LOG)).filter(|log| log.is_file())
    }

    fn drop_entry(&self, key: &Key, why: String) -> Result<Found, NeuronError> {
        self.forget(key)?;
        Ok(Found::Nothing { dropped: Some(why) })
    }

    fn write_entry(&self, key: &Key, result: Outcome) -> Result<(), NeuronError> {
        let path = self.directory(key).join(ENTRY);
        let entry = Entry { version: VERSION, key: key.clone(), result };
        let text = serde_json::to_vec_pretty(&entry).map_err(|e| NeuronError::File {
            action: "write",
            path: path.clone(),
            source: e.into(),
        })?;
        write_whole(&path, &text)
    }
}

fn stem(file: &str) -> &str {
    file.split('.').next().unwrap_or_default()
}

fn hash(path: &Path) -> io::Result<String> {
    let mut hash = blake3::Hasher::new();
    io::copy(&mut File::open(path)?, &mut hash)?;
    Ok(hash.finalize().to_hex().to_string())
}

/// A temporary file beside `path` is filled and flushed to disk, then renamed, then its directory is flushed.
fn write_whole(path: &Path, content: &[u8]) -> Result<(), NeuronError> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let write = || {
        fs::create_dir_all(directory)?;
        let mut file = tempfile::Builder::new().prefix(".partial-").tempfile_in(directory)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        // Makes the new name durable; elsewhere directories cannot be flushed.
        #[cfg(unix)]
        File::open(directory)?.sync_all()?;
        Ok(())
    };
    write().map_err(|source| NeuronError::File { action: "write", path: path.to_owned(), source })
}
