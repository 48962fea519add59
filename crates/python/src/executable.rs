//! An [`Executable`] whose calls are an object's of the engine.

use portbench_backend::{BackendError, Compilation, EntryId, Executable, HostTensor, LoweringReport};
use portbench_graph::{Graph, Program, Type};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes};

use crate::backend::broken;
use crate::error;

/// An entry: what calls it, and what is known of its inputs and results.
struct Entry {
    /// Takes nothing, returns nothing, may return before the device has finished.
    call: Py<PyAny>,
    name: String,
    /// Name, type, and whether it is bound.
    inputs: Vec<(String, Type, bool)>,
    outputs: Vec<(String, Type)>,
    ran: bool,
}

impl Entry {
    fn new(graph: &Graph, call: Py<PyAny>) -> Self {
        Self {
            call,
            name: graph.name.clone(),
            inputs: graph.inputs().map(|(name, ty)| (name.to_owned(), ty.clone(), false)).collect(),
            outputs: graph
                .outputs
                .iter()
                .map(|(name, v)| (name.clone(), graph.node(*v).ty.clone()))
                .collect(),
            ran: false,
        }
    }

    fn input_error(&self, input: &str, message: String) -> BackendError {
        BackendError::Input { entry: self.name.clone(), input: input.to_owned(), message }
    }
}

/// A compiled program of an engine.
///
/// The object has `finish() -> [callable, one an entry]`, called once when every parameter was loaded, then `compilation() -> JSON of a list of
/// `[`Compilation`]`, `bind(entry, name, bytes)`, `synchronize()`,
/// `fetch(entry, name) -> bytes`, `fetch_param(name) -> bytes`, `reset_state()` and `close()`.
pub(crate) struct PythonExecutable {
    program: Program,
    report: LoweringReport,
    compiled: Py<PyAny>,
    synchronize: Py<PyAny>,
    entries: Vec<Entry>,
    compilation: Vec<Compilation>,
}

impl PythonExecutable {
    /// Finishes compilation.
    pub(crate) fn new(
        program: Program,
        report: LoweringReport,
        compiled: Py<PyAny>,
    ) -> Result<Self, BackendError> {
        let (calls, synchronize, told) = Python::attach(|py| {
            let calls: PyResult<Vec<Py<PyAny>>> =
                compiled.call_method0(py, "finish").and_then(|c| c.extract(py));
            let rest = || -> PyResult<(Py<PyAny>, String)> {
                let told = compiled.call_method0(py, "compilation")?.extract(py)?;
                Ok((compiled.getattr(py, "synchronize")?, told))
            };
            calls
                .and_then(|c| rest().map(|(synchronize, told)| (c, synchronize, told)))
                .map_err(|e| error::at(py, "compile", &e))
        })?;
        let entries =
            program.entries.iter().zip(calls).map(|(graph, call)| Entry::new(graph, call)).collect();
        let compilation = serde_json::from_str(&told).map_err(|e| broken("what compiling cost", e))?;
        Ok(Self { program, report, compiled, synchronize, entries, compilation })
    }

    fn entry(&mut self, entry: EntryId) -> Result<&mut Entry, BackendError> {
        let known = || self.program.entries.iter().map(|g| g.name.clone()).collect();
        match self.entries.get_mut(entry.0) {
            Some(found) => Ok(found),
            None => Err(BackendError::UnknownEntry { entry: format!("number {}", entry.0), known: known() }),
        }
    }

    /// The tensor of this type whose bytes the method returns.
    fn tensor<A: for<'py> pyo3::call::PyCallArgs<'py>>(
        &self,
        method: &str,
        args: A,
        ty: Type,
        what: &str,
    ) -> Result<HostTensor, BackendError> {
        Python::attach(|py| {
            let bytes = self.compiled.bind(py).call_method1(method, args);
            let bytes = bytes.and_then(|b| Ok(b.cast_into::<PyBytes>()?));
            let bytes = bytes.map_err(|e| error::at(py, what, &e))?;
            HostTensor::new(ty, bytes.as_bytes().to_vec())
        })
    }
}

impl Executable for PythonExecutable {
    fn lowering(&self) -> &LoweringReport {
        &self.report
    }

    fn compilation(&self) -> &[Compilation] {
        &self.compilation
    }

    fn bind(&mut self, entry: EntryId, inputs: &[(&str, &HostTensor)]) -> Result<(), BackendError> {
        self.entry(entry)?;
        let found = &mut self.entries[entry.0];
        for (name, value) in inputs {
            let Some(at) = found.inputs.iter().position(|(known, ..)| known == name) else {
                let known: Vec<&str> = found.inputs.iter().map(|(n, ..)| n.as_str()).collect();
                return Err(
                    found.input_error(name, format!("is unknown; the entry takes {}", known.join(", ")))
                );
            };
            if found.inputs[at].1 != *value.ty() {
                let message = format!("is {}, the program takes {}", value.ty(), found.inputs[at].1);
                return Err(found.input_error(name, message));
            }
            Python::attach(|py| {
                let bytes = PyByteArray::new(py, value.bytes());
                let bound = self.compiled.call_method1(py, "bind", (entry.0, *name, bytes));
                bound.map_err(|e| error::at(py, &format!("input `{name}` of entry `{}`", found.name), &e))
            })?;
            found.inputs[at].2 = true;
        }
        Ok(())
    }

    fn execute(&mut self, entry: EntryId) -> Result<(), BackendError> {
        let found = self.entry(entry)?;
        if let Some((name, ..)) = found.inputs.iter().find(|(_, _, bound)| !bound) {
            return Err(found.input_error(name, "is not bound".into()));
        }
        Python::attach(|py| match found.call.call0(py) {
            Ok(_) => Ok(()),
            Err(e) => Err(error::at(py, &format!("entry `{}`", found.name), &e)),
        })?;
        found.ran = true;
        Ok(())
    }

    fn synchronize(&mut self) -> Result<(), BackendError> {
        Python::attach(|py| match self.synchronize.call0(py) {
            Ok(_) => Ok(()),
            Err(e) => Err(error::at(py, "synchronize", &e)),
        })
    }

    fn fetch(&mut self, entry: EntryId, output: &str) -> Result<HostTensor, BackendError> {
        let found = self.entry(entry)?;
        let wrong = |message: String| BackendError::Output { name: output.to_owned(), message };
        let Some((_, ty)) = found.outputs.iter().find(|(name, _)| name == output) else {
            let known: Vec<&str> = found.outputs.iter().map(|(n, _)| n.as_str()).collect();
            return Err(wrong(format!("entry `{}` has the outputs {}", found.name, known.join(", "))));
        };
        if !found.ran {
            return Err(wrong(format!("entry `{}` has not run", found.name)));
        }
        let ty = ty.clone();
        self.tensor("fetch", (entry.0, output), ty, &format!("output `{output}`"))
    }

    fn fetch_param(&mut self, name: &str) -> Result<HostTensor, BackendError> {
        let Some(spec) = self.program.param(name) else {
            return Err(BackendError::Output {
                name: name.to_owned(),
                message: "the program has no such parameter".into(),
            });
        };
        self.tensor("fetch_param", (name,), spec.ty.clone(), &format!("parameter `{name}`"))
    }

    fn reset_state(&mut self) -> Result<(), BackendError> {
        Python::attach(|py| match self.compiled.call_method0(py, "reset_state") {
            Ok(_) => Ok(()),
            Err(e) => Err(error::at(py, "resetting the state", &e)),
        })
    }
}

impl Drop for PythonExecutable {
    /// Lets the object give its device memory back now: references dropped outside the interpreter are released later.
    fn drop(&mut self) {
        Python::attach(|py| {
            self.entries.clear();
            // Nothing can be done about an object that does not close; the process ends with its trial.
            let _ = self.compiled.call_method0(py, "close");
        });
    }
}
