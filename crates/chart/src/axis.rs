//! Scales: where a value lies between two pixels, and which values get a tick.

use crate::number;

/// How a scale grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// By equal steps.
    Linear,
    /// By equal factors.
    Logarithmic,
    /// Of quantiles from 0 to below 1: by equal factors of `1 / (1 - q)`, as HdrHistogram's plots have it.
    Quantile,
}

/// How the numbers of a scale are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As they are.
    Plain,
    /// With a prefix for thousands, millions and so on where they are long.
    Short,
    /// Times in seconds, in the unit that suits each.
    Seconds,
    /// Sums in US dollars.
    Usd,
    /// Parts of 1, as percentages.
    Percent,
}

impl Format {
    /// A round value on a scale.
    #[must_use]
    pub fn tick(self, value: f64) -> String {
        match self {
            Self::Plain => number::tick(value),
            Self::Short => number::tick_short(value),
            Self::Seconds => number::tick_seconds(value),
            Self::Usd => format!("${}", number::tick(value)),
            // Close to the whole each nine counts: 99.99 % must not read 100 %.
            Self::Percent if value > 0.99 && value < 1.0 => {
                let nines = (decades(value) - 1e-6).ceil() as usize;
                format!("{:.*} %", nines.saturating_sub(2), value * 100.0)
            }
            Self::Percent => format!("{} %", number::tick(value * 100.0)),
        }
    }

    /// A value that stands beside its mark.
    #[must_use]
    pub fn value(self, value: f64) -> String {
        match self {
            Self::Plain => number::plain(value),
            Self::Short => number::short(value),
            Self::Seconds => number::seconds(value),
            Self::Usd => format!("${}", number::plain(value)),
            Self::Percent => format!("{:.1} %", value * 100.0),
        }
    }

    /// A value with its interval.
    #[must_use]
    pub fn interval(self, value: f64, low: f64, high: f64) -> String {
        match self {
            Self::Plain | Self::Short => number::plain_with(value, low, high),
            Self::Seconds => number::seconds_with(value, low, high),
            Self::Usd => format!("${}", number::plain_with(value, low, high)),
            Self::Percent => {
                format!("{:.1} % [{:.1}, {:.1}]", value * 100.0, low * 100.0, high * 100.0)
            }
        }
    }
}

/// A horizontal or vertical scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axis {
    low: f64,
    high: f64,
    scale: Scale,
    /// Pixels of `low` and `high`.
    pixels: (f64, f64),
}

/// Smallest and largest of the numbers that are finite.
fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| v.is_finite()).fold(None, |ends, v| {
        let (low, high) = ends.unwrap_or((v, v));
        Some((low.min(v), high.max(v)))
    })
}

impl Axis {
    /// Scale from 0 to a little beyond the largest value.
    pub(crate) fn from_zero(values: &[f64], pixels: (f64, f64)) -> Self {
        let high = ends(values.iter().copied()).map_or(0.0, |(_, high)| high);
        let high = if high > 0.0 { (high * 1.05).min(f64::MAX) } else { 1.0 };
        Self { low: 0.0, high, scale: Scale::Linear, pixels }
    }

    /// Scale from one value to another.
    pub(crate) fn between(low: f64, high: f64, pixels: (f64, f64)) -> Self {
        Self { low, high: if high > low { high } else { low + 1.0 }, scale: Scale::Linear, pixels }
    }

    /// Linear scale around the values.
    pub(crate) fn around(values: &[f64], pixels: (f64, f64)) -> Self {
        let Some((low, high)) = ends(values.iter().copied()) else {
            return Self { low: 0.0, high: 1.0, scale: Scale::Linear, pixels };
        };
        let room = ((high - low) * 0.06).max(high.abs() * 1e-6).max(1e-300);
        Self { low: low - room, high: high + room, scale: Scale::Linear, pixels }
    }

    /// Logarithmic scale around the values above 0.
    pub(crate) fn logarithmic(values: &[f64], pixels: (f64, f64)) -> Self {
        let Some((low, high)) = ends(values.iter().copied().filter(|v| *v > 0.0)) else {
            return Self { low: 0.1, high: 10.0, scale: Scale::Logarithmic, pixels };
        };
        let room = ((high.log10() - low.log10()) * 0.06).max(0.04);
        let (low, high) = (low.log10() - room, high.log10() + room);
        Self {
            low: 10f64.powf(low).max(1e-300),
            high: 10f64.powf(high).min(1e300),
            scale: Scale::Logarithmic,
            pixels,
        }
    }

    /// Whole decades where the values span more than a factor of 20, else from 0.
    pub(crate) fn of_positive(values: &[f64], pixels: (f64, f64)) -> Self {
        match ends(values.iter().copied().filter(|v| *v > 0.0)) {
            Some((low, high)) if high / low > 20.0 => Self {
                low: 10f64.powf(low.log10().floor()).max(1e-300),
                high: 10f64.powf(high.log10().ceil()).min(1e300),
                scale: Scale::Logarithmic,
                pixels,
            },
            _ => Self::from_zero(values, pixels),
        }
    }

    /// Scale of quantiles from 0 to the largest.
    pub(crate) fn quantile(values: &[f64], pixels: (f64, f64)) -> Self {
        let high = ends(values.iter().copied().filter(|q| *q < 1.0)).map_or(0.9, |(_, high)| high);
        Self { low: 0.0, high: high.clamp(0.9, 1.0 - 1e-12), scale: Scale::Quantile, pixels }
    }

    /// Whether the scale is logarithmic: it then has no zero for a bar to stand on.
    pub(crate) fn is_logarithmic(&self) -> bool {
        self.scale == Scale::Logarithmic
    }

    fn position(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic => value.max(1e-320).log10(),
            Scale::Quantile => decades(value),
        }
    }

    /// The pixel of a value; values outside lie on the edge.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let (low, high) = (self.position(self.low), self.position(self.high));
        // Halves, so that the widest scale does not overflow.
        let part = (self.position(value) / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        let part = if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) };
        self.pixels.0 + part * (self.pixels.1 - self.pixels.0)
    }

    /// Whether a value lies on the scale.
    pub(crate) fn holds(&self, value: f64) -> bool {
        value >= self.low && value <= self.high
    }

    /// Round values to label, about `wanted` of them.
    pub(crate) fn ticks(&self, wanted: usize) -> Vec<f64> {
        match self.scale {
            Scale::Linear => self.linear_ticks(wanted),
            Scale::Logarithmic => self.logarithmic_ticks(wanted),
            Scale::Quantile => {
                let nines = (1..=12).map(|n| 1.0 - 10f64.powi(-n));
                [0.0, 0.5].into_iter().chain(nines).filter(|q| *q <= self.high).collect()
            }
        }
    }

    fn linear_ticks(&self, wanted: usize) -> Vec<f64> {
        let rough = (self.high / 2.0 - self.low / 2.0) / wanted.max(1) as f64 * 2.0;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|m| m * power >= rough).unwrap_or(10.0) * power;
        let first = (self.low / step).ceil();
        let count = ((self.high / step).floor() - first).max(0.0) as usize;
        // Adding steps would gather their rounding errors.
        (0..=count.min(50)).map(|i| (first + i as f64) * step).filter(|t| t.is_finite()).collect()
    }

    fn logarithmic_ticks(&self, wanted: usize) -> Vec<f64> {
        let (low, high) = (self.low.log10() - 1e-9, self.high.log10() + 1e-9);
        let decades: Vec<i32> = (low.ceil() as i32..=high.floor() as i32).collect();
        if decades.len() > 2 {
            let step = decades.len().div_ceil(wanted.max(1)).max(1);
            return decades.into_iter().step_by(step).map(|e| 10f64.powi(e)).collect();
        }
        let steps: &[f64] =
            if high - low > 0.5 { &[1.0, 2.0, 5.0] } else { &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0] };
        let range = low.floor() as i32..=high.ceil() as i32;
        let all: Vec<f64> = range.flat_map(|e| steps.iter().map(move |m| m * 10f64.powi(e))).collect();
        let inside: Vec<f64> = all.into_iter().filter(|t| self.holds(*t)).collect();
        if inside.len() < 2 { self.linear_ticks(wanted) } else { inside }
    }
}

/// Where a quantile lies on HdrHistogram's axis: `log10(1 / (1 - q))`, the number of its nines.
#[must_use]
pub fn decades(quantile: f64) -> f64 {
    -(1.0 - quantile.clamp(0.0, 1.0 - 1e-15)).log10()
}

#[cfg(test)]
mod tests {
    use super::{Axis, Format, decades};

    /// The ticks of a scale of quantiles are told apart.
    #[test]
    fn each_nine_is_written() {
        let ticks = Axis::quantile(&[0.999_999], (0.0, 100.0)).ticks(9);
        let words: Vec<String> = ticks.into_iter().map(|t| Format::Percent.tick(t)).collect();
        assert_eq!(words, ["0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"]);
        assert_eq!([0.995, 1.0].map(|v| Format::Percent.tick(v)), ["99.5 %", "100 %"]);
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(Axis::from_zero(&[100.0], (0.0, 100.0)).ticks(5), [0.0, 50.0, 100.0]);
        assert_eq!(Axis::from_zero(&[0.3], (0.0, 100.0)).ticks(4).len(), 4);
        assert_eq!(Axis::of_positive(&[1e-5, 2e-2], (0.0, 100.0)).ticks(5), [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]);
        assert_eq!(Axis::logarithmic(&[30.0, 300.0], (0.0, 100.0)).ticks(5), [50.0, 100.0, 200.0]);
    }

    /// Golden: the axis of HdrHistogram's plots, 1 / (1 - q): every nine is as wide as the one before.
    #[test]
    fn every_nine_of_a_quantile_is_as_wide() {
        let positions = [0.0, 0.9, 0.99, 0.999, 0.9999].map(decades);
        for (position, nines) in positions.into_iter().zip(0..) {
            assert!((position - f64::from(nines)).abs() < 1e-9, "{position} {nines}");
        }
        assert!((decades(0.5) - std::f64::consts::LOG10_2).abs() < 1e-12);
        let axis = Axis::quantile(&[0.5, 0.9999], (0.0, 400.0));
        for (q, pixel) in
            [(0.0, 0.0), (0.9, 100.0), (0.99, 200.0), (0.999, 300.0), (0.9999, 400.0), (1.0, 400.0)]
        {
            assert!((axis.at(q) - pixel).abs() < 1e-6, "{q}: {}", axis.at(q));
        }
        assert_eq!(axis.ticks(9), [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999]);
    }

    #[test]
    fn nothing_lies_outside() {
        for axis in [
            Axis::from_zero(&[], (10.0, 90.0)),
            Axis::from_zero(&[f64::MAX], (10.0, 90.0)),
            Axis::around(&[f64::NAN], (10.0, 90.0)),
            Axis::around(&[-f64::MAX, f64::MAX], (10.0, 90.0)),
            Axis::of_positive(&[0.0], (10.0, 90.0)),
            Axis::logarithmic(&[1e-308, 1e308], (10.0, 90.0)),
            Axis::quantile(&[2.0], (10.0, 90.0)),
        ] {
            for value in [f64::NEG_INFINITY, -1.0, 0.0, 0.5, f64::MAX, f64::INFINITY, f64::NAN] {
                assert!((10.0..=90.0).contains(&axis.at(value)), "{axis:?} {value}");
            }
            assert!(axis.ticks(6).iter().all(|t| t.is_finite()), "{axis:?}");
        }
    }
}
