//! What is stored of a run: types, versions, schema, the results store.

mod record;

pub use record::{
    Cell, Environment, Outcome, OutputParity, Parity, Problem, Provenance, Record, Trial, VERSION,
};
