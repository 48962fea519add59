//! What is compiled: `forward` and `*_forward`, what is handed to a compiler, and what those call in the same file.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::block::{Block, BlockKind};
use crate::lex::python::{Lexed, is_word};

/// A decorator that compiles what it stands on.
#[expect(
    clippy::expect_used,
    reason = "the pattern is part of the program, and every test of a module reads it"
)]
static DECORATOR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"@\s*(?:torch\.)?(?:compile|jit\.script|jit\.trace|_dynamo\.optimize)\b|@\s*(?:jax\.)?jit\b|@\s*(?:functools\.)?partial\(\s*(?:jax\.)?jit\b")
        .expect("a pattern")
});

/// A function that is handed to a compiler by name.
#[expect(
    clippy::expect_used,
    reason = "the pattern is part of the program, and every test of a module reads it"
)]
static HANDED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:torch\.compile|torch\.jit\.(?:script|trace)|torch_neuronx\.trace|jax\.jit)\(\s*(?:self\.)?(\w+)\s*[,)]")
        .expect("a pattern")
});

/// Bodies of the functions that are compiled, none inside another.
pub(super) fn traced(blocks: &[Block], lexed: &Lexed) -> Vec<Range<usize>> {
    let functions: Vec<usize> = (0..blocks.len()).filter(|b| blocks[*b].kind == BlockKind::Def).collect();
    let handed: BTreeSet<&[u8]> =
        HANDED.captures_iter(&lexed.bare).filter_map(|c| c.get(1)).map(|m| m.as_bytes()).collect();
    let compiled = |block: &Block| {
        let decorators = &lexed.bare[block.header.start..block.at];
        // What is patched in from outside of the class is called so too.
        let method = block.name == "forward" && block.class.is_some() || block.name.ends_with("_forward");
        method || handed.contains(block.name.as_bytes()) || DECORATOR.is_match(decorators)
    };
    let mut found: BTreeSet<usize> = functions.iter().copied().filter(|f| compiled(&blocks[*f])).collect();
    let mut waiting: Vec<usize> = found.iter().copied().collect();
    while let Some(function) = waiting.pop() {
        let block = &blocks[function];
        for (own, name) in calls(&lexed.bare[block.body.clone()]) {
            let called = functions.iter().copied().filter(|f| {
                let other = &blocks[*f];
                let reached = if own { other.class == block.class } else { other.class.is_none() };
                reached && other.name.as_bytes() == name
            });
            for other in called {
                if found.insert(other) {
                    waiting.push(other);
                }
            }
        }
    }
    found.into_iter().map(|f| blocks[f].body.clone()).collect()
}

/// The functions that a body calls: whether through `self`, and the name.
fn calls(body: &[u8]) -> impl Iterator<Item = (bool, &[u8])> {
    body.iter().enumerate().filter(|(_, byte)| **byte == b'(').filter_map(move |(at, _)| {
        let name_start = at - body[..at].iter().rev().take_while(|b| is_word(**b)).count();
        if name_start == at {
            return None;
        }
        let before = &body[..name_start];
        let own = before.ends_with(b"self.");
        (own || !before.ends_with(b".")).then(|| (own, &body[name_start..at]))
    })
}
