//! Code divergence: how much of the code of an application differs from platform to platform.
//!
//! Formulas: Harrell, Kitson, "Effective Performance Portability", 10.1109/P3HPC.2018.00006. With `c_i` the set of lines that platform `i` uses, the distance of two platforms is
//! `d(i, j) = 1 - |c_i ∩ c_j| / |c_i ∪ c_j|`, code divergence is the mean of `d` over the pairs of the set `H`, and code convergence is 1 minus that.
//!
//! Two platforms that use no line are at distance 0. A platform that uses none is at distance 1 from every one that does; P3's analysis library drops it, which makes a port that does
//! not exist look convergent. With one platform there is no pair and no divergence (P3 says 0, CBI says NaN).

use std::collections::{BTreeMap, BTreeSet};

use crate::error::StatsError;
use crate::portability::named;

/// How many lines each set of platforms uses, those that no platform uses among them: what CBI calls a setmap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineSets {
    platforms: Vec<String>,
    lines: BTreeMap<BTreeSet<usize>, u64>,
}

impl LineSets {
    /// No lines yet, on the set `H` of `platforms`.
    ///
    /// # Errors
    /// [`StatsError::TooFew`] below two platforms, [`StatsError::Unnamed`] for one without a name, [`StatsError::Repeated`] for one named twice.
    pub fn new(platforms: &[&str]) -> Result<Self, StatsError> {
        if platforms.len() < 2 {
            return Err(StatsError::TooFew {
                what: "platforms for a divergence",
                needed: 2,
                got: platforms.len(),
            });
        }
        Ok(Self { platforms: named(platforms)?, lines: BTreeMap::new() })
    }

    /// Adds so many lines that exactly these platforms use.
    ///
    /// # Errors
    /// [`StatsError::Unnamed`] for a platform outside `H`.
    pub fn add(&mut self, used_by: &[&str], lines: u64) -> Result<(), StatsError> {
        let place = |name: &&str| {
            let found = self.platforms.iter().position(|p| p == name);
            found.ok_or(StatsError::Unnamed { what: "platform" })
        };
        let set = used_by.iter().map(place).collect::<Result<BTreeSet<usize>, _>>()?;
        let held = self.lines.entry(set).or_default();
        *held = held.saturating_add(lines);
        Ok(())
    }

    /// Adds the lines of a code base from those that each platform uses, in the order of `H`, and `unused` ones. Lines are the same where they are equal.
    ///
    /// # Errors
    /// [`StatsError::LengthMismatch`] unless there is one set for each platform.
    pub fn add_sets<L: Ord>(&mut self, used: &[BTreeSet<L>], unused: u64) -> Result<(), StatsError> {
        if used.len() != self.platforms.len() {
            return Err(StatsError::LengthMismatch { left: used.len(), right: self.platforms.len() });
        }
        for line in used.iter().flatten().collect::<BTreeSet<_>>() {
            let by = (0..used.len()).filter(|i| used[*i].contains(line)).collect();
            *self.lines.entry(by).or_default() += 1;
        }
        *self.lines.entry(BTreeSet::new()).or_default() += unused;
        Ok(())
    }

    /// The set `H`.
    #[must_use]
    pub fn platforms(&self) -> &[String] {
        &self.platforms
    }

    /// The distance of two platforms, by their places in `H`; `None` for a place that is not there.
    #[must_use]
    pub fn distance(&self, i: usize, j: usize) -> Option<f64> {
        if i.max(j) >= self.platforms.len() {
            return None;
        }
        let both = self.count(|set| set.contains(&i) && set.contains(&j));
        let either = self.count(|set| set.contains(&i) || set.contains(&j));
        Some(if either == 0 { 0.0 } else { 1.0 - both as f64 / either as f64 })
    }

    /// Code divergence.
    #[must_use]
    pub fn divergence(&self) -> f64 {
        let all = self.platforms.len();
        let pairs = (0..all).flat_map(|i| (i + 1..all).map(move |j| (i, j)));
        let distances: Vec<f64> = pairs.filter_map(|(i, j)| self.distance(i, j)).collect();
        distances.iter().sum::<f64>() / distances.len() as f64
    }

    /// Code convergence.
    #[must_use]
    pub fn convergence(&self) -> f64 {
        1.0 - self.divergence()
    }

    /// Share of all lines that some platform uses; `None` without lines.
    #[must_use]
    pub fn coverage(&self) -> Option<f64> {
        self.share(self.count(|set| !set.is_empty()))
    }

    /// Mean over the platforms of the share of all lines that each uses; `None` without lines.
    #[must_use]
    pub fn average_coverage(&self) -> Option<f64> {
        let all = self.platforms.len();
        let shares: Option<Vec<f64>> =
            (0..all).map(|i| self.share(self.count(|set| set.contains(&i)))).collect();
        Some(shares?.iter().sum::<f64>() / all as f64)
    }

    fn count(&self, which: impl Fn(&BTreeSet<usize>) -> bool) -> u64 {
        self.lines.iter().filter(|(set, _)| which(set)).map(|(_, lines)| lines).sum()
    }

    fn share(&self, part: u64) -> Option<f64> {
        let all = self.count(|_| true);
        (all > 0).then(|| part as f64 / all as f64)
    }
}
