//! The platform that the arguments ask for.

use portbench_catalog::own::Payments;
use portbench_catalog::{Basis, Catalog, PriceQuery};
use portbench_pricing::{Assumptions, Interruption, Platform, Rent};

use crate::args::{CostArgs, OwnedArgs};
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
        (None, Some(system)) => Platform::owned(catalog, system, &assumptions(&args.owned)).map_err(usage),
        (None, None) => Err(Failure::usage("give --instance NAME or --owned SYSTEM")),
    }
}

fn assumptions(args: &OwnedArgs) -> Assumptions {
    Assumptions {
        capital_usd: args.capital,
        it_kw: args.power,
        years: args.years,
        interest: args.interest,
        payments: if args.yearly { Payments::Yearly } else { Payments::Monthly },
        load: args.power_load,
        pue: args.pue,
        usd_per_kwh: args.electricity,
        rent: args.colocation.map(|usd_per_kw_month| Rent {
            usd_per_kw_month,
            includes_power: args.colocation_includes_power,
        }),
        operations: args.operations,
    }
}
