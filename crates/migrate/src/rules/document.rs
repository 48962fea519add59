//! A file of rules as it stands in TOML.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Rule;

/// What was read, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Source {
    /// What it is.
    pub what: String,
    /// The date that it bears, as it prints it.
    pub date: String,
    /// Its public address, where it has one.
    #[serde(rename = "where")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Document {
    #[serde(default)]
    pub(super) sources: BTreeMap<String, Source>,
    /// Rules to be left out.
    #[serde(default)]
    pub(super) off: Vec<String>,
    #[serde(default)]
    pub(super) rule: Vec<Rule>,
}
