//! One file of the catalogue, and what must hold of each entry by itself.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;

use crate::accelerator::{Accelerator, Precision};
use crate::error::CatalogError;
use crate::instance::{Instance, Source, System};
use crate::price::Price;

/// The parts that any file of the catalogue may have.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    #[serde(default)]
    pub(crate) accelerator: Vec<Spanned<Accelerator>>,
    #[serde(default)]
    pub(crate) instance: Vec<Spanned<Instance>>,
    #[serde(default)]
    pub(crate) system: Vec<Spanned<System>>,
    #[serde(default)]
    pub(crate) prices: BTreeMap<String, Vec<Spanned<Price>>>,
    #[serde(default)]
    pub(crate) sources: BTreeMap<String, Source>,
}

/// The text of a file, for naming places in it.
pub(crate) struct Text<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

impl Text<'_> {
    /// Reads the file's content.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, CatalogError> {
        toml::from_str(self.text)
            .map_err(|e| self.mistake(e.span().map_or(0, |span| span.start), e.message().to_owned()))
    }

    /// A mistake at a byte of the text.
    pub(crate) fn mistake(&self, at: usize, message: String) -> CatalogError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = 1 + before.bytes().filter(|b| *b == b'\n').count();
        let column = 1 + before[start..].chars().count();
        CatalogError::Mistake { file: self.file.to_owned(), line, column, message }
    }

    /// A mistake in a key of an entry: where the key stands, or the entry where it is missing.
    pub(crate) fn mistake_in<T>(&self, entry: &Spanned<T>, key: &str, message: &str) -> CatalogError {
        let span = entry.span();
        // The span of a table ends with its head.
        let rest = self.text.get(span.start..).unwrap_or_default();
        let end = rest.get(1..).and_then(|r| r.find("\n[")).map_or(rest.len(), |e| e + 1);
        let inside = if rest.starts_with('{') { span.len().min(rest.len()) } else { end };
        let at = position(&rest[..inside], key).map_or(span.start, |at| span.start + at);
        self.mistake(at, format!("{key}: {message}"))
    }
}

/// Where a key is set in the text of an entry.
fn position(text: &str, key: &str) -> Option<usize> {
    text.match_indices(key).map(|(at, _)| at).find(|&at| {
        let alone =
            text[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || matches!(c, '{' | ','));
        alone && text[at + key.len()..].trim_start().starts_with('=')
    })
}

/// Checks the numbers of every entry.
pub(crate) fn check(text: &Text<'_>, document: &Document) -> Result<(), CatalogError> {
    for entry in &document.accelerator {
        for (key, value) in accelerator_numbers(entry.get_ref()) {
            above_zero(text, entry, key, value)?;
        }
        let both = |a: Option<f64>, b: Option<f64>| a.is_some() && b.is_some();
        let a = entry.get_ref();
        if a.memory.as_ref().is_some_and(|m| both(m.gb, m.gib)) {
            return Err(text.mistake_in(
                entry,
                "memory",
                "has `gb` and `gib`; keep the unit that the vendor prints",
            ));
        }
        if a.bandwidth.as_ref().is_some_and(|b| both(b.gb_s, b.gib_s)) {
            return Err(text.mistake_in(
                entry,
                "bandwidth",
                "has `gb-s` and `gib-s`; keep the one that the vendor prints",
            ));
        }
    }
    for entry in &document.instance {
        let i = entry.get_ref();
        let counts = [
            ("accelerators", Some(f64::from(i.accelerators))),
            ("vcpus", i.vcpus.map(f64::from)),
            ("memory-gib", i.memory_gib),
            ("network-gbps", i.network_gbps),
        ];
        for (key, value) in counts {
            above_zero(text, entry, key, value)?;
        }
    }
    for entry in &document.system {
        let s = entry.get_ref();
        above_zero(text, entry, "accelerators", Some(f64::from(s.accelerators)))?;
        above_zero(text, entry, "capital-usd", s.capital_usd.as_ref().map(|q| q.value))?;
        above_zero(text, entry, "it-kw", s.it_kw.as_ref().map(|q| q.value))?;
    }
    for entry in document.prices.values().flatten() {
        let p = entry.get_ref();
        above_zero(text, entry, "usd-per-hour", Some(p.usd_per_hour))?;
        above_zero(text, entry, "usd-per-hour-high", p.usd_per_hour_high)?;
        if p.usd_per_hour_high.is_some_and(|high| high < p.usd_per_hour) {
            return Err(text.mistake_in(entry, "usd-per-hour-high", "is below usd-per-hour"));
        }
    }
    for (instance, prices) in &document.prices {
        conflicts(text, instance, prices)?;
    }
    Ok(())
}

fn above_zero<T>(
    text: &Text<'_>,
    entry: &Spanned<T>,
    key: &str,
    value: Option<f64>,
) -> Result<(), CatalogError> {
    match value {
        Some(v) if !(v.is_finite() && v > 0.0) => {
            Err(text.mistake_in(entry, key, &format!("is {v}; it must be a number above 0")))
        }
        _ => Ok(()),
    }
}

fn accelerator_numbers(a: &Accelerator) -> Vec<(&'static str, Option<f64>)> {
    let mut numbers = vec![
        ("peak-sparse", a.peak_sparse.as_ref().map(|p| p.tflops)),
        ("power", a.power.as_ref().map(|p| p.tdp_w)),
    ];
    if let Some(peaks) = &a.peak_dense_tflops {
        numbers.extend(Precision::ALL.map(|p| ("peak-dense-tflops", peaks.get(p))));
    }
    if let Some(m) = &a.memory {
        numbers.extend([("memory", m.gb), ("memory", m.gib), ("memory", m.reported_mib)]);
    }
    if let Some(b) = &a.bandwidth {
        numbers.extend([("bandwidth", b.gb_s), ("bandwidth", b.gib_s)]);
    }
    if let Some(o) = &a.ownership {
        let hours =
            [o.hyperscaler_usd_per_hour, o.neocloud_usd_per_hour, o.rental_3yr_usd_per_hour, o.all_in_kw];
        numbers.extend(hours.map(|v| ("ownership", Some(v))));
    }
    if let Some(p) = &a.purchase {
        numbers.extend([("purchase", Some(p.usd_low)), ("purchase", Some(p.usd_high))]);
    }
    numbers
}

/// Two prices of one basis, region and date that differ.
fn conflicts(text: &Text<'_>, instance: &str, prices: &[Spanned<Price>]) -> Result<(), CatalogError> {
    for (i, later) in prices.iter().enumerate() {
        for earlier in &prices[..i] {
            let (a, b) = (earlier.get_ref(), later.get_ref());
            let shared = a.regions.iter().find(|r| b.regions.contains(r)).map(String::as_str);
            let shared =
                shared.or((a.regions.is_empty() && b.regions.is_empty()).then_some("no stated region"));
            if let Some(region) = shared
                && a.basis == b.basis
                && a.date == b.date
                && a.usd() != b.usd()
            {
                let message = format!(
                    "two {} prices of {instance} in {region} on {}: {} and {} USD/h",
                    a.basis,
                    a.date,
                    crate::price::range(a),
                    crate::price::range(b)
                );
                return Err(text.mistake_in(later, "usd-per-hour", &message));
            }
        }
    }
    Ok(())
}
