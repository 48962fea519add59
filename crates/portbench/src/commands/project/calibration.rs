//! The share of the roofline that estimates take.

use portbench_catalog::{Accelerator, Catalog};
use portbench_measure::{FigureValue, Metric};
use portbench_pricing::{Ran, accelerators_used, cores_joined};
use portbench_records::{Outcome, RecordHead, Store};
use portbench_stats::Sample;
use portbench_workload::{Resolved, Workload};

use super::published::{Held, held};
use super::{bound, units};
use crate::args::ProjectArgs;
use crate::commands::list::published_entries;
use crate::failure::{Failure, usage};

/// Shares of the roofline that were reached.
pub(super) struct Calibration(Vec<Reached>);

/// A share of the roofline that was reached.
struct Reached {
    share: f64,
    /// Where: `measured on b200 in run ...`; shares with the same words are one group.
    from: String,
    /// Which published result it is of.
    result: Option<String>,
}

impl Calibration {
    /// What the arguments ask for; `None` where they ask for no estimate.
    pub(super) fn of(
        args: &ProjectArgs,
        catalog: &Catalog,
        workload: &Workload,
        resolved: &Resolved,
    ) -> Result<Option<Self>, Failure> {
        if let Some(share) = args.efficiency {
            return Ok(Some(Self(vec![Reached { share, from: "given".to_owned(), result: None }])));
        }
        let mut shares = Vec::new();
        for (name, from) in &args.calibrate {
            if from == "published" {
                shares.extend(published(args, catalog, workload, name)?);
            } else {
                shares.push(measured(args, catalog, resolved, name, from)?);
            }
        }
        Ok((!shares.is_empty()).then_some(Self(shares)))
    }

    /// The median share.
    pub(super) fn middle(&self) -> f64 {
        let shares = self.0.iter().map(|reached| reached.share).collect();
        Sample::new(shares).map_or(0.0, |sample| sample.median())
    }

    /// The smallest and the largest.
    pub(super) fn range(&self) -> (f64, f64) {
        let shares = || self.0.iter().map(|reached| reached.share);
        (shares().fold(f64::INFINITY, f64::min), shares().fold(0.0, f64::max))
    }

    /// For people: the shares of each source together.
    pub(super) fn words(&self) -> String {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let mut sources: Vec<(&str, Vec<&Reached>)> = Vec::new();
        for reached in &self.0 {
            match sources.iter_mut().find(|(source, _)| *source == reached.from) {
                Some((_, all)) => all.push(reached),
                None => sources.push((&reached.from, vec![reached])),
            }
        }
        let each = sources.iter().map(|(source, all)| {
            let shares = match all.as_slice() {
                [one] => percent(one.share),
                all => {
                    let low = all.iter().map(|r| r.share).fold(f64::INFINITY, f64::min);
                    let high = all.iter().map(|r| r.share).fold(0.0, f64::max);
                    format!("{} to {}", percent(low), percent(high))
                }
            };
            let results: Vec<&str> = all.iter().filter_map(|r| r.result.as_deref()).collect();
            format!("{shares} {source}{}", named(&results))
        });
        let each: Vec<String> = each.collect();
        match self.0.len() {
            1 => format!("the estimate takes {} of the roofline: {}", percent(self.middle()), each.join("")),
            n => format!(
                "the estimate takes {} of the roofline, the median of {n}, with their range in brackets: {}",
                percent(self.middle()),
                each.join("; ")
            ),
        }
    }
}

/// The share that a stored run of the same program reached on an accelerator.
fn measured(
    args: &ProjectArgs,
    catalog: &Catalog,
    resolved: &Resolved,
    name: &str,
    run: &str,
) -> Result<Reached, Failure> {
    let accelerator = catalog.accelerator(name).map_err(usage)?;
    let run = Store::new(&args.results.results).resolve(run)?;
    let heads: Vec<RecordHead> = run.heads()?.collect::<Result<_, _>>()?;
    let rate = throughput(&run.id(), &heads, resolved, accelerator)?;
    let share = bound(accelerator, resolved)?.efficiency(units(&resolved.task) / rate).map_err(|e| {
        Failure::usage(format!("{e}: run {} did other work, or was not made on {name}", run.id()))
    })?;
    Ok(Reached { share, from: format!("measured on {name} in run {}", run.id()), result: None })
}

/// Throughput of one accelerator with the same program in a run: that of its devices, each taken to do as much.
fn throughput(
    run: &str,
    heads: &[RecordHead],
    resolved: &Resolved,
    accelerator: &Accelerator,
) -> Result<f64, Failure> {
    let fingerprint = resolved.program.fingerprint()?.to_string();
    let same = |r: &&RecordHead| {
        r.outcome == Outcome::Measured
            && r.problem.fingerprint == fingerprint
            && r.cell.numerics == resolved.numerics
    };
    let elsewhere = |r: &RecordHead| Ran::from(r).other_than(accelerator);
    let rate = |r: &RecordHead| match r.figures.iter().find(|f| f.metric == Metric::Throughput)?.value {
        FigureValue::Estimated { value, .. } => {
            let joined = r.backend.as_ref().and_then(|b| cores_joined(&b.settings));
            Some(value / accelerators_used(&r.cell, accelerator, joined))
        }
        FigureValue::NotEstimable { .. } => None,
    };
    let there = heads.iter().filter(same).filter(|r| elsewhere(r).is_none());
    there.filter_map(rate).max_by(f64::total_cmp).ok_or_else(|| {
        if let Some(ran) = heads.iter().filter(same).find_map(elsewhere) {
            return Failure::usage(format!(
                "run {run} measured {} on {ran}, which is no {}; calibrate with a run that was made there",
                resolved.name, accelerator.name
            ));
        }
        Failure::usage(format!(
            "the run has no measured cell of {} at {} with this program on {}; calibrate with a run of the same workload",
            resolved.name, resolved.numerics, accelerator.name
        ))
    })
}

/// The shares that published results of the same mode reached on an accelerator.
fn published(
    args: &ProjectArgs,
    catalog: &Catalog,
    workload: &Workload,
    name: &str,
) -> Result<Vec<Reached>, Failure> {
    let accelerator = catalog.accelerator(name).map_err(usage)?;
    let mode = workload.mode().to_string();
    let of_it = held(catalog, published_entries(&args.published_results)?)?
        .into_iter()
        .filter(|held| held.accelerator == accelerator.name && held.entry.result.mode == mode)
        .map(|held| Reached {
            share: held.rate / held.best,
            from: format!("published of {mode} on {}", accelerator.name),
            result: Some(described(&held)),
        });
    let shares: Vec<Reached> = of_it.collect();
    if shares.is_empty() {
        return Err(Failure::usage(format!(
            "no published result of {mode} on {name} names its work; `portbench project --published` shows those that do"
        )));
    }
    Ok(shares)
}

/// A published result for people: other work than what is projected may have reached another share.
fn described(held: &Held) -> String {
    let result = &held.entry.result;
    let shape = result.shape.iter().map(|(word, n)| format!(", {word} {n}")).collect::<String>();
    let instances = result.instances.filter(|n| *n > 1).map(|n| format!("{n} x ")).unwrap_or_default();
    format!("{}{shape} on {instances}{}", result.model, result.instance)
}

/// How many results there were, and which.
fn named(results: &[&str]) -> String {
    const MOST: usize = 3;
    let shown = results.iter().take(MOST).copied().collect::<Vec<_>>().join("; ");
    match results.len() {
        0 => String::new(),
        1 => format!(" (1 result: {shown})"),
        n if n <= MOST => format!(" ({n} results: {shown})"),
        n => format!(" ({n} results, among them {shown})"),
    }
}
