//! A work on a platform: the sums.

use std::fmt;

use portbench_catalog::cost::{at_load, bill, break_even_load, per_units, utilised};
use portbench_catalog::{Amount, CatalogError, Kind};

use crate::hardware::{devices, family};
use crate::no_cost::NoCost;
use crate::platform::Platform;
use crate::work::{Rate, Work};

/// On what terms work is priced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    scale: bool,
    utilisation: f64,
}

impl Default for Terms {
    fn default() -> Self {
        Self { scale: false, utilisation: 1.0 }
    }
}

impl Terms {
    /// `scale`: multiply what a part of the platform does by the number of such parts, and say so. `utilisation`: share of the billed time that does useful work.
    ///
    /// # Errors
    /// [`CatalogError::Parameter`] unless the utilisation is above 0 and at most 1.
    pub fn new(scale: bool, utilisation: f64) -> Result<Self, CatalogError> {
        utilised(Amount::exact(1.0), utilisation)?;
        Ok(Self { scale, utilisation })
    }

    /// Share of the billed time that does useful work.
    #[must_use]
    pub const fn utilisation(&self) -> f64 {
        self.utilisation
    }
}

/// What a throughput is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// The whole platform.
    Whole,
    /// `devices` of its `of` devices: the price is the whole platform's all the same.
    Part {
        /// Devices that were measured together.
        devices: u64,
        /// Devices that the platform has.
        of: u64,
    },
    /// A part, multiplied up to the whole as asked: nobody measured that.
    Scaled {
        /// Devices that were measured together.
        devices: u64,
        /// Devices that the platform has.
        of: u64,
    },
}

impl Share {
    /// What a measured throughput is multiplied by.
    #[must_use]
    pub fn factor(self) -> f64 {
        match self {
            Self::Whole | Self::Part { .. } => 1.0,
            Self::Scaled { devices, of } => of as f64 / devices as f64,
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.pad("whole"),
            Self::Part { devices, of } => f.pad(&format!("{devices} of {of}")),
            Self::Scaled { .. } => f.pad(&format!("scaled x{}", self.factor())),
        }
    }
}

/// Work with its cost.
#[derive(Clone, Debug)]
pub struct Priced<'a> {
    work: &'a Work,
    platform: &'a Platform,
    terms: Terms,
    share: Share,
    rates: Vec<Rate>,
}

/// A bill for some units, the start-up with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bill {
    /// Units of work.
    pub units: f64,
    /// Seconds of start-up.
    pub startup_seconds: f64,
    /// USD for all of it.
    pub usd: Amount,
    /// USD for the count that people price, so many units at a time.
    pub usd_per_count: Amount,
}

/// Puts work on a platform.
///
/// # Errors
/// [`NoCost`]: not measured, other hardware, more devices than the platform has.
pub fn price<'a>(work: &'a Work, platform: &'a Platform, terms: Terms) -> Result<Priced<'a>, NoCost> {
    let rates = work.rates()?;
    let share = share(work, platform, terms)?;
    let scaled = |r: Rate| Rate { per_second: r.per_second.times(share.factor()), ..r };
    Ok(Priced { work, platform, terms, share, rates: rates.into_iter().map(scaled).collect() })
}

fn share(work: &Work, platform: &Platform, terms: Terms) -> Result<Share, NoCost> {
    // A rate without a cell is the whole platform's.
    let Some(cell) = &work.cell else { return Ok(Share::Whole) };
    let accelerator = &platform.accelerator;
    if let Some(ran) = work.ran().and_then(|ran| ran.other_than(accelerator)) {
        let (platform, has) = (platform.name.clone(), accelerator.name.clone());
        return Err(NoCost::OtherHardware { ran, platform, has });
    }
    let (devices, of) = if family(&cell.device) == "cpu" && accelerator.kind == Kind::Cpu {
        // Replicas on CPUs are parts of one host.
        (1, work.cpu_parts.unwrap_or(1))
    } else {
        let shown = u64::from(devices(accelerator, work.cores_joined));
        (cell.replicas.max(1), u64::from(platform.accelerators) * shown)
    };
    match devices.cmp(&of) {
        std::cmp::Ordering::Greater => {
            Err(NoCost::MoreDevices { ran: devices, platform: platform.name.clone(), has: of })
        }
        std::cmp::Ordering::Equal => Ok(Share::Whole),
        std::cmp::Ordering::Less if terms.scale => Ok(Share::Scaled { devices, of }),
        std::cmp::Ordering::Less => Ok(Share::Part { devices, of }),
    }
}

impl Priced<'_> {
    /// The work.
    #[must_use]
    pub const fn work(&self) -> &Work {
        self.work
    }

    /// The platform.
    #[must_use]
    pub const fn platform(&self) -> &Platform {
        self.platform
    }

    /// The terms.
    #[must_use]
    pub const fn terms(&self) -> Terms {
        self.terms
    }

    /// What the throughput is of.
    #[must_use]
    pub const fn share(&self) -> Share {
        self.share
    }

    /// The rates, scaled if that was asked for; never empty. The first is the unit that the workload counts.
    #[must_use]
    pub fn rates(&self) -> &[Rate] {
        &self.rates
    }

    /// USD for the count of a rate's unit that people price, under the terms' utilisation. Of work that was offered at a rate it is the cost at that load, and the utilisation does not
    /// count: the load says it.
    ///
    /// # Errors
    /// [`NoCost::Sum`] for a rate of 0.
    pub fn cost(&self, rate: &Rate) -> Result<Amount, NoCost> {
        let cost = per_units(self.platform.usd_per_hour, rate.per_second, rate.unit.count())?;
        if self.work.offered() { Ok(cost) } else { Ok(utilised(cost, self.terms.utilisation)?) }
    }

    /// The same while `load` units a second are asked for: the whole hour is billed whatever arrives, so it falls as one over the load. The terms' utilisation does not count: the load says it.
    ///
    /// # Errors
    /// [`NoCost::Overload`] above the rate, or [`NoCost::Offered`] where that was no capacity; [`NoCost::Sum`] unless the load is above 0.
    pub fn at_load(&self, rate: &Rate, load: f64) -> Result<Amount, NoCost> {
        if load > rate.per_second.value {
            return Err(self.beyond(rate));
        }
        Ok(at_load(self.platform.usd_per_hour, rate.per_second, load, rate.unit.count())?)
    }

    /// Why more than a rate has no cost.
    fn beyond(&self, rate: &Rate) -> NoCost {
        if self.work.offered() {
            NoCost::Offered { per_second: rate.per_second.value, unit: rate.unit }
        } else {
            NoCost::Overload
        }
    }

    /// The bill for `units` of the unit that the workload counts, the work's start-up with it.
    ///
    /// # Errors
    /// [`NoCost::Offered`] where the rate is no capacity, [`NoCost::NoStartup`] where the work does not say how long that takes, [`NoCost::Sum`] unless the units are above 0.
    pub fn bill(&self, units: f64) -> Result<Bill, NoCost> {
        let startup_seconds = self.work.startup_seconds.ok_or(NoCost::NoStartup)?;
        let rate = self.rates.first().ok_or(NoCost::NoThroughput)?;
        if self.work.offered() {
            return Err(self.beyond(rate));
        }
        let usd = bill(self.platform.usd_per_hour, rate.per_second, units, startup_seconds)?;
        let usd = utilised(usd, self.terms.utilisation)?;
        Ok(Bill { units, startup_seconds, usd, usd_per_count: usd.times(rate.unit.count() / units) })
    }

    /// The offered load from which on the work costs less here than `usd` for the count of the rate's unit that people price, such as what an API asks.
    ///
    /// # Errors
    /// [`NoCost::Overload`] where not even full use is cheaper, [`NoCost::Offered`] where full use is not known, [`NoCost::Sum`] unless the price is above 0.
    pub fn break_even_load(&self, rate: &Rate, usd: f64) -> Result<f64, NoCost> {
        let load = break_even_load(self.platform.usd_per_hour.value, usd, rate.unit.count())?;
        if load > rate.per_second.value { Err(self.beyond(rate)) } else { Ok(load) }
    }

    /// USD an hour of useful work.
    ///
    /// # Errors
    /// None that a price of a catalogue brings.
    pub fn useful_usd_per_hour(&self) -> Result<Amount, NoCost> {
        Ok(utilised(self.platform.usd_per_hour, self.terms.utilisation)?)
    }
}
