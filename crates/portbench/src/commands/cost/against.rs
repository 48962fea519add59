//! Two platforms that do the same work: where they cost the same, and when a change has paid for itself.

use std::io::Write;

use portbench_catalog::Catalog;
use portbench_pricing::{Exchange, NoCost, Platform, Terms, Work, exchange, price};
use portbench_records::Store;
use portbench_report::{hourly, plain};

use super::{given, platform, words, works};
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
    now: &Platform,
    terms: Terms,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let against = platform::against(catalog, args)?;
    let migration = args.against.migration;
    let mut table = Table::new(&COLUMNS);
    for (incumbent, candidate) in pairs(args)? {
        let found = exchanged((&incumbent, now), (&candidate, &against), terms, migration);
        let name = named(&incumbent, args.scale);
        match found {
            Ok(found) => table.row(cells(name, &found, now, migration)),
            // The sum of something out of range is the user's mistake; anything else is news about the cell.
            Err(NoCost::Sum(mistake)) => return Err(usage(mistake)),
            Err(why) => table.row([name, why.to_string()]),
        }
    }
    table.write(args.format.format, out)?;
    progress::say(&format!("against: {}", words(&against)));
    Ok(())
}

fn exchanged(
    now: (&Work, &Platform),
    then: (&Work, &Platform),
    terms: Terms,
    migration: f64,
) -> Result<Exchange, NoCost> {
    exchange(&price(now.0, now.1, terms)?, &price(then.0, then.1, terms)?, migration)
}

fn named(work: &Work, scaled: bool) -> String {
    let mark = if scaled { " (scaled)" } else { "" };
    match &work.cell {
        Some(cell) => format!("{} {} {}{mark}", cell.workload, cell.scenario, cell.numerics),
        None => "given".to_owned(),
    }
}

fn cells(name: String, found: &Exchange, now: &Platform, migration: f64) -> [String; 7] {
    let payback = match found.break_even.payback_units {
        None => "never: it costs as much or more".to_owned(),
        Some(_) if migration == 0.0 => "at once".to_owned(),
        Some(units) => format!("{} {}", plain(units), found.unit),
    };
    let discount = if found.break_even.discount > 0.0 {
        format!("{:.1} %", 100.0 * found.break_even.discount)
    } else {
        "none: it is cheaper".to_owned()
    };
    [
        name,
        plain(found.incumbent_rate),
        plain(found.candidate_rate),
        hourly(now.usd_per_hour),
        plain(found.break_even.usd_per_hour),
        discount,
        payback,
    ]
}

/// Works of the same workload, scenario and numerics on either side.
fn pairs(args: &CostArgs) -> Result<Vec<(Work, Work)>, Failure> {
    match (args.throughput, args.against.against_throughput, &args.run, &args.against.against_run) {
        (Some(a), Some(b), ..) => Ok(vec![(given(args, a)?, given(args, b)?)]),
        (_, _, Some(a), Some(b)) => {
            let store = Store::new(&args.results.results);
            let read = |run: &str| -> Result<Vec<Work>, Failure> {
                Ok(works(&store.resolve(run)?, args.startup)?.collect())
            };
            let (incumbents, candidates) = (read(a)?, read(b)?);
            let key = |work: &Work| {
                work.cell.as_ref().map(|c| (c.workload.clone(), c.scenario.to_string(), c.numerics))
            };
            let pairs: Vec<(Work, Work)> = incumbents
                .into_iter()
                .filter_map(|work| {
                    let other = candidates.iter().find(|other| key(other) == key(&work))?.clone();
                    Some((work, other))
                })
                .collect();
            if pairs.is_empty() {
                return Err(Failure::nothing(
                    "the two runs have no cell of the same workload, scenario and numerics",
                ));
            }
            Ok(pairs)
        }
        _ => Err(Failure::usage(
            "a break-even needs both rates: RUN and --against-run RUN, or --throughput RATE and --against-throughput RATE",
        )),
    }
}
