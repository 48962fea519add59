//! What an hour of owned hardware costs.
//!
//! Formulas: the capital recovery factor is `CRF(r, k) = r (1+r)^k / ((1+r)^k - 1)`, and `1/k` at no interest; an hour of capital is `capital CRF(i/12, 12 n) 12 / 8760` with
//! monthly payments, `capital CRF(i, n) / 8760` with yearly ones. Energy is `kW load PUE USD/kWh`, colocation `kW USD/kW-month 12 / 8760`, operations `capital rate / 8760`.

use crate::error::{CatalogError, not_negative, positive, share};

const HOURS_A_YEAR: f64 = 8760.0;

/// How often the capital is paid back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Payments {
    /// Every month.
    #[default]
    Monthly,
    /// Every year.
    Yearly,
}

/// What the site charges for a kilowatt that is provided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Colocation {
    /// USD a month for each kW provisioned.
    pub usd_per_kw_month: f64,
    /// Provisioned power, kW; billed whether drawn or not.
    pub provisioned_kw: f64,
    /// Whether that price holds the electricity. Then none is charged beside it.
    pub includes_power: bool,
}

/// Owned hardware and its site.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ownership {
    /// What it costs to buy, USD.
    pub capital_usd: f64,
    /// Years over which that is paid back.
    pub years: f64,
    /// Interest a year, as 0.1.
    pub interest: f64,
    /// How often it is paid back.
    pub payments: Payments,
    /// Power at full load, kW, before the site's overhead.
    pub it_kw: f64,
    /// Share of that drawn on average.
    pub load: f64,
    /// Power usage effectiveness of the site: all power over the hardware's.
    pub pue: f64,
    /// USD a kWh.
    pub usd_per_kwh: f64,
    /// Rent of the site, if any.
    pub colocation: Option<Colocation>,
    /// Staff, spares and licences a year, as a share of the capital.
    pub operations: f64,
    /// Share of the hours that do useful work.
    pub utilisation: f64,
}

/// Parts of the cost of an hour, USD.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HourlyCost {
    /// Capital with its interest.
    pub capital: f64,
    /// Electricity; 0 where the site's rent holds it.
    pub energy: f64,
    /// Rent of the site; 0 where there is none.
    pub colocation: f64,
    /// Operations.
    pub operations: f64,
    /// Their sum: an hour of the calendar.
    pub total: f64,
    /// An hour of useful work: the sum over the utilisation.
    pub useful: f64,
}

/// Payment per period that returns a loan of 1 over `periods` at `interest` a period.
fn recovery(interest: f64, periods: f64) -> f64 {
    if interest == 0.0 {
        return 1.0 / periods;
    }
    // (1+r)^k / ((1+r)^k - 1), without the loss of digits at small r.
    interest / -(-periods * interest.ln_1p()).exp_m1()
}

impl Ownership {
    /// What an hour costs.
    ///
    /// # Errors
    /// [`CatalogError::Parameter`] unless capital, years, power, PUE and electricity are in range, shares above 0 and at most 1, and rates at least 0.
    pub fn hourly(&self) -> Result<HourlyCost, CatalogError> {
        positive("the capital in USD", self.capital_usd)?;
        positive("the number of years", self.years)?;
        not_negative("the interest", self.interest)?;
        positive("the power in kW", self.it_kw)?;
        share("the load", self.load)?;
        if !(self.pue.is_finite() && self.pue >= 1.0) {
            return Err(CatalogError::Parameter { name: "the PUE", value: self.pue, wanted: "at least 1" });
        }
        not_negative("the share for operations", self.operations)?;
        share("utilisation", self.utilisation)?;
        let capital = match self.payments {
            Payments::Monthly => recovery(self.interest / 12.0, 12.0 * self.years) * 12.0,
            Payments::Yearly => recovery(self.interest, self.years),
        } * self.capital_usd
            / HOURS_A_YEAR;
        let colocation = match self.colocation {
            None => 0.0,
            Some(site) => {
                positive("the provisioned power in kW", site.provisioned_kw)?
                    * positive("the rent per kW and month", site.usd_per_kw_month)?
                    * 12.0
                    / HOURS_A_YEAR
            }
        };
        let energy = if self.colocation.is_some_and(|site| site.includes_power) {
            0.0
        } else {
            self.it_kw * self.load * self.pue * positive("the price of a kWh", self.usd_per_kwh)?
        };
        let operations = self.capital_usd * self.operations / HOURS_A_YEAR;
        let total = capital + energy + colocation + operations;
        Ok(HourlyCost { capital, energy, colocation, operations, total, useful: total / self.utilisation })
    }

    /// How the cost of a useful hour moves when one assumption at a time is a share lower or higher, the widest first. Assumptions that cannot move that far (a share above 1) stop at
    /// their bound, and say so.
    ///
    /// # Errors
    /// As [`Ownership::hourly`], and for a share that is not above 0 and below 1.
    pub fn sensitivity(&self, by: f64) -> Result<Vec<Sensitivity>, CatalogError> {
        if !(by > 0.0 && by < 1.0) {
            let wanted = "above 0 and below 1";
            return Err(CatalogError::Parameter { name: "the change of assumptions", value: by, wanted });
        }
        let base = self.hourly()?.useful;
        let mut found = Vec::new();
        for assumption in &ASSUMED {
            let Some(value) = (assumption.get)(self) else { continue };
            let (least, most) = assumption.range;
            let at = |factor: f64| -> Result<Moved, CatalogError> {
                let wanted = value * factor;
                let to = wanted.clamp(least, most);
                let mut changed = *self;
                (assumption.set)(&mut changed, to);
                Ok(Moved { to, bounded: to != wanted, usd: changed.hourly()?.useful })
            };
            let (lower, higher) = (at(1.0 - by)?, at(1.0 + by)?);
            if lower.usd != base || higher.usd != base {
                found.push(Sensitivity { assumption: assumption.name, assumed: value, lower, higher });
            }
        }
        found.sort_by(|a, b| b.swing().total_cmp(&a.swing()).then(a.assumption.cmp(b.assumption)));
        Ok(found)
    }
}

/// What one assumption does to the cost of a useful hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sensitivity {
    /// Name of the assumption.
    pub assumption: &'static str,
    /// What was assumed.
    pub assumed: f64,
    /// When it is lower.
    pub lower: Moved,
    /// When it is higher.
    pub higher: Moved,
}

/// An assumption that was moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moved {
    /// To where.
    pub to: f64,
    /// Whether that is its bound, short of where it was to go.
    pub bounded: bool,
    /// USD a useful hour then.
    pub usd: f64,
}

impl Sensitivity {
    fn swing(&self) -> f64 {
        (self.higher.usd - self.lower.usd).abs()
    }
}

/// An assumption that can be moved.
struct Assumed {
    name: &'static str,
    /// `None` where nothing of the kind was assumed.
    get: fn(&Ownership) -> Option<f64>,
    set: fn(&mut Ownership, f64),
    /// Between which it makes sense.
    range: (f64, f64),
}

const ANY: (f64, f64) = (0.0, f64::INFINITY);

const ASSUMED: [Assumed; 10] = [
    Assumed { name: "capital", get: |o| Some(o.capital_usd), set: |o, v| o.capital_usd = v, range: ANY },
    Assumed { name: "years", get: |o| Some(o.years), set: |o, v| o.years = v, range: ANY },
    Assumed { name: "interest", get: |o| Some(o.interest), set: |o, v| o.interest = v, range: ANY },
    Assumed {
        name: "power",
        get: |o| Some(o.it_kw),
        set: |o, v| {
            if let Some(site) = &mut o.colocation {
                site.provisioned_kw *= v / o.it_kw;
            }
            o.it_kw = v;
        },
        range: ANY,
    },
    Assumed { name: "power-load", get: |o| Some(o.load), set: |o, v| o.load = v, range: (0.0, 1.0) },
    Assumed { name: "pue", get: |o| Some(o.pue), set: |o, v| o.pue = v, range: (1.0, f64::INFINITY) },
    Assumed { name: "electricity", get: |o| Some(o.usd_per_kwh), set: |o, v| o.usd_per_kwh = v, range: ANY },
    Assumed {
        name: "colocation",
        get: |o| o.colocation.map(|site| site.usd_per_kw_month),
        set: |o, v| {
            if let Some(site) = &mut o.colocation {
                site.usd_per_kw_month = v;
            }
        },
        range: ANY,
    },
    Assumed { name: "operations", get: |o| Some(o.operations), set: |o, v| o.operations = v, range: ANY },
    Assumed {
        name: "utilisation",
        get: |o| Some(o.utilisation),
        set: |o, v| o.utilisation = v,
        range: (0.0, 1.0),
    },
];
