//! Errors of this crate.

use thiserror::Error;

/// Why a chart cannot be drawn.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ChartError {
    /// The drawing library gave up.
    #[error("cannot draw the chart `{chart}`: {message}")]
    Draw {
        /// Name of the chart.
        chart: String,
        /// What the library said.
        message: String,
    },
    /// The picture cannot be encoded.
    #[error("cannot encode the chart `{chart}` as PNG")]
    Encode {
        /// Name of the chart.
        chart: String,
        /// Why.
        #[source]
        source: png::EncodingError,
    },
    /// A size that no picture has.
    #[error("scale {scale} is out of range: a PNG is drawn at 1 to {most} times its size")]
    Scale {
        /// What was asked for.
        scale: u32,
        /// The largest there is.
        most: u32,
    },
}
