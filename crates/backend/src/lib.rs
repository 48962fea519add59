//! The Backend and Executable contract, host tensors, and the conformance suite.
