//! Shares of an accelerator's peaks that measured work reached. A share above 1 is an error and no result: the work or the accelerator is another.

use crate::error::{CatalogError, not_negative, positive, share};

/// Model FLOPs utilisation: the floating-point operations that the model needs a second, over the dense peak; operations that a back end does twice do not count (PaLM, appendix B).
///
/// # Errors
/// [`CatalogError::Parameter`] unless the rate is at least 0, the peak above 0, and the share at most 1.
pub fn mfu(flops_per_second: f64, peak_flops_per_second: f64) -> Result<f64, CatalogError> {
    let peak = positive("the peak", peak_flops_per_second)?;
    at_most_one(
        "the share of the compute peak",
        not_negative("the rate of operations", flops_per_second)? / peak,
    )
}

/// Model bandwidth utilisation: the bytes that have to move a second, over the bandwidth of the memory; for decoding the parameters and the KV cache that a step reads over
/// its time.
///
/// # Errors
/// [`CatalogError::Parameter`] unless the rate is at least 0, the bandwidth above 0, and the share at most 1.
pub fn mbu(bytes_per_second: f64, bandwidth: f64) -> Result<f64, CatalogError> {
    let bandwidth = positive("the bandwidth", bandwidth)?;
    at_most_one(
        "the share of the bandwidth",
        not_negative("the rate of bytes", bytes_per_second)? / bandwidth,
    )
}

fn at_most_one(name: &'static str, value: f64) -> Result<f64, CatalogError> {
    if value == 0.0 { Ok(value) } else { share(name, value) }
}
