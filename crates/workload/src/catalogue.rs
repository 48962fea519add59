//! The workloads and suites there are: those that are built in, and those of a directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::builtin;
use crate::document::Document;
use crate::error::WorkloadError;
use crate::suggest;
use crate::suite::{Planned, Suite};
use crate::workload::{Workload, name_of};

/// Workloads and suites by name. Files of the directory take the place of built-in ones of the same name.
#[derive(Clone, Debug)]
pub struct Catalogue {
    folder: PathBuf,
    workloads: BTreeMap<String, Source>,
    suites: BTreeMap<String, Source>,
}

#[derive(Clone, Debug)]
enum Source {
    BuiltIn(&'static str),
    File(PathBuf),
}

/// A line of the list of workloads or suites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Name.
    pub name: String,
    /// Its file; `None` for one that is built in.
    pub path: Option<PathBuf>,
}

impl Catalogue {
    /// The built-in workloads and suites, and those of `folder` (`*.toml`) and `folder/suites`. The files are not read yet. A folder
    /// that does not exist holds none.
    ///
    /// # Errors
    /// [`WorkloadError::Read`] for a folder that exists and cannot be read.
    pub fn load(folder: &Path) -> Result<Self, WorkloadError> {
        let all =
            |texts: &'static [(&'static str, &'static str)], folder: &Path| -> Result<_, WorkloadError> {
                let mut sources: BTreeMap<String, Source> =
                    texts.iter().map(|(name, text)| ((*name).to_owned(), Source::BuiltIn(text))).collect();
                for path in files(folder)? {
                    sources.insert(name_of(&path), Source::File(path));
                }
                Ok(sources)
            };
        Ok(Self {
            folder: folder.to_owned(),
            workloads: all(builtin::WORKLOADS, folder)?,
            suites: all(builtin::SUITES, &folder.join("suites"))?,
        })
    }

    /// Every workload, by name.
    #[must_use]
    pub fn workloads(&self) -> Vec<Listed> {
        listed(&self.workloads)
    }

    /// Every suite, by name.
    #[must_use]
    pub fn suites(&self) -> Vec<Listed> {
        listed(&self.suites)
    }

    /// The workload of that name, or in that file (what ends in `.toml` or holds a `/` is a path).
    ///
    /// # Errors
    /// [`WorkloadError::Unknown`] with what was probably meant, else what reading gives.
    pub fn workload(&self, name: &str) -> Result<Workload, WorkloadError> {
        if is_path(name) {
            return Workload::read(Path::new(name));
        }
        match self.workloads.get(name) {
            Some(source) => Workload::from_document(name, self.document(name, "workload", source)?),
            None => Err(unknown("workload", name, &self.workloads)),
        }
    }

    /// The suite of that name, or in that file.
    ///
    /// # Errors
    /// As [`Catalogue::workload`].
    pub fn suite(&self, name: &str) -> Result<Suite, WorkloadError> {
        if is_path(name) {
            return Suite::read(Path::new(name));
        }
        match self.suites.get(name) {
            Some(source) => Suite::from_document(name, self.document(name, "suite", source)?),
            None => Err(unknown("suite", name, &self.suites)),
        }
    }

    /// What a person names to have it run: a suite, or a workload, by name or file. A file with `entries` is a suite.
    ///
    /// # Errors
    /// As [`Catalogue::workload`].
    pub fn find(&self, name: &str) -> Result<Vec<Planned>, WorkloadError> {
        let of_workload = |workload: Workload| Ok(vec![Suite::of(&workload).planned(0, workload)?]);
        if is_path(name) {
            let path = Path::new(name);
            return match Suite::read(path) {
                Ok(suite) => self.planned(&suite),
                Err(WorkloadError::Mistakes(_)) if !Document::read(path)?.has("entries") => {
                    of_workload(Workload::read(path)?)
                }
                Err(error) => Err(error),
            };
        }
        if self.suites.contains_key(name) {
            return self.planned(&self.suite(name)?);
        }
        if self.workloads.contains_key(name) {
            return of_workload(self.workload(name)?);
        }
        let all = self.suites.iter().chain(&self.workloads).map(|(n, s)| (n.clone(), s.clone())).collect();
        Err(unknown("suite or workload", name, &all))
    }

    /// The entries of a suite with their workloads and everything filled in.
    ///
    /// # Errors
    /// The first workload that is not known or wrong; numerics that a workload does not run at.
    pub fn planned(&self, suite: &Suite) -> Result<Vec<Planned>, WorkloadError> {
        let mut planned = Vec::new();
        for (i, entry) in suite.file.entries.iter().enumerate() {
            let workload = match &suite.document.folder {
                Some(folder) if is_path(&entry.workload) => Workload::read(&folder.join(&entry.workload)),
                _ => self.workload(&entry.workload),
            };
            let workload = workload.map_err(|error| match error {
                WorkloadError::Unknown { .. } => {
                    let known: Vec<&str> = self.workloads.keys().map(String::as_str).collect();
                    let message = format!("there is no workload `{}`", entry.workload);
                    let help = suggest::help(&entry.workload, &known);
                    let place = ["entries", &i.to_string(), "workload"];
                    suite.document.wrong(vec![suite.document.at(&place, message, help)])
                }
                other => other,
            })?;
            planned.push(suite.planned(i, workload)?);
        }
        Ok(planned)
    }

    fn document(&self, name: &str, kind: &str, source: &Source) -> Result<Document, WorkloadError> {
        match source {
            Source::File(path) => Document::read(path),
            // Data that a built-in file names lies in the folder, if anywhere.
            Source::BuiltIn(text) => {
                Ok(Document::from_text(&format!("built-in {kind} `{name}`"), Some(self.folder.clone()), text))
            }
        }
    }
}

fn listed(sources: &BTreeMap<String, Source>) -> Vec<Listed> {
    let path = |source: &Source| match source {
        Source::BuiltIn(_) => None,
        Source::File(path) => Some(path.clone()),
    };
    sources.iter().map(|(name, source)| Listed { name: name.clone(), path: path(source) }).collect()
}

fn is_path(name: &str) -> bool {
    name.ends_with(".toml") || name.contains(std::path::is_separator)
}

/// The TOML files of a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>, WorkloadError> {
    let failed = |source| WorkloadError::Read { path: folder.to_owned(), source };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|e| e == "toml") && path.is_file() {
            paths.push(path);
        }
    }
    Ok(paths)
}

fn unknown(kind: &str, name: &str, known: &BTreeMap<String, Source>) -> WorkloadError {
    let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    let known: Vec<&str> = known.keys().map(String::as_str).collect();
    let help = suggest::help(name, &known).unwrap_or_default();
    WorkloadError::Unknown { message: format!("there is no {kind} `{shown}`\n  help: {help}") }
}
