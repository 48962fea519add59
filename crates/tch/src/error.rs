//! libtorch's errors as the harness's.

use portbench_backend::BackendError;
use tch::TchError;
use thiserror::Error;

/// libtorch's error without the C++ backtrace that its own text carries.
#[derive(Debug, Error)]
#[error("{0}")]
struct TorchError(String);

/// The harness's error for a libtorch error at `place`.
///
/// Forbidden indices become [`BackendError::Value`], exhausted memory [`BackendError::OutOfMemory`], anything else
/// [`BackendError::Device`].
pub(crate) fn at(place: impl Into<String>, error: &TchError) -> BackendError {
    let place = place.into();
    let text = match error {
        TchError::Torch(text) => text.clone(),
        other => other.to_string(),
    };
    let text = text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned();
    let lower = text.to_ascii_lowercase();
    if ["out of memory", "can't allocate memory", "alloc_failed"].iter().any(|s| lower.contains(s)) {
        return BackendError::OutOfMemory { detail: format!("{place}: {text}") };
    }
    if ["out of range", "out of bounds", "is outside 0.."].iter().any(|s| lower.contains(s)) {
        return BackendError::Value { place, message: text };
    }
    BackendError::Device { place, source: Box::new(TorchError(text)) }
}

/// `map_err` with a place that is only written down when there is an error.
pub(crate) fn placed<P: Into<String>>(place: impl FnOnce() -> P) -> impl FnOnce(TchError) -> BackendError {
    move |error| at(place(), &error)
}

/// An index or position outside `0..size`, in libtorch's error type.
pub(crate) fn outside(index: i64, size: i64) -> TchError {
    TchError::Torch(format!("index {index} is outside 0..{size}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_errors_are_told_apart() {
        let torch = |text: &str| at("node 3", &TchError::Torch(text.to_owned()));
        assert!(matches!(
            torch("CUDA out of memory. Tried to allocate 2.00 GiB.\nException raised from malloc"),
            BackendError::OutOfMemory { detail } if !detail.contains("Exception")
        ));
        assert!(matches!(torch("index out of range in self"), BackendError::Value { .. }));
        assert!(matches!(torch("Target 9 is out of bounds."), BackendError::Value { .. }));
        assert!(matches!(torch("mat1 and mat2 shapes cannot be multiplied"), BackendError::Device { .. }));
    }
}
