//! Two platforms that do the same work: where they cost the same, and when a change has paid for itself.

use std::io::Write;

use portbench_backend::with_causes;
use portbench_catalog::Catalog;
use portbench_catalog::cost::{Offer, break_even, utilised};
use portbench_records::{Record, Store};
use portbench_report::plain;

use super::Priced;
use super::price::rented;
use super::rows::throughput;
use crate::args::CostArgs;
use crate::failure::{Failure, usage};
use crate::progress;
use crate::table::Table;

const COLUMNS: [&str; 7] = [
    "work",
    "rate now",
    "rate against",
    "USD/h now",
    "break-even USD/h",
    "discount needed",
    "paid back after",
];

pub(super) fn run(
    args: &CostArgs,
    catalog: &Catalog,
    now: &Priced<'_>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (name, with) = (args.against.against.as_deref().unwrap_or_default(), &args.against);
    let against =
        rented(catalog, name, with.against_basis, with.against_region.as_deref(), args.date, (0.0, 0.0))?;
    let mut table = Table::new(&COLUMNS);
    for work in works(args, now, &against)? {
        let (now_rate, against_rate) = match work.rates {
            Ok(rates) => rates,
            Err(why) => {
                table.row([&work.name, &why]);
                continue;
            }
        };
        let useful = |p: &Priced<'_>| utilised(p.usd, args.utilisation).map(|usd| usd.value).map_err(usage);
        let incumbent = Offer { usd_per_hour: useful(now)?, units_per_second: now_rate };
        let candidate = Offer { usd_per_hour: useful(&against)?, units_per_second: against_rate };
        let found = break_even(incumbent, candidate, with.migration).map_err(usage)?;
        let payback = match found.payback_units {
            None => "never: it costs as much or more".to_owned(),
            Some(_) if with.migration == 0.0 => "at once".to_owned(),
            Some(units) => format!("{} {}", plain(units), work.unit),
        };
        let discount = if found.discount > 0.0 {
            format!("{:.1} %", 100.0 * found.discount)
        } else {
            "none: it is cheaper".to_owned()
        };
        table.row([
            work.name,
            plain(now_rate),
            plain(against_rate),
            super::hourly(now.usd),
            // Idle time is billed on both sides alike.
            plain(found.usd_per_hour * args.utilisation),
            discount,
            payback,
        ]);
    }
    table.write(args.format.format, out)?;
    progress::say(&format!(
        "against: {}, {}: {} USD/h ({})",
        against.platform,
        against.basis,
        super::hourly(against.usd),
        against.origin
    ));
    Ok(())
}

/// Work that both sides do, with the rate of either.
struct Work {
    name: String,
    unit: String,
    rates: Result<(f64, f64), String>,
}

fn works(args: &CostArgs, now: &Priced<'_>, against: &Priced<'_>) -> Result<Vec<Work>, Failure> {
    match (args.throughput, args.against.against_throughput, &args.run, &args.against.against_run) {
        (Some(a), Some(b), ..) => {
            Ok(vec![Work { name: "given".into(), unit: "tokens".into(), rates: Ok((a, b)) }])
        }
        (_, _, Some(a), Some(b)) => {
            let store = Store::new(&args.results.results);
            let (incumbent, candidate) = (records(&store, a)?, records(&store, b)?);
            let works = incumbent.iter().filter_map(|record| {
                let key =
                    |r: &Record| (r.cell.workload.clone(), r.cell.scenario.to_string(), r.cell.numerics);
                let other = candidate.iter().find(|r| key(r) == key(record))?;
                Some(work(args, now, against, record, other))
            });
            let works: Vec<Work> = works.collect();
            if works.is_empty() {
                return Err(Failure::nothing(
                    "the two runs have no cell of the same workload, scenario and numerics",
                ));
            }
            Ok(works)
        }
        _ => Err(Failure::usage(
            "a break-even needs both rates: RUN and --against-run RUN, or --throughput RATE and --against-throughput RATE",
        )),
    }
}

fn work(args: &CostArgs, now: &Priced<'_>, against: &Priced<'_>, a: &Record, b: &Record) -> Work {
    let rate = |platform: &Priced<'_>, record: &Record| {
        let factor = if args.scale { f64::from(platform.accelerators) } else { 1.0 };
        throughput(platform, record).map(|t| t.times(factor).value)
    };
    let rates = if a.problem.fingerprint == b.problem.fingerprint {
        rate(now, a).and_then(|x| Ok((x, rate(against, b)?)))
    } else {
        Err(format!("not the same work: programs {} and {}", &a.problem.fingerprint, &b.problem.fingerprint))
    };
    let scaled = if args.scale { " (scaled)" } else { "" };
    Work {
        name: format!("{} {} {}{scaled}", a.cell.workload, a.cell.scenario, a.cell.numerics),
        unit: a.problem.unit.to_string(),
        rates,
    }
}

fn records(store: &Store, run: &str) -> Result<Vec<Record>, Failure> {
    let mut records = Vec::new();
    for record in store.resolve(run)?.records()? {
        match record {
            Ok(record) => records.push(record),
            Err(error) => progress::say(&format!("warning: {}", with_causes(&error))),
        }
    }
    Ok(records)
}
