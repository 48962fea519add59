//! Python's exceptions as the harness's errors.

use portbench_backend::{BackendError, UnsupportedOp};
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use thiserror::Error;

/// An exception: its type and its message.
#[derive(Debug, Error)]
#[error("{kind}: {message}")]
struct PythonError {
    kind: String,
    message: String,
}

/// The attribute by which the package's own exceptions say what they are: a list of a word and its fields.
const TOLD: &str = "portbench";

/// The harness's error for an exception at `place`.
///
/// The package's own exceptions name their kind. Of anything else, exhausted memory is told apart by its type or text, and the rest is
/// [`BackendError::Device`].
pub(crate) fn at(py: Python<'_>, place: &str, error: &PyErr) -> BackendError {
    let value = error.value(py);
    if let Some(told) = told(value, place) {
        return told;
    }
    let kind = error.get_type(py).name().map_or_else(|_| "exception".to_owned(), |n| n.to_string());
    let message = value.str().map_or_else(|_| "without a message".to_owned(), |m| m.to_string());
    let place = match value.getattr("portbench_place").and_then(|p| p.extract::<String>()) {
        Ok(node) if !node.is_empty() => format!("{place}, {node}"),
        _ => place.to_owned(),
    };
    if error.is_instance_of::<PyMemoryError>(py) || is_out_of_memory(&kind, &message) {
        return BackendError::OutOfMemory { detail: format!("{place}: {message}") };
    }
    BackendError::Device { place, source: Box::new(PythonError { kind, message }) }
}

/// The error that one of the package's own exceptions stands for.
fn told(value: &Bound<'_, PyAny>, place: &str) -> Option<BackendError> {
    let told: Vec<String> = value.getattr(TOLD).ok()?.extract().ok()?;
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    let owned = |text: &str| text.to_owned();
    Some(match told.as_slice() {
        ["unavailable", what, hint] => BackendError::Unavailable { what: owned(what), hint: owned(hint) },
        ["missing-gradient", param] => BackendError::MissingGradient { param: owned(param) },
        ["value", "", message] => BackendError::Value { place: owned(place), message: owned(message) },
        ["value", node, message] => {
            BackendError::Value { place: format!("{place}, {node}"), message: owned(message) }
        }
        ["unsupported", backend, entry, op, reason] => {
            let (entry, op, reason) = (owned(entry), owned(op), owned(reason));
            let op = UnsupportedOp { entry, op, scope: String::new(), reason };
            BackendError::Unsupported { backend: owned(backend), ops: vec![op] }
        }
        ["out-of-memory", detail] => BackendError::OutOfMemory { detail: owned(detail) },
        ["timed-out", detail] => BackendError::TimedOut { detail: owned(detail) },
        ["failed", text] => BackendError::Device { place: owned(place), source: owned(text).into() },
        _ => return None,
    })
}

/// PyTorch's `OutOfMemoryError` on CUDA, and the texts of its allocators where they raise a plain `RuntimeError`.
fn is_out_of_memory(kind: &str, message: &str) -> bool {
    kind == "OutOfMemoryError"
        || ["DefaultCPUAllocator: not enough memory", "CUDA out of memory", "RESOURCE_EXHAUSTED"]
            .iter()
            .any(|text| message.contains(text))
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
