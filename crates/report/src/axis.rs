//! Scales: where a value lies between two pixels, and which values get a tick.

/// A horizontal or vertical scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    /// Pixels of `low` and `high`.
    pixels: (i32, i32),
}

impl Axis {
    /// Scale from 0 to a little beyond the largest value.
    pub(crate) fn from_zero(values: &[f64], pixels: (i32, i32)) -> Self {
        let high = values.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
        Self { low: 0.0, high: if high > 0.0 { high * 1.05 } else { 1.0 }, logarithmic: false, pixels }
    }

    /// Scale around the values.
    pub(crate) fn around(values: &[f64], pixels: (i32, i32)) -> Self {
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let (low, high) =
            (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
        if low > high {
            return Self { low: 0.0, high: 1.0, logarithmic: false, pixels };
        }
        let room = ((high - low) * 0.05).max(high.abs() * 1e-6).max(f64::MIN_POSITIVE);
        Self { low: low - room, high: high + room, logarithmic: false, pixels }
    }

    /// Logarithmic where the values span more than a factor of 20, else from 0.
    pub(crate) fn of_positive(values: &[f64], pixels: (i32, i32)) -> Self {
        let positive = || values.iter().copied().filter(|v| v.is_finite() && *v > 0.0);
        let (low, high) = (positive().fold(f64::INFINITY, f64::min), positive().fold(0.0, f64::max));
        if high > 0.0 && high / low > 20.0 {
            let (low, high) = (10f64.powf(low.log10().floor()), 10f64.powf(high.log10().ceil()));
            return Self { low, high, logarithmic: true, pixels };
        }
        Self::from_zero(values, pixels)
    }

    /// Whether the scale is logarithmic: it then has no zero for a bar to stand on.
    pub(crate) const fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// The pixel of a value; values outside lie on the edge.
    pub(crate) fn at(&self, value: f64) -> i32 {
        let scale = |v: f64| if self.logarithmic { v.max(f64::MIN_POSITIVE).log10() } else { v };
        let (low, high) = (scale(self.low), scale(self.high));
        let part = ((scale(value) - low) / (high - low)).clamp(0.0, 1.0);
        let (from, to) = (f64::from(self.pixels.0), f64::from(self.pixels.1));
        (from + part * (to - from)).round() as i32
    }

    /// Round values to label, about `wanted` of them.
    pub(crate) fn ticks(&self, wanted: usize) -> Vec<f64> {
        if self.logarithmic {
            let (low, high) = (self.low.log10().round() as i32, self.high.log10().round() as i32);
            let step = ((high - low) as usize / wanted.max(1)).max(1);
            return (low..=high).step_by(step).map(|e| 10f64.powi(e)).collect();
        }
        let rough = (self.high - self.low) / wanted.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|m| m * power >= rough).unwrap_or(10.0) * power;
        let first = (self.low / step).ceil();
        let count = ((self.high / step).floor() - first).max(0.0) as usize;
        (0..=count.min(50)).map(|i| (first + i as f64) * step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Axis;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(Axis::from_zero(&[100.0], (0, 100)).ticks(5), [0.0, 50.0, 100.0]);
        assert_eq!(Axis::from_zero(&[0.3], (0, 100)).ticks(4).len(), 4);
        assert_eq!(Axis::of_positive(&[1e-5, 2e-2], (0, 100)).ticks(5), [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]);
    }

    #[test]
    fn nothing_lies_outside() {
        for axis in [
            Axis::from_zero(&[], (10, 90)),
            Axis::around(&[f64::NAN], (10, 90)),
            Axis::of_positive(&[0.0], (10, 90)),
        ] {
            for value in [f64::NEG_INFINITY, -1.0, 0.0, 0.5, f64::MAX] {
                assert!((10..=90).contains(&axis.at(value)), "{axis:?} {value}");
            }
        }
    }
}
