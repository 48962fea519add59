//! Two platforms that do the same work: where they cost the same, and when a change has paid for itself.

use std::io::Write;

use portbench_catalog::cost::Stand;
use portbench_catalog::{Amount, Catalog};
use portbench_pricing::{Exchange, NoCost, Platform, Side, Terms, Work, exchange, price};
use portbench_records::Store;
use portbench_report::{amount, amount_or, hourly, rate};
use serde::Serialize;

use super::works::{given, of_run};
use super::{platform, words};
use crate::args::CostArgs;
use crate::failure::{Failure, usage};
use crate::progress;
use crate::rows;
use crate::table::Table;

const COLUMNS: [&str; 14] = [
    "work",
    "per",
    "now",
    "rate now",
    "USD/h now",
    "USD now",
    "against",
    "rate against",
    "USD/h against",
    "USD against",
    "against is",
    "break-even USD/h",
    "discount needed",
    "paid back after",
];

const NUMERIC: [&str; 8] = [
    "rate now",
    "USD/h now",
    "USD now",
    "rate against",
    "USD/h against",
    "USD against",
    "break-even USD/h",
    "discount needed",
];

/// A work on both platforms.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    workload: String,
    scenario: String,
    numerics: String,
    replicas: Option<u64>,
    /// The count that the sums are for.
    per: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<Side>,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Side>,
    /// How the cost of the other side stands to that of now.
    against_is: Option<Stand>,
    /// Whether the intervals of both costs share a value.
    intervals_overlap: Option<bool>,
    break_even_usd_per_hour: Option<Amount>,
    /// Share by which the other side's price would have to fall; absent unless it is dearer.
    discount_needed: Option<Amount>,
    migration_usd: f64,
    /// Units of work; absent where the change never pays for itself.
    payback_units: Option<Amount>,
    unit: Option<&'static str>,
    /// Why there is no sum.
    detail: Option<String>,
}

/// Writes the comparison; whether there is one.
pub(super) fn run(
    args: &CostArgs,
    catalog: &Catalog,
    now: &Platform,
    terms: Terms,
    out: &mut dyn Write,
) -> Result<bool, Failure> {
    let against = platform::against(catalog, args)?;
    let migration = args.against.migration;
    let mut found = Vec::new();
    for (incumbent, candidate) in pairs(args, now, &against, terms)? {
        match exchanged((&incumbent, now), (&candidate, &against), terms, migration) {
            Ok(both) => found.push(row(&incumbent, both, migration)),
            // The sum of something out of range is the user's mistake; anything else is news about the cell.
            Err(NoCost::Sum(mistake)) => return Err(usage(mistake)),
            Err(why) => {
                found.push(Row { detail: Some(why.to_string()), ..empty(&incumbent, migration) });
            }
        }
    }
    let mut table = Table::new(&COLUMNS).numeric(&NUMERIC);
    for row in &found {
        table.row(cells(row));
    }
    rows::write(&found, &table, args.format.format, out)?;
    progress::say(&format!("against: {}", words(&against)));
    let wide = |row: &Row| row.break_even_usd_per_hour.is_some_and(|usd| usd.low < usd.high);
    if found.iter().any(wide) {
        progress::say(
            "intervals reach from one end to the other of what both sides' throughputs and prices allow together",
        );
    }
    Ok(found.iter().any(|row| row.now.is_some()))
}

fn exchanged(
    now: (&Work, &Platform),
    then: (&Work, &Platform),
    terms: Terms,
    migration: f64,
) -> Result<Exchange, NoCost> {
    exchange(&price(now.0, now.1, terms)?, &price(then.0, then.1, terms)?, migration)
}

fn empty(work: &Work, migration_usd: f64) -> Row {
    Row {
        workload: work.labels.workload.clone(),
        scenario: work.labels.scenario.clone(),
        numerics: work.labels.numerics.clone(),
        replicas: work.cell.as_ref().map(|cell| cell.replicas),
        per: None,
        now: None,
        against: None,
        against_is: None,
        intervals_overlap: None,
        break_even_usd_per_hour: None,
        discount_needed: None,
        migration_usd,
        payback_units: None,
        unit: None,
        detail: None,
    }
}

fn row(work: &Work, found: Exchange, migration: f64) -> Row {
    let Exchange { unit, now, against, break_even } = found;
    Row {
        per: Some(unit.per()),
        now: Some(now),
        against: Some(against),
        against_is: Some(break_even.stand),
        intervals_overlap: Some(break_even.overlap),
        break_even_usd_per_hour: Some(break_even.usd_per_hour),
        discount_needed: break_even.discount,
        payback_units: break_even.payback_units,
        unit: Some(unit.name()),
        ..empty(work, migration)
    }
}

fn cells(row: &Row) -> Vec<String> {
    let words = [row.workload.as_str(), &row.scenario, &row.numerics];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let together = row.replicas.filter(|n| *n > 1).map(|n| format!(" x{n}")).unwrap_or_default();
    let work = if words.is_empty() { "given".to_owned() } else { words.join(" ") + &together };
    let (Some(now), Some(against), Some(stand)) = (&row.now, &row.against, row.against_is) else {
        return vec![work, row.detail.clone().unwrap_or_default()];
    };
    let side = |side: &Side| {
        let backend = if side.backend.is_empty() { "given" } else { &side.backend };
        [
            format!("{backend}, {}", side.share),
            rate(side.throughput, side.trials),
            hourly(side.usd_per_hour),
            amount(side.usd),
        ]
    };
    let overlap = row.intervals_overlap == Some(true) && stand != Stand::Equal;
    let [a, b, c] = [
        row.break_even_usd_per_hour.map(|usd| match usd.high.is_finite() {
            true => hourly(usd),
            false => amount_or(usd, "no end"),
        }),
        row.discount_needed.map(|share| format!("{} %", amount(share.times(100.0)))),
        Some(payback(row, stand)),
    ]
    .map(|cell| cell.unwrap_or_else(|| "none".to_owned()));
    [work, row.per.unwrap_or_default().to_owned()]
        .into_iter()
        .chain(side(now))
        .chain(side(against))
        .chain([format!("{}{}", stand.name(), if overlap { "; intervals overlap" } else { "" }), a, b, c])
        .collect()
}

fn payback(row: &Row, stand: Stand) -> String {
    match (row.payback_units, stand) {
        (Some(_), _) if row.migration_usd == 0.0 => "at once".to_owned(),
        (Some(units), _) => {
            format!("{} {}", amount_or(units, "never"), row.unit.unwrap_or_default())
        }
        (None, Stand::Equal) => "never: it costs the same".to_owned(),
        (None, _) => "never: it costs more".to_owned(),
    }
}

/// What two cells have in common that are held against each other.
#[derive(PartialEq)]
struct Key {
    workload: String,
    scenario: String,
    numerics: String,
    replicas: u64,
}

impl Key {
    fn of(work: &Work) -> Option<Self> {
        let cell = work.cell.as_ref()?;
        Some(Self {
            workload: cell.workload.clone(),
            scenario: cell.scenario.to_string(),
            numerics: cell.numerics.to_string(),
            replicas: cell.replicas,
        })
    }
}

/// Works of the same workload, scenario, numerics and replicas on either side, of each side that of the fastest back end.
fn pairs(
    args: &CostArgs,
    now: &Platform,
    then: &Platform,
    terms: Terms,
) -> Result<Vec<(Work, Work)>, Failure> {
    match (args.throughput, args.against.against_throughput, &args.run, &args.against.against_run) {
        (Some(a), Some(b), ..) => Ok(vec![(given(args, a)?, given(args, b)?)]),
        (_, _, Some(a), Some(b)) => {
            let store = Store::new(&args.results.results);
            let read = |run: &str, on: &Platform| -> Result<Vec<(Key, Work)>, Failure> {
                Ok(fastest(of_run(&store.resolve(run)?, args.startup)?, on, terms))
            };
            let (incumbents, mut candidates) = (read(a, now)?, read(b, then)?);
            let mut pairs = Vec::new();
            let mut alone = 0;
            for (key, work) in incumbents {
                match candidates.iter().position(|(other, _)| *other == key) {
                    Some(place) => pairs.push((work, candidates.swap_remove(place).1)),
                    None => alone += 1,
                }
            }
            if pairs.is_empty() {
                return Err(Failure::nothing(
                    "the two runs have no cell of the same workload, scenario, numerics and replicas",
                ));
            }
            progress::say("of each side the back end counts that is the fastest there");
            alone += candidates.len();
            if alone > 0 {
                let (s, verb) = if alone == 1 { ("", "has") } else { ("s", "have") };
                progress::say(&format!("left out: {alone} work{s} that only one side {verb}"));
            }
            Ok(pairs)
        }
        _ => Err(Failure::usage(
            "a break-even needs both rates: RUN and --against-run RUN, or --throughput RATE and --against-throughput RATE",
        )),
    }
}

/// Of works that differ in their back end alone the fastest that the platform can have done, or else the first.
fn fastest(works: impl Iterator<Item = Work>, platform: &Platform, terms: Terms) -> Vec<(Key, Work)> {
    let speed = |work: &Work| {
        let priced = price(work, platform, terms).ok()?;
        priced.rates().first().map(|rate| rate.per_second.value)
    };
    let mut found: Vec<(Key, Work)> = Vec::new();
    for work in works {
        let Some(key) = Key::of(&work) else { continue };
        match found.iter_mut().find(|(other, _)| *other == key) {
            Some((_, held)) if speed(&work) > speed(held) => *held = work,
            Some(_) => {}
            None => found.push((key, work)),
        }
    }
    found
}
