//! What work costs: pure functions on prices and rates.
//!
//! Formulas: price per unit is `usd_per_hour / (3600 rate)`; idle time is billed, so an effective price is that over the utilisation; spot work that is lost is
//! done again. Every function refuses numbers outside its range: nothing that is missing becomes a zero.

use serde::{Serialize, Serializer};

use crate::error::{CatalogError, not_negative, positive, share};

/// A number with the interval that it may lie in: `low <= value <= high`, not negative. `high` may be infinite, where the lower end of a rate is 0; files have no number there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Amount {
    /// The number.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    #[serde(serialize_with = "finite")]
    pub high: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn finite<S: Serializer>(high: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    high.is_finite().then_some(*high).serialize(serializer)
}

impl Amount {
    /// A number without an interval.
    #[must_use]
    pub const fn exact(value: f64) -> Self {
        Self { value, low: value, high: value }
    }

    /// All three multiplied by a factor of at least 0.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { value: self.value * factor, low: self.low * factor, high: self.high * factor }
    }

    /// The sum of two, end by end.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { value: self.value + other.value, low: self.low + other.low, high: self.high + other.high }
    }

    /// This over a rate: low over high and high over low.
    fn over(self, rate: Self) -> Self {
        Self { value: self.value / rate.value, low: self.low / rate.high, high: self.high / rate.low }
    }
}

fn price(usd_per_hour: Amount) -> Result<Amount, CatalogError> {
    positive("the price per hour", usd_per_hour.value)?;
    positive("the lower end of the price per hour", usd_per_hour.low)?;
    positive("the upper end of the price per hour", usd_per_hour.high)?;
    Ok(usd_per_hour)
}

fn rate(per_second: Amount) -> Result<Amount, CatalogError> {
    positive("the throughput", per_second.value)?;
    not_negative("the lower end of the throughput", per_second.low)?;
    positive("the upper end of the throughput", per_second.high)?;
    Ok(per_second)
}

/// USD for `count` units of work at a rate of units a second: `usd_per_hour / 3600 / rate x count`.
///
/// # Errors
/// [`CatalogError::Parameter`] unless price, rate and count are numbers above 0.
pub fn per_units(usd_per_hour: Amount, units_per_second: Amount, count: f64) -> Result<Amount, CatalogError> {
    positive("the number of units", count)?;
    Ok(price(usd_per_hour)?.over(rate(units_per_second)?).times(count / 3600.0))
}

/// A cost under partial use: what was billed over the share of it that was used.
///
/// # Errors
/// [`CatalogError::Parameter`] unless `utilisation` is above 0 and at most 1.
pub fn utilised(cost: Amount, utilisation: f64) -> Result<Amount, CatalogError> {
    Ok(cost.times(1.0 / share("utilisation", utilisation)?))
}

/// Price of an hour of useful work on capacity that can be taken away: the hour, the share of it that has to be done again, and the share spent on checkpoints.
///
/// # Errors
/// [`CatalogError::Parameter`] for a negative share.
pub fn interrupted(usd_per_hour: Amount, redone: f64, checkpointing: f64) -> Result<Amount, CatalogError> {
    let extra = not_negative("the share done again", redone)?
        + not_negative("the share spent on checkpoints", checkpointing)?;
    Ok(price(usd_per_hour)?.times(1.0 + extra))
}

/// The bill for serving `units` after `startup_seconds` of compiling and warming up: `usd_per_hour (startup + units / rate) / 3600`.
///
/// # Errors
/// [`CatalogError::Parameter`] unless price, rate and units are above 0 and the start-up time is at least 0.
pub fn bill(
    usd_per_hour: Amount,
    units_per_second: Amount,
    units: f64,
    startup_seconds: f64,
) -> Result<Amount, CatalogError> {
    let startup = not_negative("the start-up time", startup_seconds)?;
    let startup = price(usd_per_hour)?.times(startup / 3600.0);
    Ok(per_units(usd_per_hour, units_per_second, units)?.plus(startup))
}

/// USD for `count` units at an offered load: the whole hour is billed whatever arrives, so it is the price over the load. The capacity is the most that can be served.
///
/// # Errors
/// [`CatalogError::Parameter`] for a load that is not above 0 or above the capacity.
pub fn at_load(
    usd_per_hour: Amount,
    capacity: Amount,
    load: f64,
    count: f64,
) -> Result<Amount, CatalogError> {
    positive("the offered load", load)?;
    if load > rate(capacity)?.value {
        return Err(CatalogError::Parameter {
            name: "the offered load",
            value: load,
            wanted: "at most the throughput: more than that cannot be served",
        });
    }
    per_units(usd_per_hour, Amount::exact(load), count)
}

/// The offered load, in units a second, from which on serving oneself is cheaper than a price per `count` units: `usd_per_hour / 3600 / (usd / count)`.
///
/// # Errors
/// [`CatalogError::Parameter`] unless all are above 0.
pub fn break_even_load(usd_per_hour: f64, usd: f64, count: f64) -> Result<f64, CatalogError> {
    positive("the price per hour", usd_per_hour)?;
    positive("the price to compare with", usd)?;
    positive("the number of units", count)?;
    Ok(usd_per_hour / 3600.0 / (usd / count))
}

/// How the cost of a unit on one platform stands to that on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stand {
    /// It costs less.
    Cheaper,
    /// It costs the same.
    Equal,
    /// It costs more.
    Dearer,
}

impl Stand {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cheaper => "cheaper",
            Self::Equal => "equal",
            Self::Dearer => "dearer",
        }
    }
}

/// Where two platforms that do the same work cost the same. Intervals reach from the one to the other end of what prices and rates allow together, which is further than either alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakEven {
    /// What the candidate is.
    pub stand: Stand,
    /// Whether the intervals of both costs share a value, so that the word above is the middles' alone.
    pub overlap: bool,
    /// The price per hour at which the candidate costs as much per unit as the incumbent: `P_a T_b / T_a`.
    pub usd_per_hour: Amount,
    /// How much the candidate's price has to fall for that, as a share of it; `None` unless it is dearer.
    pub discount: Option<Amount>,
    /// Units after which what the change cost has paid for itself, `M / (c_a - c_b)`; without an upper end where the intervals allow that it never does; `None` unless the candidate is cheaper.
    pub payback_units: Option<Amount>,
}

/// A platform: its price per hour and its rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    /// USD an hour.
    pub usd_per_hour: Amount,
    /// Units a second.
    pub units_per_second: Amount,
}

/// Break-even of a change from one platform to another that costs `migration_usd` once.
///
/// # Errors
/// [`CatalogError::Parameter`] unless prices and rates are above 0 and the cost of the change is at least 0.
pub fn break_even(incumbent: Offer, candidate: Offer, migration_usd: f64) -> Result<BreakEven, CatalogError> {
    // Rates that come from one sum in another order are one rate.
    const SAME: f64 = 1e-12;
    let migration = not_negative("the cost of the change", migration_usd)?;
    let of_a = per_units(incumbent.usd_per_hour, incumbent.units_per_second, 1.0)?;
    let of_b = per_units(candidate.usd_per_hour, candidate.units_per_second, 1.0)?;
    let stand = match of_b.value / of_a.value - 1.0 {
        apart if apart.abs() <= SAME => Stand::Equal,
        apart if apart < 0.0 => Stand::Cheaper,
        _ => Stand::Dearer,
    };
    let (a, b) = (incumbent.units_per_second, candidate.units_per_second);
    let priced = incumbent.usd_per_hour;
    let usd_per_hour = Amount {
        value: priced.value * b.value / a.value,
        low: priced.low * b.low / a.high,
        high: priced.high * b.high / a.low,
    };
    let asked = candidate.usd_per_hour;
    let fall = |price: f64, asked: f64| (1.0 - price / asked).max(0.0);
    let after = |saved: f64| if saved > 0.0 { migration / saved } else { f64::INFINITY };
    Ok(BreakEven {
        stand,
        overlap: of_a.low <= of_b.high && of_b.low <= of_a.high,
        usd_per_hour,
        discount: (stand == Stand::Dearer).then(|| Amount {
            value: fall(usd_per_hour.value, asked.value),
            low: fall(usd_per_hour.high, asked.low),
            high: fall(usd_per_hour.low, asked.high),
        }),
        payback_units: (stand == Stand::Cheaper).then(|| Amount {
            value: after(of_a.value - of_b.value),
            low: if of_a.high.is_finite() { after(of_a.high - of_b.low) } else { 0.0 },
            high: after(of_a.low - of_b.high),
        }),
    })
}

/// Joules per unit on a power budget: `kW x 1000 / rate`.
///
/// # Errors
/// [`CatalogError::Parameter`] unless both are above 0.
pub fn joules_per_unit(kw: f64, units_per_second: f64) -> Result<f64, CatalogError> {
    Ok(positive("the power", kw)? * 1000.0 / positive("the throughput", units_per_second)?)
}

/// Units a second per megawatt: `rate x 1000 / kW`.
///
/// # Errors
/// [`CatalogError::Parameter`] unless both are above 0.
pub fn rate_per_megawatt(kw: f64, units_per_second: f64) -> Result<f64, CatalogError> {
    Ok(positive("the throughput", units_per_second)? * 1000.0 / positive("the power", kw)?)
}
