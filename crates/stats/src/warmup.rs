//! Has the series settled? A cheap rule for short series and a classification for long ones.
//!
//! Both work on the iterations of one trial in measured order, after the build and the first execution of each shape
//! have been set aside; those are reported on their own and never averaged in.

use crate::error::{StatsError, check_finite};
use crate::sample::{Sample, mean_of, quantile_of_sorted, variance_of};
use serde::{Deserialize, Serialize};

/// The two halves of a series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Halves {
    /// Median of the first half, in the sample's unit.
    pub first: f64,
    /// Median of the second half; of an odd count the middle value belongs here.
    pub second: f64,
    /// The largest difference that passes: 1 % of the second half's median, or its median absolute deviation where
    /// that is larger.
    pub allowed: f64,
}

impl Halves {
    /// Whether the medians differ by no more than is allowed. If not, double the warm-up.
    #[must_use]
    pub fn steady(&self) -> bool {
        (self.first - self.second).abs() <= self.allowed
    }
}

/// The cheap rule for fewer than [`CLASSIFY_MIN`] iterations: compares the medians of the two halves. The spread is
/// the second half's, for a series that has not settled inflates that of the whole.
///
/// # Errors
///
/// [`StatsError::TooFew`] below 4 values.
pub fn halves(sample: &Sample) -> Result<Halves, StatsError> {
    let n = sample.count();
    if n < 4 {
        return Err(StatsError::TooFew { what: "iterations", needed: 4, got: n });
    }
    let (first, second) = sample.values().split_at(n / 2);
    let (first, second) = (Sample::new(first.to_vec())?, Sample::new(second.to_vec())?);
    let allowed = (0.01 * second.median().abs()).max(second.mad());
    Ok(Halves { first: first.median(), second: second.median(), allowed })
}

/// How a series of iterations behaves over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SteadyClass {
    /// The same level from the first iteration on.
    Flat,
    /// Slower at first, then settled.
    WarmUp,
    /// Faster at first, then settled.
    Slowdown,
    /// Still changing level near the end.
    NoSteadyState,
}

/// The classes of several trials of one cell, as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcrossTrials {
    /// Every trial behaved this way.
    Consistent(SteadyClass),
    /// Some flat, some warmed up: the steady level may be used.
    GoodInconsistent,
    /// Any other mixture.
    BadInconsistent,
}

impl AcrossTrials {
    /// Whether the cell's steady level may enter a gate.
    #[must_use]
    pub fn usable(self) -> bool {
        matches!(
            self,
            Self::GoodInconsistent
                | Self::Consistent(SteadyClass::Flat)
                | Self::Consistent(SteadyClass::WarmUp)
        )
    }
}

/// Puts the classes of several trials together, as Barrett et al. do for process executions; `None` for no trial.
#[must_use]
pub fn across_trials(classes: &[SteadyClass]) -> Option<AcrossTrials> {
    let &one = classes.first()?;
    Some(if classes.iter().all(|&class| class == one) {
        AcrossTrials::Consistent(one)
    } else if classes.iter().all(|class| matches!(class, SteadyClass::Flat | SteadyClass::WarmUp)) {
        AcrossTrials::GoodInconsistent
    } else {
        AcrossTrials::BadInconsistent
    })
}

/// A stretch of iterations on one level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// First iteration, from 0.
    pub start: usize,
    /// One past the last iteration.
    pub end: usize,
    /// Mean without the outliers, in the series' unit.
    pub mean: f64,
    /// Standard deviation without the outliers, in the series' unit.
    pub std_dev: f64,
}

/// What [`classify`] found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// The behaviour.
    pub class: SteadyClass,
    /// The levels, in order; they tile the series.
    pub segments: Vec<Segment>,
    /// The iteration from which on every level is like the last one: what precedes it is warm-up to be discarded
    /// and counted.
    pub steady_from: usize,
    /// Values left out of the search for levels as outliers. They stay in the data.
    pub outliers: usize,
}

/// Places at which [`classify`] looks for a change of level, at most.
pub const GRID: usize = 1000;

/// From this many iterations on [`classify`] may be used.
pub const CLASSIFY_MIN: usize = 500;

/// Classifies a long series by its levels, after Barrett et al., "Virtual Machine Warmup Blows Hot and Cold"
/// (OOPSLA 2017, arXiv:1602.00602), section 4.
///
/// Outliers (outside the median of 200 neighbours by more than 3 times their 10th to 90th percentile range) are left
/// out of the search; PELT (Killick, Fearnhead and Eckley 2012) finds changes of mean and variance with the penalty
/// `15 ln n`; levels are then compared with the last one, backwards.
///
/// Two things differ from the paper. Half-widths are standard deviations, where it uses variances, which makes its
/// answer depend on the unit. And the stretch that has to be quiet is the last quarter of the series, at most 500
/// iterations (it is a quarter of the paper's 2000), so that 500 iterations suffice.
///
/// `least_band` is the smallest half-width of the band of equal levels, in the series' unit; half a percent of the
/// fastest level is always allowed. The paper uses 1 ms; pass 0 for short kernels.
///
/// # Errors
///
/// [`StatsError::TooFew`] below [`CLASSIFY_MIN`] values, [`StatsError::NotFinite`] for a value that is not,
/// [`StatsError::Parameter`] for a band that is negative or not finite.
pub fn classify(series: &[f64], least_band: f64) -> Result<Classification, StatsError> {
    check_finite(series)?;
    let n = series.len();
    if n < CLASSIFY_MIN {
        return Err(StatsError::TooFew { what: "iterations", needed: CLASSIFY_MIN, got: n });
    }
    if !(least_band >= 0.0 && least_band.is_finite()) {
        return Err(StatsError::Parameter {
            name: "least band",
            value: least_band,
            wanted: "0 or more, finite",
        });
    }
    let kept = inliers(series);
    let values: Vec<f64> = kept.iter().map(|&i| series[i]).collect();
    let segments = segments(&kept, &values, n);
    let (class, first) = walk(&segments, n, least_band);
    Ok(Classification {
        class,
        steady_from: segments.get(first).map_or(0, |segment| segment.start),
        outliers: n - kept.len(),
        segments,
    })
}

/// The class, and the index of the first of the trailing segments that are like the last.
fn walk(segments: &[Segment], n: usize, least_band: f64) -> (SteadyClass, usize) {
    let Some((last, earlier)) = segments.split_last() else { return (SteadyClass::Flat, 0) };
    let fastest = segments.iter().map(|s| s.mean.abs()).fold(f64::INFINITY, f64::min);
    let half = last.std_dev.max(least_band).max(0.005 * fastest);
    let (lower, upper) = (last.mean - half, last.mean + half);
    let quiet_from = n - (n / 4).min(500);
    let mut class = SteadyClass::Flat;
    let mut first = None;
    for (index, segment) in earlier.iter().enumerate().rev() {
        if segment.mean + segment.std_dev >= lower && segment.mean - segment.std_dev <= upper {
            continue;
        }
        first.get_or_insert(index + 1);
        if segment.end > quiet_from {
            class = SteadyClass::NoSteadyState;
            break;
        }
        if segment.mean < last.mean {
            class = SteadyClass::Slowdown;
            break;
        }
        class = SteadyClass::WarmUp;
    }
    (class, first.unwrap_or(0))
}

/// Indices of the values inside the sliding fences.
fn inliers(series: &[f64]) -> Vec<usize> {
    const WINDOW: usize = 200;
    let n = series.len();
    let mut sorted: Vec<f64> = Vec::with_capacity(WINDOW);
    let mut current = 0..0;
    let mut kept = Vec::with_capacity(n);
    for (i, &value) in series.iter().enumerate() {
        let start = i.saturating_sub(WINDOW / 2).min(n - WINDOW);
        for &gone in &series[current.start..start] {
            sorted.remove(sorted.partition_point(|x| x.total_cmp(&gone).is_lt()));
        }
        for &new in &series[current.end..start + WINDOW] {
            sorted.insert(sorted.partition_point(|x| x.total_cmp(&new).is_lt()), new);
        }
        current = start..start + WINDOW;
        let spread = 3.0 * (quantile_of_sorted(&sorted, 0.9) - quantile_of_sorted(&sorted, 0.1));
        if (value - quantile_of_sorted(&sorted, 0.5)).abs() <= spread {
            kept.push(i);
        }
    }
    kept
}

/// Turns change points among the kept values into segments that tile `0..n`.
fn segments(kept: &[usize], values: &[f64], n: usize) -> Vec<Segment> {
    let changes = pelt(values, 15.0 * (values.len().max(2) as f64).ln());
    let bounds: Vec<usize> = std::iter::once(0).chain(changes).chain([values.len()]).collect();
    let pieces = bounds.windows(2).filter(|pair| pair[0] < pair[1]);
    pieces
        .map(|pair| {
            let part = &values[pair[0]..pair[1]];
            Segment {
                start: if pair[0] == 0 { 0 } else { kept[pair[0]] },
                end: if pair[1] == values.len() { n } else { kept[pair[1]] },
                mean: mean_of(part),
                std_dev: variance_of(part).unwrap_or(0.0).sqrt(),
            }
        })
        .collect()
}

/// Change points in mean and variance of a normal series, by PELT: the exact minimum of the summed cost
/// `m (ln(2 pi s^2) + 1)` of segments of `m` values plus the penalty a change.
///
/// Segments have at least 2 values. Where there are more than [`GRID`] values, changes are looked for at [`GRID`]
/// evenly spaced places only, which bounds the time by that of [`GRID`]^2 / 2 costs, some milliseconds, where nothing
/// changes and nothing can be pruned.
///
/// Variances are taken as at least `(10^-4 median)^2`: equal readings of a coarse clock would otherwise cost minus
/// infinity and split the series everywhere.
fn pelt(values: &[f64], penalty: f64) -> Vec<usize> {
    let n = values.len();
    let step = n.div_ceil(GRID);
    // The least number of grid steps in a segment.
    let shortest = if step == 1 { 2 } else { 1 };
    if n < 4 * step {
        return Vec::new();
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let centre = quantile_of_sorted(&sorted, 0.5);
    let floor = (1e-4 * centre).powi(2).max(f64::MIN_POSITIVE);
    // Running (position, sum, sum of squares) at the grid; the last step takes the remainder.
    let mut grid = vec![(0, 0.0, 0.0)];
    let (mut sum, mut squares) = (0.0, 0.0);
    for (i, value) in values.iter().enumerate() {
        let x = value - centre;
        sum += x;
        squares += x * x;
        let position = i + 1;
        if position == n || (position % step == 0 && position + step <= n) {
            grid.push((position, sum, squares));
        }
    }
    let cost = |from: usize, to: usize| {
        let ((start, sum_before, squares_before), (end, sum_after, squares_after)) = (grid[from], grid[to]);
        let m = (end - start) as f64;
        let s: f64 = sum_after - sum_before;
        let variance: f64 = ((squares_after - squares_before) - s * s / m) / m;
        m * ((std::f64::consts::TAU * variance.max(floor)).ln() + 1.0)
    };
    let last = grid.len() - 1;
    let mut best = vec![f64::INFINITY; last + 1];
    let mut previous = vec![0; last + 1];
    best[0] = -penalty;
    let mut candidates = vec![0];
    for to in shortest..=last {
        for &from in &candidates {
            let total = best[from] + cost(from, to) + penalty;
            if total < best[to] {
                best[to] = total;
                previous[to] = from;
            }
        }
        // A start that loses to a change at `past` by more than the penalty loses for every end that leaves room for
        // a segment behind `past`: those from `to + 1` on.
        let past = to + 1 - shortest;
        candidates.retain(|&from| from + shortest > past || best[from] + cost(from, past) <= best[past]);
        if past >= shortest {
            candidates.push(past);
        }
    }
    let mut changes = Vec::new();
    let mut at = previous[last];
    while at > 0 {
        changes.push(grid[at].0);
        at = previous[at];
    }
    changes.reverse();
    changes
}
