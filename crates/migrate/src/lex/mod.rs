//! Text without its comments, every other byte in its place.
//!
//! Rules look into strings (`"cuda"`) and never into comments or doc-strings, so those become blanks while lines and columns stay.

mod c;
mod hash;
pub(crate) mod python;

use std::ops::Range;

use crate::language::Language;

/// Text without its comments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blanked {
    /// As long as the text, with the same line breaks; blanks for comments and doc-strings.
    pub code: Vec<u8>,
    /// Where the comments were, doc-strings aside.
    pub comments: Vec<Range<usize>>,
}

/// Blanks the comments of a text. What does not lex is kept as it is.
#[must_use]
pub fn blank(language: Language, text: &[u8]) -> Blanked {
    match language {
        Language::Python | Language::Notebook => python::lex(text).blanked,
        Language::Cpp => c::lex(text, c::Dialect::Cpp),
        Language::Rust => c::lex(text, c::Dialect::Rust),
        Language::Toml => hash::toml(text),
        Language::Cmake => hash::cmake(text),
        Language::Yaml | Language::Shell | Language::Docker | Language::Make => hash::shell(text),
        Language::Requirements => hash::requirements(text),
        Language::Ini => hash::ini(text),
    }
}

/// A text that is being blanked.
pub(crate) struct Blanks {
    pub(crate) blanked: Blanked,
}

impl Blanks {
    pub(crate) fn new(text: &[u8]) -> Self {
        Self { blanked: Blanked { code: text.to_vec(), comments: Vec::new() } }
    }

    /// Blanks a part, its line breaks aside.
    pub(crate) fn blank(&mut self, part: Range<usize>) {
        for byte in &mut self.blanked.code[part] {
            if !matches!(*byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }

    /// Blanks a comment.
    pub(crate) fn comment(&mut self, part: Range<usize>) {
        self.blank(part.clone());
        self.blanked.comments.push(part);
    }
}

/// Where the line that `at` is on ends: at its line break, or at the end of the text.
pub(crate) fn line_end(text: &[u8], at: usize) -> usize {
    text[at..].iter().position(|b| *b == b'\n').map_or(text.len(), |n| at + n)
}
