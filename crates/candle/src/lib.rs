//! The candle backend: programs of `portbench-graph` executed by candle, on the CPU and, with the feature `cuda`, on a GPU.
//!
//! [`CandleBackend`] lowers a program, turns each entry into a flat list of kernel calls over a table of slots, and hands back an
//! executable that holds parameters and state on the device. What runs by which candle kernel is decided in one place,
//! `support.rs`, by op, element types, use and device; fast candle ops that have no backward pass are never used in a training entry.
//!
//! Rules that every kernel of this crate keeps: the result has exactly the declared type; 16-bit floats are reduced and normalised
//! in `f32`, as the graph's composites say; an operand is copied only when candle's kernel refuses its strides.
//!
//! Not in this crate: what a program means (`portbench-graph`), timing, parity.

mod backend;
mod convert;
mod error;
mod executable;
mod kernels;
mod library;
mod optimizer;
mod support;
mod threads;
mod training;

pub use backend::CandleBackend;
pub use threads::Threads;
