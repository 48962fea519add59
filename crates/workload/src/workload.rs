//! A workload that was read.

use std::path::{Path, PathBuf};

use portbench_measure::{Mode, Numerics};

use crate::document::Document;
use crate::error::WorkloadError;
use crate::file::{WorkloadFile, check};

/// A workload file with its name and place.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Name: that of the file, without `.toml`.
    pub name: String,
    /// Its content; ranges and the keys of the mode have been checked, the model's dimensions not.
    pub file: WorkloadFile,
    pub(crate) document: Document,
}

impl Workload {
    /// Reads a workload file.
    ///
    /// # Errors
    /// [`WorkloadError::Read`], or [`WorkloadError::Mistakes`] with every mistake in it.
    pub fn read(path: &Path) -> Result<Self, WorkloadError> {
        Self::from_document(&name_of(path), Document::read(path)?)
    }

    /// Reads a workload out of the bytes of a file. `file` names it in messages, relative paths start at `folder`.
    ///
    /// # Errors
    /// [`WorkloadError::Mistakes`] with every mistake in it.
    pub fn from_bytes(file: &str, folder: Option<PathBuf>, bytes: Vec<u8>) -> Result<Self, WorkloadError> {
        Self::from_document(&name_of(Path::new(file)), Document::from_bytes(file, folder, bytes)?)
    }

    pub(crate) fn from_document(name: &str, document: Document) -> Result<Self, WorkloadError> {
        let file: WorkloadFile = document.decode("workload")?;
        check::workload(&file, &document)?;
        Ok(Self { name: name.to_owned(), file, document })
    }

    /// Mode in force.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.file.mode.unwrap_or(Mode::Inference)
    }

    /// Numerics that it may run at.
    #[must_use]
    pub fn numerics(&self) -> &[Numerics] {
        self.file.numerics.as_deref().unwrap_or(&[Numerics::F32])
    }

    /// A path of the file: `~` is the home directory, relative ones start where the file lies.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        if let (Ok(rest), Some(home)) = (path.strip_prefix("~"), std::env::home_dir()) {
            return home.join(rest);
        }
        match &self.document.folder {
            Some(folder) => folder.join(path),
            None => path.to_owned(),
        }
    }
}

/// File name without `.toml`.
pub(crate) fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    name.strip_suffix(".toml").unwrap_or(&name).to_owned()
}
