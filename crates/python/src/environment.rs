//! What engines ask the crate portbench-neuron about the environment. Python's `os.environ` writes into the process' own, which is read here.

use std::collections::BTreeMap;
use std::env;

use portbench_neuron::{NeuronError, VisibleCores, environment};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

fn wrong(error: NeuronError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn value(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// The core that the device `neuron:N` is, among those that the environment shows. Raises `ValueError`.
#[pyfunction]
pub(crate) fn neuron_core(number: u32) -> PyResult<u32> {
    VisibleCores::of_environment().and_then(|visible| visible.nth(number)).map_err(wrong)
}

/// What of the environment belongs into a record. Raises `ValueError` for one in which other numbers come out than the cell's numerics say; `compiles` says
/// whether neuronx-cc is run.
#[pyfunction]
pub(crate) fn neuron_environment(compiles: bool) -> PyResult<BTreeMap<String, String>> {
    environment::refuse(value, compiles).map_err(wrong)?;
    Ok(environment::recorded(value))
}
