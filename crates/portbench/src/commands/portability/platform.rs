//! Platforms of the set `H`: what their runs have of the problem.

use std::collections::{BTreeMap, BTreeSet};

use portbench_backend::with_causes;
use portbench_catalog::{Accelerator, Catalog};
use portbench_measure::{Boundary, FigureValue, Metric};
use portbench_pricing::Ran;
use portbench_records::{Outcome, Problem, RecordHead, Store, unlike};
use portbench_report::efficiency;

use crate::args::PortabilityArgs;
use crate::failure::{Failure, usage};
use crate::progress;

/// A platform of the set `H`: its name, the run and device that stand for it, and its accelerator if the catalogue knows that.
pub(super) struct Platform<'a> {
    pub(super) name: String,
    run: String,
    device: Option<String>,
    pub(super) accelerator: Option<&'a Accelerator>,
}

/// What one platform has of the problem, by back end; a back end that was not measured there is absent.
#[derive(Default)]
pub(super) struct Found {
    /// Device and run.
    pub(super) place: String,
    pub(super) figures: BTreeMap<String, f64>,
    /// Shares of the roofline, or why there is none.
    pub(super) shares: BTreeMap<String, Result<f64, String>>,
}

/// The problem as its first cell states it, with the run that it is of.
pub(super) struct First {
    run: String,
    problem: Problem,
    boundary: Boundary,
}

impl<'a> Platform<'a> {
    /// Reads `NAME=RUN[@DEVICE]`.
    pub(super) fn parse(text: &str, args: &PortabilityArgs, catalog: &'a Catalog) -> Result<Self, Failure> {
        let wrong = || {
            Failure::usage(format!(
                "`{text}` is no platform: write NAME=RUN or NAME=RUN@DEVICE, such as h200=latest@cuda:0"
            ))
        };
        let (name, run) = text.split_once('=').ok_or_else(wrong)?;
        let (run, device) = match run.split_once('@') {
            Some((run, device)) => (run, Some(device.to_owned())),
            None => (run, None),
        };
        if name.is_empty() || run.is_empty() || device.as_deref() == Some("") {
            return Err(wrong());
        }
        let accelerator = match args.accelerator.iter().find(|(platform, _)| platform == name) {
            Some((_, accelerator)) => Some(catalog.accelerator(accelerator).map_err(usage)?),
            // A platform that is called like an accelerator is one.
            None => catalog.accelerator(name).ok(),
        };
        Ok(Self { name: name.to_owned(), run: run.to_owned(), device, accelerator })
    }

    /// Figures of the problem by back end. The work must be that of `first`, which the first cell of all sets.
    pub(super) fn look(&self, args: &PortabilityArgs, first: &mut Option<First>) -> Result<Found, Failure> {
        let run = Store::new(&args.results.results).resolve(&self.run)?;
        let mut found = Found::default();
        let mut devices = BTreeSet::new();
        for head in run.heads()? {
            let head = match head {
                Ok(head) => head,
                Err(error) => {
                    progress::say(&format!("warning: {}", with_causes(&error)));
                    continue;
                }
            };
            if !self.wants(args, &head) {
                continue;
            }
            devices.insert(head.cell.device.clone());
            self.ran(&head)?;
            self.like(&head, first)?;
            let Some(value) = figure(&head, args.metric) else { continue };
            found.figures.insert(head.cell.backend.clone(), value);
            if let Some(accelerator) = self.accelerator
                && let Some(record) = run.record(&head.cell.id())?
            {
                let share = efficiency(&record, accelerator).map(|e| e.roofline).map_err(|e| e.to_string());
                found.shares.insert(head.cell.backend.clone(), share);
            }
        }
        if devices.len() > 1 {
            let devices: Vec<String> = devices.into_iter().collect();
            return Err(Failure::usage(format!(
                "run {} has `{}` on {}: which of them is platform {}? Write {}={}@DEVICE",
                self.run,
                args.workload,
                devices.join(" and "),
                self.name,
                self.name,
                self.run
            )));
        }
        if devices.is_empty() {
            return Err(Failure::usage(format!(
                "run {} has no cell of `{}` {} {} for platform {}; `portbench show {}` lists its cells",
                self.run, args.workload, args.scenario, args.numerics, self.name, self.run
            )));
        }
        found.place = format!("{} of run {}", devices.into_iter().collect::<String>(), run.id());
        Ok(found)
    }

    /// Refuses a cell that did not run on what the platform is called like.
    fn ran(&self, head: &RecordHead) -> Result<(), Failure> {
        let Some(accelerator) = self.accelerator else { return Ok(()) };
        let Some(ran) = Ran::from(head).other_than(accelerator) else { return Ok(()) };
        Err(Failure::usage(format!(
            "platform {}: run {} ran on {ran}, which is no {}; give the run that was made there, or say what the platform is with --accelerator {}=NAME",
            self.name, self.run, accelerator.name, self.name
        )))
    }

    fn wants(&self, args: &PortabilityArgs, head: &RecordHead) -> bool {
        let cell = &head.cell;
        cell.workload == args.workload
            && cell.numerics.name() == args.numerics
            && cell.scenario.to_string() == args.scenario
            && cell.replicas == 1
            && self.device.as_ref().is_none_or(|device| *device == cell.device)
    }

    /// Refuses a cell that is another problem than the first one.
    fn like(&self, head: &RecordHead, first: &mut Option<First>) -> Result<(), Failure> {
        let Some(first) = first else {
            *first = Some(First {
                run: self.run.clone(),
                problem: head.problem.clone(),
                boundary: head.spec.boundary,
            });
            return Ok(());
        };
        let mut differences = unlike(&first.problem, &head.problem);
        if first.boundary != head.spec.boundary {
            differences
                .push(format!("timers that enclose {} and {} work", first.boundary, head.spec.boundary));
        }
        if differences.is_empty() {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "`{}` is not one problem in runs {} and {}: {}",
            head.cell.workload,
            first.run,
            self.run,
            differences.join("; ")
        )))
    }
}

/// The figure of merit of a cell that ran and was right: the mean of its trials, or the value where trials alone do not give it.
fn figure(head: &RecordHead, metric: Metric) -> Option<f64> {
    let figure = head.figures.iter().find(|f| f.metric == metric)?;
    if head.outcome != Outcome::Measured {
        return None;
    }
    match (&figure.value, figure.trials.as_slice()) {
        (FigureValue::Estimated { value, .. }, []) => Some(*value),
        (_, []) => None,
        (_, trials) => Some(trials.iter().sum::<f64>() / trials.len() as f64),
    }
}
