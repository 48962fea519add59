//! Where the level of a series shifts: E-divisive.
//!
//! Matteson and James, "A Nonparametric Approach for Multiple Change Point Analysis of Multivariate Data",
//! arXiv:1306.4933. A split is as good as the energy distance between the values on its two sides is large; the best
//! split is a change point if few random orders of the same values have one as good. Then each side is looked at on
//! its own, so that a loud part of a long history hides nothing in a quiet one.
//!
//! The statistic of all splits of `n` values takes O(n log n): moving a value from the right side to the left changes
//! three sums by its distances to either side, and a Fenwick tree over ranks knows those to the left.

use std::ops::Range;

use crate::error::{StatsError, check_finite, check_open_unit};
use crate::sample::quantile_of_sorted;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Fewest values of a segment where nothing else is asked for: a single outlier is no level.
pub const SHORTEST: usize = 5;

/// Settings of [`change_points`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChangeOptions {
    /// Fewest values between two change points, and before the first and after the last; at least 2.
    pub shortest: usize,
    /// Largest p-value of a change point.
    pub significance: f64,
    /// Random orders that a split is held against. No p-value is below `1 / (permutations + 1)`.
    pub permutations: u32,
    /// Seed of the orders.
    pub seed: u64,
    /// Smallest relative difference of the levels on both sides; a smaller step is no change point.
    pub smallest: f64,
}

impl Default for ChangeOptions {
    fn default() -> Self {
        Self { shortest: SHORTEST, significance: 0.01, permutations: 999, seed: 1, smallest: 0.0 }
    }
}

/// A shift of the level of a series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChangePoint {
    /// Position of the first value of the new level.
    pub index: usize,
    /// The energy statistic of the split, in the series' unit.
    pub statistic: f64,
    /// Share of random orders with a split as good, the observed one among them.
    pub p: f64,
    /// Median of the segment before it.
    pub before: f64,
    /// Median of the segment that begins with it.
    pub after: f64,
}

impl ChangePoint {
    /// How far the level moved, relative to the one before; infinite from 0.
    #[must_use]
    pub fn change(&self) -> f64 {
        relative(self.before, self.after)
    }
}

fn relative(before: f64, after: f64) -> f64 {
    if before == after { 0.0 } else { (after - before) / before.abs() }
}

/// The energy statistic of the split of a series before `index`, with `n` values `x` on the left and `m` values `y` on the right:
/// `2/(m+n) sum |x_i - y_j| - 2m/((m+n)(n-1)) sum_{i<k} |x_i - x_k| - 2n/((m+n)(m-1)) sum_{j<k} |y_j - y_k|`. A sum within a side of one value is 0.
///
/// # Errors
///
/// [`StatsError::Empty`], [`StatsError::NotFinite`]; [`StatsError::Parameter`] unless there is a value on either side.
pub fn energy_statistic(values: &[f64], index: usize) -> Result<f64, StatsError> {
    check_finite(values)?;
    if index == 0 || index >= values.len() {
        let value = index as f64;
        return Err(StatsError::Parameter { name: "split", value, wanted: "between two values" });
    }
    Ok(Distances::of(values).statistic_at(index))
}

/// The change points of a series, in order.
///
/// Each segment is searched on its own: its best split is kept if at most a share of `significance` of random orders of the segment has one as good
/// (`p = (1 + as good) / (1 + permutations)`, Phipson and Smyth 2010). Afterwards steps of less than `smallest` are taken out again, the smallest one first.
/// No segment has fewer than `shortest` values: a step is found once so many values follow it, and where a split nearer to an end of its segment would be better, none is reported.
///
/// # Errors
///
/// [`StatsError::Empty`], [`StatsError::NotFinite`]; [`StatsError::Parameter`] for options out of range.
pub fn change_points(values: &[f64], options: &ChangeOptions) -> Result<Vec<ChangePoint>, StatsError> {
    check_finite(values)?;
    options.check()?;
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let mut found: Vec<(usize, f64, f64)> = Vec::new();
    let mut open: Vec<Range<usize>> = std::iter::once(0..values.len()).collect();
    while let Some(segment) = open.pop() {
        let Some((at, statistic, p)) = split(&values[segment.clone()], options, &mut rng) else { continue };
        let index = segment.start + at;
        found.push((index, statistic, p));
        open.extend([segment.start..index, index..segment.end]);
    }
    found.sort_unstable_by_key(|(index, ..)| *index);
    loop {
        let points = levelled(values, &found);
        let smallest =
            (0..points.len()).min_by(|&a, &b| points[a].change().abs().total_cmp(&points[b].change().abs()));
        match smallest {
            Some(at) if points[at].change().abs() < options.smallest => drop(found.remove(at)),
            _ => return Ok(points),
        }
    }
}

/// The segments that begin at 0 and at each of these places of `count` values, in order.
#[must_use]
pub fn segments(count: usize, places: &[usize]) -> Vec<Range<usize>> {
    let starts: Vec<usize> = std::iter::once(0).chain(places.iter().copied()).collect();
    let ends = starts.iter().skip(1).copied().chain([count]);
    starts.iter().zip(ends).map(|(start, end)| *start..end).collect()
}

/// Median of some values, in any order; NaN of none.
pub(crate) fn level(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    if sorted.is_empty() { f64::NAN } else { quantile_of_sorted(&sorted, 0.5) }
}

impl ChangeOptions {
    fn check(&self) -> Result<(), StatsError> {
        check_open_unit("significance", self.significance)?;
        if self.shortest < 2 {
            let value = self.shortest as f64;
            return Err(StatsError::Parameter { name: "shortest segment", value, wanted: "2 or more" });
        }
        if self.permutations == 0 {
            return Err(StatsError::Parameter { name: "permutations", value: 0.0, wanted: "1 or more" });
        }
        if !(self.smallest >= 0.0 && self.smallest.is_finite()) {
            let value = self.smallest;
            return Err(StatsError::Parameter {
                name: "smallest change",
                value,
                wanted: "0 or more, finite",
            });
        }
        Ok(())
    }
}

fn levelled(values: &[f64], found: &[(usize, f64, f64)]) -> Vec<ChangePoint> {
    let place = |i: usize| found.get(i).map_or(values.len(), |(index, ..)| *index);
    let point = |(i, &(index, statistic, p)): (usize, &(usize, f64, f64))| {
        let start = if i == 0 { 0 } else { place(i - 1) };
        let (before, after) = (level(&values[start..index]), level(&values[index..place(i + 1)]));
        ChangePoint { index, statistic, p, before, after }
    };
    found.iter().enumerate().map(point).collect()
}

/// The best split of a segment, its statistic and its p-value; `None` where it is not significant, the segment is too short for one, or nothing in it differs.
fn split(values: &[f64], options: &ChangeOptions, rng: &mut impl Rng) -> Option<(usize, f64, f64)> {
    if values.len() < 2 * options.shortest {
        return None;
    }
    let mut distances = Distances::of(values);
    let (at, observed) = distances.best(options.shortest);
    // Beside the edge of what is allowed, a better split beyond it is where the step is: too near to an end to be told yet.
    let beyond = |edge: usize, next: usize| at == edge && distances.statistic_at(next) > observed;
    let short = options.shortest;
    if observed <= 0.0 || beyond(short, short - 1) || beyond(values.len() - short, values.len() - short + 1) {
        return None;
    }
    // Sums in another order differ in their last digits; an order as good as the observed one has to count.
    let threshold = observed * (1.0 - 1e-9);
    let orders = 1.0 + f64::from(options.permutations);
    let mut as_good = 1.0;
    for _ in 0..options.permutations {
        distances.order.shuffle(rng);
        as_good += f64::from(u8::from(distances.best(options.shortest).1 >= threshold));
        if as_good > options.significance * orders {
            return None;
        }
    }
    Some((at, observed, as_good / orders)).filter(|(.., p)| *p <= options.significance)
}

/// The values of a segment by rank, with an order in which they come.
struct Distances {
    /// Ascending, and moved so that their median is 0: sums then keep their digits.
    sorted: Vec<f64>,
    /// Of each rank, the sum of its distances to all values.
    total: Vec<f64>,
    /// Ranks in the order of the series.
    order: Vec<usize>,
    /// Sum of all distances, each pair once.
    all: f64,
}

impl Distances {
    fn of(values: &[f64]) -> Self {
        let mut ranks: Vec<usize> = (0..values.len()).collect();
        ranks.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let centre = values[ranks[ranks.len() / 2]];
        let sorted: Vec<f64> = ranks.iter().map(|&i| values[i] - centre).collect();
        let mut order = vec![0; values.len()];
        for (rank, &i) in ranks.iter().enumerate() {
            order[i] = rank;
        }
        let sum: f64 = sorted.iter().sum();
        let mut below = 0.0;
        let mut total = Vec::with_capacity(sorted.len());
        for (rank, value) in sorted.iter().enumerate() {
            let (under, over) = (rank as f64, (sorted.len() - rank) as f64);
            total.push((value * under - below) + (sum - below - value * over));
            below += value;
        }
        let all = total.iter().sum::<f64>() / 2.0;
        Self { sorted, total, order, all }
    }

    /// The statistic of each split in turn, from that before the second value on.
    fn statistics(&self) -> impl Iterator<Item = f64> + '_ {
        let count = self.order.len();
        let mut seen = Seen::new(count);
        let (mut across, mut left, mut right) = (0.0, 0.0, self.all);
        self.order[..count - 1].iter().enumerate().map(move |(i, &rank)| {
            let to_left = seen.distance(rank, self.sorted[rank]);
            let to_right = self.total[rank] - to_left;
            seen.add(rank, self.sorted[rank]);
            left += to_left;
            right -= to_right;
            across += to_right - to_left;
            let (n, m) = ((i + 1) as f64, (count - i - 1) as f64);
            let within =
                |sum: f64, here: f64, there: f64| if here > 1.0 { sum * there / (here - 1.0) } else { 0.0 };
            2.0 / (m + n) * (across - within(left, n, m) - within(right, m, n))
        })
    }

    fn statistic_at(&self, index: usize) -> f64 {
        self.statistics().nth(index - 1).unwrap_or(0.0)
    }

    /// The best split that leaves so many values on either side, the first of equals, and its statistic.
    fn best(&self, shortest: usize) -> (usize, f64) {
        let last = self.order.len() - shortest;
        let allowed = self.statistics().zip(1..).skip(shortest - 1).take_while(|(_, index)| *index <= last);
        allowed.fold((shortest, f64::NEG_INFINITY), |best, (statistic, index)| {
            if statistic > best.1 { (index, statistic) } else { best }
        })
    }
}

/// Values that have been seen, by rank: Fenwick trees of their number and their sum.
struct Seen {
    tree: Vec<(f64, f64)>,
    count: f64,
    sum: f64,
}

impl Seen {
    fn new(ranks: usize) -> Self {
        Self { tree: vec![(0.0, 0.0); ranks + 1], count: 0.0, sum: 0.0 }
    }

    fn add(&mut self, rank: usize, value: f64) {
        let mut at = rank + 1;
        while at < self.tree.len() {
            let (count, sum) = &mut self.tree[at];
            *count += 1.0;
            *sum += value;
            at += at & at.wrapping_neg();
        }
        self.count += 1.0;
        self.sum += value;
    }

    /// The sum of the distances of a value to all that have been seen.
    fn distance(&self, rank: usize, value: f64) -> f64 {
        let (mut count, mut sum) = (0.0, 0.0);
        let mut at = rank + 1;
        while at > 0 {
            count += self.tree[at].0;
            sum += self.tree[at].1;
            at &= at - 1;
        }
        (value * count - sum) + (self.sum - sum - value * (self.count - count))
    }
}
