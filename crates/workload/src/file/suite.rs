//! Suite files.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use portbench_measure::{Numerics, Scenario};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A suite: which workloads run on which backends, in which scenarios, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "portbench suite")]
pub struct SuiteFile {
    /// One line on what it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Process launches of each cell. 3 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials: Option<u32>,
    /// Seconds that warm-up and samples of a trial may take. 600 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<f64>,
    /// Seconds until then: compiling, the parity check, the first execution. 3600 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile_limit: Option<f64>,
    /// Warm-up of each trial.
    #[serde(default)]
    pub warmup: WarmupTable,
    /// Sampling of each trial.
    #[serde(default)]
    pub sampling: SamplingTable,
    /// Backends of entries that name none. `["candle"]` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backends: Option<Vec<BackendChoice>>,
    /// What runs.
    pub entries: Vec<SuiteEntry>,
}

/// A workload of a suite: every combination of its backends, scenarios and numerics is a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SuiteEntry {
    /// Name of a workload, or path of its file (relative to the suite file).
    pub workload: String,
    /// Backends. The suite's if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backends: Option<Vec<BackendChoice>>,
    /// Traffic. `["single-stream"]` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenarios: Option<Vec<Scenario>>,
    /// Workers that run at the same time, each on a device of its own, or on its part of the CPUs: a number, or `"all"` for as many as the machine has devices. One worker alone, on
    /// the first device or part of the CPUs, is measured as well, for comparison. One only if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<Replicas>,
    /// Those of the workload's numerics that run. All if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numerics: Option<Vec<Numerics>>,
    /// In place of the suite's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials: Option<u32>,
    /// In place of the suite's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<f64>,
    /// In place of the suite's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile_limit: Option<f64>,
    /// In place of the suite's, key by key.
    #[serde(default)]
    pub warmup: WarmupTable,
    /// In place of the suite's, key by key.
    #[serde(default)]
    pub sampling: SamplingTable,
}

/// How long a trial warms up: until both minima are met, and then until times have settled or `max-seconds` are over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WarmupTable {
    /// Shortest time. 0.5 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_seconds: Option<f64>,
    /// Longest time. 5 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_seconds: Option<f64>,
    /// Fewest executions. 1 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_executions: Option<u64>,
}

/// How long a trial samples: until both minima are met or the maximum is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SamplingTable {
    /// Time to sample for. 3 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Fewest samples. 3 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_samples: Option<u64>,
    /// Most samples. 100000 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_samples: Option<u64>,
    /// Shortest sample: faster executions are grouped. 0.001 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_sample_seconds: Option<f64>,
}

/// How many workers run at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replicas {
    /// So many.
    Count(NonZeroU32),
    /// As many as there are devices.
    All,
}

impl FromStr for Replicas {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "all" => Ok(Self::All),
            number => number.parse().map(Self::Count).map_err(|_| {
                let shown: String = s.chars().take(40).flat_map(char::escape_debug).collect();
                format!("`{shown}` is no number of replicas; write a number from 1, or all")
            }),
        }
    }
}

impl Serialize for Replicas {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(n) => n.serialize(serializer),
            Self::All => "all".serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Replicas {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Word(String),
        }
        let text = match Written::deserialize(deserializer) {
            Ok(Written::Number(n)) => n.to_string(),
            Ok(Written::Word(word)) if word == "all" => word,
            _ => return Err(de::Error::custom("replicas is a number from 1, or \"all\"")),
        };
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Replicas {
    fn schema_name() -> Cow<'static, str> {
        "Replicas".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How many workers run at the same time: a number, or `all` devices.",
            "anyOf": [{ "type": "integer", "minimum": 1, "maximum": u32::MAX }, { "const": "all" }],
        })
    }
}

/// A backend on a device, written `candle` (its default device, `cpu`) or `candle@cuda:0`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BackendChoice {
    /// Backend.
    pub backend: String,
    /// Device.
    pub device: String,
}

impl JsonSchema for BackendChoice {
    fn schema_name() -> Cow<'static, str> {
        "BackendChoice".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A backend, optionally on a device: `candle`, `candle@cuda:0`.",
            "type": "string",
            "pattern": "^[a-z][a-z0-9-]*(@[a-z][a-z0-9-]*(:[0-9]{1,4})?)?$",
        })
    }
}

impl FromStr for BackendChoice {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (backend, device) = s.split_once('@').unwrap_or((s, "cpu"));
        let word = |w: &str| {
            w.starts_with(|c: char| c.is_ascii_lowercase())
                && w.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        let (kind, number) = device.split_once(':').unwrap_or((device, "0"));
        let numbered = !number.is_empty() && number.len() <= 4 && number.chars().all(|c| c.is_ascii_digit());
        if word(backend) && word(kind) && numbered {
            Ok(Self { backend: backend.to_owned(), device: device.to_owned() })
        } else {
            let shown: String = s.chars().take(40).flat_map(char::escape_debug).collect();
            Err(format!(
                "`{shown}` is not a backend; write `candle`, or with a device `candle@cpu`, `candle@cuda:0`"
            ))
        }
    }
}

impl TryFrom<String> for BackendChoice {
    type Error = String;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl From<BackendChoice> for String {
    fn from(choice: BackendChoice) -> Self {
        choice.to_string()
    }
}

impl fmt::Display for BackendChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}@{}", self.backend, self.device))
    }
}
