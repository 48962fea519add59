//! The conformance suite: what a backend has to pass.
