//! Code that runs only where CUDA, or an optional package, is there.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::block::{Block, BlockKind};
use crate::lex::python::Lexed;

/// An arm that is taken under a condition.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// What is guarded.
    pub(crate) body: Range<usize>,
    /// Place of the keyword.
    pub(crate) at: usize,
    pub(crate) kind: GuardKind,
    /// The condition, in code.
    pub(crate) condition: Vec<u8>,
}

/// What an arm is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GuardKind {
    /// CUDA is there, and another arm serves what is not CUDA.
    Cuda,
    /// Some other condition holds.
    Condition,
    /// An import may fail, and that is handled.
    OptionalImport,
}

/// A condition that holds on a CUDA device alone.
#[expect(
    clippy::expect_used,
    reason = "the pattern is part of the program, and every test of a module reads it"
)]
static CUDA: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"(?x)
        \bcuda\.is_available\(\) | \bis_(?:torch_)?cuda_available\( | \.is_cuda\b | \bcurrent_platform\.is_cuda(?:_alike)?\(
      | \b(?:device(?:_type)?(?:\.type)?|type)\s*[!=]=\s*["']cuda["']
      | ["']cuda["']\s+in\s+ | \.startswith\(\s*["']cuda | \b(?:use|has|with)_(?:cuda|gpu)\b | \b(?:USE|HAS|WITH)_CUDA\b
      | \b(?:torch|is)_cuda_available\b"#;
    Regex::new(pattern).expect("a pattern")
});

/// A condition turned round: what follows runs where the rest does not hold.
#[expect(
    clippy::expect_used,
    reason = "the pattern is part of the program, and every test of a module reads it"
)]
static NEGATED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"^\s*not\b|!=\s*["']cuda"#).expect("a pattern"));

/// A handler that an import which fails comes to.
#[expect(
    clippy::expect_used,
    reason = "the pattern is part of the program, and every test of a module reads it"
)]
static HANDLES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"except\s*:|ImportError|ModuleNotFoundError|\bException\b").expect("a pattern")
});

/// Every guard of a file.
pub(super) fn guards(blocks: &[Block], lexed: &Lexed) -> Vec<Guard> {
    let code = &lexed.blanked.code;
    let mut found = Vec::new();
    let mut add = |block: &Block, kind, condition: &[u8]| {
        let condition = condition.trim_ascii().to_vec();
        found.push(Guard { body: block.body.clone(), at: block.at, kind, condition });
    };
    for (i, block) in blocks.iter().enumerate() {
        match block.kind {
            BlockKind::If | BlockKind::Elif => {
                let condition = condition(block, code);
                let cuda = CUDA.is_match(condition);
                let negated = NEGATED.is_match(condition);
                let next = next_arm(blocks, i);
                if cuda && negated {
                    // What is not CUDA is served here, and CUDA in the other arm.
                    if let Some(other) = next.filter(|n| n.kind == BlockKind::Else) {
                        add(other, GuardKind::Cuda, condition);
                    }
                } else if cuda && (next.is_some() || block.kind == BlockKind::Elif) {
                    add(block, GuardKind::Cuda, condition);
                } else if !negated {
                    add(block, GuardKind::Condition, condition);
                }
            }
            BlockKind::Try => {
                let handler = next_arm(blocks, i).filter(|n| n.kind == BlockKind::Except);
                if handler.is_some_and(|h| HANDLES.is_match(&lexed.bare[h.header.clone()])) {
                    add(block, GuardKind::OptionalImport, b"");
                }
            }
            _ => {}
        }
    }
    found.sort_by_key(|guard| guard.body.start);
    found
}

/// Between the keyword and the colon.
fn condition<'c>(block: &Block, code: &'c [u8]) -> &'c [u8] {
    let header = &code[block.at..block.body.start.saturating_sub(1)];
    let keyword = header.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    &header[keyword..]
}

/// The arm after one: the next block of the same indentation, if it goes on with the statement.
fn next_arm(blocks: &[Block], of: usize) -> Option<&Block> {
    let block = &blocks[of];
    let next = blocks[of + 1..].iter().find(|b| b.indent <= block.indent)?;
    let goes_on = matches!(next.kind, BlockKind::Elif | BlockKind::Else | BlockKind::Except);
    (goes_on && next.indent == block.indent).then_some(next)
}
