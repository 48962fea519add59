//! Projections held against what was published.

use std::io;

use portbench_catalog::published::{Entry, Published, SameWork};
use portbench_catalog::{Accelerator, Catalog};
use portbench_measure::Numerics;
use portbench_report::plain;
use portbench_stats::Sample;
use portbench_workload::{Resolved, Workload};

use super::{PROJECTED, bound, units};
use crate::args::ProjectArgs;
use crate::commands::list::published_entries;
use crate::failure::{Failure, usage};
use crate::progress;
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

/// A published result beside the bound of its instance.
struct Held {
    entry: Entry,
    rate: f64,
    best: f64,
    group: (String, String),
}

pub(super) fn run(args: &ProjectArgs, catalog: &Catalog) -> Result<u8, Failure> {
    let mut held = Vec::new();
    for entry in published_entries(&args.published_results)? {
        let (Some(work), Some(rate)) = (entry.result.work.clone(), entry.result.throughput) else { continue };
        let instance = catalog.instance(&entry.result.instance).map_err(usage)?;
        let accelerator = catalog.accelerator(&instance.accelerator).map_err(usage)?;
        let devices = f64::from(instance.accelerators) * f64::from(entry.result.instances.unwrap_or(1));
        let best = best(accelerator, &resolve(&entry.result, &work)?)? * devices;
        let group = (accelerator.name.clone(), entry.result.mode.clone());
        held.push(Held { entry, rate, best, group });
    }
    if held.is_empty() {
        return Err(Failure::nothing("no published result names a program of ours for its work"));
    }
    let mut table = Table::new(&COLUMNS);
    let mut errors = Vec::new();
    for (i, one) in held.iter().enumerate() {
        let others = held.iter().enumerate().filter(|(j, other)| *j != i && other.group == one.group);
        let estimate =
            median(others.map(|(_, other)| other.rate / other.best).collect()).map(|share| share * one.best);
        let error = estimate.map(|e| e / one.rate - 1.0);
        errors.extend(error.map(f64::abs));
        let result = &one.entry.result;
        let shape: Vec<String> = result.shape.iter().map(|(word, n)| format!("{word} {n}")).collect();
        table.row([
            result.model.clone(),
            result.instance.clone(),
            shape.join(", "),
            plain(one.rate),
            plain(one.best),
            format!("{:.1} %", 100.0 * one.rate / one.best),
            estimate.map(plain).unwrap_or_default(),
            error.map(|e| format!("{:+.0} %", 100.0 * e)).unwrap_or_default(),
            format!("published, {PROJECTED}"),
        ]);
    }
    table.write(args.format.format, &mut io::stdout().lock())?;
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
