//! Instances as sold, and systems as owned.

use serde::Deserialize;

use crate::dated::Dated;

/// An instance type of a cloud.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Instance {
    /// Name, as the cloud spells it.
    pub name: String,
    /// Cloud.
    pub provider: String,
    /// Name of the accelerator; of an instance without one, its host CPU.
    pub accelerator: String,
    /// How many it has; 1 for a host CPU.
    pub accelerators: u32,
    /// Virtual CPUs.
    pub vcpus: Option<u32>,
    /// Host memory in 2^30 bytes.
    pub memory_gib: Option<f64>,
    /// Network in 10^9 bits a second, the baseline.
    pub network_gbps: Option<f64>,
    /// Anything else that a reader should know.
    pub note: Option<String>,
    /// Names of sources.
    #[serde(default)]
    pub sources: Vec<String>,
}

/// A server or rack that one can own.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct System {
    /// Name.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// Name of the accelerator.
    pub accelerator: String,
    /// How many it has.
    pub accelerators: u32,
    /// What it costs to buy, USD.
    pub capital_usd: Option<Quoted>,
    /// Power at full load, kW, before the site's overhead.
    pub it_kw: Option<Quoted>,
}

/// A figure with its source.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Quoted {
    /// The figure.
    pub value: f64,
    /// Not stated by whoever sells it.
    #[serde(default)]
    pub estimate: bool,
    /// Remark.
    pub note: Option<String>,
    /// Name of the source.
    pub source: String,
}

/// Where a figure comes from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Source {
    /// What was read.
    pub what: String,
    /// The date that it bears.
    pub date: SourceDate,
}

/// The date of a source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum SourceDate {
    /// It bears one.
    Dated(Dated),
    /// It bears none.
    Undated,
}

impl TryFrom<String> for SourceDate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "undated" { Ok(Self::Undated) } else { Dated::try_from(text).map(Self::Dated) }
    }
}

impl std::fmt::Display for SourceDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dated(date) => date.fmt(f),
            Self::Undated => f.pad("undated"),
        }
    }
}
