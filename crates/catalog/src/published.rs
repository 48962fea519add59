//! Results that others published: read from TOML, shown beside measured ones, never mixed with them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::accelerator::Accelerator;
use crate::catalog::Catalog;
use crate::document::Text;
use crate::error::CatalogError;
use crate::instance::SourceDate;

/// A file of published results.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PublishedFile {
    /// Who published.
    pub publisher: String,
    /// What holds for every result of the file: how it was measured, what is not said.
    #[serde(default)]
    pub caveats: Vec<String>,
    /// The results.
    #[serde(default)]
    pub result: Vec<Spanned<Published>>,
}

/// One published result. Figures are of the whole instance or instances.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Published {
    /// Model or operation, as published.
    pub model: String,
    /// `inference`, `generate` or `training`.
    pub mode: String,
    /// Instance type, or the name of a system.
    pub instance: String,
    /// How many instances, where more than one.
    pub instances: Option<u32>,
    /// Accelerator of a system that is no instance of the catalogue.
    pub accelerator: Option<String>,
    /// How many accelerators that system has.
    pub accelerators: Option<u32>,
    /// Software, with its version: SDK, framework, library.
    pub software: Option<String>,
    /// Numerics and casts, as published.
    pub numerics: Option<String>,
    /// Sizes: `batch`, `sequence`, `prompt`, `new-tokens`, `concurrency`.
    #[serde(default)]
    pub shape: BTreeMap<String, u64>,
    /// How it was parallelised and loaded, in the publisher's words.
    pub configuration: Option<String>,
    /// Units of work a second.
    pub throughput: Option<f64>,
    /// Their unit: `tokens`, `images`, `sequences`, `inferences`.
    pub unit: Option<String>,
    /// Latency in seconds by metric: `latency-p50`, `latency-p99`, `ttft-p50`, `tpot-p50`, ...
    #[serde(default)]
    pub seconds: BTreeMap<String, f64>,
    /// Model FLOPs utilisation, as published.
    pub mfu: Option<f64>,
    /// The price per hour with which the publisher computes cost, USD.
    pub usd_per_hour: Option<f64>,
    /// Cost in USD per million units, as published.
    pub usd_per_million: Option<f64>,
    /// What was read.
    pub source: String,
    /// The date that it bears.
    pub date: SourceDate,
    /// What a reader must know before comparing.
    #[serde(default)]
    pub caveats: Vec<String>,
    /// A program of ours for the same work, where there is one.
    pub work: Option<SameWork>,
}

/// The same work as one of ours: what a workload file says of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SameWork {
    /// Family of models.
    pub family: String,
    /// Preset of it.
    pub preset: String,
    /// Number format of the matrix products.
    pub numerics: String,
    /// Executions that run at once on the instance, each with a batch of its own: bounds of one accelerator are multiplied by the number of accelerators, not by this.
    pub note: Option<String>,
}

/// A published result with its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Name of its file, without `.toml`.
    pub file: String,
    /// Who published.
    pub publisher: String,
    /// The result, its caveats after those of its file.
    pub result: Published,
}

impl Entry {
    /// The accelerators that the figures are of, and how many; `None` where neither the result nor the catalogue says it.
    #[must_use]
    pub fn hardware<'c>(&self, catalog: &'c Catalog) -> Option<(&'c Accelerator, u32)> {
        let result = &self.result;
        let instances = result.instances.unwrap_or(1);
        if let (Some(name), Some(count)) = (&result.accelerator, result.accelerators) {
            return Some((catalog.accelerator(name).ok()?, count * instances));
        }
        let instance = catalog.instance(&result.instance).ok()?;
        Some((catalog.accelerator(&instance.accelerator).ok()?, instance.accelerators * instances))
    }
}

/// The project's own files, part of the program. A test holds the list against the folder.
const BUILT_IN: [(&str, &str); 4] = [
    ("aws-neuron.toml", include_str!("../../../results/published/aws-neuron.toml")),
    ("hugging-face.toml", include_str!("../../../results/published/hugging-face.toml")),
    ("kiln.toml", include_str!("../../../results/published/kiln.toml")),
    ("mlperf.toml", include_str!("../../../results/published/mlperf.toml")),
];

/// What the program brings along: the files of `results/published`.
///
/// # Errors
/// [`CatalogError::Mistake`] if they are wrong, which a test rules out.
pub fn built_in() -> Result<Vec<Entry>, CatalogError> {
    let mut entries = Vec::new();
    for (file, text) in BUILT_IN {
        entries.extend(read(file, text)?);
    }
    Ok(entries)
}

/// Reads one file.
///
/// # Errors
/// [`CatalogError::Mistake`] with file, line and key: no TOML, an unknown key, a number that is not above 0, a throughput without its unit, a result without a figure.
pub fn read(file: &str, text: &str) -> Result<Vec<Entry>, CatalogError> {
    let place = Text { file, text };
    let parsed: PublishedFile = place.parse()?;
    let name =
        Path::new(file).file_stem().map_or_else(|| file.to_owned(), |s| s.to_string_lossy().into_owned());
    let mut entries = Vec::new();
    for spanned in parsed.result {
        check(&place, &spanned)?;
        let mut result = spanned.into_inner();
        let mut caveats = parsed.caveats.clone();
        caveats.append(&mut result.caveats);
        result.caveats = caveats;
        entries.push(Entry { file: name.clone(), publisher: parsed.publisher.clone(), result });
    }
    Ok(entries)
}

/// Reads every `.toml` file of a directory, in order of their names; stored runs in it are left alone.
///
/// # Errors
/// [`CatalogError::Read`], and as [`read`].
pub fn read_directory(dir: &Path) -> Result<Vec<Entry>, CatalogError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| CatalogError::Read { path, source }
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed(dir))? {
        let path = entry.map_err(failed(dir))?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            files.push(path);
        }
    }
    files.sort();
    let mut entries = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).map_err(failed(&path))?;
        entries.extend(read(&path.display().to_string(), &text)?);
    }
    Ok(entries)
}

fn check(place: &Text<'_>, spanned: &Spanned<Published>) -> Result<(), CatalogError> {
    let result = spanned.get_ref();
    let mut numbers = vec![
        ("throughput", result.throughput),
        ("mfu", result.mfu),
        ("usd-per-hour", result.usd_per_hour),
        ("usd-per-million", result.usd_per_million),
    ];
    numbers.extend(result.seconds.values().map(|v| ("seconds", Some(*v))));
    for (key, value) in numbers {
        if let Some(v) = value.filter(|v| !(v.is_finite() && *v > 0.0)) {
            return Err(place.mistake_in(spanned, key, &format!("is {v}; it must be a number above 0")));
        }
    }
    if result.accelerator.is_some() != result.accelerators.is_some_and(|n| n > 0) {
        return Err(place.mistake_in(spanned, "accelerator", "and `accelerators`, at least 1, go together"));
    }
    if result.throughput.is_some() != result.unit.is_some() {
        return Err(place.mistake_in(spanned, "throughput", "and `unit` go together"));
    }
    if result.throughput.is_none() && result.seconds.is_empty() && result.usd_per_million.is_none() {
        return Err(place.mistake_in(
            spanned,
            "model",
            "the result has no throughput, no seconds and no cost",
        ));
    }
    Ok(())
}
