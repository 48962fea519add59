//! The folder of a site: which files in it are ours, and how new ones take the place of old ones.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::error::ReportError;

/// The file that says which files of the folder are a site's. Nothing else is ever replaced or deleted.
pub const MANIFEST: &str = "portbench-site.json";

/// Beginning of the name of the folder in which a site is written; one that is found is left from a process that was ended.
const UNFINISHED: &str = ".portbench-unfinished-";

/// Most names of a stranger's files that an error lists.
const NAMED: usize = 5;

/// What [`MANIFEST`] holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Manifest {
    /// Version of portbench that wrote the site.
    portbench: String,
    /// Every file of the site, `/` between the parts of its name.
    files: BTreeSet<String>,
}

/// A site that is being written beside the one that stands. Dropped before [`Folder::finish`], it leaves no trace.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    unfinished: TempDir,
    files: BTreeSet<String>,
    /// Whether the folder was made for this site, and goes with it.
    made: bool,
}

impl Folder {
    /// Begins a site in that folder, which need not exist.
    ///
    /// # Errors
    /// [`ReportError::OthersFiles`] if the folder holds files that no site of ours wrote; [`ReportError::Write`], [`ReportError::ReadFolder`].
    pub(super) fn begin(root: &Path) -> Result<Self, ReportError> {
        let made = !root.exists();
        fs::create_dir_all(root).map_err(write_error(root))?;
        let strangers = strangers(root, &manifest(root))?;
        if !strangers.is_empty() {
            let more = strangers.len().saturating_sub(NAMED);
            let mut files = strangers.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
            if more > 0 {
                files.push_str(&format!(" and {more} more"));
            }
            return Err(ReportError::OthersFiles { path: root.to_owned(), files });
        }
        remove_unfinished(root)?;
        let unfinished =
            tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(root).map_err(write_error(root))?;
        Ok(Self { root: root.to_owned(), unfinished, files: BTreeSet::new(), made })
    }

    /// Adds a file; `name` has `/` between its parts.
    ///
    /// # Errors
    /// [`ReportError::Write`].
    pub(super) fn add(&mut self, name: &str, content: &[u8]) -> Result<(), ReportError> {
        let path = self.unfinished.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(write_error(parent))?;
        }
        fs::write(&path, content).map_err(write_error(&path))?;
        self.files.insert(name.to_owned());
        Ok(())
    }

    /// Puts the new site in the place of the old one: files of the old one that the new one lacks are deleted. A process that ends in the middle leaves files that the
    /// manifest names, so that the next site replaces them.
    ///
    /// # Errors
    /// [`ReportError::Write`].
    pub(super) fn finish(mut self) -> Result<Vec<PathBuf>, ReportError> {
        let old = manifest(&self.root);
        let both = old.union(&self.files).cloned().collect();
        self.write_manifest(&both)?;
        for name in old.difference(&self.files) {
            let path = self.root.join(name);
            match fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(write_error(&path)(e)),
                _ => remove_empty(&self.root, &path),
            }
        }
        for name in &self.files {
            let path = self.root.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(write_error(parent))?;
            }
            fs::rename(self.unfinished.path().join(name), &path).map_err(write_error(&path))?;
        }
        self.write_manifest(&self.files)?;
        self.made = false;
        Ok(self.files.iter().map(|name| self.root.join(name)).collect())
    }

    fn write_manifest(&self, files: &BTreeSet<String>) -> Result<(), ReportError> {
        let path = self.root.join(MANIFEST);
        let manifest = Manifest { portbench: env!("CARGO_PKG_VERSION").to_owned(), files: files.clone() };
        let mut text = serde_json::to_vec_pretty(&manifest).map_err(|e| write_error(&path)(e.into()))?;
        text.push(b'\n');
        let unfinished = self.unfinished.path().join(MANIFEST);
        fs::write(&unfinished, text)
            .and_then(|()| fs::rename(&unfinished, &path))
            .map_err(write_error(&path))?;
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.made {
            // The unfinished folder goes first, so that nothing is left inside.
            let _ = fs::remove_dir_all(self.unfinished.path());
            let _ = fs::remove_dir(&self.root);
        }
    }
}

fn write_error(path: &Path) -> impl FnOnce(io::Error) -> ReportError + use<> {
    let path = path.to_owned();
    |source| ReportError::Write { path, source }
}

/// The files of the site that stands there; none where its manifest is absent or unreadable, and then nothing there counts as ours.
fn manifest(root: &Path) -> BTreeSet<String> {
    let text = fs::read(root.join(MANIFEST)).unwrap_or_default();
    let Ok(Manifest { files, .. }) = serde_json::from_slice(&text) else { return BTreeSet::new() };
    let inside = |name: &String| Path::new(name).components().all(|c| matches!(c, Component::Normal(_)));
    files.into_iter().filter(inside).collect()
}

/// Files of the folder that a site of ours did not write, in order. Links count as files, whatever they lead to.
fn strangers(root: &Path, ours: &BTreeSet<String>) -> Result<BTreeSet<String>, ReportError> {
    let mut found = BTreeSet::new();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let failed = || {
            let path = folder.clone();
            |source| ReportError::ReadFolder { path, source }
        };
        for entry in fs::read_dir(&folder).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            if prefix.is_empty() && is_unfinished(&entry) {
                continue;
            }
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type().map_err(failed())?.is_dir() {
                folders.push((entry.path(), format!("{name}/")));
            } else if !(ours.contains(&name) || (name == MANIFEST && !ours.is_empty())) {
                found.insert(name);
            }
        }
    }
    Ok(found)
}

fn is_unfinished(entry: &fs::DirEntry) -> bool {
    entry.file_type().is_ok_and(|t| t.is_dir()) && entry.file_name().to_string_lossy().starts_with(UNFINISHED)
}

fn remove_unfinished(root: &Path) -> Result<(), ReportError> {
    for entry in fs::read_dir(root).map_err(write_error(root))?.flatten().filter(is_unfinished) {
        fs::remove_dir_all(entry.path()).map_err(write_error(&entry.path()))?;
    }
    Ok(())
}

/// Removes the folders above a deleted file that are empty now, up to the site's.
fn remove_empty(root: &Path, file: &Path) {
    let above = file.ancestors().skip(1).take_while(|folder| *folder != root);
    for folder in above {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}
