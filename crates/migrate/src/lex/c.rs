//! Comments of C, C++, CUDA and Rust.

use super::{Blanked, Blanks, line_end};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// C, C++, CUDA.
    Cpp,
    /// Rust, whose comments nest and whose lifetimes look like characters.
    Rust,
}

pub(super) fn lex(text: &[u8], dialect: Dialect) -> Blanked {
    let mut blanks = Blanks::new(text);
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        at = match text[at] {
            b'/' if rest.starts_with(b"//") => {
                let end = line_end(text, at);
                blanks.comment(at..end);
                end
            }
            b'/' if rest.starts_with(b"/*") => {
                let end = block_end(text, at, dialect);
                blanks.comment(at..end);
                end
            }
            b'"' => match raw_end(text, at, dialect) {
                Some(end) => end,
                None => string_end(text, at),
            },
            b'\'' => character_end(text, at),
            _ => at + 1,
        };
    }
    blanks.blanked
}

fn block_end(text: &[u8], start: usize, dialect: Dialect) -> usize {
    let (mut at, mut depth) = (start + 2, 1_usize);
    while at < text.len() {
        if text[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else if dialect == Dialect::Rust && text[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else {
            at += 1;
        }
    }
    text.len()
}

fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// The end of a raw string whose quote is at `quote`: `R"x(...)x"`, `r"..."`, `r#"..."#`.
fn raw_end(text: &[u8], quote: usize, dialect: Dialect) -> Option<usize> {
    let before = &text[..quote];
    let close: Vec<u8> = match dialect {
        Dialect::Cpp => {
            let word = before.iter().rev().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
            if !matches!(&before[quote - word..], b"R" | b"u8R" | b"uR" | b"UR" | b"LR") {
                return None;
            }
            let inside = &text[quote + 1..];
            let open = inside.iter().take(17).position(|b| *b == b'(')?;
            [b")", &inside[..open], b"\""].concat()
        }
        Dialect::Rust => {
            let hashes = before.iter().rev().take_while(|b| **b == b'#').count();
            if !before[..quote - hashes].ends_with(b"r") {
                return None;
            }
            [b"\"", &*vec![b'#'; hashes]].concat()
        }
    };
    let inside = &text[quote + 1..];
    let end = inside.windows(close.len()).position(|window| window == close);
    Some(end.map_or(text.len(), |n| quote + 1 + n + close.len()))
}

/// The end of a character, or the byte after a quote that begins none: a lifetime, a separator of digits, an apostrophe.
fn character_end(text: &[u8], start: usize) -> usize {
    let separates = start > 0 && text[start - 1].is_ascii_alphanumeric();
    match text.get(start + 1) {
        Some(b'\\') => {
            let longest = &text[start + 1..text.len().min(start + 14)];
            longest.iter().skip(2).position(|b| *b == b'\'').map_or(start + 1, |n| start + 4 + n)
        }
        // A character may be four bytes long.
        Some(_) if !separates => {
            let near = &text[start + 1..text.len().min(start + 6)];
            match near.iter().skip(1).position(|b| *b == b'\'') {
                Some(n) if n == 0 || !near[0].is_ascii() => start + 3 + n,
                _ => start + 1,
            }
        }
        _ => start + 1,
    }
}
