//! A [`Backend`] whose answers and compiler are an engine object's.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use portbench_backend::{
    Backend, BackendError, BackendInfo, CompileOptions, Executable, ParamSource, Support, Use, lower,
};
use portbench_graph::{Op, Program, Type};
use portbench_neuron::limits::{self, Finding, Platform};
use portbench_neuron::{Line, Target};
use pyo3::prelude::*;
use pyo3::types::PyByteArray;

use crate::error;
use crate::executable::PythonExecutable;

/// An engine written in Python.
///
/// The engine has `describe() -> JSON of a BackendInfo`, `support(op JSON, operand types JSON, result type JSON, training) -> (answer, text)` with the
/// answers `native`, `decompose` and `unsupported`, and `compile(program JSON, options JSON) -> executable`.
pub(crate) struct PythonBackend {
    engine: Py<PyAny>,
    info: BackendInfo,
    /// The Neuron device behind it, what of the table of limits holds there being said of each op.
    platform: Option<Platform>,
}

impl PythonBackend {
    /// Calls `open` and reads what the engine says of itself.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] where the engine says so; [`BackendError::Device`] for any other exception.
    pub(crate) fn open(open: &Py<PyAny>) -> Result<Self, BackendError> {
        Python::attach(|py| {
            let failed = |e: PyErr| error::at(py, "opening the engine", &e);
            let engine = open.call0(py).map_err(failed)?;
            let text: String =
                engine.call_method0(py, "describe").and_then(|t| t.extract(py)).map_err(failed)?;
            let info: BackendInfo =
                serde_json::from_str(&text).map_err(|e| broken("the engine's description", e))?;
            let target = info.settings.get("target").and_then(|name| Target::of_instance(name));
            let platform = target.zip(Line::of_backend(&info.backend));
            Ok(Self { engine, info, platform: platform.map(|(target, line)| Platform::new(target, line)) })
        })
    }

    /// Native, with the limits that the op meets; unsupported where one of them forbids it.
    fn limited(&self, op: &Op, args: &[&Type], result: &Type, kernel: String) -> Support {
        let met = self.platform.map(|platform| limits::of_op(op, args, result, platform)).unwrap_or_default();
        if let Some(limit) = met.iter().find(|limit| limit.forbids()) {
            return Support::Unsupported { reason: format!("{}; {}", limit.what, limit.way_out) };
        }
        let kernel =
            met.iter().fold(kernel, |text, limit| format!("{text} [{}: {}]", limit.verdict, limit.id));
        Support::Native { kernel: interned(&kernel) }
    }

    /// Writes what the device does not take of the program as a whole into the settings of the record, and refuses one that has no room there.
    fn hold(&mut self, program: &Program) -> Result<(), BackendError> {
        let Some(platform) = self.platform else { return Ok(()) };
        let met: Vec<Finding> =
            limits::check(program, platform).into_iter().filter(|finding| finding.values == 0).collect();
        if let Some(finding) = met.iter().find(|finding| finding.limit.forbids()) {
            return Err(BackendError::OutOfMemory {
                detail: format!("{}: {finding}, before anything was compiled", finding.limit.id),
            });
        }
        let words: Vec<String> =
            met.iter().map(|finding| format!("{}: {}", finding.limit.verdict, finding.limit.id)).collect();
        self.info.settings.insert("limits".to_owned(), words.join(", "));
        Ok(())
    }

    fn ask(&self, op: &Op, args: &[&Type], result: &Type, use_: Use) -> Result<Support, BackendError> {
        let json =
            |what: &'static str, text: Result<String, serde_json::Error>| text.map_err(|e| broken(what, e));
        let asked = (
            json("an op", serde_json::to_string(op))?,
            json("operand types", serde_json::to_string(args))?,
            json("a result type", serde_json::to_string(result))?,
            use_ == Use::Training,
        );
        let (answer, text): (String, String) = Python::attach(|py| {
            let answer = self.engine.call_method1(py, "support", asked);
            answer.and_then(|a| a.extract(py)).map_err(|e| error::at(py, "asking for support", &e))
        })?;
        Ok(match answer.as_str() {
            "native" => self.limited(op, args, result, text),
            "decompose" => Support::Decompose { reason: interned(&text) },
            _ => Support::Unsupported { reason: text },
        })
    }
}

/// JSON that did not come through: a mistake between the two halves of this worker.
pub(crate) fn broken(what: &str, source: serde_json::Error) -> BackendError {
    BackendError::Device { place: what.to_owned(), source: Box::new(source) }
}

/// The same text for ever: answers name kernels of a fixed table, so that what is kept is bounded by it.
fn interned(text: &str) -> &'static str {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = known.get(text) {
        return kept;
    }
    let kept: &'static str = Box::leak(text.to_owned().into_boxed_str());
    known.insert(kept);
    kept
}

impl Backend for PythonBackend {
    fn info(&self) -> BackendInfo {
        self.info.clone()
    }

    fn support(&self, op: &Op, args: &[&Type], result: &Type, use_: Use) -> Support {
        self.ask(op, args, result, use_).unwrap_or_else(|e| Support::Unsupported { reason: error::chain(&e) })
    }

    fn compile(
        &mut self,
        program: &Program,
        params: &ParamSource,
        options: &CompileOptions,
    ) -> Result<Box<dyn Executable>, BackendError> {
        let (lowered, report) = lower(program, &*self, options)?;
        self.hold(program)?;
        let text = lowered.to_json()?;
        let options = serde_json::to_string(options).map_err(|e| broken("compile options", e))?;
        let mut source = params.open()?;
        let compiled = Python::attach(|py| {
            let compiled = self.engine.call_method1(py, "compile", (text, options));
            compiled.map_err(|e| error::at(py, "compile", &e))
        })?;
        for spec in &lowered.params {
            let value = source.load(spec)?;
            Python::attach(|py| {
                let bytes = PyByteArray::new(py, value.bytes());
                let loaded = compiled.call_method1(py, "load_param", (spec.name.as_str(), bytes));
                loaded.map_err(|e| error::at(py, &format!("parameter `{}`", spec.name), &e))
            })?;
        }
        Ok(Box::new(PythonExecutable::new(lowered, report, compiled)?))
    }
}
