//! Comments, doc-strings and strings of Python.

use super::{Blanked, Blanks, line_end};

/// What the lexer found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lexed {
    pub(crate) blanked: Blanked,
    /// The same with the whole of strings replaced, their line breaks too, so that what looks like a bracket, a keyword or the end of a line is one.
    pub(crate) bare: Vec<u8>,
}

/// What stands in `bare` for a byte of a string.
const STRING: u8 = b'"';

pub(crate) fn lex(text: &[u8]) -> Lexed {
    let mut blanks = Blanks::new(text);
    let mut strings = Vec::new();
    let mut at = 0;
    let mut depth = 0_usize;
    // Whether no token of the logical line was seen yet.
    let mut begins = true;
    while at < text.len() {
        let byte = text[at];
        match byte {
            b'\n' => {
                begins |= depth == 0;
                at += 1;
            }
            b'#' => {
                let end = line_end(text, at);
                blanks.comment(at..end);
                at = end;
            }
            b'\\' => at += if text[at + 1..].starts_with(b"\r\n") { 3 } else { 2 },
            b' ' | b'\t' | b'\r' | b'\x0c' => at += 1,
            b'"' | b'\'' => {
                let end = string_end(text, at);
                if begins && depth == 0 && ends_statement(text, end) {
                    blanks.blank(statement_start(text, at)..end);
                } else if is_documentation(text, at, end) {
                    blanks.blank(at..end);
                    strings.push(at..end);
                } else {
                    strings.push(at..end);
                }
                begins = false;
                at = end;
            }
            _ if is_word(byte) => {
                let end = at + text[at..].iter().take_while(|b| is_word(**b)).count();
                let quote = text.get(end).is_some_and(|b| matches!(b, b'"' | b'\''));
                // The string itself sees to `begins`.
                begins &= quote && is_prefix(&text[at..end]);
                at = end;
            }
            _ => {
                match byte {
                    b'(' | b'[' | b'{' => depth += 1,
                    b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                begins = byte == b';' && depth == 0;
                at += 1;
            }
        }
    }
    let mut bare = blanks.blanked.code.clone();
    for string in strings {
        bare[string].fill(STRING);
    }
    Lexed { blanked: blanks.blanked, bare }
}

/// Whether a byte belongs to a name.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// Whether a word before a quote belongs to the string.
fn is_prefix(word: &[u8]) -> bool {
    word.len() <= 2 && word.iter().all(|b| b"rbuftRBUFT".contains(b))
}

/// Where a string begins, its prefix included.
fn statement_start(text: &[u8], quote: usize) -> usize {
    quote - text[..quote].iter().rev().take_while(|b| is_word(**b)).count()
}

/// The end of the string whose quote is at `start`. A string of one line that is not closed ends with the line.
fn string_end(text: &[u8], start: usize) -> usize {
    let quote = text[start];
    let triple = text[start..].starts_with(&[quote; 3]);
    let mut at = start + if triple { 3 } else { 1 };
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'\n' if !triple => return at,
            byte if byte == quote && !triple => return at + 1,
            byte if byte == quote && text[at..].starts_with(&[quote; 3]) => return at + 3,
            _ => at += 1,
        }
    }
    text.len()
}

/// Whether nothing but a comment follows on the line.
fn ends_statement(text: &[u8], end: usize) -> bool {
    let next = text[end..].iter().find(|b| !matches!(b, b' ' | b'\t' | b'\r'));
    next.is_none_or(|b| matches!(b, b'\n' | b'#' | b';'))
}

/// Whether a string that is no statement of its own is documentation all the same: given to a name that says so, or with examples of a session in it.
fn is_documentation(text: &[u8], start: usize, end: usize) -> bool {
    let string = &text[start..end];
    if !(string.starts_with(b"\"\"\"") || string.starts_with(b"'''")) {
        return false;
    }
    let line = text[..start].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    let before = text[line..start].to_ascii_lowercase();
    let has = |needle: &[u8]| before.windows(needle.len()).any(|w| w == needle);
    let named = has(b"doc") && (has(b"=") || has(b"("));
    let session = |line: &[u8]| {
        let line = line.trim_ascii_start();
        line.starts_with(b">>> ") || line.starts_with(b"```")
    };
    named || string.split(|b| *b == b'\n').any(session)
}
