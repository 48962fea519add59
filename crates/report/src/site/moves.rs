//! What becomes of the work of one platform on another.

use portbench_stats::{Comparison as Compared, Verdict};

use super::comparison::{Comparison, speed};
use super::model::{CellEntry, Site};

/// The work that a platform does, looked at from another one.
pub(super) struct Moves<'a> {
    /// One a comparison in which the platform that is left was measured.
    pub(super) steps: Vec<Step<'a>>,
}

/// One comparison's work on both platforms.
pub(super) struct Step<'a> {
    pub(super) comparison: &'a Comparison,
    pub(super) from: &'a CellEntry,
    /// How it went there; none where no run of that platform planned it.
    pub(super) to: Option<&'a CellEntry>,
    /// Throughput there over that here.
    pub(super) speed: Option<Compared>,
    /// Cost there over that here, of the same unit.
    pub(super) cost: Option<f64>,
}

/// The spread of some ratios.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) count: usize,
    pub(super) median: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (low, high) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) {
            f64::midpoint(values[middle - 1], values[middle])
        } else {
            values[middle]
        };
        Some(Self { count: values.len(), median, low, high })
    }
}

/// The work of platform `from` on platform `to`. Of several back ends on one platform the fastest stands for it.
pub(super) fn moves<'a>(site: &'a Site<'_>, from: usize, to: usize) -> Moves<'a> {
    let on = |comparison: &Comparison, platform: usize| {
        let cells = comparison.cells.iter().map(|&i| &site.cells[i]).filter(|c| c.platform == platform);
        let rate = |cell: &CellEntry| cell.throughput().map_or(f64::NEG_INFINITY, |[value, ..]| value);
        cells.max_by(|a, b| rate(a).total_cmp(&rate(b)))
    };
    let steps = site.comparisons.iter().filter_map(|comparison| {
        let from = on(comparison, from).filter(|cell| cell.is_measured())?;
        let to = on(comparison, to);
        let cost = to.and_then(|to| {
            let ((unit, here), (other, there)) = (from.usd()?, to.usd()?);
            (unit == other && here.value > 0.0).then(|| there.value / here.value)
        });
        Some(Step { comparison, from, to, speed: to.and_then(|to| speed(from, to)), cost })
    });
    Moves { steps: steps.collect() }
}

impl Moves<'_> {
    pub(super) fn speed(&self) -> Option<Spread> {
        Spread::of(self.steps.iter().filter_map(Step::ratio).collect())
    }

    pub(super) fn cost(&self) -> Option<Spread> {
        Spread::of(self.steps.iter().filter_map(|step| step.cost).collect())
    }

    /// Steps whose work was measured there.
    pub(super) fn ran(&self) -> usize {
        self.steps.iter().filter(|step| step.to.is_some_and(CellEntry::is_measured)).count()
    }

    pub(super) fn verdicts(&self, verdict: Verdict) -> usize {
        self.steps.iter().filter(|step| step.speed.is_some_and(|s| s.verdict == verdict)).count()
    }

    /// Parity checks that passed there, and those that were made.
    pub(super) fn parity(&self) -> (usize, usize) {
        let checked: Vec<bool> = self.steps.iter().filter_map(|step| step.to?.row.parity).collect();
        (checked.iter().filter(|passed| **passed).count(), checked.len())
    }
}

impl Step<'_> {
    /// Throughput there over that here: the comparison's, or without enough trials that of the figures.
    pub(super) fn ratio(&self) -> Option<f64> {
        let figures = || Some(self.to?.throughput()?[0] / self.from.throughput()?[0]);
        self.speed.and_then(|s| s.ratio).map(|r| r.value).or_else(figures).filter(|r| r.is_finite())
    }
}
