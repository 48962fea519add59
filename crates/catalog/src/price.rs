//! Prices of instances, and how one of them is chosen.

use std::fmt;

use serde::Deserialize;

use crate::cost::Amount;
use crate::dated::{Dated, Day};
use crate::error::CatalogError;

/// What kind of promise stands behind a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
pub enum Basis {
    /// By the hour, at any time.
    #[serde(rename = "on-demand")]
    OnDemand,
    /// Spare capacity that can be taken away.
    #[serde(rename = "spot")]
    Spot,
    /// A block of time bought ahead, billed even if idle.
    #[serde(rename = "capacity-block")]
    CapacityBlock,
    /// Queued capacity for a limited time.
    #[serde(rename = "flex-start")]
    FlexStart,
    /// Reserved for one year.
    #[serde(rename = "reserved-1yr")]
    Reserved1yr,
    /// Reserved for three years.
    #[serde(rename = "reserved-3yr")]
    Reserved3yr,
    /// Reserved for five years.
    #[serde(rename = "reserved-5yr")]
    Reserved5yr,
    /// Savings plan of three years, paid ahead.
    #[serde(rename = "savings-plan-3yr")]
    SavingsPlan3yr,
    /// Committed use for one year.
    #[serde(rename = "commitment-1yr")]
    Commitment1yr,
    /// Committed use for three years.
    #[serde(rename = "commitment-3yr")]
    Commitment3yr,
    /// What people report to have paid.
    #[serde(rename = "reported")]
    Reported,
}

impl Basis {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::OnDemand,
        Self::Spot,
        Self::CapacityBlock,
        Self::FlexStart,
        Self::Reserved1yr,
        Self::Reserved3yr,
        Self::Reserved5yr,
        Self::SavingsPlan3yr,
        Self::Commitment1yr,
        Self::Commitment3yr,
        Self::Reported,
    ];

    /// The word, as in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Spot => "spot",
            Self::CapacityBlock => "capacity-block",
            Self::FlexStart => "flex-start",
            Self::Reserved1yr => "reserved-1yr",
            Self::Reserved3yr => "reserved-3yr",
            Self::Reserved5yr => "reserved-5yr",
            Self::SavingsPlan3yr => "savings-plan-3yr",
            Self::Commitment1yr => "commitment-1yr",
            Self::Commitment3yr => "commitment-3yr",
            Self::Reported => "reported",
        }
    }

    /// Reads the word.
    ///
    /// # Errors
    /// The words there are, for people.
    pub fn parse(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|basis| basis.name() == word).ok_or_else(|| {
            let words: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
            format!("`{word}` is no basis of prices; there are {}", words.join(", "))
        })
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Stands for a list that holds in every region.
pub const EVERYWHERE: &str = "everywhere";
/// Stands for a price whose source states no region.
pub const UNSTATED: &str = "not stated";

/// Price of one hour of a whole instance.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Price {
    /// What kind of promise stands behind it.
    pub basis: Basis,
    /// USD an hour; the bottom of a range where there is one.
    pub usd_per_hour: f64,
    /// Top of a range.
    pub usd_per_hour_high: Option<f64>,
    /// Where it holds: a region, the beginning of several (`us`), or [`EVERYWHERE`]. Empty where the source states none.
    #[serde(default)]
    pub regions: Vec<String>,
    /// When it was read or held.
    pub date: Dated,
    /// When the same price was read again.
    pub reconfirmed: Option<Dated>,
    /// No list price.
    #[serde(default)]
    pub estimate: bool,
    /// The source says that it did not check the row again.
    #[serde(default)]
    pub unverified: bool,
    /// Remark.
    pub note: Option<String>,
    /// Name of the source.
    pub source: String,
    /// Of a file of the user's own: it goes before built-in ones where and when it holds.
    #[serde(skip)]
    pub(crate) own: bool,
}

impl Price {
    /// USD an hour: of a range the middle, with its ends.
    #[must_use]
    pub fn usd(&self) -> Amount {
        match self.usd_per_hour_high {
            Some(high) => {
                Amount { value: f64::midpoint(self.usd_per_hour, high), low: self.usd_per_hour, high }
            }
            None => Amount::exact(self.usd_per_hour),
        }
    }

    /// Whether it holds in that region.
    #[must_use]
    pub fn holds_in(&self, region: &str) -> bool {
        let covers = |r: &String| {
            r == EVERYWHERE
                || r == region
                || region.strip_prefix(r.as_str()).is_some_and(|rest| rest.starts_with('-'))
        };
        self.regions.iter().any(covers) || (self.regions.is_empty() && region == UNSTATED)
    }

    /// What speaks against it on a day: that the period that its source states has ended before. `None` where nothing does.
    #[must_use]
    pub fn ended(&self, day: Day) -> Option<String> {
        let last =
            self.reconfirmed.as_ref().map_or(self.date.last(), |again| again.last().max(self.date.last()));
        (self.date.is_period() && last < day)
            .then(|| format!("the last one known: its period ended on {last}"))
    }

    /// What speaks against it: `estimate`, `unverified`.
    #[must_use]
    pub fn marks(&self) -> Vec<&'static str> {
        let marks = [("estimate", self.estimate), ("unverified", self.unverified)];
        marks.into_iter().filter_map(|(word, holds)| holds.then_some(word)).collect()
    }

    /// Its regions for people.
    #[must_use]
    pub fn places(&self) -> String {
        if self.regions.is_empty() { UNSTATED.to_owned() } else { self.regions.join(" ") }
    }
}

/// Which price is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceQuery {
    /// Basis.
    pub basis: Basis,
    /// Region; without one the price must be the same in all that have one.
    pub region: Option<String>,
    /// The price in force on that day, which is the newest that begins by then; without one that of today.
    pub date: Option<Day>,
}

impl PriceQuery {
    /// The day on which the price is to be in force.
    #[must_use]
    pub fn day(&self) -> Day {
        self.date.unwrap_or_else(Day::today)
    }
}

/// The price of an instance that is in force: the newest of that basis for the region and day, one of the user's own before built-in ones.
///
/// # Errors
/// [`CatalogError::NoPrice`] with the prices there are; [`CatalogError::Regions`] when none was named and regions differ.
pub fn choose<'a>(
    instance: &str,
    prices: &'a [Price],
    query: &PriceQuery,
) -> Result<&'a Price, CatalogError> {
    let day = query.day();
    let of_basis: Vec<&Price> = prices.iter().filter(|p| p.basis == query.basis).collect();
    let by_day: Vec<&Price> = of_basis.iter().copied().filter(|p| p.date.first() <= day).collect();
    let newest = |region: &str| {
        by_day
            .iter()
            .copied()
            .filter(|p| p.holds_in(region))
            .max_by_key(|p| (p.own, p.date.first(), p.date.last()))
    };
    if let Some(region) = &query.region {
        return newest(region).ok_or_else(|| missing(instance, prices, &of_basis, query));
    }
    // Who states a price of their own and no region means that price.
    let own = by_day.iter().any(|p| p.own);
    let mut regions: Vec<&str> = by_day
        .iter()
        .filter(|p| p.own == own)
        .flat_map(|p| {
            if p.regions.is_empty() { vec![UNSTATED] } else { p.regions.iter().map(String::as_str).collect() }
        })
        .collect();
    regions.sort_unstable();
    regions.dedup();
    let found: Vec<(&str, &Price)> = regions.iter().filter_map(|r| newest(r).map(|p| (*r, p))).collect();
    match found.as_slice() {
        [] => Err(missing(instance, prices, &of_basis, query)),
        [(_, first), rest @ ..] if rest.iter().all(|(_, p)| p.usd() == first.usd()) => Ok(first),
        _ => {
            let listed: Vec<String> =
                found.iter().map(|(r, p)| format!("{r} {} USD/h of {}", range(p), p.date)).collect();
            Err(CatalogError::Regions {
                instance: instance.to_owned(),
                basis: query.basis,
                regions: listed.join(", "),
            })
        }
    }
}

/// The hourly price as text.
pub(crate) fn range(price: &Price) -> String {
    match price.usd_per_hour_high {
        Some(high) => format!("{} to {high}", price.usd_per_hour),
        None => price.usd_per_hour.to_string(),
    }
}

fn missing(instance: &str, all: &[Price], of_basis: &[&Price], query: &PriceQuery) -> CatalogError {
    let mut wanted = String::new();
    if let Some(region) = &query.region {
        wanted += &format!(" in {region}");
    }
    if let Some(day) = query.date {
        wanted += &format!(" by {day}");
    }
    let known = if !of_basis.is_empty() {
        let listed: Vec<String> =
            of_basis.iter().map(|p| format!("{} ({}, {} USD/h)", p.places(), p.date, range(p))).collect();
        format!("there are {}", listed.join("; "))
    } else if all.is_empty() {
        "none of any kind is in the catalogue; give one in a file of your own (--catalog FILE)".to_owned()
    } else {
        let mut bases: Vec<Basis> = all.iter().map(|p| p.basis).collect();
        bases.sort_unstable();
        bases.dedup();
        let words: Vec<&str> = bases.into_iter().map(Basis::name).collect();
        format!("it has prices for {}; name one (--basis)", words.join(", "))
    };
    CatalogError::NoPrice { instance: instance.to_owned(), basis: query.basis, wanted, known }
}
