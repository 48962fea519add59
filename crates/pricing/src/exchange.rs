//! Two platforms that do the same work: where they cost the same, and when a change has paid for itself.

use portbench_catalog::Amount;
use portbench_catalog::cost::{BreakEven, Offer, break_even};
use portbench_records::unlike;
use serde::{Serialize, Serializer};

use crate::no_cost::NoCost;
use crate::priced::{Priced, Share};
use crate::unit::WorkUnit;
use crate::work::{Rate, Work};

/// What becomes of a change from one platform to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// What is counted.
    pub unit: WorkUnit,
    /// The work where it is done now.
    pub now: Side,
    /// The work after the change.
    pub against: Side,
    /// Price at which both cost the same, discount that it takes, and units after which the change has paid for itself. The price is of an hour of the calendar.
    pub break_even: BreakEven,
}

/// One side of a change.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Side {
    /// Instance or system.
    pub platform: String,
    /// Backend and device; empty for a rate that was given.
    pub backend: String,
    /// What the rate is of.
    #[serde(rename = "of-platform", serialize_with = "words")]
    pub share: Share,
    /// Units a second.
    pub throughput: Amount,
    /// How many trials that is from; absent where it was given.
    pub trials: Option<usize>,
    /// USD an hour of the platform.
    pub usd_per_hour: Amount,
    /// USD for the count of the unit that people price.
    pub usd: Amount,
}

fn words<S: Serializer>(share: &Share, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(share)
}

impl Side {
    fn of(priced: &Priced<'_>, rate: &Rate) -> Result<Self, NoCost> {
        Ok(Self {
            platform: priced.platform().name.clone(),
            backend: priced.work().labels.backend.clone(),
            share: priced.share(),
            throughput: rate.per_second,
            trials: priced.work().trials,
            usd_per_hour: priced.platform().usd_per_hour,
            usd: priced.cost(rate)?,
        })
    }
}

/// Holds the work on one platform against the same work on another, in the unit that the workload counts. The change costs `migration_usd` once.
///
/// # Errors
/// [`NoCost::Unlike`] with everything that the two works do not share; [`NoCost::Offered`] where a rate is that of arrivals; [`NoCost::Sum`] for a rate of 0 or a negative cost of the change.
pub fn exchange(
    incumbent: &Priced<'_>,
    candidate: &Priced<'_>,
    migration_usd: f64,
) -> Result<Exchange, NoCost> {
    let differences = differences(incumbent.work(), candidate.work());
    if !differences.is_empty() {
        return Err(NoCost::Unlike(differences));
    }
    let first = |priced: &Priced<'_>| {
        let rate = priced.rates().first().copied().ok_or(NoCost::NoThroughput)?;
        if priced.work().offered() {
            return Err(NoCost::Offered { per_second: rate.per_second.value, unit: rate.unit });
        }
        Ok(rate)
    };
    let (now, then) = (first(incumbent)?, first(candidate)?);
    if now.unit != then.unit {
        return Err(NoCost::Unlike(vec![format!("counted in {} and {}", now.unit, then.unit)]));
    }
    let offer = |priced: &Priced<'_>, rate: &Rate| -> Result<Offer, NoCost> {
        Ok(Offer { usd_per_hour: priced.useful_usd_per_hour()?, units_per_second: rate.per_second })
    };
    let found = break_even(offer(incumbent, &now)?, offer(candidate, &then)?, migration_usd)?;
    // Of an hour of the calendar: idle time is billed at that price too.
    let usd_per_hour = found.usd_per_hour.times(candidate.terms().utilisation());
    Ok(Exchange {
        unit: now.unit,
        now: Side::of(incumbent, &now)?,
        against: Side::of(candidate, &then)?,
        break_even: BreakEven { usd_per_hour, ..found },
    })
}

/// What two works do not share, for people; nothing where one of them was given and says nothing of itself.
fn differences(a: &Work, b: &Work) -> Vec<String> {
    let mut found = Vec::new();
    if let (Some(a), Some(b)) = (&a.problem, &b.problem) {
        found.extend(unlike(a, b));
    }
    if let (Some(a), Some(b)) = (&a.cell, &b.cell)
        && a.numerics != b.numerics
    {
        found.push(format!("numerics {} and {}", a.numerics, b.numerics));
    }
    if let (Some(a), Some(b)) = (a.boundary, b.boundary)
        && a != b
    {
        found.push(format!("timers that enclose {a} and {b} work"));
    }
    found
}
