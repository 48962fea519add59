//! `cost`: what stored records cost on an instance or on owned hardware.

mod against;
mod beat;
mod platform;

use std::io::{self, Write};

use portbench_backend::with_causes;
use portbench_catalog::own::Ownership;
use portbench_catalog::{Amount, Catalog};
use portbench_pricing::{CostRow, Origin, Platform, Tariff, Terms, Wanted, Work, WorkUnit, cost_rows};
use portbench_records::{Run, Store};
use portbench_report::{COST_COLUMNS, COST_NUMERIC, amount, cost_cells, hourly};

use crate::args::{CostArgs, Format};
use crate::commands::list::published_entries;
use crate::failure::{Failure, usage};
use crate::progress;
use crate::table::Table;

pub(crate) fn run(args: &CostArgs) -> Result<u8, Failure> {
    let catalog = Catalog::load(args.catalog.catalog.as_deref()).map_err(usage)?;
    check(args)?;
    let platform = platform::platform(&catalog, args)?;
    let terms = Terms::new(args.scale, args.utilisation).map_err(usage)?;
    let format = args.format.format;
    let mut out = io::stdout().lock();
    if let Some(by) = args.owned.sensitivity {
        sensitivity(&platform, by, args.utilisation, format, &mut out)?;
    } else if args.against.against.is_some() || args.against.against_owned.is_some() {
        against::run(args, &catalog, &platform, terms, &mut out)?;
    } else if !about_work(args) {
        hour(&platform, args.utilisation, format, &mut out)?;
    } else if let Some(usd) = args.beat {
        let works = all_works(args, &catalog, &platform)?;
        beat::write(&works, &platform, terms, usd, format, &mut out)?;
    } else {
        let wanted = Wanted::new(args.load.clone(), args.units.clone()).map_err(usage)?;
        let works = all_works(args, &catalog, &platform)?;
        let rows: Vec<CostRow> =
            works.iter().flat_map(|work| cost_rows(work, &platform, terms, &wanted)).collect();
        write(&rows, format, &mut out)?;
    }
    progress::say(&format!("price: {}", words(&platform)));
    Ok(0)
}

/// Whether there is work to price, and not the hour alone.
fn about_work(args: &CostArgs) -> bool {
    args.run.is_some() || args.throughput.is_some() || args.published
}

/// Refuses what would go unheard.
fn check(args: &CostArgs) -> Result<(), Failure> {
    let with = &args.against;
    let exchanged = with.against.is_some() || with.against_owned.is_some();
    for (flag, given) in [
        ("--against-run", with.against_run.is_some()),
        ("--against-throughput", with.against_throughput.is_some()),
        ("--migration", with.migration != 0.0),
    ] {
        if given && !exchanged {
            return Err(Failure::usage(format!(
                "{flag} is about a change: give --against INSTANCE or --against-owned SYSTEM"
            )));
        }
    }
    for (flag, given) in [
        ("--load", !args.load.is_empty()),
        ("--units", !args.units.is_empty()),
        ("--startup", args.startup.is_some()),
        ("--scale", args.scale),
        ("--beat", args.beat.is_some()),
    ] {
        if given && !about_work(args) {
            return Err(Failure::usage(format!(
                "{flag} is about work: give RUN, --throughput RATE or --published"
            )));
        }
    }
    if let Some(seconds) = args.startup.filter(|s| !(s.is_finite() && *s >= 0.0)) {
        return Err(Failure::usage(format!("--startup is {seconds}; it must be a number of at least 0")));
    }
    Ok(())
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

/// The works that the arguments name.
fn all_works(args: &CostArgs, catalog: &Catalog, platform: &Platform) -> Result<Vec<Work>, Failure> {
    if let Some(rate) = args.throughput {
        return Ok(vec![given(args, rate)?]);
    }
    if args.published {
        return published(args, platform);
    }
    let run = Store::new(&args.results.results).resolve(args.run.as_deref().unwrap_or("latest"))?;
    let environment = run.info()?.environment;
    let works: Vec<Work> = works(&run, args.startup)?.collect();
    if works.is_empty() {
        return Err(Failure::nothing("the run has no finished cell"));
    }
    if works.iter().any(|work| work.fits(&platform.accelerator)) {
        progress::say(&format!(
            "measured on: {}, {} CPUs; whether that is what {} has, the record cannot tell",
            environment.cpu, environment.cpus, platform.name
        ));
    } else if let Some(hint) = platform::fitting(catalog, &works) {
        progress::say(&format!("nothing of this run ran on what {} has. {hint}", platform.name));
    }
    Ok(works)
}

/// What others published for the platform.
fn published(args: &CostArgs, platform: &Platform) -> Result<Vec<Work>, Failure> {
    let entries = published_entries(&args.published_results)?;
    let of_it = entries.iter().filter(|entry| entry.result.instance == platform.name);
    let mut works: Vec<Work> = of_it.filter_map(Work::published).collect();
    for work in &mut works {
        work.startup_seconds = args.startup;
    }
    if works.is_empty() {
        let mut known: Vec<&str> = entries.iter().map(|e| e.result.instance.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        return Err(Failure::nothing(format!(
            "no throughput is published of {}; there are results of {}",
            platform.name,
            known.join(", ")
        )));
    }
    Ok(works)
}

/// A throughput that was given, of tokens.
fn given(args: &CostArgs, rate: f64) -> Result<Work, Failure> {
    let mut work = Work::at_rate(WorkUnit::Tokens, Amount::exact(rate), Origin::Given).map_err(usage)?;
    work.startup_seconds = args.startup;
    Ok(work)
}

/// The works of a run; a record that cannot be read is named on stderr.
fn works(run: &Run, startup: Option<f64>) -> Result<impl Iterator<Item = Work>, Failure> {
    let info = run.info()?;
    let work = move |record: Result<portbench_records::Record, _>| match record {
        Ok(record) => {
            let mut work = Work::from(&record).within(&info);
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
