//! Projections held against what was published.

use std::io;

use portbench_catalog::published::{Entry, Published, SameWork};
use portbench_catalog::{Accelerator, Catalog};
use portbench_measure::Numerics;
use portbench_report::plain;
use portbench_stats::Sample;
use portbench_workload::{Resolved, Workload};
use serde::Serialize;

use super::{PROJECTED, bound, units};
use crate::args::ProjectArgs;
use crate::commands::list::published_entries;
use crate::failure::{Failure, usage};
use crate::progress;
use crate::rows;
use crate::table::Table;

const COLUMNS: [&str; 9] = [
    "model",
    "instance",
    "shape",
    "published/s",
    "at best/s",
    "share reached",
    "estimate/s",
    "error",
    "where from",
];

const NUMERIC: [&str; 5] = ["published/s", "at best/s", "share reached", "estimate/s", "error"];

/// A published result beside its projections.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    model: String,
    mode: String,
    instance: String,
    shape: String,
    unit: Option<String>,
    published_per_second: f64,
    at_best_per_second: f64,
    share_reached: f64,
    estimate_per_second: Option<f64>,
    /// Of the estimate, as a share of what was published.
    error: Option<f64>,
    provenance: String,
    publisher: String,
    date: String,
    source: String,
}

/// A published result beside the bound of its instance.
pub(super) struct Held {
    pub(super) entry: Entry,
    /// Name of the instance's accelerator.
    pub(super) accelerator: String,
    /// Units a second, as published.
    pub(super) rate: f64,
    /// Units a second at best.
    pub(super) best: f64,
}

impl Held {
    /// Whether what one reached says something of the other.
    fn akin(&self, other: &Self) -> bool {
        self.accelerator == other.accelerator && self.entry.result.mode == other.entry.result.mode
    }
}

/// The published results that name a program of ours for their work.
pub(super) fn held(catalog: &Catalog, entries: Vec<Entry>) -> Result<Vec<Held>, Failure> {
    let mut held = Vec::new();
    for entry in entries {
        let (Some(work), Some(rate)) = (entry.result.work.clone(), entry.result.throughput) else { continue };
        let Some((accelerator, count)) = entry.hardware(catalog) else {
            return Err(Failure::usage(format!(
                "a published result of {} on {} names its work, and the catalogue does not know that hardware",
                entry.result.model, entry.result.instance
            )));
        };
        let best = best(accelerator, &resolve(&entry.result, &work)?)? * f64::from(count);
        held.push(Held { entry, accelerator: accelerator.name.clone(), rate, best });
    }
    Ok(held)
}

pub(super) fn run(args: &ProjectArgs, catalog: &Catalog) -> Result<u8, Failure> {
    let held = held(catalog, published_entries(&args.published_results)?)?;
    if held.is_empty() {
        return Err(Failure::nothing("no published result names a program of ours for its work"));
    }
    let mut rows = Vec::new();
    let mut errors = Vec::new();
    for (i, one) in held.iter().enumerate() {
        let others = held.iter().enumerate().filter(|(j, other)| *j != i && other.akin(one));
        let estimate =
            median(others.map(|(_, other)| other.rate / other.best).collect()).map(|share| share * one.best);
        let error = estimate.map(|e| e / one.rate - 1.0);
        errors.extend(error.map(f64::abs));
        let result = &one.entry.result;
        let shape: Vec<String> = result.shape.iter().map(|(word, n)| format!("{word} {n}")).collect();
        rows.push(Row {
            model: result.model.clone(),
            mode: result.mode.clone(),
            instance: result.instance.clone(),
            shape: shape.join(", "),
            unit: result.unit.clone(),
            published_per_second: one.rate,
            at_best_per_second: one.best,
            share_reached: one.rate / one.best,
            estimate_per_second: estimate,
            error,
            provenance: format!("published, {PROJECTED}"),
            publisher: one.entry.publisher.clone(),
            date: result.date.to_string(),
            source: result.source.clone(),
        });
    }
    let mut table = Table::new(&COLUMNS).numeric(&NUMERIC);
    for row in &rows {
        table.row([
            row.model.clone(),
            row.instance.clone(),
            row.shape.clone(),
            plain(row.published_per_second),
            plain(row.at_best_per_second),
            format!("{:.1} %", 100.0 * row.share_reached),
            row.estimate_per_second.map(plain).unwrap_or_default(),
            row.error.map(|e| format!("{:+.0} %", 100.0 * e)).unwrap_or_default(),
            row.provenance.clone(),
        ]);
    }
    rows::write(&rows, &table, args.format.format, &mut io::stdout().lock())?;
    progress::say(
        "at best: the roofline of all accelerators of the instance, as if they shared the work without loss; the estimate takes the median share that the other published results of the same accelerator and mode reached",
    );
    if let Some(middle) = median(errors) {
        progress::say(&format!("median error of the estimates: {:.0} %", 100.0 * middle));
    }
    Ok(0)
}

/// Units a second at best on one accelerator.
fn best(accelerator: &Accelerator, resolved: &Resolved) -> Result<f64, Failure> {
    Ok(units(&resolved.task) / bound(accelerator, resolved)?.seconds())
}

/// The program of ours that does the same work.
fn resolve(result: &Published, work: &SameWork) -> Result<Resolved, Failure> {
    let mut text = format!(
        "model = {{ family = \"{}\", preset = \"{}\" }}\nmode = \"{}\"\nnumerics = [\"{}\"]\n",
        work.family, work.preset, result.mode, work.numerics
    );
    for (word, n) in result.shape.iter().filter(|(word, _)| *word != "concurrency") {
        text += &format!("{word} = {n}\n");
    }
    let name = format!("published {}", result.model);
    let workload = Workload::from_bytes(&name, None, text.into_bytes()).map_err(usage)?;
    let numerics = Numerics::parse(&work.numerics).map_err(Failure::usage)?;
    workload.resolve(numerics, 1).map_err(usage)
}

fn median(values: Vec<f64>) -> Option<f64> {
    Sample::new(values).ok().map(|sample| sample.median())
}
