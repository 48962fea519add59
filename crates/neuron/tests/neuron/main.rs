//! The crate at its public face. Nothing here runs on a Neuron device, and no part of a Neuron SDK is used: the runtime, the tools and the compiler
//! are doubles (`../double`), the tools' output is samples that others published (`../fixtures`).
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod backend;
mod compiler;
mod cores;
mod double;
mod files;
mod limits;
#[cfg(unix)]
mod look;
mod neff;
mod program;
mod runtime;
#[cfg(unix)]
mod scripts;
mod statuses;
mod told;
