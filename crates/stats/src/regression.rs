//! Does the latest run of a series still look like those before it?
//!
//! A run is one value of the series, with the figures of its trials. It is held against its *baseline*, the runs of the segment before it: by how far the level moved,
//! which must exceed what the series moves by itself ([`mod@crate::noise`]), and by a Mann-Whitney test of the trials. One run that is out of line is a suspicion;
//! a second one in the same direction, a run again of the same night or the next one, makes it a claim.

use std::ops::Range;

use crate::change_point::{SHORTEST, level, segments};
use crate::compare::Direction;
use crate::error::StatsError;
use crate::hypothesis::{mann_whitney, smallest_p};
use crate::noise::noise;
use crate::sample::Sample;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Fewest runs of a baseline.
pub const BASELINE: usize = SHORTEST;

/// Runs that a new level must have stood before it is the baseline.
pub const SETTLED: usize = 10;

/// Smallest relative change that matters, however quiet a series is.
pub const SMALLEST: f64 = 0.01;

/// Share of false claims among all claims that is put up with.
pub const LEVEL: f64 = 0.05;

/// What may be said of the latest run of a series. It reads as a short phrase when displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It looks like its baseline.
    Ok,
    /// Worse, significantly and relevantly, in more than one run.
    Regression,
    /// Better, significantly and relevantly, in more than one run.
    Improvement,
    /// One run alone is out of line: run it once more.
    Suspicious,
    /// The baseline has fewer than [`BASELINE`] runs, or no test of so few trials can be significant.
    TooFewRuns,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Regression => "regression",
            Self::Improvement => "improvement",
            Self::Suspicious => "suspicious",
            Self::TooFewRuns => "too few runs",
        })
    }
}

/// The latest runs of a series beside their baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The runs that they are held against.
    pub baseline: Range<usize>,
    /// The runs that are judged: the latest one, and those right before it that are out of line in the same direction.
    pub candidate: Range<usize>,
    /// Median of the baseline's values.
    pub level: f64,
    /// Median of the candidate's values.
    pub now: f64,
    /// Smallest relative change that counts: [`SMALLEST`], or the noise threshold of the series where that is larger.
    pub floor: f64,
    /// Two-sided p-value of the trials of both.
    pub p: f64,
    /// The smallest one that so many trials can give.
    pub smallest_p: f64,
}

/// Holds the latest run against its baseline. `runs` are the trials of each run since the last declared break, in order, and `changes` the places of the change points among the values of the runs,
/// which are the means of their trials.
///
/// The baseline is the segment since the last change point. As long as that is shorter than [`SETTLED`] runs it is the segment before, so that a new level is told of for a while before it is what
/// is expected. Runs that are out of line with all that came before them do not count as their own baseline. `None` where the baseline has fewer than [`BASELINE`] runs.
///
/// # Errors
///
/// [`StatsError::Empty`] for a run without trials, [`StatsError::NotFinite`], [`StatsError::Parameter`] for a value that is not above 0.
pub fn hold(runs: &[Vec<f64>], changes: &[usize]) -> Result<Option<Held>, StatsError> {
    let samples: Vec<Sample> =
        runs.iter().map(|trials| Sample::new(trials.clone())).collect::<Result<_, _>>()?;
    let values: Vec<f64> = samples.iter().map(Sample::mean).collect();
    let segments = segments(values.len(), changes);
    let (mut base, mut first) = (0..0, 0);
    if let Some(last) = segments.last().cloned() {
        (base, first) = match segments.len().checked_sub(2) {
            Some(before) if last.len() < SETTLED => (segments[before].clone(), last.start),
            _ => (last.start..values.len(), last.start + 1),
        };
    }
    let mut held = None;
    // From the longest run of values out of line to the latest value alone.
    for start in first.max(base.start + BASELINE)..values.len() {
        let baseline = base.start..base.end.min(start);
        let floor = noise(&values[..start])?.threshold.max(SMALLEST);
        let level = level(&values[baseline.clone()]);
        let away = |value: &f64| (value - level) / level.abs();
        let candidate = &values[start..];
        let out = candidate.iter().all(|v| away(v) >= floor) || candidate.iter().all(|v| away(v) <= -floor);
        if out || start + 1 == values.len() {
            held = Some((baseline, start..values.len(), level, floor));
            break;
        }
    }
    let Some((baseline, candidate, level, floor)) = held else { return Ok(None) };
    let pooled = |range: &Range<usize>| Sample::new(runs[range.clone()].concat());
    let (before, after) = (pooled(&baseline)?, pooled(&candidate)?);
    Ok(Some(Held {
        now: crate::change_point::level(&values[candidate.clone()]),
        p: mann_whitney(&after, &before).p,
        smallest_p: smallest_p(after.count(), before.count()),
        baseline,
        candidate,
        level,
        floor,
    }))
}

impl Held {
    /// How far the level moved, relative to the baseline.
    #[must_use]
    pub fn change(&self) -> f64 {
        (self.now - self.level) / self.level.abs()
    }

    /// Whether the change is large enough to matter.
    #[must_use]
    pub fn relevant(&self) -> bool {
        self.change().abs() >= self.floor
    }

    /// Whether no test of so few trials could be claimed alone among `tests` of them (Benjamini and Hochberg at [`LEVEL`]).
    #[must_use]
    pub fn out_of_reach(&self, tests: usize) -> bool {
        self.smallest_p * tests as f64 > LEVEL
    }

    /// What may be said, where `adjusted` is the p-value adjusted for all `tests` that were made.
    #[must_use]
    pub fn standing(&self, direction: Direction, adjusted: f64, tests: usize) -> Standing {
        if !self.relevant() {
            return Standing::Ok;
        }
        if adjusted > LEVEL {
            return if self.out_of_reach(tests) { Standing::TooFewRuns } else { Standing::Suspicious };
        }
        match (self.candidate.len() > 1, (self.change() > 0.0) == (direction == Direction::HigherIsBetter)) {
            (false, _) => Standing::Suspicious,
            (true, true) => Standing::Improvement,
            (true, false) => Standing::Regression,
        }
    }
}
