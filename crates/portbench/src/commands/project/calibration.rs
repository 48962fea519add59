//! The share of the roofline that estimates take.

use portbench_catalog::{Accelerator, Catalog};
use portbench_measure::{FigureValue, Metric};
use portbench_pricing::{accelerators_used, cores_joined, fits};
use portbench_records::{Outcome, RecordHead, Store};
use portbench_stats::Sample;
use portbench_workload::{Resolved, Workload};

use super::published::held;
use super::{bound, units};
use crate::args::ProjectArgs;
use crate::commands::list::published_entries;
use crate::failure::{Failure, usage};

/// Shares of the roofline that were reached, each with where that was.
pub(super) struct Calibration(Vec<(f64, String)>);

impl Calibration {
    /// What the arguments ask for; `None` where they ask for no estimate.
    pub(super) fn of(
        args: &ProjectArgs,
        catalog: &Catalog,
        workload: &Workload,
        resolved: &Resolved,
    ) -> Result<Option<Self>, Failure> {
        if let Some(share) = args.efficiency {
            return Ok(Some(Self(vec![(share, "given".to_owned())])));
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
        let shares = self.0.iter().map(|(share, _)| *share).collect();
        Sample::new(shares).map_or(0.0, |sample| sample.median())
    }

    /// The smallest and the largest.
    pub(super) fn range(&self) -> (f64, f64) {
        let shares = || self.0.iter().map(|(share, _)| *share);
        (shares().fold(f64::INFINITY, f64::min), shares().fold(0.0, f64::max))
    }

    /// For people: the shares of each source together.
    pub(super) fn words(&self) -> String {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let mut sources: Vec<(&str, Vec<f64>)> = Vec::new();
        for (share, from) in &self.0 {
            match sources.iter_mut().find(|(source, _)| source == from) {
                Some((_, shares)) => shares.push(*share),
                None => sources.push((from, vec![*share])),
            }
        }
        let each = sources.iter().map(|(source, shares)| match shares.as_slice() {
            [share] => format!("{} {source}", percent(*share)),
            shares => {
                let low = shares.iter().copied().fold(f64::INFINITY, f64::min);
                let high = shares.iter().copied().fold(0.0, f64::max);
                format!("{} to {} {source} ({} results)", percent(low), percent(high), shares.len())
            }
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
) -> Result<(f64, String), Failure> {
    let accelerator = catalog.accelerator(name).map_err(usage)?;
    let run = Store::new(&args.results.results).resolve(run)?;
    let heads: Vec<RecordHead> = run.heads()?.collect::<Result<_, _>>()?;
    let rate = throughput(&heads, resolved, accelerator)?;
    let share = bound(accelerator, resolved)?.efficiency(units(&resolved.task) / rate).map_err(|e| {
        Failure::usage(format!("{e}: run {} did other work, or was not made on {name}", run.id()))
    })?;
    Ok((share, format!("measured on {name} in run {}", run.id())))
}

/// Throughput of one accelerator with the same program in a run: that of its devices, each taken to do as much.
fn throughput(heads: &[RecordHead], resolved: &Resolved, accelerator: &Accelerator) -> Result<f64, Failure> {
    let fingerprint = resolved.program.fingerprint()?.to_string();
    let same = |r: &&RecordHead| {
        r.outcome == Outcome::Measured
            && r.problem.fingerprint == fingerprint
            && r.cell.numerics == resolved.numerics
            && fits(&r.cell.device, accelerator)
    };
    let rate = |r: &RecordHead| match r.figures.iter().find(|f| f.metric == Metric::Throughput)?.value {
        FigureValue::Estimated { value, .. } => {
            let joined = r.backend.as_ref().and_then(|b| cores_joined(&b.settings));
            Some(value / accelerators_used(&r.cell, accelerator, joined))
        }
        FigureValue::NotEstimable { .. } => None,
    };
    heads.iter().filter(same).filter_map(rate).max_by(f64::total_cmp).ok_or_else(|| {
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
) -> Result<Vec<(f64, String)>, Failure> {
    let accelerator = catalog.accelerator(name).map_err(usage)?;
    let mode = workload.mode().to_string();
    let of_it = held(catalog, published_entries(&args.published_results)?)?
        .into_iter()
        .filter(|held| held.accelerator == accelerator.name && held.entry.result.mode == mode)
        .map(|held| (held.rate / held.best, format!("published of {mode} on {}", accelerator.name)));
    let shares: Vec<(f64, String)> = of_it.collect();
    if shares.is_empty() {
        return Err(Failure::usage(format!(
            "no published result of {mode} on {name} names its work; `portbench project --published` shows those that do"
        )));
    }
    Ok(shares)
}
