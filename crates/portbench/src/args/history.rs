//! Arguments of `history`.

use clap::Args;
use portbench_measure::Metric;

use super::{FormatArgs, ResultsArgs, metric};

/// Arguments of `history`.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Only these cells or workloads (names; * matches anything)
    #[arg(value_name = "CELL|WORKLOAD")]
    pub(crate) cells: Vec<String>,
    /// Only runs of this suite
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Option<String>,
    /// Follow this metric: throughput, latency-p50, ttft-p50, ... (throughput if not given; of server traffic the median times, of training the held-out loss as well)
    #[arg(long, value_name = "METRIC", value_parser = metric)]
    pub(crate) metric: Option<Metric>,
    /// Only runs of this day (UTC) or later
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) since: Option<(i64, i64, i64)>,
    /// Only the last runs of each suite on each machine
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) last: Option<u32>,
    /// Show series that ended, too: their program or settings gave way to others
    #[arg(long)]
    pub(crate) ended: bool,
    /// Exit with 4 on a regression, and where a cell is lost, fails where it was refused, or was not run
    #[arg(long)]
    pub(crate) gate: bool,
    /// Say which suites' newest runs are older than this; with --gate they count
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    pub(crate) stale: Option<f64>,
    #[command(flatten)]
    pub(crate) results: ResultsArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Reads a date.
fn day(text: &str) -> Result<(i64, i64, i64), String> {
    let parts: Vec<i64> = text.split('-').map_while(|part| part.parse().ok()).collect();
    match parts[..] {
        [year, month @ 1..=12, day @ 1..=31] if year > 1900 && text.split('-').count() == 3 => {
            Ok((year, month, day))
        }
        _ => Err("write a date as 2026-11-26".to_owned()),
    }
}

/// Reads a number of hours.
fn hours(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|hours: &f64| *hours > 0.0 && hours.is_finite())
        .ok_or_else(|| "give hours, above 0".to_owned())
}
