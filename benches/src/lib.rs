//! What the benchmarks share: models written by hand, programs with their weights, and pairing.

pub mod gpt2;
pub mod paired;
pub mod programs;
