//! Checks of dimensions, before anything is built from them.

use crate::error::ModelError;

/// Largest count accepted of any dimension: beyond every model there is, and small enough that products of three fit `u64`.
pub(crate) const MAX_COUNT: usize = 1 << 21;

/// Most layers, experts or stages accepted: each makes nodes.
pub(crate) const MAX_REPEATS: usize = 1024;

/// Product that stays where it is instead of wrapping round.
pub(crate) fn product(a: usize, b: usize) -> usize {
    a.saturating_mul(b)
}

/// Checks in the name of a family.
#[derive(Clone, Copy)]
pub(crate) struct Check(pub(crate) &'static str);

impl Check {
    fn invalid(self, field: &'static str, message: String) -> ModelError {
        ModelError::Invalid { model: self.0, field, message }
    }

    /// Each at least 1 and not enormous; layers and experts are held to less.
    pub(crate) fn counts(self, counts: &[(&'static str, usize)]) -> Result<(), ModelError> {
        for &(field, count) in counts {
            let most = if matches!(field, "layers" | "experts" | "depths") { MAX_REPEATS } else { MAX_COUNT };
            if count == 0 {
                return Err(self.invalid(field, "is 0; it must be at least 1".into()));
            }
            if count > most {
                return Err(self.invalid(field, format!("is {count}; the most accepted is {most}")));
            }
        }
        Ok(())
    }

    /// `part` divides `whole`.
    pub(crate) fn divides(
        self,
        part_name: &'static str,
        part: usize,
        whole_name: &str,
        whole: usize,
    ) -> Result<(), ModelError> {
        if part == 0 || !whole.is_multiple_of(part) {
            return Err(
                self.invalid(part_name, format!("is {part}, which does not divide {whole_name} {whole}"))
            );
        }
        Ok(())
    }

    /// `value` is not above the limit in `field`.
    pub(crate) fn at_most(
        self,
        field: &'static str,
        limit: usize,
        what: &str,
        value: usize,
    ) -> Result<(), ModelError> {
        if value > limit {
            return Err(self.invalid(field, format!("is {limit}, but {what} of {value} is asked for")));
        }
        Ok(())
    }

    /// A summand of a variance.
    pub(crate) fn eps(self, eps: f64) -> Result<(), ModelError> {
        self.number("eps", eps)
    }

    /// A finite number above 0.
    pub(crate) fn number(self, field: &'static str, value: f64) -> Result<(), ModelError> {
        if value.is_finite() && value > 0.0 {
            Ok(())
        } else {
            Err(self.invalid(field, format!("is {value}; it must be a finite number above 0")))
        }
    }
}
