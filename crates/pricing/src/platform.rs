//! Hardware with the price of an hour, and where that comes from.

use std::fmt;

use portbench_catalog::own::{Colocation, HourlyCost, Ownership, Payments};
use portbench_catalog::{
    Accelerator, Amount, Catalog, CatalogError, Day, Price, PriceQuery, Quoted, SourceDate, cost,
};

/// Hardware with the price of an hour of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Platform {
    /// Instance or system.
    pub name: String,
    /// Its accelerator.
    pub accelerator: Accelerator,
    /// How many it has.
    pub accelerators: u32,
    /// USD an hour of the calendar.
    pub usd_per_hour: Amount,
    /// How it is paid for.
    pub tariff: Tariff,
}

/// How hardware is paid for.
#[derive(Clone, Debug, PartialEq)]
pub enum Tariff {
    /// An instance by the hour.
    Rented {
        /// The price.
        price: Price,
        /// What losing the capacity costs.
        interruption: Interruption,
        /// What speaks against the price on the day that was asked for.
        remark: Option<String>,
    },
    /// A system that is owned.
    Owned {
        /// What was assumed.
        ownership: Ownership,
        /// What an hour consists of.
        hourly: HourlyCost,
        /// What it costs to buy, USD.
        capital: Stated,
        /// Its power at full load, kW.
        power: Stated,
    },
}

/// Work on spot capacity that does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interruption {
    /// Share of the work that is lost and done again.
    pub redone: f64,
    /// Share of the time that goes into checkpoints.
    pub checkpointing: f64,
}

/// A figure with where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Stated {
    /// The figure.
    pub value: f64,
    /// Nobody who sells it states it.
    pub estimate: bool,
    /// Name and date of the source; `None` where the user gave it.
    pub source: Option<(String, SourceDate)>,
}

/// What owning takes beside the hardware, and figures that the catalogue lacks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assumptions {
    /// What the system costs to buy, USD, in place of the catalogue's figure.
    pub capital_usd: Option<f64>,
    /// Its power at full load, kW, in place of the catalogue's figure.
    pub it_kw: Option<f64>,
    /// Years over which it is paid back.
    pub years: f64,
    /// Interest a year.
    pub interest: f64,
    /// How often it is paid back.
    pub payments: Payments,
    /// Share of its power drawn on average.
    pub load: f64,
    /// Power usage effectiveness of the site.
    pub pue: f64,
    /// USD a kWh.
    pub usd_per_kwh: f64,
    /// Rent of the site, if any.
    pub rent: Option<Rent>,
    /// Staff, spares and licences a year, as a share of the capital.
    pub operations: f64,
}

/// Rent of a site by the power that is provided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rent {
    /// USD a month for each kW of the hardware at full load; the site's overhead is in that price.
    pub usd_per_kw_month: f64,
    /// Whether that holds the electricity.
    pub includes_power: bool,
}

impl Default for Assumptions {
    /// Four years at 10 %, operations 3 % (ours); PUE 1.15 (AWS, 2024); 0.0871 USD/kWh (US industrial average, EIA, May 2026).
    fn default() -> Self {
        Self {
            capital_usd: None,
            it_kw: None,
            years: 4.0,
            interest: 0.10,
            payments: Payments::Monthly,
            load: 1.0,
            pue: 1.15,
            usd_per_kwh: 0.0871,
            rent: None,
            operations: 0.03,
        }
    }
}

impl Platform {
    /// An instance at the price that the query chooses.
    ///
    /// # Errors
    /// [`CatalogError`]: no such instance, no such price, a region that has to be named, a share that is negative.
    pub fn rented(
        catalog: &Catalog,
        instance: &str,
        query: &PriceQuery,
        interruption: Interruption,
    ) -> Result<Self, CatalogError> {
        let price = catalog.price(instance, query)?;
        let instance = catalog.instance(instance)?;
        let Interruption { redone, checkpointing } = interruption;
        Ok(Self {
            name: instance.name.clone(),
            accelerator: catalog.accelerator(&instance.accelerator)?.clone(),
            accelerators: instance.accelerators,
            usd_per_hour: cost::interrupted(price.usd(), redone, checkpointing)?,
            tariff: Tariff::Rented { price: price.clone(), interruption, remark: remark(price, query) },
        })
    }

    /// A system that is owned.
    ///
    /// # Errors
    /// [`CatalogError::NoFigure`] where neither the catalogue nor the assumptions have its price or power; as [`Ownership::hourly`].
    pub fn owned(catalog: &Catalog, system: &str, assumed: &Assumptions) -> Result<Self, CatalogError> {
        let system = catalog.system(system)?;
        let stated =
            |given: Option<f64>, known: &Option<Quoted>, figure: &str, flag: &str| match (given, known) {
                (Some(value), _) => Ok(Stated { value, estimate: false, source: None }),
                (None, Some(quoted)) => {
                    let date = catalog.source(&quoted.source).map_or(SourceDate::Undated, |s| s.date.clone());
                    let source = Some((quoted.source.clone(), date));
                    Ok(Stated { value: quoted.value, estimate: quoted.estimate, source })
                }
                (None, None) => Err(CatalogError::NoFigure {
                    name: system.name.clone(),
                    figure: figure.to_owned(),
                    help: format!("none is published; give it with {flag}"),
                }),
            };
        let capital = stated(assumed.capital_usd, &system.capital_usd, "price", "--capital USD")?;
        let power = stated(assumed.it_kw, &system.it_kw, "power", "--power KW")?;
        let colocation = assumed.rent.map(|rent| Colocation {
            usd_per_kw_month: rent.usd_per_kw_month,
            provisioned_kw: power.value,
            includes_power: rent.includes_power,
        });
        let ownership = Ownership {
            capital_usd: capital.value,
            years: assumed.years,
            interest: assumed.interest,
            payments: assumed.payments,
            it_kw: power.value,
            load: assumed.load,
            pue: assumed.pue,
            usd_per_kwh: assumed.usd_per_kwh,
            colocation,
            operations: assumed.operations,
            // Idle time is counted once, with the cost of the work.
            utilisation: 1.0,
        };
        let hourly = ownership.hourly()?;
        Ok(Self {
            name: system.name.clone(),
            accelerator: catalog.accelerator(&system.accelerator)?.clone(),
            accelerators: system.accelerators,
            usd_per_hour: Amount::exact(hourly.total),
            tariff: Tariff::Owned { ownership, hourly, capital, power },
        })
    }

    /// `on-demand`, `spot`, ... or `owned`.
    #[must_use]
    pub const fn basis(&self) -> &'static str {
        match &self.tariff {
            Tariff::Rented { price, .. } => price.basis.name(),
            Tariff::Owned { .. } => "owned",
        }
    }

    /// When the price held: of an instance the date of the price, of owned hardware that of what it costs to buy, `given` where the user gave that.
    #[must_use]
    pub fn price_date(&self) -> String {
        match &self.tariff {
            Tariff::Rented { price, .. } => price.date.to_string(),
            Tariff::Owned { capital: Stated { source: Some((_, date)), .. }, .. } => date.to_string(),
            Tariff::Owned { .. } => "given".to_owned(),
        }
    }

    /// Who states the price, by name of the catalogue; of owned hardware what it costs to buy. `None` where the user gave it.
    #[must_use]
    pub fn price_source(&self) -> Option<&str> {
        match &self.tariff {
            Tariff::Rented { price, .. } => Some(&price.source),
            Tariff::Owned { capital, .. } => capital.source.as_ref().map(|(name, _)| name.as_str()),
        }
    }

    /// What speaks against the price on the day that was asked for: that its period ended before, or that the day is yet to come.
    #[must_use]
    pub fn price_remark(&self) -> Option<&str> {
        match &self.tariff {
            Tariff::Rented { remark, .. } => remark.as_deref(),
            Tariff::Owned { .. } => None,
        }
    }

    /// Where and when the price holds, what speaks against it and what was assumed, for people.
    #[must_use]
    pub fn price_origin(&self) -> String {
        match &self.tariff {
            Tariff::Rented { price, interruption, remark } => {
                rented_origin(price, *interruption, remark.as_deref())
            }
            Tariff::Owned { ownership, capital, power, .. } => format!(
                "{} over {} years at {} %, {}, {}, operations {} % a year",
                Figure(capital, "USD"),
                ownership.years,
                percent(ownership.interest),
                Figure(power, "kW"),
                site(ownership),
                percent(ownership.operations)
            ),
        }
    }
}

/// What speaks against a price on the day that was asked for.
fn remark(price: &Price, query: &PriceQuery) -> Option<String> {
    let day = query.day();
    let ahead = day > Day::today() && price.date.first() <= Day::today();
    price.ended(day).or_else(|| ahead.then(|| format!("the last one known: {day} is yet to come")))
}

fn rented_origin(price: &Price, interruption: Interruption, remark: Option<&str>) -> String {
    let mut origin = format!("{}, {}, {}", price.places(), price.date, price.source);
    for remark in price.marks().into_iter().chain(price.note.as_deref()).chain(remark) {
        origin += &format!(" ({remark})");
    }
    if interruption != Interruption::default() {
        origin += &format!(
            "; with {} % of the work done again and {} % of the time for checkpoints",
            percent(interruption.redone),
            percent(interruption.checkpointing)
        );
    }
    origin
}

fn site(ownership: &Ownership) -> String {
    let Ownership { usd_per_kwh, pue, .. } = ownership;
    match ownership.colocation {
        None => format!("{usd_per_kwh} USD/kWh at PUE {pue}"),
        Some(Colocation { usd_per_kw_month: usd, provisioned_kw: kw, includes_power: true }) => {
            format!("{usd} USD a month for each of {kw} kW with power")
        }
        Some(Colocation { usd_per_kw_month: usd, provisioned_kw: kw, .. }) => {
            format!("{usd_per_kwh} USD/kWh at PUE {pue} and {usd} USD a month for each of {kw} kW")
        }
    }
}

/// A share as a percentage without the noise of binary fractions.
fn percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}

/// A stated figure for people.
struct Figure<'a>(&'a Stated, &'static str);

impl fmt::Display for Figure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Stated { value, estimate, source }, unit) = self;
        let mark = if *estimate { "estimate, " } else { "" };
        match source {
            Some((source, _)) => write!(f, "{value} {unit} ({mark}{source})"),
            None => write!(f, "{value} {unit} (given)"),
        }
    }
}
