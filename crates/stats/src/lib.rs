//! Pure functions on samples.
//!
//! Numbers come in as slices or as a checked [`Sample`]; estimates, verdicts and typed findings go out. Nothing
//! here reads a clock, a file or the environment, every random choice comes from a seed the caller passes, and no
//! input makes a function panic: what cannot be computed is a [`StatsError`], and what the data cannot support is a
//! value that says so ([`QuantileEstimate::NotEstimable`], [`Verdict::TooFewTrials`]).
//!
//! | module | duty |
//! |---|---|
//! | [`sample`] | checked samples, location and spread, outlier labels |
//! | [`estimate`] | a value with its interval |
//! | [`quantile`] | order-statistic intervals for quantiles, smallest sample sizes |
//! | [`trials`] | several trials of one cell: variance components, t interval, Fieller ratio |
//! | [`mod@bootstrap`] | hierarchical bootstrap |
//! | [`mod@compare`] | two cells: the ratio, its interval and a verdict |
//! | [`early_stopping`] | MLPerf's early-stopping rule and query counts |
//! | [`warmup`] | has the series settled? |
//! | [`hypothesis`] | rank and permutation tests, effect sizes |
//! | [`multiplicity`] | p-values of many tests at once |
//! | [`parity`] | how far one set of numbers is from another |
//! | [`logits`] | parity of next-token distributions |
//! | [`identity`] | metrics that must agree with each other |
//! | [`change_point`] | where the level of a series shifts |
//! | [`mod@noise`] | how much a series moves by itself |
//! | [`regression`] | does the latest run still look like those before it? |
//! | [`portability`] | performance portability over a set of platforms |
//! | [`divergence`] | how much of the code differs from platform to platform |
//! | [`histogram`] | a compact store for many latencies |
//!
//! Quantities carry the unit of what was put in: seconds give seconds, nanoseconds give nanoseconds.
//!
//! ```
//! use portbench_stats::{CompareOptions, Direction, Trials, Verdict, compare};
//!
//! let before = Trials::from_nested(&[[10.1, 10.3, 10.2], [10.2, 10.1, 10.2], [10.3, 10.2, 10.1]])?;
//! let after = Trials::from_nested(&[[9.1, 9.0, 9.2], [9.1, 9.2, 9.1], [9.0, 9.1, 9.1]])?;
//! let found = compare(&after, &before, &CompareOptions::new(Direction::LowerIsBetter, 0.01))?;
//! assert_eq!(found.verdict, Verdict::Faster);
//! # Ok::<(), portbench_stats::StatsError>(())
//! ```

pub mod bootstrap;
pub mod change_point;
pub mod compare;
pub mod divergence;
pub mod early_stopping;
mod error;
pub mod estimate;
pub mod histogram;
pub mod hypothesis;
pub mod identity;
pub mod logits;
pub mod multiplicity;
pub mod noise;
pub mod parity;
pub mod portability;
pub mod quantile;
pub mod regression;
pub mod sample;
mod special;
pub mod trials;
pub mod warmup;

pub use bootstrap::{BootstrapOptions, bootstrap, bootstrap_ratio};
pub use change_point::{ChangeOptions, ChangePoint, change_points};
pub use compare::{CompareOptions, Comparison, Direction, Verdict, compare};
pub use error::StatsError;
pub use estimate::{Estimate, IntervalMethod, Statistic, interval};
pub use histogram::LatencyHistogram;
pub use noise::noise;
pub use quantile::{QuantileEstimate, quantile_interval};
pub use regression::Standing;
pub use sample::{Outlier, Sample};
pub use trials::Trials;
