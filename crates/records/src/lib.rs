//! What is stored of a run: types, versions, schema, the results store.
//!
//! A [`Store`] is a directory of runs; a [`Run`] is a directory with one JSON [`Record`] a cell. Files are whole or absent, and survive the process and a loss of
//! power once a call that wrote them has returned. Records of every earlier format version stay readable; a later one is refused by name.
//!
//! Not in this crate: how records come about (`portbench-runner`), what is read out of them (`portbench-report`).

mod ahead;
mod directory;
mod environment;
mod error;
mod files;
mod head;
mod record;
mod run;
mod store;
mod unlike;

pub use ahead::Ahead;
pub use directory::{Records, Run, RunLock, parse_head, parse_record, read_record};
pub use error::StoreError;
pub use head::{
    AcceleratorHead, BackendHead, Comparable, EnvironmentHead, MeasurementHead, OutputHead, ParityHead,
    RecordHead, SpecHead, TrialFigures, TrialHead,
};
pub use record::{
    Cell, Environment, Outcome, OutputParity, Parity, Problem, Provenance, Record, Trial, VERSION,
};
pub use run::{PartialTrial, PlanEntry, RunInfo};
pub use store::{Store, utc_day};
pub use unlike::unlike;

/// JSON Schema of [`Record`], draft 2020-12, as committed in `schema/record-v1.json`.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Record);
    schema.insert("title".to_owned(), format!("portbench record, version {VERSION}").into());
    schema.to_value()
}
