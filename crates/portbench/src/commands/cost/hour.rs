//! What an hour consists of, and how it moves with what was assumed.

use std::io::Write;

use portbench_catalog::Amount;
use portbench_catalog::cost::utilised;
use portbench_catalog::own::{Moved, Ownership};
use portbench_pricing::{Platform, Tariff};
use portbench_report::{amount, hourly, plain};
use serde::Serialize;

use crate::args::Format;
use crate::failure::{Failure, usage};
use crate::rows;
use crate::table::Table;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Part<'a> {
    platform: &'a str,
    basis: &'static str,
    part: String,
    usd_per_hour: Amount,
    price_origin: String,
}

/// Parts of an hour.
pub(super) fn parts(
    platform: &Platform,
    utilisation: f64,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut parts: Vec<(String, Amount)> = Vec::new();
    if let Tariff::Owned { hourly, .. } = &platform.tariff {
        for (part, usd) in [
            ("capital", hourly.capital),
            ("energy", hourly.energy),
            ("colocation", hourly.colocation),
            ("operations", hourly.operations),
        ] {
            parts.push((part.to_owned(), Amount::exact(usd)));
        }
    }
    let hour = platform.usd_per_hour;
    parts.push(("an hour".to_owned(), hour));
    parts.push(("an hour of one accelerator".to_owned(), hour.times(1.0 / f64::from(platform.accelerators))));
    if utilisation != 1.0 {
        let useful = utilised(hour, utilisation).map_err(usage)?;
        parts.push((format!("an hour of useful work, {} % used", 100.0 * utilisation), useful));
    }
    let mut table = Table::new(&["platform", "part", "USD/h"]).numeric(&["USD/h"]);
    for (part, usd) in &parts {
        table.row([platform.name.as_str(), part, &hourly(*usd)]);
    }
    let found: Vec<Part<'_>> = parts
        .into_iter()
        .map(|(part, usd_per_hour)| Part {
            platform: &platform.name,
            basis: platform.basis(),
            part,
            usd_per_hour,
            price_origin: platform.price_origin(),
        })
        .collect();
    rows::write(&found, &table, format, out)
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Change {
    assumption: &'static str,
    /// As a share; 0 as assumed.
    changed: f64,
    to: Option<f64>,
    /// Whether it stopped at its bound.
    bounded: bool,
    usd_per_useful_hour: f64,
}

/// How the cost of a useful hour moves.
pub(super) fn sensitivity(
    platform: &Platform,
    by: f64,
    utilisation: f64,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Tariff::Owned { ownership, .. } = &platform.tariff else {
        return Err(Failure::usage("--sensitivity is about owned hardware"));
    };
    let ownership = Ownership { utilisation, ..*ownership };
    let useful = ownership.hourly().map_err(usage)?.useful;
    let mut found = vec![Change {
        assumption: "as assumed",
        changed: 0.0,
        to: None,
        bounded: false,
        usd_per_useful_hour: useful,
    }];
    for one in ownership.sensitivity(by).map_err(usage)? {
        let change = |changed: f64, Moved { to, bounded, usd }: Moved| Change {
            assumption: one.assumption,
            changed,
            to: Some(to),
            bounded,
            usd_per_useful_hour: usd,
        };
        found.extend([change(-by, one.lower), change(by, one.higher)]);
    }
    let mut table = Table::new(&["assumption", "changed", "to", "USD per useful hour"])
        .numeric(&["to", "USD per useful hour"]);
    let (lower, higher) = (format!("{} % lower", 100.0 * by), format!("{} % higher", 100.0 * by));
    for row in &found {
        let changed = match row.changed {
            0.0 => "",
            down if down < 0.0 => &lower,
            _ => &higher,
        };
        let bound = if row.bounded { " (its bound)" } else { "" };
        let to = row.to.map(|to| format!("{}{bound}", plain(to))).unwrap_or_default();
        let usd = amount(Amount::exact(row.usd_per_useful_hour));
        table.row([row.assumption, changed, &to, &usd]);
    }
    rows::write(&found, &table, format, out)
}
