//! The blocks of a Python file: what is defined where, what is compiled, what is guarded.

mod block;
mod guard;
mod traced;

use std::ops::Range;

use crate::lex::Blanked;
use crate::lex::python::lex;

use block::{Block, BlockKind, blocks};

pub(crate) use guard::{Guard, GuardKind};

/// A Python file, lexed, with its blocks.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) blanked: Blanked,
    blocks: Vec<Block>,
    traced: Vec<Range<usize>>,
    guards: Vec<Guard>,
}

impl Module {
    /// Reads a file. What is no Python gives no blocks.
    pub(crate) fn read(text: &[u8]) -> Self {
        let lexed = lex(text);
        let blocks = blocks(&lexed.bare);
        let traced = traced::traced(&blocks, &lexed);
        let guards = guard::guards(&blocks, &lexed);
        Self { blanked: lexed.blanked, blocks, traced, guards }
    }

    /// Whether a place is in a `forward`, in a function that is handed to a compiler, or in one of the same file that those call.
    pub(crate) fn is_traced(&self, at: usize) -> bool {
        self.traced.iter().any(|part| part.contains(&at))
    }

    /// What guards a place, from the inside out.
    pub(crate) fn guards(&self, at: usize) -> impl Iterator<Item = &Guard> {
        self.guards.iter().rev().filter(move |guard| guard.body.contains(&at))
    }

    /// The function that a place is in, with its classes: `Model.forward`; empty outside of any.
    pub(crate) fn function(&self, at: usize) -> String {
        let inside = self.blocks.iter().filter(|b| b.whole().contains(&at));
        let names = inside.filter(|b| matches!(b.kind, BlockKind::Def | BlockKind::Class));
        names.map(|b| b.name.as_str()).collect::<Vec<_>>().join(".")
    }
}
