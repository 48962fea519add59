//! What the benchmarks share: models written by hand, and programs with their weights.

pub mod gpt2;
pub mod programs;
