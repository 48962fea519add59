//! How far one set of numbers is from another: element errors, distributions over classes, units in the last place.
//!
//! Everything here is f64 arithmetic over slices in one or two passes, with no memory beyond the input (a row's top
//! classes apart). Callers widen their dtype to f64, which is exact for every float dtype in use. A NaN or an infinity
//! is an error and not a large number: [`liveness`] is the check to make first.

use crate::error::{StatsError, check_finite, check_open_unit, check_same_length};
use crate::estimate::Estimate;
use crate::special::z_two_sided;
use serde::{Deserialize, Serialize};

/// Whether numbers look like a result at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Liveness {
    /// How many values are NaN or infinite.
    pub non_finite: usize,
    /// Whether every value is the same, of two or more.
    pub constant: bool,
}

impl Liveness {
    /// Finite throughout, and not constant.
    #[must_use]
    pub fn alive(&self) -> bool {
        self.non_finite == 0 && !self.constant
    }
}

/// Counts what is not finite and looks for any variation. No values are not alive: they count as constant.
#[must_use]
pub fn liveness(values: &[f64]) -> Liveness {
    let non_finite = values.iter().filter(|value| !value.is_finite()).count();
    let constant = values.len() != 1 && values.windows(2).all(|pair| pair[0] == pair[1]);
    Liveness { non_finite, constant }
}

/// Distances between a result and what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ErrorSummary {
    /// Elements compared.
    pub count: usize,
    /// Largest `|actual - expected|`.
    pub max_abs: f64,
    /// Index of the element with the largest absolute error, the first of several.
    pub max_abs_at: usize,
    /// Largest `|actual - expected| / |expected|` over elements whose expected value is not 0.
    pub max_relative: f64,
    /// Elements expected to be 0 that are not: they have no relative error.
    pub nonzero_at_zero: usize,
    /// `||actual - expected|| / ||expected||` in the Frobenius norm; see [`normalised_error`].
    pub normalised: f64,
    /// `<a, e> / (||a|| ||e||)`; see [`cosine`].
    pub cosine: f64,
}

/// All element errors of `actual` against `expected`.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::Empty`], [`StatsError::NotFinite`].
pub fn errors(actual: &[f64], expected: &[f64]) -> Result<ErrorSummary, StatsError> {
    check_pair(actual, expected)?;
    let mut summary = ErrorSummary {
        count: actual.len(),
        max_abs: 0.0,
        max_abs_at: 0,
        max_relative: 0.0,
        nonzero_at_zero: 0,
        normalised: normalised_error(actual, expected)?,
        cosine: cosine(actual, expected)?,
    };
    for (index, (a, e)) in actual.iter().zip(expected).enumerate() {
        let difference = (a - e).abs();
        if difference > summary.max_abs {
            (summary.max_abs, summary.max_abs_at) = (difference, index);
        }
        if *e != 0.0 {
            summary.max_relative = summary.max_relative.max(difference / e.abs());
        } else if difference > 0.0 {
            summary.nonzero_at_zero += 1;
        }
    }
    Ok(summary)
}

/// Frobenius norm of the difference over that of the expected values. Where every expected value is 0: 0 if every
/// actual one is too, else infinite.
///
/// # Errors
///
/// As [`errors`].
pub fn normalised_error(actual: &[f64], expected: &[f64]) -> Result<f64, StatsError> {
    check_pair(actual, expected)?;
    let (difference, reference) = (distance(actual, expected), norm(expected));
    Ok(if difference == 0.0 { 0.0 } else { difference / reference })
}

/// Cosine of the angle between two vectors, -1 to 1. Two zero vectors count as equal (1), one alone as unlike (0).
///
/// # Errors
///
/// As [`errors`].
pub fn cosine(actual: &[f64], expected: &[f64]) -> Result<f64, StatsError> {
    check_pair(actual, expected)?;
    let (a, e) = (largest(actual.iter().copied()), largest(expected.iter().copied()));
    if a == 0.0 || e == 0.0 {
        return Ok(if a == e { 1.0 } else { 0.0 });
    }
    let (mut dot, mut aa, mut ee) = (0.0, 0.0, 0.0);
    for (x, y) in actual.iter().zip(expected) {
        let (x, y) = (x / a, y / e);
        dot += x * y;
        aa += x * x;
        ee += y * y;
    }
    Ok((dot / (aa.sqrt() * ee.sqrt())).clamp(-1.0, 1.0))
}

fn check_pair(actual: &[f64], expected: &[f64]) -> Result<(), StatsError> {
    check_same_length(actual, expected)?;
    check_finite(actual)?;
    check_finite(expected)
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |largest: f64, value| largest.max(value.abs()))
}

/// Frobenius norm, scaled by the largest element so that no square overflows.
fn scaled_norm(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let scale = largest(values.clone());
    if scale == 0.0 || scale.is_infinite() {
        return scale;
    }
    scale * values.map(|value| (value / scale).powi(2)).sum::<f64>().sqrt()
}

fn norm(values: &[f64]) -> f64 {
    scaled_norm(values.iter().copied())
}

fn distance(left: &[f64], right: &[f64]) -> f64 {
    scaled_norm(left.iter().zip(right).map(|(a, b)| a - b))
}

/// The tolerances of an element-wise test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Relative to the expected value.
    pub relative: f64,
    /// Absolute, in the values' unit.
    pub absolute: f64,
}

impl Tolerance {
    /// Defaults of `torch.testing.assert_close` for float16.
    pub const F16: Self = Self { relative: 1e-3, absolute: 1e-5 };
    /// Defaults of `torch.testing.assert_close` for bfloat16.
    pub const BF16: Self = Self { relative: 1.6e-2, absolute: 1e-5 };
    /// Defaults of `torch.testing.assert_close` for float32.
    pub const F32: Self = Self { relative: 1.3e-6, absolute: 1e-5 };
    /// Defaults of `torch.testing.assert_close` for float64.
    pub const F64: Self = Self { relative: 1e-7, absolute: 1e-7 };

    /// Whether `|actual - expected| <= absolute + relative |expected|`. Never for NaN.
    #[must_use]
    pub fn accepts(&self, actual: f64, expected: f64) -> bool {
        actual == expected || (actual - expected).abs() <= self.absolute + self.relative * expected.abs()
    }

    /// How many elements lie outside the tolerance, and where the first is.
    ///
    /// # Errors
    ///
    /// [`StatsError::LengthMismatch`].
    pub fn mismatches(&self, actual: &[f64], expected: &[f64]) -> Result<Mismatches, StatsError> {
        check_same_length(actual, expected)?;
        let mut found = Mismatches { count: 0, first: None };
        for (index, (&a, &e)) in actual.iter().zip(expected).enumerate() {
            if !self.accepts(a, e) {
                found.count += 1;
                found.first.get_or_insert(index);
            }
        }
        Ok(found)
    }
}

/// Elements outside a tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatches {
    /// How many there are.
    pub count: usize,
    /// Index of the first.
    pub first: Option<usize>,
}

/// The three-way ratio: how much worse the target is than the same dtype on the CPU, both against a golden result of
/// higher precision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ThreeWay {
    /// `||target - golden|| / (||same dtype - golden|| + eps)`, finite.
    pub ratio: f64,
    /// [`normalised_error`] of the target.
    pub target_error: f64,
    /// [`normalised_error`] of the same dtype on the CPU.
    pub same_dtype_error: f64,
}

/// What a three-way ratio suggests. The limits are those of the Neuron "Equivalence" gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RatioBand {
    /// Below 1.2: as good as the dtype allows.
    Good,
    /// 1.2 to 3: another order of accumulation, perhaps.
    Possible,
    /// 3 to 10: likely a bug.
    LikelyBug,
    /// 10 and more: another algorithm, or a missing part.
    Different,
}

impl ThreeWay {
    /// The band the ratio lies in.
    #[must_use]
    pub fn band(&self) -> RatioBand {
        match self.ratio {
            r if r < 1.2 => RatioBand::Good,
            r if r < 3.0 => RatioBand::Possible,
            r if r < 10.0 => RatioBand::LikelyBug,
            _ => RatioBand::Different,
        }
    }
}

/// The three-way ratio of a target. `eps` is one unit of f64 precision of the golden norm, so that a dtype that is
/// exact on the CPU does not divide by 0.
///
/// # Errors
///
/// As [`errors`].
pub fn three_way(target: &[f64], same_dtype: &[f64], golden: &[f64]) -> Result<ThreeWay, StatsError> {
    let target_error = normalised_error(target, golden)?;
    let same_dtype_error = normalised_error(same_dtype, golden)?;
    let eps = (f64::EPSILON * norm(golden)).max(f64::MIN_POSITIVE);
    let ratio = distance(target, golden) / (distance(same_dtype, golden) + eps);
    // Both distances infinite is the one way to NaN: treat it as the worst.
    let ratio = if ratio.is_finite() { ratio } else { f64::MAX };
    Ok(ThreeWay { ratio, target_error, same_dtype_error })
}

/// Wilson's score interval for `successes` out of `trials` (Wilson 1927), within 0 to 1.
///
/// # Errors
///
/// [`StatsError::Empty`] for no trials, [`StatsError::Parameter`] for more successes than trials or a confidence
/// outside (0, 1).
pub fn wilson(successes: u64, trials: u64, confidence: f64) -> Result<Estimate, StatsError> {
    check_open_unit("confidence", confidence)?;
    if trials == 0 {
        return Err(StatsError::Empty);
    }
    if successes > trials {
        let value = successes as f64;
        return Err(StatsError::Parameter { name: "successes", value, wanted: "at most the trials" });
    }
    let n = trials as f64;
    let p = successes as f64 / n;
    let z = z_two_sided(confidence);
    let scale = 1.0 + z * z / n;
    let centre = (p + z * z / (2.0 * n)) / scale;
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt() / scale;
    Ok(Estimate::around(p, (centre - half).max(0.0), (centre + half).min(1.0), confidence))
}

fn order_32(value: f32) -> i64 {
    let bits = value.to_bits();
    let magnitude = i64::from(bits & 0x7fff_ffff);
    if bits >> 31 == 0 { magnitude } else { -magnitude }
}

/// Representable f32 values between two, in steps; +0 and -0 are the same. `None` with a NaN.
#[must_use]
pub fn ulp_distance_f32(a: f32, b: f32) -> Option<u64> {
    (!a.is_nan() && !b.is_nan()).then(|| order_32(a).abs_diff(order_32(b)))
}

/// Representable f64 values between two, in steps; +0 and -0 are the same. `None` with a NaN.
#[must_use]
pub fn ulp_distance_f64(a: f64, b: f64) -> Option<u64> {
    let order = |value: f64| {
        let magnitude = (value.to_bits() & (u64::MAX >> 1)) as i64;
        if value.is_sign_negative() { -magnitude } else { magnitude }
    };
    (!a.is_nan() && !b.is_nan()).then(|| order(a).abs_diff(order(b)))
}

/// Steps between two 16-bit floats given as bits, f16 and bf16 alike (sign and magnitude). The caller has excluded
/// NaN, whose bits differ between the two.
#[must_use]
pub fn ulp_distance_16(a: u16, b: u16) -> u32 {
    let order = |bits: u16| {
        let magnitude = i32::from(bits & 0x7fff);
        if bits >> 15 == 0 { magnitude } else { -magnitude }
    };
    order(a).abs_diff(order(b))
}
