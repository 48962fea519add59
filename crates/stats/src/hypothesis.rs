//! Two-sample tests that need no normal distribution, and the effect sizes that belong to them.
//!
//! All p-values are two-sided. A small sample cannot give a small one: [`smallest_p`] is the floor to print beside
//! the result (3 against 3 can never pass 0.05).

use crate::bootstrap::BootstrapOptions;
use crate::error::StatsError;
use crate::estimate::Statistic;
use crate::sample::{Sample, between, mean_of, quantile_of_sorted};
use crate::special::{choose_up_to, ln_choose, normal_sf};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How a p-value was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PMethod {
    /// Every arrangement was counted.
    Exact,
    /// A normal approximation, corrected for continuity and ties.
    Asymptotic,
    /// Random rearrangements from a seed.
    MonteCarlo,
}

/// The outcome of a test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// The statistic: U of the first sample, or the difference first minus second.
    pub statistic: f64,
    /// Two-sided p-value.
    pub p: f64,
    /// How the p-value was computed.
    pub method: PMethod,
}

/// Samples up to this product of sizes are tested exactly by [`mann_whitney`].
pub const EXACT_U_LIMIT: usize = 2500;

/// Mann-Whitney test: exact where nothing is tied and the samples are small, else [`mann_whitney_asymptotic`].
#[must_use]
pub fn mann_whitney(first: &Sample, second: &Sample) -> TestResult {
    if first.count() * second.count() <= EXACT_U_LIMIT
        && let Ok(result) = mann_whitney_exact(first, second)
    {
        return result;
    }
    mann_whitney_asymptotic(first, second)
}

/// Mann-Whitney test by the exact distribution of U (Mann and Whitney 1947): the number of arrangements with each U
/// is a coefficient of the Gaussian binomial. Takes O(n m (n + m)) steps.
///
/// # Errors
///
/// [`StatsError::Tied`] where two values are equal, in or across the samples; [`StatsError::Parameter`] where the
/// product of the sizes is above 40,000.
pub fn mann_whitney_exact(first: &Sample, second: &Sample) -> Result<TestResult, StatsError> {
    let (n, m) = (first.count(), second.count());
    if n * m > 40_000 {
        let value = (n * m) as f64;
        return Err(StatsError::Parameter { name: "product of sizes", value, wanted: "at most 40,000" });
    }
    if tie_sum(first, second) > 0.0 {
        return Err(StatsError::Tied);
    }
    let u = u_statistic(first, second);
    // Probabilities instead of counts, which would overflow: multiply by (1 - q^(m+i)) / (1 - q^i) * i / (m+i).
    let size = n * m + 1;
    let mut probability = vec![0.0; size];
    probability[0] = 1.0;
    for i in 1..=n {
        for k in (m + i..size).rev() {
            probability[k] -= probability[k - m - i];
        }
        for k in i..size {
            probability[k] += probability[k - i];
        }
        for p in &mut probability {
            *p *= i as f64 / (m + i) as f64;
        }
    }
    // U is whole here. The smaller tail is summed; the law is symmetric.
    let low = u.min((n * m) as f64 - u) as usize;
    let tail: f64 = probability[..=low].iter().sum();
    Ok(TestResult { statistic: u, p: (2.0 * tail).clamp(0.0, 1.0), method: PMethod::Exact })
}

/// Mann-Whitney test by the normal approximation, with the continuity correction of one half and the variance
/// reduced for ties: `n m / 12 ((N + 1) - sum(t^3 - t) / (N (N - 1)))`.
#[must_use]
pub fn mann_whitney_asymptotic(first: &Sample, second: &Sample) -> TestResult {
    let (n, m) = (first.count() as f64, second.count() as f64);
    let u = u_statistic(first, second);
    let total = n + m;
    let variance = n * m / 12.0 * ((total + 1.0) - tie_sum(first, second) / (total * (total - 1.0)));
    let excess = (u - n * m / 2.0).abs() - 0.5;
    // All values equal: no variance, and nothing to tell apart.
    let p = if variance > 0.0 { (2.0 * normal_sf(excess / variance.sqrt())).min(1.0) } else { 1.0 };
    TestResult { statistic: u, p, method: PMethod::Asymptotic }
}

/// Pairs with the first sample's value larger, equal.
fn pair_counts(first: &Sample, second: &Sample) -> (f64, f64) {
    let (mut larger, mut equal, mut below, mut up_to) = (0.0, 0.0, 0, 0);
    let ys = second.sorted();
    for &x in first.sorted() {
        while below < ys.len() && ys[below] < x {
            below += 1;
        }
        up_to = up_to.max(below);
        while up_to < ys.len() && ys[up_to] <= x {
            up_to += 1;
        }
        larger += below as f64;
        equal += (up_to - below) as f64;
    }
    (larger, equal)
}

/// U of the first sample: pairs in which its value is larger, ties counting one half.
fn u_statistic(first: &Sample, second: &Sample) -> f64 {
    let (larger, equal) = pair_counts(first, second);
    larger + equal / 2.0
}

/// Sum of `t^3 - t` over groups of `t` equal values in both samples together.
fn tie_sum(first: &Sample, second: &Sample) -> f64 {
    let mut all: Vec<f64> = first.sorted().iter().chain(second.sorted()).copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    all.chunk_by(|a, b| a == b).map(|group| group.len() as f64).map(|t| t * t * t - t).sum()
}

/// The smallest two-sided p-value an exact rank or permutation test of `n` against `m` values can give:
/// `2 / C(n + m, n)`, at most 1.
#[must_use]
pub fn smallest_p(n: usize, m: usize) -> f64 {
    let (n, m) = (n as u64, m as u64);
    (2.0 * (-ln_choose(n.saturating_add(m), n)).exp()).min(1.0)
}

/// Up to this many arrangements, [`permutation_test`] visits each.
pub const EXACT_PERMUTATIONS: u64 = 100_000;

/// Permutation test on the difference of the statistic, first minus second: exact up to [`EXACT_PERMUTATIONS`]
/// arrangements, else `options.resamples` random ones with `p = (1 + extreme) / (1 + resamples)` (Phipson and Smyth
/// 2010), which is never 0.
///
/// # Errors
///
/// [`StatsError::Parameter`] for no resamples.
pub fn permutation_test(
    first: &Sample,
    second: &Sample,
    statistic: Statistic,
    options: &BootstrapOptions,
) -> Result<TestResult, StatsError> {
    if options.resamples == 0 {
        return Err(StatsError::Parameter { name: "resamples", value: 0.0, wanted: "1 or more" });
    }
    let mut all: Vec<f64> = first.sorted().iter().chain(second.sorted()).copied().collect();
    let n = first.count();
    let observed = statistic.of(first) - statistic.of(second);
    // Sums in another order differ in their last digits; an arrangement equal to the observed one has to count.
    let scale = all.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let threshold = observed.abs() - 1e-12 * scale;
    let mut scratch = Vec::with_capacity(all.len());
    let mut extreme = |left: &[f64], right: &[f64]| {
        let mut of = |part: &[f64]| match statistic {
            Statistic::Mean => mean_of(part),
            Statistic::Median => {
                scratch.clear();
                scratch.extend_from_slice(part);
                scratch.sort_unstable_by(f64::total_cmp);
                quantile_of_sorted(&scratch, 0.5)
            }
        };
        (of(left) - of(right)).abs() >= threshold
    };
    if let Some(count) = choose_up_to(all.len(), n, EXACT_PERMUTATIONS) {
        let hits = count_arrangements(&all, n, extreme);
        return Ok(TestResult { statistic: observed, p: hits as f64 / count as f64, method: PMethod::Exact });
    }
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let mut hits = 0_u32;
    for _ in 0..options.resamples {
        for i in 0..n {
            let j = rng.random_range(i..all.len());
            all.swap(i, j);
        }
        let (left, right) = all.split_at(n);
        hits += u32::from(extreme(left, right));
    }
    let p = (1.0 + f64::from(hits)) / (1.0 + f64::from(options.resamples));
    Ok(TestResult { statistic: observed, p, method: PMethod::MonteCarlo })
}

/// Visits every way to choose `n` of the values, in lexicographic order of their positions, and counts those for
/// which `holds(chosen, others)`.
fn count_arrangements(all: &[f64], n: usize, mut holds: impl FnMut(&[f64], &[f64]) -> bool) -> u64 {
    let mut chosen: Vec<usize> = (0..n).collect();
    let (mut left, mut right) = (Vec::with_capacity(n), Vec::with_capacity(all.len() - n));
    let mut hits = 0;
    loop {
        left.clear();
        right.clear();
        let mut next = chosen.iter().peekable();
        for (i, &value) in all.iter().enumerate() {
            let part = if next.next_if(|&&c| c == i).is_some() { &mut left } else { &mut right };
            part.push(value);
        }
        hits += u64::from(holds(&left, &right));
        let Some(at) = (0..n).rev().find(|&i| chosen[i] < all.len() - n + i) else { return hits };
        chosen[at] += 1;
        for i in at + 1..n {
            chosen[i] = chosen[i - 1] + 1;
        }
    }
}

/// Cliff's delta: how much more often a value of the first sample is larger than one of the second than smaller, -1
/// to 1 (Cliff 1993).
#[must_use]
pub fn cliffs_delta(first: &Sample, second: &Sample) -> f64 {
    let (larger, equal) = pair_counts(first, second);
    let pairs = first.count() as f64 * second.count() as f64;
    (2.0 * larger + equal - pairs) / pairs
}

/// The Hodges-Lehmann shift: the median of all differences first minus second (Hodges and Lehmann 1963), in the
/// samples' unit.
///
/// The differences are not stored: the wanted order statistic is found by bisection over the ordered bit patterns of
/// `f64`, each step counting pairs in one pass. At most 64 passes, exact.
#[must_use]
pub fn hodges_lehmann(first: &Sample, second: &Sample) -> f64 {
    let pairs = first.count() as u64 * second.count() as u64;
    let low = kth_difference(first.sorted(), second.sorted(), pairs.div_ceil(2));
    if pairs % 2 == 1 {
        return low;
    }
    between(low, kth_difference(first.sorted(), second.sorted(), pairs / 2 + 1), 0.5)
}

/// The `k`-th smallest (from 1) difference `x - y`.
fn kth_difference(xs: &[f64], ys: &[f64], k: u64) -> f64 {
    let key = |value: f64| {
        let bits = (value + 0.0).to_bits() as i64;
        bits ^ ((bits >> 63) as u64 >> 1) as i64
    };
    let value = |key: i64| f64::from_bits((key ^ ((key >> 63) as u64 >> 1) as i64) as u64);
    // Pairs with x - y <= bound: for ascending x the first y that qualifies only moves up.
    let count = |bound: f64| {
        let (mut from, mut total) = (0, 0_u64);
        for &x in xs {
            while from < ys.len() && x - ys[from] > bound {
                from += 1;
            }
            total += (ys.len() - from) as u64;
        }
        total
    };
    let (mut low, mut high) = (key(xs[0] - ys[ys.len() - 1]), key(xs[xs.len() - 1] - ys[0]));
    while low < high {
        let middle = low + ((i128::from(high) - i128::from(low)) / 2) as i64;
        if count(value(middle)) >= k {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    value(low)
}
