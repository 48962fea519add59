//! A TOML text whose places can be pointed at.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use crate::error::{Mistake, Mistakes, WorkloadError};
use crate::translate;

/// Largest file that is read: no workload comes near, and a mistaken path to a checkpoint is not read whole.
const MAX_BYTES: u64 = 1 << 20;

/// Longest part of a line that is shown.
const SHOWN: usize = 120;

/// A text with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    /// As named by the user.
    pub(crate) file: String,
    /// Where relative paths start; `None` for what is built in.
    pub(crate) folder: Option<PathBuf>,
    text: String,
}

impl Document {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, WorkloadError> {
        let failed = |source| WorkloadError::Read { path: path.to_owned(), source };
        let size = std::fs::metadata(path).map_err(failed)?.len();
        if size > MAX_BYTES {
            let message = format!(
                "the file is {size} bytes long; workload and suite files are text of at most {MAX_BYTES} bytes"
            );
            return Err(whole(&path.display().to_string(), message));
        }
        let bytes = std::fs::read(path).map_err(failed)?;
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Self::from_bytes(&path.display().to_string(), Some(folder), bytes)
    }

    /// Takes the content of a file.
    pub(crate) fn from_bytes(
        file: &str,
        folder: Option<PathBuf>,
        bytes: Vec<u8>,
    ) -> Result<Self, WorkloadError> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { file: file.to_owned(), folder, text }),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let byte = error.as_bytes().get(at).copied().unwrap_or_default();
                // Text before `at` is valid, so that the offset means the same place in the lossy text.
                let document = Self { file: file.to_owned(), folder, text };
                Err(document.wrong(vec![document.mistake(
                    Some(at..at + 1),
                    format!("byte 0x{byte:02x} is not UTF-8"),
                    Some("TOML files are UTF-8 text; save it as such".to_owned()),
                )]))
            }
        }
    }

    /// Takes a text.
    pub(crate) fn from_text(file: &str, folder: Option<PathBuf>, text: &str) -> Self {
        Self { file: file.to_owned(), folder, text: text.to_owned() }
    }

    /// Reads a type out of the text. An empty file is told apart, because "missing key" would not say what happened.
    pub(crate) fn decode<T: DeserializeOwned>(&self, kind: &str) -> Result<T, WorkloadError> {
        if self.text.trim().is_empty() {
            let help = format!("workloads/README.md describes {kind} files");
            return Err(self.wrong(vec![self.mistake(None, "the file is empty".to_owned(), Some(help))]));
        }
        toml::from_str(&self.text).map_err(|error| {
            let told = translate::told(&error, &self.text);
            self.wrong(vec![self.mistake(told.span, told.message, told.help)])
        })
    }

    /// A mistake at a byte range of the text.
    pub(crate) fn mistake(
        &self,
        span: Option<Range<usize>>,
        message: String,
        help: Option<String>,
    ) -> Mistake {
        let Some(span) = span else { return Mistake { place: None, message, excerpt: None, help } };
        let mut start = span.start.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let line_start = self.text[..start].rfind('\n').map_or(0, |i| i + 1);
        let number = self.text[..line_start].matches('\n').count() + 1;
        let line = self.text[line_start..].split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let column = self.text[line_start..start].chars().count();
        let end = span.end.min(line_start + line.len()).max(start);
        let width = self.text.get(start..end).map_or(1, |s| s.chars().count()).max(1);
        let skipped = column.saturating_sub(SHOWN / 2);
        let printable = |c: char| {
            if c == '\t' {
                ' '
            } else if c.is_control() {
                '\u{fffd}'
            } else {
                c
            }
        };
        let mut shown: String = line.chars().skip(skipped).take(SHOWN).map(printable).collect();
        let mut indent = column - skipped;
        if skipped > 0 {
            shown.insert_str(0, "... ");
            indent += 4;
        }
        if line.chars().count() > skipped + SHOWN {
            shown.push_str(" ...");
        }
        let width = width.min(shown.chars().count().saturating_sub(indent).max(1));
        let mark = format!("{}{}", " ".repeat(indent), "^".repeat(width));
        Mistake { place: Some((number, column + 1)), message, excerpt: Some((shown, mark)), help }
    }

    /// A mistake at a key, given as the path to it; where the path ends early, at the deepest part that is there.
    pub(crate) fn at(&self, path: &[&str], message: String, help: Option<String>) -> Mistake {
        self.mistake(self.span(path), message, help)
    }

    /// Whether the text is TOML with this key at the top.
    pub(crate) fn has(&self, key: &str) -> bool {
        DeTable::parse(&self.text).is_ok_and(|t| t.get_ref().iter().any(|(k, _)| k.get_ref() == key))
    }

    /// The error with these mistakes.
    pub(crate) fn wrong(&self, mut mistakes: Vec<Mistake>) -> WorkloadError {
        mistakes.sort_by_key(|m| m.place);
        WorkloadError::Mistakes(Mistakes { file: self.file.clone(), mistakes })
    }

    /// Where the value at a path of keys (or indices of arrays) stands.
    fn span(&self, path: &[&str]) -> Option<Range<usize>> {
        let root = DeTable::parse(&self.text).ok()?;
        let mut found = None;
        let mut table = Some(root.get_ref());
        let mut array = None;
        for part in path {
            let value = match (table, array) {
                (Some(t), _) => t.iter().find(|(k, _)| k.get_ref() == part).map(|(k, v)| {
                    // A table of several lines is pointed at by its key.
                    let span = match v.get_ref() {
                        DeValue::Table(_) | DeValue::Array(_) => k.span(),
                        _ => v.span(),
                    };
                    (span, v)
                }),
                (None, Some(a)) => {
                    let items: &toml::de::DeArray<'_> = a;
                    part.parse::<usize>().ok().and_then(|i| items.get(i)).map(|v| (v.span(), v))
                }
                (None, None) => None,
            };
            let Some((span, value)) = value else { break };
            found = Some(span);
            (table, array) = match value.get_ref() {
                DeValue::Table(t) => (Some(t), None),
                DeValue::Array(a) => (None, Some(a)),
                _ => (None, None),
            };
        }
        found
    }
}

/// An error about a file as a whole.
pub(crate) fn whole(file: &str, message: String) -> WorkloadError {
    let mistake = Mistake { place: None, message, excerpt: None, help: None };
    WorkloadError::Mistakes(Mistakes { file: file.to_owned(), mistakes: vec![mistake] })
}
