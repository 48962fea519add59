//! Costs as table rows.

use portbench_catalog::Amount;
use portbench_chart::number::{plain, plain_with};
use portbench_pricing::CostRow;

/// Heads of the columns of costs.
pub const COST_COLUMNS: [&str; 9] =
    ["workload", "scenario", "backend", "numerics", "throughput", "of platform", "per", "USD", "where from"];

/// Which of them hold numbers, which people read from the right.
pub const COST_NUMERIC: [&str; 2] = ["throughput", "USD"];

/// Units a second; where that is from fewer than three trials, from how many: the interval knows little then.
#[must_use]
pub fn rate(per_second: Amount, trials: Option<usize>) -> String {
    let few = match trials {
        Some(1) => " (1 trial)".to_owned(),
        Some(n) if n < 3 => format!(" ({n} trials)"),
        _ => String::new(),
    };
    format!("{}/s{few}", amount(per_second))
}

/// A number with its interval, which may have no upper end: then a word stands there.
#[must_use]
pub fn amount_or(amount: Amount, endless: &str) -> String {
    if amount.high.is_finite() {
        return self::amount(amount);
    }
    format!("{} [{}, {endless}]", plain(amount.value), plain(amount.low))
}

/// The cells of a cost, as many as [`COST_COLUMNS`]. What has no cost says why in the column of the sum.
#[must_use]
pub fn cost_cells(row: &CostRow) -> [String; 9] {
    [
        row.workload.clone(),
        row.scenario.clone(),
        row.backend.clone(),
        row.numerics.clone(),
        row.throughput.map(|t| rate(t, row.trials)).unwrap_or_default(),
        row.share.map(|share| share.to_string()).unwrap_or_default(),
        row.per.map(|per| per.to_string()).unwrap_or_default(),
        match &row.usd {
            Ok(usd) => amount(*usd),
            Err(why) => why.to_string(),
        },
        row.provenance.map(|origin| origin.name().to_owned()).unwrap_or_default(),
    ]
}

/// A number for people, with its interval if it has one.
#[must_use]
pub fn amount(amount: Amount) -> String {
    if amount.low == amount.high {
        plain(amount.value)
    } else {
        plain_with(amount.value, amount.low, amount.high)
    }
}

/// A price per hour with the digits that prices have, and its range if it has one.
#[must_use]
pub fn hourly(usd: Amount) -> String {
    let text = |v: f64| {
        let digits = format!("{v:.4}");
        digits.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if usd.low == usd.high {
        text(usd.value)
    } else {
        format!("{} [{}, {}]", text(usd.value), text(usd.low), text(usd.high))
    }
}
