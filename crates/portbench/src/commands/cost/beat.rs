//! From which load on work costs less than a price that somebody else asks.

use std::io::Write;

use portbench_pricing::{NoCost, Platform, Rate, Terms, Work, price};
use portbench_report::{amount, plain};

use crate::args::Format;
use crate::failure::{Failure, usage};
use crate::table::Table;

const COLUMNS: [&str; 8] = [
    "workload",
    "scenario",
    "backend",
    "numerics",
    "per",
    "USD at full use",
    "cheaper from",
    "of throughput",
];

pub(super) fn write(
    works: &[Work],
    platform: &Platform,
    terms: Terms,
    usd: f64,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    portbench_catalog::positive("--beat", usd).map_err(usage)?;
    let mut table = Table::new(&COLUMNS).numeric(&["USD at full use", "cheaper from", "of throughput"]);
    for work in works {
        let labels = &work.labels;
        let mut row = |rest: [String; 4]| {
            let [workload, scenario] = [labels.workload.clone(), labels.scenario.clone()];
            table.row(
                [workload, scenario, labels.backend.clone(), labels.numerics.clone()].into_iter().chain(rest),
            );
        };
        match price(work, platform, terms) {
            Ok(priced) => {
                for rate in priced.rates() {
                    let full = priced.cost(rate).map_or_else(|why| why.to_string(), amount);
                    row(cells(rate, full, priced.break_even_load(rate, usd)));
                }
            }
            Err(why) => row([String::new(), why.to_string(), String::new(), String::new()]),
        }
    }
    Ok(table.write(format, out)?)
}

fn cells(rate: &Rate, full: String, load: Result<f64, NoCost>) -> [String; 4] {
    let per = rate.unit.per().to_owned();
    match load {
        Ok(load) => {
            let share = 100.0 * load / rate.per_second.value;
            [per, full, format!("{} {}/s", plain(load), rate.unit), format!("{share:.0} %")]
        }
        Err(NoCost::Overload) => [per, full, "never".to_owned(), String::new()],
        Err(why) => [per, full, why.to_string(), String::new()],
    }
}
