//! The program every backend runs: types, ops, builder, composites, work and fingerprint.
