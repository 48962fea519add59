//! The worker: protocol on one side, a backend on the other.
