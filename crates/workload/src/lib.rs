//! Workload and suite files, and what they resolve to.

mod resolved;

pub use resolved::{ParityCheck, Resolved};
