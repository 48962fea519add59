//! `cost`: what stored records cost on an instance or on owned hardware.

mod against;
mod beat;
mod check;
mod hour;
mod platform;
mod works;

use std::io::{self, Write};

use portbench_catalog::Catalog;
use portbench_measure::Mode;
use portbench_pricing::{CostRow, Platform, Terms, Wanted, Work, cost_rows};
use portbench_report::{COST_COLUMNS, COST_NUMERIC, cost_cells, hourly};

use crate::args::CostArgs;
use crate::failure::{Failure, NOTHING, usage};
use crate::progress;
use crate::rows;
use crate::table::Table;

pub(crate) fn run(args: &CostArgs) -> Result<u8, Failure> {
    let catalog = Catalog::load(args.catalog.catalog.as_deref()).map_err(usage)?;
    check::check(args)?;
    let platform = platform::platform(&catalog, args)?;
    let terms = Terms::new(args.scale, args.utilisation).map_err(usage)?;
    let format = args.format.format;
    let mut out = io::stdout().lock();
    let mut priced = true;
    if let Some(by) = args.owned.sensitivity {
        hour::sensitivity(&platform, by, args.utilisation, format, &mut out)?;
    } else if check::exchanged(args) {
        priced = against::run(args, &catalog, &platform, terms, &mut out)?;
    } else if !check::about_work(args) {
        hour::parts(&platform, args.utilisation, format, &mut out)?;
    } else {
        let (works, notes) = works::all(args, &catalog, &platform)?;
        priced = match args.beat {
            Some(usd) => beat::write(&works, &platform, terms, usd, format, &mut out)?,
            None => costs(args, &works, &platform, terms, &mut out)?,
        };
        for note in notes {
            progress::say(&note);
        }
    }
    progress::say(&format!("price: {}", words(&platform)));
    if priced {
        return Ok(0);
    }
    progress::say("nothing here could be priced");
    Ok(NOTHING)
}

/// Writes the costs of works; whether there is one.
fn costs(
    args: &CostArgs,
    works: &[Work],
    platform: &Platform,
    terms: Terms,
    out: &mut dyn Write,
) -> Result<bool, Failure> {
    let wanted = Wanted::new(args.load.clone(), args.units.clone()).map_err(usage)?;
    let found: Vec<CostRow> =
        works.iter().flat_map(|work| cost_rows(work, platform, terms, &wanted)).collect();
    let mut table = Table::new(&COST_COLUMNS).numeric(&COST_NUMERIC);
    for row in &found {
        table.row(cost_cells(row));
    }
    rows::write(&found, &table, args.format.format, out)?;
    let reads = |work: &Work| work.cell.as_ref().is_some_and(|cell| cell.mode == Mode::Generate);
    if works.iter().any(|work| reads(work) && work.fits(&platform.accelerator)) {
        progress::say(
            "output tokens, input tokens and tokens in all each carry the whole bill: they are three ways to count one sum, and do not add up",
        );
    }
    Ok(found.iter().any(|row| row.usd.is_ok()))
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
