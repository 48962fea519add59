//! The platform that the arguments ask for.

use portbench_catalog::{Basis, Catalog, CatalogError, Instance, PriceQuery};
use portbench_pricing::{Interruption, Platform, Ran, Work};
use portbench_records::Store;

use crate::args::CostArgs;
use crate::failure::{Failure, usage};

/// Hardware with its price.
pub(super) fn platform(catalog: &Catalog, args: &CostArgs) -> Result<Platform, Failure> {
    match (&args.instance, &args.owned.owned) {
        (Some(instance), _) => {
            let interruption = Interruption { redone: args.redone, checkpointing: args.checkpointing };
            if interruption != Interruption::default() && args.basis != Basis::Spot {
                return Err(Failure::usage(format!(
                    "--redone and --checkpointing are about spot prices, not {}",
                    args.basis
                )));
            }
            let query = PriceQuery { basis: args.basis, region: args.region.clone(), date: args.date };
            Platform::rented(catalog, instance, &query, interruption).map_err(usage)
        }
        (None, Some(system)) => {
            let owned = &args.owned;
            let assumed = owned.assumed.assumptions(owned.assumed.capital, owned.assumed.power);
            Platform::owned(catalog, system, &assumed).map_err(usage)
        }
        (None, None) => Err(whose_price(catalog, args)),
    }
}

/// The platform that would take the work over.
pub(super) fn against(catalog: &Catalog, args: &CostArgs) -> Result<Platform, Failure> {
    let with = &args.against;
    match (&with.against, &with.against_owned) {
        (Some(instance), _) => {
            let region = with.against_region.clone();
            let query = PriceQuery { basis: with.against_basis, region, date: args.date };
            Platform::rented(catalog, instance, &query, Interruption::default()).map_err(of_other_side)
        }
        (None, Some(system)) => {
            let assumed = args.owned.assumed.assumptions(with.against_capital, with.against_power);
            Platform::owned(catalog, system, &assumed).map_err(of_other_side)
        }
        (None, None) => Err(Failure::usage("give --against INSTANCE or --against-owned SYSTEM")),
    }
}

/// The flags that a message of the catalogue names, as the other side has them.
fn of_other_side(error: CatalogError) -> Failure {
    let text = usage(error).to_string();
    let flags = ["capital", "power", "region", "basis"];
    Failure::usage(
        flags
            .iter()
            .fold(text, |text, flag| text.replace(&format!("--{flag}"), &format!("--against-{flag}"))),
    )
}

/// What to say where neither instance nor system was named: those that have what the run ran on.
fn whose_price(catalog: &Catalog, args: &CostArgs) -> Failure {
    let ways = "whose price? Give --instance NAME (`portbench list instances`) or --owned SYSTEM (`portbench list systems`)";
    let hint = args.run.as_deref().and_then(|run| {
        let run = Store::new(&args.results.results).resolve(run).ok()?;
        let works: Vec<Work> = run.records().ok()?.flatten().map(|record| Work::from(&record)).collect();
        fitting(catalog, &works)
    });
    Failure::usage(hint.map_or_else(|| ways.to_owned(), |hint| format!("{ways}. {hint}")))
}

/// Instances that have what works ran on, for people; `None` where there is none.
pub(super) fn fitting(catalog: &Catalog, works: &[Work]) -> Option<String> {
    const MOST: usize = 8;
    let mut ran: Vec<String> = works.iter().filter_map(Work::ran).map(|ran: Ran| ran.to_string()).collect();
    ran.sort_unstable();
    ran.dedup();
    let fits = |instance: &&Instance| {
        let accelerator = catalog.accelerator(&instance.accelerator);
        accelerator.is_ok_and(|a| works.iter().any(|work| work.fits(a)))
    };
    let names: Vec<&str> = catalog.instances().filter(fits).map(|i| i.name.as_str()).collect();
    let more = if names.len() > MOST { ", ..." } else { "" };
    let shown = &names[..names.len().min(MOST)];
    (!names.is_empty())
        .then(|| format!("The run ran on {}, as in {}{more}", ran.join(" and "), shown.join(", ")))
}
