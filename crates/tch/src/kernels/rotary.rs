//! Rotary positions: `x cos + (x with its halves swapped) sin`, the sines of the first half negated.

use tch::Tensor;

use super::Result;

/// Tables over a whole head, made once an execution: every layer asks for the same.
#[derive(Default)]
pub(super) struct Tables {
    /// What they were made from, and they themselves.
    made: Option<[Tensor; 4]>,
}

impl Tables {
    /// Forgets the tables: those of the next execution have other values in the same tensors.
    pub(super) fn clear(&mut self) {
        self.made = None;
    }

    /// `[S, D]` each.
    fn of(&mut self, cos: &Tensor, sin: &Tensor) -> Result<[Tensor; 2]> {
        let same = |a: &Tensor, b: &Tensor| a.data_ptr() == b.data_ptr() && a.size() == b.size();
        if let Some([known_cos, known_sin, cosines, sines]) = &self.made
            && same(known_cos, cos)
            && same(known_sin, sin)
        {
            return Ok([cosines.shallow_clone(), sines.shallow_clone()]);
        }
        let cosines = Tensor::f_cat(&[cos, cos], -1)?;
        let sines = Tensor::f_cat(&[&sin.f_neg()?, sin], -1)?;
        // What they were made from stays alive with them, so that its address is nobody else's.
        self.made =
            Some([cos.shallow_clone(), sin.shallow_clone(), cosines.shallow_clone(), sines.shallow_clone()]);
        Ok([cosines, sines])
    }
}

/// `(x, cos, sin)`: rotates the pairs `(x[i], x[i + D/2])`.
pub(super) fn rotary(a: &[&Tensor], tables: &mut Tables) -> Result<Tensor> {
    let half = a[0].size().last().copied().unwrap_or(2) / 2;
    let [cosines, sines] = tables.of(a[1], a[2])?;
    let swapped = a[0].f_roll(&[half][..], &[-1i64][..])?;
    a[0].f_mul(&cosines)?.f_addcmul(&swapped, &sines)
}
