//! What an hour costs, and where that comes from.

use portbench_catalog::own::{Colocation, HourlyCost, Ownership, Payments};
use portbench_catalog::{Accelerator, Amount, Basis, Catalog, CatalogError, Day, Kind, PriceQuery, cost};

use crate::args::{CostArgs, OwnedArgs};
use crate::commands::list::price_marks;
use crate::failure::{Failure, usage};

/// A platform with the price of an hour of it.
pub(super) struct Priced<'a> {
    /// Instance or system.
    pub(super) platform: String,
    /// Its accelerator.
    pub(super) accelerator: &'a Accelerator,
    /// How many it has.
    pub(super) accelerators: u32,
    /// USD an hour of the calendar.
    pub(super) usd: Amount,
    /// `owned`, or the basis.
    pub(super) basis: String,
    /// Where and when the price holds, and what speaks against it.
    pub(super) origin: String,
    /// The parts, of owned hardware.
    pub(super) parts: Option<(Ownership, HourlyCost)>,
}

/// Price that the arguments ask for.
pub(super) fn priced<'a>(catalog: &'a Catalog, args: &CostArgs) -> Result<Priced<'a>, Failure> {
    match (&args.instance, &args.owned.owned) {
        (Some(instance), _) => {
            let extra = (args.redone, args.checkpointing);
            rented(catalog, instance, args.basis, args.region.as_deref(), args.date, extra)
        }
        (None, Some(system)) => owned(catalog, system, &args.owned),
        (None, None) => Err(Failure::usage("give --instance NAME or --owned SYSTEM")),
    }
}

/// Price of an instance.
pub(super) fn rented<'a>(
    catalog: &'a Catalog,
    name: &str,
    basis: Basis,
    region: Option<&str>,
    date: Option<Day>,
    (redone, checkpointing): (f64, f64),
) -> Result<Priced<'a>, Failure> {
    let instance = catalog.instance(name).map_err(usage)?;
    let query = PriceQuery { basis, region: region.map(ToOwned::to_owned), date };
    let price = catalog.price(name, &query).map_err(usage)?;
    let mut usd = price.usd();
    let mut origin = format!("{}, {}, {}", price.places(), price.date, price.source);
    for mark in Some(price_marks(price)).filter(|marks| !marks.is_empty()).iter().chain(&price.note) {
        origin += &format!(" ({mark})");
    }
    if redone != 0.0 || checkpointing != 0.0 {
        if basis != Basis::Spot {
            return Err(Failure::usage(format!(
                "--redone and --checkpointing are about spot prices, not {basis}"
            )));
        }
        usd = cost::interrupted(usd, redone, checkpointing).map_err(usage)?;
        origin += &format!(
            "; with {} % of the work done again and {} % of the time for checkpoints",
            100.0 * redone,
            100.0 * checkpointing
        );
    }
    Ok(Priced {
        platform: name.to_owned(),
        accelerator: catalog.accelerator(&instance.accelerator).map_err(usage)?,
        accelerators: instance.accelerators,
        usd,
        basis: basis.to_string(),
        origin,
        parts: None,
    })
}

fn owned<'a>(catalog: &'a Catalog, name: &str, args: &OwnedArgs) -> Result<Priced<'a>, Failure> {
    let system = catalog.system(name).map_err(usage)?;
    let unknown = |figure: &str, flag: &str| {
        usage(CatalogError::NoFigure {
            name: name.to_owned(),
            figure: figure.to_owned(),
            help: format!("none is published; give it with {flag}"),
        })
    };
    let figure =
        |given: Option<f64>, known: &Option<portbench_catalog::Quoted>, unit: &str| match (given, known) {
            (Some(value), _) => Some((value, format!("{value} {unit} (given)"))),
            (None, Some(q)) => {
                let mark = if q.estimate { "estimate, " } else { "" };
                Some((q.value, format!("{} {unit} ({mark}{})", q.value, q.source)))
            }
            (None, None) => None,
        };
    let (capital_usd, capital_words) =
        figure(args.capital, &system.capital_usd, "USD").ok_or_else(|| unknown("price", "--capital USD"))?;
    let (it_kw, power_words) =
        figure(args.power, &system.it_kw, "kW").ok_or_else(|| unknown("power", "--power KW"))?;
    let colocation = args.colocation.map(|usd| Colocation {
        usd_per_kw_month: usd,
        provisioned_kw: it_kw * args.pue,
        includes_power: args.colocation_includes_power,
    });
    let ownership = Ownership {
        capital_usd,
        years: args.years,
        interest: args.interest,
        payments: if args.yearly { Payments::Yearly } else { Payments::Monthly },
        it_kw,
        load: args.power_load,
        pue: args.pue,
        usd_per_kwh: args.electricity,
        colocation,
        operations: args.operations,
        // Idle time is counted once, with the cost of the work.
        utilisation: 1.0,
    };
    let parts = ownership.hourly().map_err(usage)?;
    let site = match colocation {
        None => format!("{} USD/kWh at PUE {}", args.electricity, args.pue),
        Some(c) if c.includes_power => format!("{} USD a kW and month with power", c.usd_per_kw_month),
        Some(c) => format!(
            "{} USD/kWh at PUE {} and {} USD a kW and month",
            args.electricity, args.pue, c.usd_per_kw_month
        ),
    };
    Ok(Priced {
        platform: name.to_owned(),
        accelerator: catalog.accelerator(&system.accelerator).map_err(usage)?,
        accelerators: system.accelerators,
        usd: Amount::exact(parts.total),
        basis: "owned".to_owned(),
        origin: format!(
            "{capital_words} over {} years at {} %, {power_words}, {site}, operations {} % a year",
            args.years,
            100.0 * args.interest,
            100.0 * args.operations
        ),
        parts: Some((ownership, parts)),
    })
}

/// Whether a device of records can be what the platform has.
pub(super) fn fits(device: &str, accelerator: &Accelerator) -> bool {
    match device.split(':').next().unwrap_or(device) {
        "cpu" => accelerator.kind == Kind::Cpu,
        "cuda" => accelerator.kind == Kind::Gpu && accelerator.vendor == "NVIDIA",
        "neuron" => matches!(accelerator.kind, Kind::Inferentia | Kind::Trainium),
        "tpu" => accelerator.kind == Kind::Tpu,
        // A back end of somebody else's names its devices as it likes.
        _ => true,
    }
}
