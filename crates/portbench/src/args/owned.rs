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
    /// Years over which it is paid back
    #[arg(long, default_value_t = 4.0, value_name = "N")]
    pub(crate) years: f64,
    /// Interest a year
    #[arg(long, default_value_t = 0.10, value_name = "RATE")]
    pub(crate) interest: f64,
    /// Pay it back every year instead of every month
    #[arg(long)]
    pub(crate) yearly: bool,
    /// Share of its power drawn on average
    #[arg(long, default_value_t = 1.0, value_name = "SHARE")]
    pub(crate) power_load: f64,
    /// Power usage effectiveness of the site (1.15: a large cloud's; 1.44: a large colocation site's)
    #[arg(long, default_value_t = 1.15)]
    pub(crate) pue: f64,
    /// Price of electricity, USD a kWh (US industrial average of May 2026)
    #[arg(long, default_value_t = 0.0871, value_name = "USD")]
    pub(crate) electricity: f64,
    /// Rent of the site, USD a month for each kW
    #[arg(long, value_name = "USD")]
    pub(crate) colocation: Option<f64>,
    /// The rent holds the electricity
    #[arg(long, requires = "colocation")]
    pub(crate) colocation_includes_power: bool,
    /// Staff, spares and licences a year, as a share of the capital
    #[arg(long, default_value_t = 0.03, value_name = "SHARE")]
    pub(crate) operations: f64,
}

impl AssumptionArgs {
    /// The assumptions, of a system at its own price and power.
    pub(crate) fn assumptions(&self, capital_usd: Option<f64>, it_kw: Option<f64>) -> Assumptions {
        Assumptions {
            capital_usd,
            it_kw,
            years: self.years,
            interest: self.interest,
            payments: if self.yearly { Payments::Yearly } else { Payments::Monthly },
            load: self.power_load,
            pue: self.pue,
            usd_per_kwh: self.electricity,
            rent: self.colocation.map(|usd_per_kw_month| Rent {
                usd_per_kw_month,
                includes_power: self.colocation_includes_power,
            }),
            operations: self.operations,
        }
    }
}
