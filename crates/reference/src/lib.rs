//! The oracle: a slow, obvious interpreter of programs.
//!
//! [`Reference`] executes every op by its definition in [`portbench_graph::Op`], composites included, with values held as `f64`.
//! Under [`Precision::Exact`] nothing is rounded, and floats are fetched as `f64` whatever type the program declares: the golden that
//! backends are compared with. Under [`Precision::Rounded`] every result is rounded to its declared type: the baseline that
//! says how much error the element type itself explains.
//!
//! NaN: `maximum`, `minimum`, maxima of reductions and pooling are NaN where an operand is; the index of a largest value is that of
//! the first NaN.
//!
//! Training differentiates the program in reverse, one rule per core op, `linear` and `embedding`; other composites are decomposed. Ops without a derivative (comparisons, `arg-max`,
//! `floor`, casts to integers) pass no gradient on; where a maximum is attained more than once its gradient is divided evenly, in a
//! pooling window it goes to the first.
//!
//! Not in this crate: speed beyond what parity checks need.

mod backend;
mod eval;
mod executable;
mod gradient;
mod precision;
mod tensor;
mod train;

pub use backend::Reference;
pub use precision::{Narrow, Precision};
