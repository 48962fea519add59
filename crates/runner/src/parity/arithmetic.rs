//! What a cell's computations may round to, and so what its answers are held against.

use portbench_measure::Numerics;
use portbench_reference::{Narrow, Precision};

use super::gate::tolerance;

/// Leave to compute in a narrower type than the program declares, as compilers take it under flags such as `--auto-cast`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cast {
    /// The narrower type.
    pub to: Narrow,
    /// Whether everything may be computed in it; else matrix products and convolutions alone.
    pub everything: bool,
}

/// Numerics of a cell, and the cast that it was compiled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arithmetic {
    numerics: Numerics,
    cast: Option<Cast>,
}

impl Arithmetic {
    /// A cast concerns what is declared as `f32`: cells of other numerics know none.
    pub(crate) fn new(numerics: Numerics, cast: Option<Cast>) -> Self {
        let cast = match numerics {
            Numerics::F32 => cast,
            Numerics::Tf32 => Some(Cast { to: Narrow::Tf32, everything: false }),
            Numerics::F64 | Numerics::Bf16 | Numerics::F16 => None,
        };
        Self { numerics, cast }
    }

    /// How the same rounds on a CPU.
    pub(crate) fn precision(self) -> Precision {
        match self.cast {
            None => Precision::Rounded,
            Some(Cast { to, everything: false }) => Precision::NarrowProducts(to),
            Some(Cast { to, everything: true }) => Precision::Narrow(to),
        }
    }

    /// What [`Self::precision`] is called in the cache.
    pub(crate) fn name(self) -> String {
        match self.cast {
            None => "rounded".to_owned(),
            Some(Cast { to, everything: false }) => format!("rounded-{to}"),
            Some(Cast { to, everything: true }) => format!("all-{to}"),
        }
    }

    /// The numerics whose tolerance applies: the coarser of what is declared and what is cast to.
    pub(crate) fn judged(self) -> Numerics {
        let cast = self.cast.map(|cast| match cast.to {
            Narrow::Tf32 => Numerics::Tf32,
            Narrow::Bf16 => Numerics::Bf16,
            Narrow::F16 => Numerics::F16,
        });
        cast.filter(|&cast| tolerance(cast) > tolerance(self.numerics)).unwrap_or(self.numerics)
    }

    /// What flags let the compiler do beyond the numerics, in words.
    pub(crate) fn leave(self) -> Option<String> {
        let Cast { to, everything } = self.cast.filter(|_| self.numerics == Numerics::F32)?;
        let what = if everything { "computed in" } else { "with products of" };
        Some(format!("{} {what} {to}, as its flags allow", self.numerics))
    }
}
