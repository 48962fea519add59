//! The files of a code base.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::WalkBuilder;
use ignore::overrides::{Override, OverrideBuilder};
use serde::Serialize;

use crate::error::MigrateError;

/// Larger files are data or generated, and nobody ports them by hand.
pub const LARGEST_BYTES: u64 = 2 * 1024 * 1024;

/// Names of directories that hold other people's code.
const VENDORED: [&str; 9] = [
    "third_party",
    "third-party",
    "3rdparty",
    "vendor",
    "vendored",
    "node_modules",
    "site-packages",
    "__pycache__",
    "bower_components",
];

/// What of a directory is wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Other people's code as well.
    pub vendored: bool,
    /// Patterns of paths to leave out, as in a `.gitignore`.
    pub exclude: Vec<String>,
}

/// A file, wherever its text is.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As people are told of it.
    pub shown: String,
    /// Below the tree's root, with `/` between its parts.
    pub relative: String,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

/// The text of a file, or why there is none.
#[derive(Debug)]
pub enum Text {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// It has a zero byte near its beginning.
    Binary,
    /// It is larger than [`LARGEST_BYTES`].
    Huge,
    /// It cannot be read.
    Unreadable(String),
}

impl Entry {
    /// A file of a tree that is not on disk.
    #[must_use]
    pub fn of_bytes(path: &str, bytes: &[u8]) -> Self {
        Self { shown: path.to_owned(), relative: path.to_owned(), content: Content::Bytes(bytes.into()) }
    }

    /// Reads it.
    #[must_use]
    pub fn read(&self) -> Text {
        let bytes = match &self.content {
            Content::Bytes(bytes) if bytes.len() as u64 > LARGEST_BYTES => return Text::Huge,
            Content::Bytes(bytes) => bytes.to_vec(),
            Content::File(path) => {
                let read = || -> std::io::Result<Option<Vec<u8>>> {
                    let mut bytes = Vec::new();
                    // One byte more says that it is too large, whatever its length was said to be.
                    fs::File::open(path)?.take(LARGEST_BYTES + 1).read_to_end(&mut bytes)?;
                    Ok((bytes.len() as u64 <= LARGEST_BYTES).then_some(bytes))
                };
                match read() {
                    Ok(Some(bytes)) => bytes,
                    Ok(None) => return Text::Huge,
                    Err(error) => return Text::Unreadable(error.to_string()),
                }
            }
        };
        let head = &bytes[..bytes.len().min(8192)];
        if head.contains(&0) { Text::Binary } else { Text::Bytes(bytes) }
    }
}

/// What was left out on the way, by why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LeftOut {
    /// Hidden files and directories.
    pub hidden: Vec<String>,
    /// Directories of other people's code.
    pub vendored: Vec<String>,
    /// Virtual environments of Python.
    pub environments: Vec<String>,
    /// What could not be read, with the reason.
    pub unreadable: Vec<String>,
}

/// Files, in the order of their paths, and what was left out.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The files.
    pub entries: Vec<Entry>,
    /// What was left out.
    pub left_out: LeftOut,
}

impl Tree {
    /// The files below each path, or the path itself where it is a file. `.gitignore` holds, in a repository and outside of one; links are not followed.
    ///
    /// # Errors
    /// [`MigrateError::Read`] for a path that is not there, [`MigrateError::Exclude`] for a pattern that is none.
    pub fn of_paths(paths: &[PathBuf], wanted: &Wanted) -> Result<Self, MigrateError> {
        let mut tree = Self::default();
        for path in paths {
            let about =
                fs::metadata(path).map_err(|source| MigrateError::Read { path: path.clone(), source })?;
            if about.is_file() {
                let shown = shown(path);
                let relative =
                    path.file_name().map_or_else(|| shown.clone(), |n| n.to_string_lossy().into_owned());
                tree.entries.push(Entry { shown, relative, content: Content::File(path.clone()) });
            } else {
                tree.walk(path, wanted)?;
            }
        }
        let mut seen = BTreeSet::new();
        tree.entries.retain(|entry| seen.insert(entry.shown.clone()));
        tree.entries.sort_by(|a, b| a.shown.cmp(&b.shown));
        Ok(tree)
    }

    /// Files that are not on disk, without those that are not wanted.
    ///
    /// # Errors
    /// [`MigrateError::Exclude`] for a pattern that is none.
    pub fn of_entries(entries: Vec<Entry>, wanted: &Wanted) -> Result<Self, MigrateError> {
        let exclude = exclude(Path::new(""), &wanted.exclude)?;
        let mut tree = Self::default();
        for entry in entries {
            let mut parts = entry.relative.split('/');
            let hidden = parts.clone().any(|part| part.starts_with('.'));
            let vendored = !wanted.vendored && parts.any(|part| VENDORED.contains(&part));
            let path = Path::new(&entry.relative);
            let excluded = path.ancestors().any(|p| exclude.matched(p, p != path).is_ignore());
            match (hidden, vendored, excluded) {
                (true, ..) => tree.left_out.hidden.push(entry.shown),
                (_, true, _) => tree.left_out.vendored.push(entry.shown),
                (.., true) => {}
                _ => tree.entries.push(entry),
            }
        }
        tree.entries.sort_by(|a, b| a.shown.cmp(&b.shown));
        Ok(tree)
    }

    /// The Python packages that the code base itself is: those at its root, in `src/` or in `python/`.
    #[must_use]
    pub fn own_packages(&self) -> BTreeSet<&str> {
        self.entries.iter().filter_map(|entry| own_package(&entry.relative)).collect()
    }

    fn walk(&mut self, root: &Path, wanted: &Wanted) -> Result<(), MigrateError> {
        let left_out = Arc::new(Mutex::new(LeftOut::default()));
        let noted = Arc::clone(&left_out);
        let vendored = wanted.vendored;
        let filter = move |entry: &ignore::DirEntry| {
            if entry.depth() == 0 {
                return true;
            }
            let name = entry.file_name().to_string_lossy();
            let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
            let directory = entry.file_type().is_some_and(|t| t.is_dir());
            let list = if directory && entry.path().join("pyvenv.cfg").is_file() {
                &mut noted.environments
            } else if directory && !vendored && VENDORED.contains(&name.as_ref()) {
                &mut noted.vendored
            } else if name.starts_with('.') {
                &mut noted.hidden
            } else {
                return true;
            };
            list.push(shown(entry.path()));
            false
        };
        let walk = WalkBuilder::new(root)
            .hidden(false)
            .require_git(false)
            .git_global(false)
            .overrides(exclude(root, &wanted.exclude)?)
            .filter_entry(filter)
            .build();
        for entry in walk {
            match entry {
                Ok(entry) if entry.file_type().is_some_and(|t| t.is_file()) => {
                    let path = entry.into_path();
                    let relative =
                        path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                    self.entries.push(Entry { shown: shown(&path), relative, content: Content::File(path) });
                }
                Ok(_) => {}
                Err(error) => self.left_out.unreadable.push(error.to_string()),
            }
        }
        let mut noted = left_out.lock().unwrap_or_else(PoisonError::into_inner);
        self.left_out.hidden.append(&mut noted.hidden);
        self.left_out.vendored.append(&mut noted.vendored);
        self.left_out.environments.append(&mut noted.environments);
        self.left_out.hidden.sort();
        self.left_out.vendored.sort();
        self.left_out.environments.sort();
        Ok(())
    }
}

/// The package whose `__init__.py` a path is, if it is one of the code base itself.
fn own_package(path: &str) -> Option<&str> {
    let path = path.strip_suffix("/__init__.py")?;
    let path = path.strip_prefix("src/").or_else(|| path.strip_prefix("python/")).unwrap_or(path);
    (!path.contains('/')).then_some(path)
}

/// A path for people: `/` between its parts, no `./` before it.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    text.strip_prefix("./").map(ToOwned::to_owned).unwrap_or(text)
}

/// What leaves out the paths of some patterns.
fn exclude(root: &Path, patterns: &[String]) -> Result<Override, MigrateError> {
    let mut builder = OverrideBuilder::new(root);
    for pattern in patterns {
        let wrong = |source| MigrateError::Exclude { pattern: pattern.clone(), source };
        builder.add(&format!("!{pattern}")).map_err(wrong)?;
    }
    let wrong = |source| MigrateError::Exclude { pattern: patterns.join(" "), source };
    builder.build().map_err(wrong)
}
