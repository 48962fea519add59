//! How much the interpreter rounds.

use std::fmt;

use half::{bf16, f16};
use portbench_graph::DType;
use rayon::prelude::*;

/// How much the interpreter rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Everything in `f64`; float casts and float constants keep their value. The golden every backend is compared with.
    Exact,
    /// Every op's result is rounded to its element type, composites run as their decompositions, and dot products and sums
    /// of `f32`, `bf16` and `f16` accumulate one by one in `f32`: what an unfused execution in the same element type loses.
    Rounded,
    /// As [`Self::Rounded`], and matrix products and convolutions of `f32` round their operands to a narrower type.
    NarrowProducts(Narrow),
    /// As [`Self::NarrowProducts`], and every result of `f32` is rounded to that type, too.
    Narrow(Narrow),
}

/// A type in which hardware may compute what is declared as `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Narrow {
    /// 10 bits of significand, the exponents of `f32`.
    Tf32,
    /// bfloat16.
    Bf16,
    /// IEEE binary16.
    F16,
}

impl Narrow {
    /// The nearest value of this type. Halves go to even; TF32's away from zero, as `cvt.rna.tf32.f32` of PTX has it.
    pub(crate) fn round(self, value: f64) -> f64 {
        let value = value as f32;
        match self {
            Self::Tf32 if value.is_finite() => {
                const DROPPED: u32 = 13;
                let half = 1 << (DROPPED - 1);
                f64::from(f32::from_bits((value.to_bits() + half) >> DROPPED << DROPPED))
            }
            Self::Tf32 => f64::from(value),
            Self::Bf16 => bf16::from_f32(value).to_f64(),
            Self::F16 => f16::from_f32(value).to_f64(),
        }
    }
}

impl fmt::Display for Narrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        })
    }
}

impl Precision {
    const fn rounds(self) -> bool {
        !matches!(self, Self::Exact)
    }

    /// The value rounded to the element type, if this precision rounds.
    pub(crate) fn round_one(self, dtype: DType, value: f64) -> f64 {
        match dtype {
            _ if !self.rounds() => value,
            DType::F64 | DType::I64 | DType::Bool => value,
            DType::F32 => match self {
                Self::Narrow(narrow) => narrow.round(value),
                Self::Exact | Self::Rounded | Self::NarrowProducts(_) => f64::from(value as f32),
            },
            DType::Bf16 => Narrow::Bf16.round(value),
            DType::F16 => Narrow::F16.round(value),
        }
    }

    /// Rounds each value to the element type, if this precision rounds.
    pub(crate) fn round(self, dtype: DType, mut values: Vec<f64>) -> Vec<f64> {
        if self.rounds() && dtype != DType::F64 {
            values.par_iter_mut().for_each(|v| *v = self.round_one(dtype, *v));
        }
        values
    }

    /// Whether sums of this element type accumulate in `f32`.
    pub(crate) fn sums_in_f32(self, dtype: DType) -> bool {
        self.rounds() && dtype.accumulator() == DType::F32
    }
}
