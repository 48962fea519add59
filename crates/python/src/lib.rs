//! The Python worker's half in Rust: an extension module that drives an engine written in Python through the same contract, the same protocol and the same
//! timing as every other backend.
//!
//! Python imports this module, hands over a function that opens an engine, and [`serve`](portbench_python::serve) does the rest: the worker's loop and the
//! measuring run here, in the interpreter's process, and call the engine. No time crosses a process boundary, and weights and inputs come from the same
//! generator as everywhere. The engines themselves are the package `portbench_torch` beside this crate.
//!
//! Everything structured crosses as JSON, tensors cross as bytes. `PythonBackend` checks names and types before the engine is called, so an engine sees only
//! calls that the contract allows.

mod backend;
mod environment;
mod error;
mod executable;
mod neuron;

use pyo3::prelude::*;

/// What Python sees.
#[pymodule]
mod portbench_python {
    use pyo3::exceptions::PyRuntimeError;
    use pyo3::prelude::*;

    use portbench_backend::{Backend, BackendError, CompileOptions, ParamSource, conformance as suite};
    use portbench_graph::Program;
    use portbench_reference::Reference;

    use crate::backend::PythonBackend;

    #[pymodule_export]
    use crate::environment::{neuron_core, neuron_environment};

    #[pymodule_export]
    use crate::neuron::{Artefacts, neuron_flags};

    /// Version of the worker protocol this module speaks.
    #[pymodule_export]
    const PROTOCOL: u32 = portbench_worker::VERSION;

    /// Serves one job on this process' standard input and output, with the engine that `open` returns. What anything prints to standard output goes to
    /// standard error from here on.
    #[pyfunction]
    fn serve(py: Python<'_>, open: Py<PyAny>) -> PyResult<()> {
        let served = py.detach(|| {
            portbench_worker::serve_process(|| Ok(Box::new(PythonBackend::open(&open)?) as Box<dyn Backend>))
        });
        served.map_err(|e| PyRuntimeError::new_err(crate::error::chain(&e)))
    }

    /// Lowers a program (its JSON form) for the engine that `open` returns, and compiles it with generated parameters. Raises `RuntimeError`.
    #[pyfunction]
    fn compile(py: Python<'_>, open: Py<PyAny>, program: &str) -> PyResult<()> {
        let compiled = py.detach(|| -> Result<_, BackendError> {
            let program = Program::from_json(program)?;
            let parameters = ParamSource::Generated { seed: 1 };
            PythonBackend::open(&open)?.compile(&program, &parameters, &CompileOptions::default()).map(drop)
        });
        compiled.map_err(|e| PyRuntimeError::new_err(crate::error::chain(&e)))
    }

    /// Runs the conformance suite on the engine that `open` returns, on request one case of each form of an op: the text of the report, and how
    /// many cases passed, are unsupported, failed.
    #[pyfunction]
    fn conformance(py: Python<'_>, open: Py<PyAny>, brief: bool) -> PyResult<(String, usize, usize, usize)> {
        let run = if brief { suite::run_brief } else { suite::run };
        let report = py.detach(|| -> Result<_, BackendError> {
            Ok(run(&mut PythonBackend::open(&open)?, &mut Reference::exact()))
        });
        let report = report.map_err(|e| PyRuntimeError::new_err(crate::error::chain(&e)))?;
        let (passed, unsupported, failed) = report.counts();
        Ok((report.to_string(), passed, unsupported, failed))
    }
}
