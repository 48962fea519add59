//! The program every backend runs.
//!
//! A [`Program`] is a set of entries (static single-assignment [`Graph`]s with static shapes) that share
//! parameters and state, and optionally a [`TrainSpec`]. It is built once, by [`ProgramBuilder`], from a model's
//! dimensions; every backend executes that same program, and its [`Fingerprint`] proves that two measurements are
//! about the same work.
//!
//! What this crate guarantees of a program that [`ProgramBuilder::finish`], [`Program::from_json`] or
//! [`Program::from_text`] returned: every operand is defined before use, every type is what the operator's rule in
//! [`Op`] gives, no implicit broadcasting, no randomness, no dynamic dimension.
//!
//! Not in this crate: values (see `portbench-backend`), execution, model families.

mod builder;
mod decompose;
mod error;
mod fingerprint;
mod infer;
mod liveness;
mod op;
mod program;
mod text;
mod training;
mod types;
mod verify;
mod work;

pub use builder::{AttentionOptions, GraphBuilder, ProgramBuilder, Value};
pub use decompose::rewrite;
pub use error::{BuildError, GraphError};
pub use fingerprint::Fingerprint;
pub use liveness::Liveness;
pub use op::{
    AttentionAttrs, BinaryKind, CompareKind, Conv2dAttrs, GeluKind, Op, Pool2dAttrs, ReduceKind, UnaryKind,
};
pub use program::{Graph, Init, Node, ParamSpec, Program, StateSpec, ValueId};
pub use training::{DecayRule, Optimizer, Schedule, TrainSpec};
pub use types::{DType, MAX_ELEMENTS, Shape, Type};
pub use work::Work;
