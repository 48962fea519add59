//! `cost`: what stored records cost on an instance or on owned hardware.

mod against;
mod price;
mod rows;

use std::io::{self, Write};

use portbench_backend::with_causes;
use portbench_catalog::own::Ownership;
use portbench_catalog::{Amount, Catalog};
use portbench_records::Store;
use portbench_report::plain_with;

use crate::args::{CostArgs, Format};
use crate::failure::{Failure, usage};
use crate::progress;
use crate::table::Table;

use price::{Priced, fits, priced};
use rows::{COLUMNS, CostRow};

pub(crate) fn run(args: &CostArgs) -> Result<u8, Failure> {
    let catalog = Catalog::load(args.catalog.catalog.as_deref()).map_err(usage)?;
    let platform = priced(&catalog, args)?;
    let mut out = io::stdout().lock();
    if let Some(by) = args.owned.sensitivity {
        sensitivity(&platform, by, args.utilisation, args.format.format, &mut out)?;
    } else if args.against.against.is_some() {
        against::run(args, &catalog, &platform, &mut out)?;
    } else if args.run.is_none() && args.throughput.is_none() {
        hour(&platform, args.utilisation, args.format.format, &mut out)?;
    } else {
        write(&cost_rows(args, &platform)?, args.format.format, &mut out)?;
    }
    progress::say(&format!(
        "price: {}, {}: {} USD/h ({})",
        platform.platform,
        platform.basis,
        hourly(platform.usd),
        platform.origin
    ));
    Ok(0)
}

fn cost_rows(args: &CostArgs, platform: &Priced<'_>) -> Result<Vec<CostRow>, Failure> {
    if let Some(rate) = args.throughput {
        return rows::of_rate(args, platform, rate);
    }
    let run = Store::new(&args.results.results).resolve(args.run.as_deref().unwrap_or("latest"))?;
    let environment = run.info()?.environment;
    let mut found = Vec::new();
    for record in run.records()? {
        match record {
            Ok(record) => found.extend(rows::of_record(args, platform, &record)?),
            Err(error) => progress::say(&format!("warning: {}", with_causes(&error))),
        }
    }
    if found.is_empty() {
        return Err(Failure::nothing("the run has no finished cell"));
    }
    progress::say(&format!(
        "measured on: {}, {} CPUs; whether that is what {} has, the record cannot tell",
        environment.cpu, environment.cpus, platform.platform
    ));
    Ok(found)
}

fn write(rows: &[CostRow], format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    if format == Format::Json {
        serde_json::to_writer_pretty(&mut *out, rows)?;
        writeln!(out)?;
        return Ok(());
    }
    let mut table = Table::new(&COLUMNS);
    for row in rows {
        table.row(row.cells());
    }
    Ok(table.write(format, out)?)
}

/// Parts of an hour.
fn hour(platform: &Priced<'_>, utilisation: f64, format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    let mut table = Table::new(&["platform", "part", "USD/h"]);
    let mut row = |part: &str, usd: Amount| table.row([platform.platform.as_str(), part, &words(usd)]);
    if let Some((_, parts)) = &platform.parts {
        for (part, usd) in [
            ("capital", parts.capital),
            ("energy", parts.energy),
            ("colocation", parts.colocation),
            ("operations", parts.operations),
        ] {
            row(part, Amount::exact(usd));
        }
    }
    row("an hour", platform.usd);
    row("an hour of one accelerator", platform.usd.times(1.0 / f64::from(platform.accelerators)));
    if utilisation != 1.0 {
        let useful = portbench_catalog::cost::utilised(platform.usd, utilisation).map_err(usage)?;
        row(&format!("an hour of useful work, {} % used", 100.0 * utilisation), useful);
    }
    Ok(table.write(format, out)?)
}

/// How the cost of a useful hour moves.
fn sensitivity(
    platform: &Priced<'_>,
    by: f64,
    utilisation: f64,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Some((ownership, _)) = platform.parts else {
        return Err(Failure::usage("--sensitivity is about owned hardware"));
    };
    let ownership = Ownership { utilisation, ..ownership };
    let useful = ownership.hourly().map_err(usage)?.useful;
    let (lower, higher) = (format!("{} % lower", 100.0 * by), format!("{} % higher", 100.0 * by));
    let mut table = Table::new(&["assumption", "changed", "USD per useful hour"]);
    table.row(["as assumed", "", &words(Amount::exact(useful))]);
    for found in ownership.sensitivity(by).map_err(usage)? {
        table.row([found.assumption, &lower, &words(Amount::exact(found.lower))]);
        table.row([found.assumption, &higher, &words(Amount::exact(found.higher))]);
    }
    Ok(table.write(format, out)?)
}

/// A price per hour with the digits that prices have.
fn hourly(usd: Amount) -> String {
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

/// A sum for people, with its interval if it has one.
fn words(amount: Amount) -> String {
    if amount.low == amount.high {
        portbench_report::plain(amount.value)
    } else {
        plain_with(amount.value, amount.low, amount.high)
    }
}
