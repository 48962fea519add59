//! Criterion benchmarks of the harness; see benches/README.md.
