//! JSON Schemas of the files, for editors.

use serde_json::Value;

use crate::file::{SuiteFile, WorkloadFile};

/// JSON Schema of workload files, as committed in `workloads/schema/workload.json`.
#[must_use]
pub fn workload_schema() -> Value {
    schemars::schema_for!(WorkloadFile).to_value()
}

/// JSON Schema of suite files, as committed in `workloads/schema/suite.json`.
#[must_use]
pub fn suite_schema() -> Value {
    schemars::schema_for!(SuiteFile).to_value()
}
