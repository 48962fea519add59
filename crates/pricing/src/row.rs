//! Costs as rows: what tables, charts and programs read.

use std::fmt;

use portbench_catalog::{Amount, CatalogError, positive};
use serde::{Serialize, Serializer};

use crate::no_cost::NoCost;
use crate::platform::Platform;
use crate::priced::{Priced, Share, Terms, price};
use crate::unit::{WorkUnit, grouped, significant};
use crate::work::{Labels, Origin, Publication, Rate, Work};

/// What some count of one unit costs, or why that cannot be said.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CostRow {
    /// Workload; empty for a rate that was given.
    pub workload: String,
    /// Scenario.
    pub scenario: String,
    /// Backend and device.
    pub backend: String,
    /// Numerics.
    pub numerics: String,
    /// Where the throughput comes from; absent where there is none.
    pub provenance: Option<Origin>,
    /// Units a second of the platform; absent where there is none.
    pub throughput: Option<Amount>,
    /// How many trials that is from; absent where it was not measured here. Of one trial alone the interval knows nothing of how trials differ.
    pub trials: Option<usize>,
    /// What that throughput is of; absent where there is none.
    #[serde(rename = "of-platform", serialize_with = "words_or_none")]
    pub share: Option<Share>,
    /// Of a published result: its configuration, publisher, date and source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publication: Option<Publication>,
    /// What the sum is for; absent where not even that is known.
    #[serde(serialize_with = "words_or_none")]
    pub per: Option<Per>,
    /// The sum in USD.
    #[serde(flatten, serialize_with = "sum_or_reason")]
    pub usd: Result<Amount, NoCost>,
    /// Instance or system.
    pub platform: String,
    /// Basis of its price, or `owned`.
    pub basis: &'static str,
    /// USD an hour of it.
    pub usd_per_hour: Amount,
    /// Where and when that price holds.
    pub price_origin: String,
    /// When that price held.
    pub price_date: String,
    /// Who states it, by name of the catalogue; absent where the user gave it.
    pub price_source: Option<String>,
    /// What speaks against it on the day that was asked for: that its period ended before, or that the day is yet to come.
    pub price_remark: Option<String>,
    /// Share of the billed time that does useful work.
    pub utilisation: f64,
}

/// What a sum is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Per {
    /// The count of the unit that people price.
    Count(WorkUnit),
    /// The same, while so many units a second are asked for.
    AtLoad(WorkUnit, f64),
    /// The same at the load that the scenario offered, in units a second.
    Offered(WorkUnit, f64),
    /// So many units, with so many seconds of start-up, if they are known.
    Units(WorkUnit, f64, Option<f64>),
    /// The count that people price, of so many units with their start-up.
    CountOf(WorkUnit, f64),
    /// The training run that the workload asks for, its evaluations aside: steps, units, seconds of start-up, if they are known.
    TrainingRun(u64, f64, Option<f64>),
}

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(unit) => f.pad(unit.per()),
            Self::AtLoad(unit, load) => write!(f, "{} at {load} {unit}/s offered", unit.per()),
            Self::Offered(unit, load) => {
                write!(f, "{} at the scenario's {} {unit}/s", unit.per(), significant(*load))
            }
            Self::Units(unit, units, startup) => {
                write!(f, "{} {unit} with {}", grouped(*units), Startup(startup))
            }
            Self::CountOf(unit, units) => {
                write!(f, "{} as in the bill for {}", unit.per(), grouped(*units))
            }
            Self::TrainingRun(steps, units, startup) => {
                let (steps, units) = (grouped(*steps as f64), grouped(*units));
                write!(f, "training run of {steps} steps, {units} tokens with {}", Startup(startup))
            }
        }
    }
}

/// A start-up for people.
struct Startup<'a>(&'a Option<f64>);

impl fmt::Display for Startup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(seconds) => write!(f, "{seconds:.1} s of start-up"),
            None => f.write_str("its start-up"),
        }
    }
}

/// Further sums that are wanted of a work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    loads: Vec<f64>,
    units: Vec<f64>,
}

impl Wanted {
    /// The cost at each of these offered loads, in units a second, and the bill with its start-up for each of these numbers of units of the unit that the workload counts.
    ///
    /// # Errors
    /// [`CatalogError::Parameter`] unless all are numbers above 0.
    pub fn new(loads: Vec<f64>, units: Vec<f64>) -> Result<Self, CatalogError> {
        for load in &loads {
            positive("the offered load", *load)?;
        }
        for count in &units {
            positive("the number of units", *count)?;
        }
        Ok(Self { loads, units })
    }
}

/// The costs of a work: for the count of each unit that people price, for the training run if the workload asks for one, and what else is wanted. Work that has no cost is one row that says why.
pub fn cost_rows(work: &Work, platform: &Platform, terms: Terms, wanted: &Wanted) -> Vec<CostRow> {
    match price(work, platform, terms) {
        Ok(priced) => rows(&priced, wanted),
        Err(why) => vec![row(work, platform, terms, None, None, Err(why))],
    }
}

fn rows(priced: &Priced<'_>, wanted: &Wanted) -> Vec<CostRow> {
    let (work, platform, terms) = (priced.work(), priced.platform(), priced.terms());
    let share = Some(priced.share());
    let of = |rate: &Rate, per, usd| row(work, platform, terms, share.map(|s| (rate, s)), Some(per), usd);
    let mut rows = Vec::new();
    for rate in priced.rates() {
        let per = if work.offered() {
            Per::Offered(rate.unit, rate.per_second.value)
        } else {
            Per::Count(rate.unit)
        };
        rows.push(of(rate, per, priced.cost(rate)));
        for &load in &wanted.loads {
            rows.push(of(rate, Per::AtLoad(rate.unit, load), priced.at_load(rate, load)));
        }
    }
    let Some(rate) = priced.rates().first() else { return rows };
    let startup = work.startup_seconds;
    if let Some(run) = work.training_run {
        let units = run.units as f64;
        let usd = priced.bill(units).map(|bill| bill.usd);
        rows.push(of(rate, Per::TrainingRun(run.steps, units, startup), usd));
    }
    for &units in &wanted.units {
        match priced.bill(units) {
            Ok(bill) => {
                rows.push(of(rate, Per::Units(rate.unit, units, startup), Ok(bill.usd)));
                rows.push(of(rate, Per::CountOf(rate.unit, units), Ok(bill.usd_per_count)));
            }
            Err(why) => rows.push(of(rate, Per::Units(rate.unit, units, startup), Err(why))),
        }
    }
    rows
}

fn row(
    work: &Work,
    platform: &Platform,
    terms: Terms,
    rate: Option<(&Rate, Share)>,
    per: Option<Per>,
    usd: Result<Amount, NoCost>,
) -> CostRow {
    let Labels { workload, scenario, backend, numerics } = work.labels.clone();
    CostRow {
        workload,
        scenario,
        backend,
        numerics,
        provenance: rate.map(|_| work.origin),
        throughput: rate.map(|(rate, _)| rate.per_second),
        trials: rate.and(work.trials),
        share: rate.map(|(_, share)| share),
        publication: work.publication.clone(),
        per,
        usd,
        platform: platform.name.clone(),
        basis: platform.basis(),
        usd_per_hour: platform.usd_per_hour,
        price_origin: platform.price_origin(),
        price_date: platform.price_date(),
        price_source: platform.price_source().map(ToOwned::to_owned),
        price_remark: platform.price_remark().map(ToOwned::to_owned),
        utilisation: terms.utilisation(),
    }
}

fn words_or_none<T: fmt::Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

fn sum_or_reason<S: Serializer>(usd: &Result<Amount, NoCost>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Sum {
        usd: Option<Amount>,
        detail: Option<String>,
    }
    let sum = match usd {
        Ok(usd) => Sum { usd: Some(*usd), detail: None },
        Err(why) => Sum { usd: None, detail: Some(why.to_string()) },
    };
    sum.serialize(serializer)
}
