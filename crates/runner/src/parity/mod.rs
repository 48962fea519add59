//! Is the answer right? The oracle's outputs, and the gate that compares a worker's with them.

mod arithmetic;
mod cache;
mod gate;
mod oracle;

pub(crate) use arithmetic::Arithmetic;
pub use arithmetic::Cast;
pub(crate) use cache::read;
pub use gate::{RATIO_LIMIT, Tensors, judge, tolerance};
pub(crate) use oracle::Oracle;
