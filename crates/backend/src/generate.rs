//! The value generator: the same weights and inputs in Rust and Python, made where they are used.
//!
//! # Specification (version 1)
//! All integer arithmetic is modulo 2^64. `mix(z)`: `z ^= z >> 30; z *= 0xBF58476D1CE4E5B9; z ^= z >> 27;
//! z *= 0x94D049BB133111EB; z ^= z >> 31` (the output function of SplitMix64, Steele et al., OOPSLA 2014).
//! The stream of a tensor named `name` under `seed` has the key `k = mix(fnv1a64(name) + mix(seed))`, with FNV-1a over the
//! name's UTF-8 bytes. Element `i` in row-major order draws `u(i) = mix(k + (i + 1) * 0x9E3779B97F4A7C15)`.
//!
//! - *normal(std)*: the sum of the four 16-bit parts of `u(i)`, minus 131070, times `std / sqrt((2^32 - 1) / 3)` in `f64`: mean 0,
//!   standard deviation `std`, an Irwin-Hall approximation of the normal distribution, bounded by 3.47 `std`. No transcendental function,
//!   so that every platform rounds alike.
//! - *uniform(bound)*: `((u(i) >> 11) * 2^-53 * 2 - 1) * bound`.
//! - *integers(low, high)*: `low + ((u(i) >> 32) * (high - low) >> 32)`, for `0 < high - low <= 2^32`.
//!
//! Floats are rounded from `f64` as [`crate::HostTensor::from_f64`] says.

use portbench_graph::{Init, Type};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::BackendError;
use crate::tensor::HostTensor;

/// How a tensor's values are made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Recipe {
    /// Mean 0, this standard deviation.
    Normal {
        /// Standard deviation.
        std: f64,
    },
    /// Uniform in `[-bound, bound)`.
    Uniform {
        /// Half width.
        bound: f64,
    },
    /// Integers in `low..high`.
    Integers {
        /// Smallest value.
        low: i64,
        /// One above the largest value.
        high: i64,
    },
    /// One value everywhere.
    Constant {
        /// The value.
        value: f64,
    },
}

impl From<Init> for Recipe {
    fn from(init: Init) -> Self {
        match init {
            Init::Normal { std } => Self::Normal { std },
            Init::Uniform { bound } => Self::Uniform { bound },
            Init::Constant { value } => Self::Constant { value },
        }
    }
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn fnv1a64(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01B3))
}

/// The draws of one tensor: `u(0), u(1), ...`.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    key: u64,
}

impl Stream {
    /// Stream of the tensor of that name.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        Self { key: mix(fnv1a64(name).wrapping_add(mix(seed))) }
    }

    /// Draw `u(i)`.
    #[must_use]
    pub fn draw(&self, i: u64) -> u64 {
        mix(self.key.wrapping_add(i.wrapping_add(1).wrapping_mul(GOLDEN)))
    }

    /// An integer in `0..bound`, for `0 < bound <= 2^32`.
    #[must_use]
    pub fn below(&self, i: u64, bound: u64) -> u64 {
        (self.draw(i) >> 32).wrapping_mul(bound) >> 32
    }
}

/// The tensor of that name, type and recipe.
///
/// # Errors
/// [`BackendError::Value`] for a recipe that is not finite, or an integer range that is empty or wider than 2^32.
pub fn tensor(seed: u64, name: &str, ty: &Type, recipe: Recipe) -> Result<HostTensor, BackendError> {
    let stream = Stream::new(seed, name);
    let invalid =
        |message: String| Err(BackendError::Value { place: format!("generated tensor `{name}`"), message });
    let ty = ty.clone();
    Ok(match recipe {
        Recipe::Normal { std } if std.is_finite() => {
            let scale = std / (f64::from(u32::MAX) / 3.0).sqrt();
            HostTensor::from_fn(ty, |i| centred_sum(stream.draw(i)) * scale)
        }
        Recipe::Uniform { bound } if bound.is_finite() => HostTensor::from_fn(ty, |i| {
            ((stream.draw(i) >> 11) as f64 * (1.0 / (1u64 << 53) as f64) * 2.0 - 1.0) * bound
        }),
        Recipe::Integers { low, high } => {
            let width = high.checked_sub(low).filter(|w| (1..=1i64 << 32).contains(w));
            let Some(width) = width else {
                return invalid(format!("the range {low}..{high} is empty or wider than 2^32"));
            };
            HostTensor::from_fn(ty, |i| (low + stream.below(i, width as u64) as i64) as f64)
        }
        Recipe::Constant { value } if value.is_finite() => HostTensor::from_fn(ty, |_| value),
        _ => return invalid(format!("{recipe:?} is not finite")),
    })
}

fn centred_sum(u: u64) -> f64 {
    let sum = (u & 0xFFFF) + (u >> 16 & 0xFFFF) + (u >> 32 & 0xFFFF) + (u >> 48);
    sum as f64 - 131_070.0
}
