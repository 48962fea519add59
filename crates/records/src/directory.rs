//! The directory of one run.
//!
//! `run.json` says what was planned; `cells/<cell id>.json` is one [`Record`] each; `partial/<cell id>/<trial>.json` keeps trials of cells that have not ended;
//! `lock` is held by the process that executes the run.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::files;
use crate::head::{Comparable, RecordHead};
use crate::record::Record;
use crate::run::{PartialTrial, RunInfo};

/// A stored run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    dir: PathBuf,
}

/// The right to write into a run; given back when dropped, or by the operating system when the process ends.
#[derive(Debug)]
pub struct RunLock {
    file: File,
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // Closing the file would not do while a process that another thread is just starting still has a copy of it.
        let _ = self.file.unlock();
    }
}

impl Run {
    pub(crate) fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub(crate) fn is_at(dir: &Path) -> bool {
        dir.join("run.json").is_file()
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its id: the name of its directory.
    #[must_use]
    pub fn id(&self) -> String {
        let name = self.dir.canonicalize().ok().and_then(|d| d.file_name().map(ToOwned::to_owned));
        name.map_or_else(|| self.dir.display().to_string(), |n| n.to_string_lossy().into_owned())
    }

    pub(crate) fn info_path(&self) -> PathBuf {
        self.dir.join("run.json")
    }

    pub(crate) fn cells_dir(&self) -> PathBuf {
        self.dir.join("cells")
    }

    pub(crate) fn partial_dir(&self) -> PathBuf {
        self.dir.join("partial")
    }

    fn record_path(&self, cell_id: &str) -> PathBuf {
        self.cells_dir().join(format!("{cell_id}.json"))
    }

    fn trials_dir(&self, cell_id: &str) -> PathBuf {
        self.partial_dir().join(cell_id)
    }

    /// What it set out to do.
    ///
    /// # Errors
    /// [`StoreError::Read`], [`StoreError::Malformed`], [`StoreError::Newer`].
    pub fn info(&self) -> Result<RunInfo, StoreError> {
        let path = self.info_path();
        let info: RunInfo = files::read_json(&path, &mut Vec::new())?;
        files::check_version(&path, info.version)?;
        Ok(info)
    }

    /// Takes the right to write. Readers need none.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another process has it, [`StoreError::Write`].
    pub fn lock(&self) -> Result<RunLock, StoreError> {
        let path = self.dir.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(StoreError::write(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(RunLock { file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Busy { path: self.dir.clone() }),
            Err(TryLockError::Error(e)) => Err(StoreError::write(&path)(e)),
        }
    }

    /// Whether a process executes it now. Takes no right, and leaves no trace.
    #[must_use]
    pub fn in_progress(&self) -> bool {
        let lock = File::open(self.dir.join("lock"));
        lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Stores the record of a cell that has ended, and then drops its partial trials. Once this returns the record outlives the process and a loss of power.
    ///
    /// # Errors
    /// [`StoreError::Write`], [`StoreError::NotStorable`].
    pub fn write_record(&self, record: &Record) -> Result<(), StoreError> {
        let id = record.cell.id();
        files::write_json(&self.record_path(&id), record)?;
        let trials = self.trials_dir(&id);
        match fs::remove_dir_all(&trials) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::write(&trials)(e)),
            _ => Ok(()),
        }
    }

    /// The record of a cell; `None` if it has not ended.
    ///
    /// # Errors
    /// [`StoreError::Read`], [`StoreError::Malformed`], [`StoreError::Newer`].
    pub fn record(&self, cell_id: &str) -> Result<Option<Record>, StoreError> {
        let path = self.record_path(cell_id);
        match read_record(&path) {
            Err(StoreError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Every record, one at a time in order of cell id. One that cannot be read is an error of its own; the others follow.
    ///
    /// # Errors
    /// [`StoreError::Read`] when the directory cannot be listed.
    pub fn records(&self) -> Result<Records<Record>, StoreError> {
        self.each(|record| record.version)
    }

    /// As [`Run::records`], without raw samples: what tables and comparisons read of many cells.
    ///
    /// # Errors
    /// [`StoreError::Read`] when the directory cannot be listed.
    pub fn heads(&self) -> Result<Records<RecordHead>, StoreError> {
        self.each(|head| head.version)
    }

    /// As [`Run::records`], with what a comparison of runs reads of each cell.
    ///
    /// # Errors
    /// [`StoreError::Read`] when the directory cannot be listed.
    pub fn comparables(&self) -> Result<Records<Comparable>, StoreError> {
        self.each(|head| head.version)
    }

    fn each<T>(&self, version: fn(&T) -> u32) -> Result<Records<T>, StoreError> {
        let dir = self.cells_dir();
        let mut names = stored_names(&dir)?;
        names.sort_unstable_by(|a, b| b.cmp(a));
        Ok(Records { dir, names, buffer: Vec::new(), version })
    }

    /// Keeps a trial of a cell that has not ended.
    ///
    /// # Errors
    /// [`StoreError::Write`], [`StoreError::NotStorable`].
    pub fn write_trial(&self, cell_id: &str, trial: &PartialTrial) -> Result<(), StoreError> {
        let dir = self.trials_dir(cell_id);
        fs::create_dir_all(&dir).map_err(StoreError::write(&dir))?;
        files::write_json(&dir.join(format!("{}.json", trial.number)), trial)
    }

    /// The kept trials of a cell that has not ended, by number. One that cannot be read counts as not run.
    ///
    /// # Errors
    /// [`StoreError::Read`] when the directory cannot be listed.
    pub fn trials(&self, cell_id: &str) -> Result<Vec<PartialTrial>, StoreError> {
        let dir = self.trials_dir(cell_id);
        let names = match stored_names(&dir) {
            Err(StoreError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Vec::new(),
            names => names?,
        };
        let mut buffer = Vec::new();
        let mut trials: Vec<PartialTrial> = names
            .iter()
            .filter_map(|name| files::read_json(&dir.join(&**name), &mut buffer).ok())
            .filter(|trial: &PartialTrial| trial.version <= crate::VERSION)
            .collect();
        trials.sort_unstable_by_key(|trial| trial.number);
        Ok(trials)
    }
}

/// Names of the files of ours in a directory; temporary ones begin with a dot.
fn stored_names(dir: &Path) -> Result<Vec<Box<str>>, StoreError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(StoreError::read(dir))? {
        let name = entry.map_err(StoreError::read(dir))?.file_name();
        if let Some(name) = name.to_str()
            && name.ends_with(".json")
            && !name.starts_with('.')
        {
            names.push(name.into());
        }
    }
    Ok(names)
}

/// Reads one record file.
///
/// # Errors
/// [`StoreError::Read`], [`StoreError::Malformed`] with line and column, [`StoreError::Newer`].
pub fn read_record(path: &Path) -> Result<Record, StoreError> {
    read_with(path, &mut Vec::new(), |record: &Record| record.version)
}

/// Reads the text of a record; `path` is for messages.
///
/// # Errors
/// [`StoreError::Malformed`] with line and column, [`StoreError::Newer`].
pub fn parse_record(path: &Path, text: &[u8]) -> Result<Record, StoreError> {
    let record: Record = files::parse(path, text)?;
    files::check_version(path, record.version)?;
    Ok(record)
}

/// Reads the text of a record, skipping what [`RecordHead`] leaves out; `path` is for messages.
///
/// # Errors
/// [`StoreError::Malformed`] with line and column, [`StoreError::Newer`].
pub fn parse_head(path: &Path, text: &[u8]) -> Result<RecordHead, StoreError> {
    let head: RecordHead = files::parse(path, text)?;
    files::check_version(path, head.version)?;
    Ok(head)
}

fn read_with<T: DeserializeOwned>(
    path: &Path,
    buffer: &mut Vec<u8>,
    version: fn(&T) -> u32,
) -> Result<T, StoreError> {
    let read: T = files::read_json(path, buffer)?;
    files::check_version(path, version(&read))?;
    Ok(read)
}

/// Records of a run, read one at a time; see [`Run::records`] and [`Run::heads`]. Holds the names of those to come, and no content.
#[derive(Debug)]
pub struct Records<T> {
    dir: PathBuf,
    /// Last first.
    names: Vec<Box<str>>,
    buffer: Vec<u8>,
    version: fn(&T) -> u32,
}

impl<T: DeserializeOwned> Iterator for Records<T> {
    type Item = Result<T, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.names.pop()?;
        Some(read_with(&self.dir.join(&*name), &mut self.buffer, self.version))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.names.len(), Some(self.names.len()))
    }
}
