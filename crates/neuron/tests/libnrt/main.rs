//! The runtime against a double of libnrt (`../double/nrt.c`): nothing here runs on a Neuron device.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod double;
mod runtime;
mod statuses;
