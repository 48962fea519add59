//! Arguments about owned hardware that several commands have.

use clap::Args;
use portbench_catalog::own::Payments;
use portbench_pricing::{Assumptions, Rent};

/// What is assumed about owned hardware.
#[derive(Debug, Args)]
#[command(next_help_heading = "Owned hardware")]
pub(crate) struct AssumptionArgs {
    /// What it costs to buy, USD (the catalogue's figure if not given)
    #[arg(long, value_name = "USD", requires = "owned")]
    pub(crate) capital: Option<f64>,
    /// Its power at full load, kW (the catalogue's figure if not given)
    #[arg(long, value_name = "KW", requires = "owned")]
    pub(crate) power: Option<f64>,
    /// Years over which it is paid back (4 if not given)
    #[arg(long, value_name = "N")]
    pub(crate) years: Option<f64>,
    /// Interest a year (0.1 if not given)
    #[arg(long, value_name = "RATE")]
    pub(crate) interest: Option<f64>,
    /// Pay it back every year instead of every month
    #[arg(long)]
    pub(crate) yearly: bool,
    /// Share of its power drawn on average (1 if not given)
    #[arg(long, value_name = "SHARE")]
    pub(crate) power_load: Option<f64>,
    /// Power usage effectiveness of the site (1.15 if not given, a large cloud's; a large colocation site's is 1.44)
    #[arg(long)]
    pub(crate) pue: Option<f64>,
    /// Price of electricity, USD a kWh (0.0871 if not given, the US industrial average of May 2026)
    #[arg(long, value_name = "USD")]
    pub(crate) electricity: Option<f64>,
    /// Rent of the site, USD a month for each kW of the hardware at full load
    #[arg(long, value_name = "USD")]
    pub(crate) colocation: Option<f64>,
    /// The rent holds the electricity
    #[arg(long, requires = "colocation")]
    pub(crate) colocation_includes_power: bool,
    /// Staff, spares and licences a year, as a share of the capital (0.03 if not given)
    #[arg(long, value_name = "SHARE")]
    pub(crate) operations: Option<f64>,
}

impl AssumptionArgs {
    /// The assumptions, of a system at its own price and power.
    pub(crate) fn assumptions(&self, capital_usd: Option<f64>, it_kw: Option<f64>) -> Assumptions {
        let usual = Assumptions::default();
        Assumptions {
            capital_usd,
            it_kw,
            years: self.years.unwrap_or(usual.years),
            interest: self.interest.unwrap_or(usual.interest),
            payments: if self.yearly { Payments::Yearly } else { Payments::Monthly },
            load: self.power_load.unwrap_or(usual.load),
            pue: self.pue.unwrap_or(usual.pue),
            usd_per_kwh: self.electricity.unwrap_or(usual.usd_per_kwh),
            rent: self.colocation.map(|usd_per_kw_month| Rent {
                usd_per_kw_month,
                includes_power: self.colocation_includes_power,
            }),
            operations: self.operations.unwrap_or(usual.operations),
        }
    }
}
