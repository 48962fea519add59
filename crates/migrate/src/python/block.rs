//! Blocks by indentation.

use std::ops::Range;

use crate::lex::python::is_word;

/// What opens a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockKind {
    Def,
    Class,
    If,
    Elif,
    Else,
    Try,
    Except,
    Other,
}

/// A compound statement, or one arm of it.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) kind: BlockKind,
    /// Of a function or class; empty otherwise.
    pub(super) name: String,
    /// From the first decorator to the colon.
    pub(super) header: Range<usize>,
    /// What follows the colon, to the end of the last line that belongs to it.
    pub(super) body: Range<usize>,
    /// Place of the keyword, of which the line is told.
    pub(super) at: usize,
    pub(super) indent: usize,
    /// The innermost class around it, by place in the list.
    pub(super) class: Option<usize>,
}

impl Block {
    /// Header and body.
    pub(super) fn whole(&self) -> Range<usize> {
        self.header.start..self.body.end
    }
}

/// A logical line: its words begin at `start`, and it ends before its line break.
struct Line {
    start: usize,
    end: usize,
    indent: usize,
}

/// Every block of a file in the order of their headers, outer before inner.
pub(super) fn blocks(bare: &[u8]) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut decorators: Option<usize> = None;
    let mut last_end = 0;
    for line in lines(bare) {
        while let Some(block) = open.last().copied().filter(|b| found[*b].indent >= line.indent) {
            found[block].body.end = found[block].body.end.max(last_end);
            open.pop();
        }
        last_end = line.end;
        let text = &bare[line.start..line.end];
        if text.starts_with(b"@") {
            decorators.get_or_insert(line.start);
            continue;
        }
        let decorated = decorators.take();
        let Some((kind, name)) = opened(text) else { continue };
        let Some(colon) = colon(text) else { continue };
        let class = open.iter().rev().copied().find(|b| found[*b].kind == BlockKind::Class);
        let body = line.start + colon + 1;
        open.push(found.len());
        found.push(Block {
            kind,
            name,
            header: decorated.unwrap_or(line.start)..body,
            body: body..line.end,
            at: line.start,
            indent: line.indent,
            class,
        });
    }
    for block in open {
        found[block].body.end = found[block].body.end.max(last_end);
    }
    found
}

/// What a logical line opens, with its name.
fn opened(text: &[u8]) -> Option<(BlockKind, String)> {
    let word = |text: &[u8]| -> (String, usize) {
        let blank = text.iter().take_while(|b| b.is_ascii_whitespace()).count();
        let length = text[blank..].iter().take_while(|b| is_word(**b)).count();
        (String::from_utf8_lossy(&text[blank..blank + length]).into_owned(), blank + length)
    };
    let (mut first, mut end) = word(text);
    if first == "async" {
        let (second, more) = word(&text[end..]);
        (first, end) = (second, end + more);
    }
    let kind = match first.as_str() {
        "def" => BlockKind::Def,
        "class" => BlockKind::Class,
        "if" => BlockKind::If,
        "elif" => BlockKind::Elif,
        "else" => BlockKind::Else,
        "try" => BlockKind::Try,
        "except" => BlockKind::Except,
        "for" | "while" | "with" | "finally" | "match" | "case" => BlockKind::Other,
        _ => return None,
    };
    let named = matches!(kind, BlockKind::Def | BlockKind::Class);
    Some((kind, if named { word(&text[end..]).0 } else { String::new() }))
}

/// The colon that ends a header: the first outside of brackets that belongs to no `lambda` and no `:=`.
fn colon(text: &[u8]) -> Option<usize> {
    let (mut depth, mut lambdas) = (0_usize, 0_usize);
    for (i, byte) in text.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'l' if depth == 0 && text[i..].starts_with(b"lambda") && (i == 0 || !is_word(text[i - 1])) => {
                lambdas += 1;
            }
            b':' if depth == 0 && text.get(i + 1) != Some(&b'=') => {
                if lambdas == 0 {
                    return Some(i);
                }
                lambdas -= 1;
            }
            _ => {}
        }
    }
    None
}

/// The logical lines: brackets and backslashes join lines, and empty ones are none.
fn lines(bare: &[u8]) -> Vec<Line> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut start = None;
    let mut line_start = 0;
    for (i, byte) in bare.iter().enumerate() {
        match byte {
            b'\n' => {
                let text = bare[..i].strip_suffix(b"\r").unwrap_or(&bare[..i]);
                if depth == 0 && !text.ends_with(b"\\") {
                    if let Some(begin) = start.take() {
                        found.push(Line { start: begin, end: i, indent: begin - line_start });
                    }
                    line_start = i + 1;
                }
            }
            b' ' | b'\t' | b'\r' | b'\x0c' => {}
            _ => {
                if start.is_none() {
                    start = Some(i);
                    line_start = bare[..i].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
                }
                match byte {
                    b'(' | b'[' | b'{' => depth += 1,
                    b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
    }
    if let Some(begin) = start {
        found.push(Line { start: begin, end: bare.len(), indent: begin - line_start });
    }
    found
}
