//! Two platforms that do the same work: where they cost the same, and when a change has paid for itself.

use portbench_catalog::cost::{BreakEven, Offer, break_even};
use portbench_records::unlike;

use crate::no_cost::NoCost;
use crate::priced::Priced;
use crate::unit::WorkUnit;
use crate::work::Work;

/// What becomes of a change from one platform to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exchange {
    /// What is counted.
    pub unit: WorkUnit,
    /// Units a second now.
    pub incumbent_rate: f64,
    /// Units a second after the change.
    pub candidate_rate: f64,
    /// Price at which both cost the same, discount that it takes, and units after which the change has paid for itself. The price is of an hour of the calendar.
    pub break_even: BreakEven,
}

/// Holds the work on one platform against the same work on another, in the unit that the workload counts. The change costs `migration_usd` once.
///
/// # Errors
/// [`NoCost::Unlike`] with everything that the two works do not share; [`NoCost::Sum`] for a rate of 0 or a negative cost of the change.
pub fn exchange(
    incumbent: &Priced<'_>,
    candidate: &Priced<'_>,
    migration_usd: f64,
) -> Result<Exchange, NoCost> {
    let differences = differences(incumbent.work(), candidate.work());
    if !differences.is_empty() {
        return Err(NoCost::Unlike(differences));
    }
    let first = |priced: &Priced<'_>| priced.rates().first().copied().ok_or(NoCost::NoThroughput);
    let (now, then) = (first(incumbent)?, first(candidate)?);
    if now.unit != then.unit {
        return Err(NoCost::Unlike(vec![format!("counted in {} and {}", now.unit, then.unit)]));
    }
    let offer = |priced: &Priced<'_>, rate: f64| -> Result<Offer, NoCost> {
        let usd_per_hour = priced.useful_usd_per_hour()?.value;
        Ok(Offer { usd_per_hour, units_per_second: rate })
    };
    let (now_rate, then_rate) = (now.per_second.value, then.per_second.value);
    let found = break_even(offer(incumbent, now_rate)?, offer(candidate, then_rate)?, migration_usd)?;
    // Of an hour of the calendar: idle time is billed at that price too.
    let usd_per_hour = found.usd_per_hour * candidate.terms().utilisation();
    Ok(Exchange {
        unit: now.unit,
        incumbent_rate: now_rate,
        candidate_rate: then_rate,
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
