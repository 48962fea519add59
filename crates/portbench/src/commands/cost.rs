//! `cost`: what stored records cost on an instance or on owned hardware.

mod against;
mod platform;

use std::io::{self, Write};

use portbench_backend::with_causes;
use portbench_catalog::own::Ownership;
use portbench_catalog::{Amount, Catalog};
use portbench_pricing::{CostRow, Origin, Platform, Tariff, Terms, Wanted, Work, WorkUnit, cost_rows};
use portbench_records::{Run, Store};
use portbench_report::{COST_COLUMNS, COST_NUMERIC, amount, cost_cells, hourly};

use crate::args::{CostArgs, Format};
use crate::failure::{Failure, usage};
use crate::progress;
use crate::table::Table;

use platform::platform;

pub(crate) fn run(args: &CostArgs) -> Result<u8, Failure> {
    let catalog = Catalog::load(args.catalog.catalog.as_deref()).map_err(usage)?;
    let platform = platform(&catalog, args)?;
    let terms = Terms::new(args.scale, args.utilisation).map_err(usage)?;
    let mut out = io::stdout().lock();
    if let Some(by) = args.owned.sensitivity {
        sensitivity(&platform, by, args.utilisation, args.format.format, &mut out)?;
    } else if args.against.against.is_some() {
        against::run(args, &catalog, &platform, terms, &mut out)?;
    } else if args.run.is_none() && args.throughput.is_none() {
        hour(&platform, args.utilisation, args.format.format, &mut out)?;
    } else {
        write(&rows(args, &platform, terms)?, args.format.format, &mut out)?;
    }
    progress::say(&format!("price: {}", words(&platform)));
    Ok(0)
}

/// A platform with its price for people.
fn words(platform: &Platform) -> String {
    format!(
        "{}, {}: {} USD/h ({})",
        platform.name,
        platform.basis(),
        hourly(platform.usd_per_hour),
        platform.price_origin()
    )
}

fn rows(args: &CostArgs, platform: &Platform, terms: Terms) -> Result<Vec<CostRow>, Failure> {
    let wanted = Wanted::new(args.load.clone(), args.units.clone()).map_err(usage)?;
    if let Some(rate) = args.throughput {
        let work = given(args, rate)?;
        return Ok(cost_rows(&work, platform, terms, &wanted));
    }
    let run = Store::new(&args.results.results).resolve(args.run.as_deref().unwrap_or("latest"))?;
    let environment = run.info()?.environment;
    let found: Vec<CostRow> =
        works(&run, args.startup)?.flat_map(|work| cost_rows(&work, platform, terms, &wanted)).collect();
    if found.is_empty() {
        return Err(Failure::nothing("the run has no finished cell"));
    }
    progress::say(&format!(
        "measured on: {}, {} CPUs; whether that is what {} has, the record cannot tell",
        environment.cpu, environment.cpus, platform.name
    ));
    Ok(found)
}

/// A throughput that was given, of tokens.
fn given(args: &CostArgs, rate: f64) -> Result<Work, Failure> {
    let mut work = Work::at_rate(WorkUnit::Tokens, Amount::exact(rate), Origin::Given).map_err(usage)?;
    work.startup_seconds = args.startup;
    Ok(work)
}

/// The works of a run; a record that cannot be read is named on stderr.
fn works(run: &Run, startup: Option<f64>) -> Result<impl Iterator<Item = Work>, Failure> {
    let work = move |record: Result<portbench_records::Record, _>| match record {
        Ok(record) => {
            let mut work = Work::from(&record);
            work.startup_seconds = startup.or(work.startup_seconds);
            Some(work)
        }
        Err(error) => {
            progress::say(&format!("warning: {}", with_causes(&error)));
            None
        }
    };
    Ok(run.records()?.filter_map(work))
}

fn write(rows: &[CostRow], format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    if format == Format::Json {
        serde_json::to_writer_pretty(&mut *out, rows)?;
        writeln!(out)?;
        return Ok(());
    }
    let mut table = Table::new(&COST_COLUMNS).numeric(&COST_NUMERIC);
    for row in rows {
        table.row(cost_cells(row));
    }
    Ok(table.write(format, out)?)
}

/// Parts of an hour.
fn hour(platform: &Platform, utilisation: f64, format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    let mut table = Table::new(&["platform", "part", "USD/h"]).numeric(&["USD/h"]);
    let mut row = |part: &str, usd: Amount| table.row([platform.name.as_str(), part, &amount(usd)]);
    if let Tariff::Owned { hourly, .. } = &platform.tariff {
        for (part, usd) in [
            ("capital", hourly.capital),
            ("energy", hourly.energy),
            ("colocation", hourly.colocation),
            ("operations", hourly.operations),
        ] {
            row(part, Amount::exact(usd));
        }
    }
    row("an hour", platform.usd_per_hour);
    row("an hour of one accelerator", platform.usd_per_hour.times(1.0 / f64::from(platform.accelerators)));
    if utilisation != 1.0 {
        let useful = portbench_catalog::cost::utilised(platform.usd_per_hour, utilisation).map_err(usage)?;
        row(&format!("an hour of useful work, {} % used", 100.0 * utilisation), useful);
    }
    Ok(table.write(format, out)?)
}

/// How the cost of a useful hour moves.
fn sensitivity(
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
    let (lower, higher) = (format!("{} % lower", 100.0 * by), format!("{} % higher", 100.0 * by));
    let mut table =
        Table::new(&["assumption", "changed", "USD per useful hour"]).numeric(&["USD per useful hour"]);
    table.row(["as assumed", "", &amount(Amount::exact(useful))]);
    for found in ownership.sensitivity(by).map_err(usage)? {
        table.row([found.assumption, &lower, &amount(Amount::exact(found.lower))]);
        table.row([found.assumption, &higher, &amount(Amount::exact(found.higher))]);
    }
    Ok(table.write(format, out)?)
}
