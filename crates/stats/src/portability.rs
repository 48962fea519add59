//! Performance portability: one number for how well an application does on a set of platforms.
//!
//! Formulas: Pennycook, Sewall, Lee, "A metric for performance portability", arXiv:1611.07409: the harmonic mean of the efficiencies over the platforms `H`, and 0 if
//! one of them is not supported. Running PP: Sewall, Pennycook et al., 10.1109/P3HPC51967.2020.00007. Set, problem, direction and reference have no defaults: without them the number
//! means nothing. A run that fails its parity check is not supported.

use std::collections::BTreeMap;

use crate::compare::Direction;
use crate::error::StatsError;

/// What a portability figure is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Study {
    problem: String,
    platforms: Vec<String>,
    direction: Direction,
    reference: String,
}

/// Figures of merit of one application, by platform; a platform that is not supported is absent.
pub type Figures = BTreeMap<String, f64>;

/// Names of platforms, each given and none twice.
pub(crate) fn named(platforms: &[&str]) -> Result<Vec<String>, StatsError> {
    for (i, platform) in platforms.iter().enumerate() {
        if platform.trim().is_empty() {
            return Err(StatsError::Unnamed { what: "platform" });
        }
        if platforms[..i].contains(platform) {
            return Err(StatsError::Repeated { name: (*platform).to_owned() });
        }
    }
    Ok(platforms.iter().map(|p| (*p).to_owned()).collect())
}

impl Study {
    /// A study of `problem` on the set `H` of `platforms`, whose figures of merit are good in that `direction`. `reference` says what "best known" was taken from, with its date.
    ///
    /// # Errors
    /// [`StatsError::Unnamed`] for an empty problem, reference or platform, [`StatsError::Empty`] without platforms, [`StatsError::Repeated`] for one named twice.
    pub fn new(
        problem: &str,
        platforms: &[&str],
        direction: Direction,
        reference: &str,
    ) -> Result<Self, StatsError> {
        for (what, name) in [("problem", problem), ("reference", reference)] {
            if name.trim().is_empty() {
                return Err(StatsError::Unnamed { what });
            }
        }
        if platforms.is_empty() {
            return Err(StatsError::Empty);
        }
        let platforms = named(platforms)?;
        Ok(Self { problem: problem.to_owned(), platforms, direction, reference: reference.to_owned() })
    }

    /// The problem.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// The set `H`.
    #[must_use]
    pub fn platforms(&self) -> &[String] {
        &self.platforms
    }

    /// What the best known figures were taken from.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// The best figure of each platform over all applications of a data set, its own included.
    ///
    /// # Errors
    /// As [`Study::application`].
    pub fn best_known(&self, applications: &[&Figures]) -> Result<Figures, StatsError> {
        let mut best = Figures::new();
        for figures in applications {
            for (platform, value) in self.known(figures)? {
                let better = |held: f64| match self.direction {
                    Direction::LowerIsBetter => value < held,
                    Direction::HigherIsBetter => value > held,
                };
                if value > 0.0 && best.get(platform).is_none_or(|held| better(*held)) {
                    best.insert(platform.to_owned(), value);
                }
            }
        }
        Ok(best)
    }

    /// Application efficiency: the figure against the best known one of the same problem and platform. 0 where the application has none; a rate of 0 is 0.
    ///
    /// # Errors
    /// [`StatsError::Unnamed`] for a platform outside `H`; [`StatsError::Parameter`] for a figure that is no number above 0 (a rate may be 0), and for one better than the reference;
    /// [`StatsError::NoReference`] where the application has a figure and the reference none.
    pub fn application(&self, figures: &Figures, best: &Figures) -> Result<Efficiencies, StatsError> {
        let (figures, best) = (self.known(figures)?, self.known(best)?);
        let efficiency = |platform: &String| {
            let Some(&value) = figures.get(platform.as_str()) else { return Ok(0.0) };
            if value == 0.0 {
                return Ok(0.0);
            }
            let Some(&best) = best.get(platform.as_str()) else {
                return Err(StatsError::NoReference { platform: platform.clone() });
            };
            Ok(match self.direction {
                Direction::LowerIsBetter => best / value,
                Direction::HigherIsBetter => value / best,
            })
        };
        Efficiencies::new(self.platforms.iter().map(efficiency).collect::<Result<_, _>>()?)
    }

    /// Architectural efficiency: the share of what the hardware allows (a roofline, MFU, MBU), by platform. 0 where there is none.
    ///
    /// # Errors
    /// [`StatsError::Unnamed`] for a platform outside `H`, [`StatsError::Parameter`] for a share outside 0 to 1.
    pub fn architectural(&self, shares: &Figures) -> Result<Efficiencies, StatsError> {
        if shares.keys().any(|p| !self.platforms.contains(p)) {
            return Err(StatsError::Unnamed { what: "platform" });
        }
        Efficiencies::new(self.platforms.iter().map(|p| shares.get(p).copied().unwrap_or(0.0)).collect())
    }

    /// Figures by platform, each of which is in `H` and a number that the direction allows.
    fn known<'f>(&self, figures: &'f Figures) -> Result<BTreeMap<&'f str, f64>, StatsError> {
        let check = |(platform, value): (&'f String, &f64)| {
            if !self.platforms.contains(platform) {
                return Err(StatsError::Unnamed { what: "platform" });
            }
            let none = *value == 0.0 && self.direction == Direction::HigherIsBetter;
            if !(value.is_finite() && (*value > 0.0 || none)) {
                let wanted = "a number above 0; leave out a platform that is not supported";
                return Err(StatsError::Parameter { name: "a figure of merit", value: *value, wanted });
            }
            Ok((platform.as_str(), *value))
        };
        figures.iter().map(check).collect()
    }
}

/// Efficiencies over the platforms of a study, in their order; 0 where a platform is not supported. Never a mixture of application and architectural ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Efficiencies(Vec<f64>);

impl Efficiencies {
    fn new(values: Vec<f64>) -> Result<Self, StatsError> {
        match values.iter().find(|e| !(0.0..=1.0).contains(*e)) {
            Some(&value) => {
                let wanted = "0 to 1: nothing is better than the reference or the hardware allow";
                Err(StatsError::Parameter { name: "an efficiency", value, wanted })
            }
            None => Ok(Self(values)),
        }
    }

    /// The values.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// How many platforms are supported: `|S|` of `|H|`.
    #[must_use]
    pub fn supported(&self) -> usize {
        self.0.iter().filter(|e| **e > 0.0).count()
    }

    /// PP: the harmonic mean over `H`, 0 if a platform is not supported.
    #[must_use]
    pub fn pp(&self) -> f64 {
        if self.supported() == self.0.len() { harmonic_mean(&self.0) } else { 0.0 }
    }

    /// Harmonic mean over the supported platforms; `None` without any.
    #[must_use]
    pub fn harmonic_supported(&self) -> Option<f64> {
        let supported: Vec<f64> = self.0.iter().copied().filter(|e| *e > 0.0).collect();
        (!supported.is_empty()).then(|| harmonic_mean(&supported))
    }

    /// The smallest.
    #[must_use]
    pub fn min(&self) -> f64 {
        self.0.iter().copied().fold(1.0, f64::min)
    }

    /// Running PP, the line of a cascade: the harmonic mean of the `k` best, for `k` from 1 to `|H|`; 0 beyond the supported ones.
    #[must_use]
    pub fn running_pp(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let mut reciprocals = 0.0;
        let step = |(i, e): (usize, &f64)| {
            if *e == 0.0 {
                return 0.0;
            }
            reciprocals += 1.0 / e;
            (i + 1) as f64 / reciprocals
        };
        sorted.iter().enumerate().map(step).collect()
    }
}

fn harmonic_mean(values: &[f64]) -> f64 {
    values.len() as f64 / values.iter().map(|e| 1.0 / e).sum::<f64>()
}
