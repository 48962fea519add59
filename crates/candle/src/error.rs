//! candle's errors as the harness's.

use candle_core::Error;
use portbench_backend::BackendError;
use thiserror::Error;

/// candle's error, whose own text carries a backtrace on several lines when one was captured.
#[derive(Debug, Error)]
#[error("{0}")]
struct CandleError(String);

/// The harness's error for a candle error at `place`.
///
/// Out-of-range indices become [`BackendError::Value`], exhausted device memory [`BackendError::OutOfMemory`], anything else
/// [`BackendError::Device`].
pub(crate) fn at(place: impl Into<String>, error: &Error) -> BackendError {
    let place = place.into();
    let inner = root(error);
    if let Error::InvalidIndex { index, size, .. } = inner {
        return BackendError::Value {
            place,
            message: format!("index {} is outside 0..{size}", *index as isize),
        };
    }
    let text = words(error);
    if is_out_of_memory(&text) {
        return BackendError::OutOfMemory { detail: format!("{place}: {text}") };
    }
    BackendError::Device { place, source: Box::new(CandleError(text)) }
}

/// `map_err` with a place that is only written down when there is an error.
pub(crate) fn placed<P: Into<String>>(place: impl FnOnce() -> P) -> impl FnOnce(Error) -> BackendError {
    move |error| at(place(), &error)
}

/// candle's own words, without the backtrace that follows them where one was captured.
pub(crate) fn words(error: &Error) -> String {
    let text = root(error).to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

fn root(error: &Error) -> &Error {
    match error {
        Error::WithBacktrace { inner, .. } | Error::Context { inner, .. } => root(inner),
        other => other,
    }
}

/// CUDA reports exhausted memory as `CUDA_ERROR_OUT_OF_MEMORY`, cuBLAS as `CUBLAS_STATUS_ALLOC_FAILED`.
fn is_out_of_memory(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("out_of_memory") || text.contains("out of memory") || text.contains("alloc_failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_error_names_the_range() {
        let error = Error::InvalidIndex { op: "gather", index: 9, size: 4 };
        let text = at("entry `forward`, node 3 (gather)", &error).to_string();
        assert_eq!(text, "entry `forward`, node 3 (gather): index 9 is outside 0..4");
    }

    #[test]
    fn exhausted_memory_is_told_apart() {
        let error = Error::Msg("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")".into());
        assert!(matches!(at("bind", &error), BackendError::OutOfMemory { .. }));
        assert!(matches!(at("bind", &Error::Msg("no".into())), BackendError::Device { .. }));
    }
}
