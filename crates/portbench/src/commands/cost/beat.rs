//! From which load on work costs less than a price that somebody else asks.

use std::io::Write;

use portbench_catalog::Amount;
use portbench_pricing::{NoCost, Origin, Platform, Priced, Rate, Share, Terms, Work, price};
use portbench_report::{amount, plain};
use serde::Serialize;

use crate::args::Format;
use crate::failure::Failure;
use crate::rows;
use crate::table::Table;

const COLUMNS: [&str; 9] = [
    "workload",
    "scenario",
    "backend",
    "numerics",
    "of platform",
    "per",
    "USD at full use",
    "cheaper from",
    "of throughput",
];

/// One unit of one work.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    workload: String,
    scenario: String,
    backend: String,
    numerics: String,
    provenance: Option<Origin>,
    of_platform: Option<String>,
    per: Option<&'static str>,
    /// The price to beat.
    beat_usd: f64,
    /// USD at full use; absent where full use is not known.
    usd: Option<Amount>,
    /// Units a second from which on this is cheaper; absent where no load is, or none that is known.
    cheaper_from_per_second: Option<f64>,
    /// That load as a share of the throughput.
    share_of_throughput: Option<f64>,
    /// Why there is no such load.
    detail: Option<String>,
    platform: String,
    basis: &'static str,
    usd_per_hour: Amount,
    price_origin: String,
    #[serde(skip)]
    unit: &'static str,
}

/// Writes them; whether there is one.
pub(super) fn write(
    works: &[Work],
    platform: &Platform,
    terms: Terms,
    usd: f64,
    format: Format,
    out: &mut dyn Write,
) -> Result<bool, Failure> {
    let mut found = Vec::new();
    for work in works {
        match price(work, platform, terms) {
            Ok(priced) => found.extend(priced.rates().iter().map(|rate| of_rate(&priced, rate, usd))),
            Err(why) => found.push(Row { detail: Some(why.to_string()), ..empty(work, platform, usd) }),
        }
    }
    let mut table = Table::new(&COLUMNS).numeric(&["USD at full use", "cheaper from", "of throughput"]);
    for row in &found {
        table.row(cells(row));
    }
    rows::write(&found, &table, format, out)?;
    Ok(found.iter().any(|row| row.per.is_some()))
}

fn empty(work: &Work, platform: &Platform, beat_usd: f64) -> Row {
    let labels = work.labels.clone();
    Row {
        workload: labels.workload,
        scenario: labels.scenario,
        backend: labels.backend,
        numerics: labels.numerics,
        provenance: None,
        of_platform: None,
        per: None,
        beat_usd,
        usd: None,
        cheaper_from_per_second: None,
        share_of_throughput: None,
        detail: None,
        platform: platform.name.clone(),
        basis: platform.basis(),
        usd_per_hour: platform.usd_per_hour,
        price_origin: platform.price_origin(),
        unit: "",
    }
}

fn of_rate(priced: &Priced<'_>, rate: &Rate, beat_usd: f64) -> Row {
    let load = priced.break_even_load(rate, beat_usd);
    // The rate of arrivals is no full use.
    let full = !priced.work().offered();
    let share: Share = priced.share();
    Row {
        provenance: Some(priced.work().origin),
        of_platform: Some(share.to_string()),
        per: Some(rate.unit.per()),
        usd: priced.cost(rate).ok().filter(|_| full),
        cheaper_from_per_second: load.as_ref().ok().copied(),
        share_of_throughput: load.as_ref().ok().map(|load| load / rate.per_second.value).filter(|_| full),
        detail: load.err().map(|why| match why {
            NoCost::Overload => "never".to_owned(),
            why => why.to_string(),
        }),
        unit: rate.unit.name(),
        ..empty(priced.work(), priced.platform(), beat_usd)
    }
}

fn cells(row: &Row) -> [String; 9] {
    let from = row.cheaper_from_per_second.map(|load| format!("{} {}/s", plain(load), row.unit));
    [
        row.workload.clone(),
        row.scenario.clone(),
        row.backend.clone(),
        row.numerics.clone(),
        row.of_platform.clone().unwrap_or_default(),
        row.per.unwrap_or_default().to_owned(),
        row.usd.map(amount).unwrap_or_default(),
        from.or_else(|| row.detail.clone()).unwrap_or_default(),
        row.share_of_throughput.map(|share| format!("{:.0} %", 100.0 * share)).unwrap_or_default(),
    ]
}
