//! The TOML reader's messages in the words of people who write workloads.

use std::ops::Range;

use crate::suggest;

/// What a reader's error says.
pub(crate) struct Told {
    pub(crate) span: Option<Range<usize>>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// Translates an error about `text`. Serde's messages have fixed forms; what is not recognised is passed on as it is.
pub(crate) fn told(error: &toml::de::Error, text: &str) -> Told {
    let raw = error.message().trim();
    let span = error.span();
    let quoted = quoted(raw);
    if let Some(rest) = raw.strip_prefix("unknown field ") {
        let (word, known) = split(rest, &quoted);
        let help = if known.is_empty() {
            Some("no keys belong here".to_owned())
        } else {
            suggest::help(word, &known)
        };
        return Told { span: within(span, text, word), message: format!("unknown key `{word}`"), help };
    }
    if let Some(rest) = raw.strip_prefix("unknown variant ") {
        let (word, known) = split(rest, &quoted);
        return Told { span, message: format!("unknown value `{word}`"), help: suggest::help(word, &known) };
    }
    if let Some(word) = raw.strip_prefix("missing field ").and(quoted.first()) {
        // The span is the table that lacks it: its first line is enough.
        return Told {
            span: span.filter(|s| s.start > 0),
            message: format!("key `{word}` is missing"),
            help: None,
        };
    }
    if raw.starts_with("duplicate key") || raw.starts_with("duplicate field") {
        let message = "this key was given before".to_owned();
        return Told { span, message, help: Some("keep one of the two".to_owned()) };
    }
    for (prefix, shape) in [("invalid type: ", ""), ("invalid value: ", ""), ("invalid length ", "")] {
        if let Some((found, expected)) = raw.strip_prefix(prefix).and_then(|r| r.rsplit_once(", expected ")) {
            let message = format!("expected {}, found {}{shape}", kind(expected), clipped(found));
            return Told { span, message, help: None };
        }
    }
    Told { span, message: clipped(&raw.replace('\n', "; ")), help: None }
}

/// Names of Rust types and serde's phrases, for people.
fn kind(expected: &str) -> String {
    match expected {
        "u64" | "u32" | "usize" => "a whole number, zero or more".to_owned(),
        "i64" => "a whole number".to_owned(),
        "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a map" => "a table".to_owned(),
        "a sequence" => "an array".to_owned(),
        "path string" => "a path (a string)".to_owned(),
        "string or table" => "a string or a table".to_owned(),
        "struct variant" => "a table".to_owned(),
        "unit variant" => "a plain string".to_owned(),
        "wanted exactly 1 element, more than 1 element" => "exactly one key".to_owned(),
        other if other.starts_with("struct ") || other.starts_with("struct variant ") => "a table".to_owned(),
        other if other.starts_with("variant identifier") => "a string".to_owned(),
        other => other.to_owned(),
    }
}

/// Long garbage is cut.
fn clipped(text: &str) -> String {
    let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut out: String = text.chars().take(200).map(printable).collect();
    if text.chars().count() > 200 {
        out.push_str(" ...");
    }
    out
}

/// Words in backquotes.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

/// The offending word and the known ones. The word comes from the file and may hold backquotes itself.
fn split<'a>(rest: &'a str, quoted: &[&'a str]) -> (&'a str, Vec<&'a str>) {
    let (word, tail) =
        [", expected ", ", there are no "].iter().find_map(|by| rest.rsplit_once(by)).unwrap_or((rest, ""));
    let count = tail.split('`').skip(1).step_by(2).count();
    (word.trim_matches('`'), quoted.iter().rev().take(count).rev().copied().collect())
}

/// The word inside the span, where the span is wider than it.
fn within(span: Option<Range<usize>>, text: &str, word: &str) -> Option<Range<usize>> {
    let span = span?;
    let part = text.get(span.clone())?;
    Some(match part.find(word) {
        Some(at) if !word.is_empty() => span.start + at..span.start + at + word.len(),
        _ => span,
    })
}
