//! Flags, failures, the cache, and running the compiler. No compiler of the Neuron SDK runs here: `run` starts a double.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cache;
#[path = "../common/mod.rs"]
mod common;
mod failures;
mod flags;
#[cfg(unix)]
mod run;
