//! Comments that allow what a rule finds: `# portbench: allow PY-DEV-001 the reason`.

use crate::lex::Blanked;
use crate::text::Lines;

/// Words that such a comment begins with.
const MARK: &str = "portbench: allow";

/// A comment that allows something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allow {
    rules: Vec<String>,
    /// The line it is about, from 0; `None` for the whole file.
    about: Option<usize>,
    /// Where it stands, from 1.
    pub(crate) line: u32,
    pub(crate) reason: String,
}

impl Allow {
    /// Whether it is about a rule on a line.
    pub(crate) fn covers(&self, rule: &str, line: usize) -> bool {
        self.about.is_none_or(|about| about == line) && self.rules.iter().any(|r| r == rule)
    }

    /// The rules that it names.
    pub(crate) fn rules(&self) -> &[String] {
        &self.rules
    }
}

/// Every such comment of a text. A comment after code is about its line, one on a line of its own about the next line with code; `allow-file` is about the file.
pub(crate) fn allows(text: &[u8], blanked: &Blanked, lines: &Lines<'_>) -> Vec<Allow> {
    let code = Lines::new(&blanked.code);
    let empty = |line: usize| code.bytes(line).iter().all(u8::is_ascii_whitespace);
    let mut found = Vec::new();
    for comment in &blanked.comments {
        let words = String::from_utf8_lossy(&text[comment.clone()]);
        let Some((_, rest)) = words.split_once(MARK) else { continue };
        let (rest, whole_file) = match rest.strip_prefix("-file") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let mut parts = rest.trim().splitn(2, char::is_whitespace);
        let rules = parts.next().unwrap_or_default().split(',');
        let rules: Vec<String> = rules.filter(|r| !r.is_empty()).map(ToOwned::to_owned).collect();
        let reason = parts.next().unwrap_or_default().trim_end_matches("*/").trim().to_owned();
        let at = lines.line(comment.start);
        let about =
            if empty(at) { (at + 1..code.len()).find(|line| !empty(*line)).unwrap_or(at) } else { at };
        let about = (!whole_file).then_some(about);
        found.push(Allow { rules, about, line: lines.number(comment.start), reason });
    }
    found
}
