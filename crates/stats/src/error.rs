//! The crate's one error type.

/// Why a statistic could not be computed. It never means that the data were bad for the purpose (too noisy, too
/// few for a percentile): those are results.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    /// There was no value to work on.
    #[error("no values given")]
    Empty,
    /// A value was NaN or infinite.
    #[error("value {value} at index {index} is not finite")]
    NotFinite {
        /// Position in the input, from 0.
        index: usize,
        /// The value found there.
        value: f64,
    },
    /// A parameter lies outside the range in which the formula holds.
    #[error("{name} is {value}, wanted {wanted}")]
    Parameter {
        /// Which parameter.
        name: &'static str,
        /// What was passed.
        value: f64,
        /// The range that is accepted.
        wanted: &'static str,
    },
    /// The formula needs more values than there are.
    #[error("{what}: {got} given, at least {needed} needed")]
    TooFew {
        /// What there is too little of.
        what: &'static str,
        /// The smallest number that works.
        needed: usize,
        /// The number given.
        got: usize,
    },
    /// Two inputs that belong together differ in length.
    #[error("lengths differ: {left} and {right}")]
    LengthMismatch {
        /// Length of the first input.
        left: usize,
        /// Length of the second input.
        right: usize,
    },
    /// An input's length is no multiple of its last axis.
    #[error("length {len} is no multiple of the last axis, {axis}")]
    NotRows {
        /// Length of the input.
        len: usize,
        /// Length asked for the last axis.
        axis: usize,
    },
    /// Something that must be named is not, or is not among what was named.
    #[error("a {what} is not named, or not among those of the study")]
    Unnamed {
        /// `problem`, `platform` or `reference`.
        what: &'static str,
    },
    /// A name stands twice where each may stand once.
    #[error("`{name}` is named twice")]
    Repeated {
        /// The name.
        name: String,
    },
    /// There is nothing to hold a figure against.
    #[error("the reference has no figure for `{platform}`")]
    NoReference {
        /// The platform.
        platform: String,
    },
    /// The exact distribution holds only where no two values are equal.
    #[error("values are tied, so the exact distribution does not hold")]
    Tied,
    /// The histogram cannot hold this value.
    #[error("histogram cannot record the value")]
    Record(#[source] hdrhistogram::RecordError),
    /// The histogram could not be made.
    #[error("histogram cannot be created")]
    Create(#[source] hdrhistogram::CreationError),
    /// The two histograms cannot be merged.
    #[error("histograms cannot be merged")]
    Merge(#[source] hdrhistogram::AdditionError),
    /// The histogram could not be written.
    #[error("histogram cannot be serialised")]
    Encode(#[source] hdrhistogram::serialization::V2SerializeError),
    /// The text is not base64.
    #[error("histogram text is not base64")]
    Base64(#[source] base64::DecodeError),
    /// The bytes are not a V2 histogram.
    #[error("histogram bytes cannot be read")]
    Decode(#[source] hdrhistogram::serialization::DeserializeError),
}

/// Checks that every value is finite, and that there is one.
pub(crate) fn check_finite(values: &[f64]) -> Result<(), StatsError> {
    if values.is_empty() {
        return Err(StatsError::Empty);
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(StatsError::NotFinite { index, value: values[index] }),
        None => Ok(()),
    }
}

/// Checks that a probability-like parameter lies strictly between 0 and 1.
pub(crate) fn check_open_unit(name: &'static str, value: f64) -> Result<(), StatsError> {
    if value > 0.0 && value < 1.0 {
        Ok(())
    } else {
        Err(StatsError::Parameter { name, value, wanted: "more than 0 and less than 1" })
    }
}

/// Checks that two inputs have the same length.
pub(crate) fn check_same_length<A, B>(left: &[A], right: &[B]) -> Result<(), StatsError> {
    if left.len() == right.len() {
        Ok(())
    } else {
        Err(StatsError::LengthMismatch { left: left.len(), right: right.len() })
    }
}
