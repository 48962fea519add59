//! Comments that begin with `#`.

use super::{Blanked, Blanks, line_end};

/// TOML: strings of four kinds, two of which span lines.
pub(super) fn toml(text: &[u8]) -> Blanked {
    let mut blanks = Blanks::new(text);
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        at = match text[at] {
            b'#' => {
                let end = line_end(text, at);
                blanks.comment(at..end);
                end
            }
            quote @ (b'"' | b'\'') if rest.starts_with(&[quote; 3]) => {
                let close = rest[3..].windows(3).position(|w| w == [quote; 3]);
                close.map_or(text.len(), |n| at + n + 6)
            }
            quote @ (b'"' | b'\'') => quoted_end(text, at, quote == b'"'),
            _ => at + 1,
        };
    }
    blanks.blanked
}

/// CMake: `#[[ ... ]]` spans lines.
pub(super) fn cmake(text: &[u8]) -> Blanked {
    let mut blanks = Blanks::new(text);
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        at = match text[at] {
            b'#' => {
                let bracket = rest.starts_with(b"#[[");
                let close = bracket.then(|| rest.windows(2).position(|w| w == b"]]")).flatten();
                let end = close.map_or_else(|| line_end(text, at), |n| at + n + 2);
                blanks.comment(at..end);
                end
            }
            b'"' => quoted_end(text, at, true),
            _ => at + 1,
        };
    }
    blanks.blanked
}

/// Shells, YAML, Dockerfiles, makefiles: `#` at the beginning of a word, outside of quotes. Quotes are closed at the end of a line, since an
/// apostrophe in prose would swallow the rest of the file.
pub(super) fn shell(text: &[u8]) -> Blanked {
    words(text, true)
}

/// Lists of packages: `#` at the beginning of a word.
pub(super) fn requirements(text: &[u8]) -> Blanked {
    words(text, false)
}

fn words(text: &[u8], quotes: bool) -> Blanked {
    let mut blanks = Blanks::new(text);
    let mut at = 0;
    let mut quote = None;
    while at < text.len() {
        let byte = text[at];
        let begins = at == 0 || text[at - 1].is_ascii_whitespace();
        match (byte, quote) {
            (b'\n', _) => quote = None,
            (b'#', None) if begins => {
                let end = line_end(text, at);
                blanks.comment(at..end);
                at = end;
                continue;
            }
            (b'"' | b'\'', None) if quotes => quote = Some(byte),
            (_, Some(open)) if open == byte => quote = None,
            _ => {}
        }
        at += 1;
    }
    blanks.blanked
}

/// INI: whole lines.
pub(super) fn ini(text: &[u8]) -> Blanked {
    let mut blanks = Blanks::new(text);
    let mut at = 0;
    while at < text.len() {
        let end = line_end(text, at);
        let first = text[at..end].iter().position(|b| !b.is_ascii_whitespace());
        if let Some(first) = first.filter(|n| matches!(text[at + n], b'#' | b';')) {
            blanks.comment(at + first..end);
        }
        at = end + 1;
    }
    blanks.blanked
}

/// The end of a string of one line.
fn quoted_end(text: &[u8], start: usize, escapes: bool) -> usize {
    let mut at = start + 1;
    while at < text.len() {
        match text[at] {
            b'\n' => return at,
            b'\\' if escapes => at += 2,
            byte if byte == text[start] => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}
