//! Flags, failures, the cache, and running the compiler. No compiler of the Neuron SDK runs here: `run` starts a double.

mod cache;
mod failures;
mod flags;
#[cfg(unix)]
mod run;
