//! What a cell was executed with, and what of it changed from one run to another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use portbench_records::EnvironmentHead;
use serde::Serialize;

use crate::platform::Platform;

/// Name of the commit: the one thing that may change every night and is no break.
const COMMIT: &str = "commit";

/// Versions, machine and program, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stack(BTreeMap<String, String>);

impl Stack {
    /// That of a cell on a platform. What the hardware of a series says already is left out.
    pub(super) fn of(platform: &Platform, environment: &EnvironmentHead) -> Self {
        let mut all = platform.versions.clone();
        let mut add = |name: &str, value: String| {
            if !value.is_empty() {
                all.insert(name.to_owned(), value);
            }
        };
        add("portbench", environment.portbench.clone());
        add(COMMIT, environment.commit.clone().unwrap_or_default());
        add("os", environment.os.clone());
        add("kernel", environment.kernel.clone());
        add("CPU", environment.cpu.clone());
        add("CPUs", environment.cpus.to_string());
        // What the firmware keeps for itself differs from boot to boot.
        add("memory", format!("{:.0} GiB", environment.memory_bytes as f64 / f64::from(1 << 30)));
        // The driver, the runtime and the compiler of Neuron stand among the versions.
        let known = |name: &str| matches!(name, "neuron-driver" | "neuron-runtime" | "neuron-compiler");
        for (name, value) in environment.facts.iter().filter(|(name, _)| !known(name)) {
            add(name, value.clone());
        }
        Self(all)
    }

    /// What differs in a later one: first what makes it another platform, then the rest.
    pub(super) fn changes(&self, later: &Self) -> Vec<Change> {
        let names: BTreeSet<&String> = self.0.keys().chain(later.0.keys()).collect();
        let change = |name: &String| {
            let (from, to) = (self.0.get(name).cloned(), later.0.get(name).cloned());
            (from != to).then(|| Change { what: name.clone(), from, to })
        };
        let mut changes: Vec<Change> = names.into_iter().filter_map(change).collect();
        changes.sort_by_key(|change| !change.declared());
        changes
    }
}

/// Something that is not the same in two runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// Its name.
    pub what: String,
    /// What it was, if it was known.
    pub from: Option<String>,
    /// What it is.
    pub to: Option<String>,
}

impl Change {
    /// Whether it is a declared break: a platform with it is another one, and levels on both sides are not held against each other. Only the commit is none.
    #[must_use]
    pub fn declared(&self) -> bool {
        self.what != COMMIT
    }

    /// What differs between two maps by name.
    pub(super) fn between(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<Self> {
        Stack(before.clone()).changes(&Stack(after.clone()))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        write!(f, "{} {} -> {}", self.what, word(&self.from), word(&self.to))
    }
}

/// Changes in one line, for people.
pub(crate) fn words(changes: &[Change]) -> String {
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
