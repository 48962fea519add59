//! `portability`: how well each back end does over a set of platforms, in one number.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use portbench_backend::with_causes;
use portbench_catalog::{Accelerator, Catalog};
use portbench_measure::{Boundary, FigureValue, Metric};
use portbench_records::{Outcome, Problem, RecordHead, Store, unlike};
use portbench_report::efficiency;
use portbench_stats::Direction;
use portbench_stats::portability::{Efficiencies, Figures, Study};

use crate::args::PortabilityArgs;
use crate::failure::{Failure, usage};
use crate::progress;
use crate::table::Table;

/// A platform of the set `H`: its name, the run and device that stand for it, and its accelerator if the catalogue knows that.
struct Platform<'a> {
    name: String,
    run: String,
    device: Option<String>,
    accelerator: Option<&'a Accelerator>,
}

/// What one platform has of the problem, by back end; a back end that was not measured there is absent.
#[derive(Default)]
struct Found {
    figures: BTreeMap<String, f64>,
    /// Shares of the roofline, or why there is none.
    shares: BTreeMap<String, Result<f64, String>>,
}

/// The problem as its first cell states it, with the run that it is of.
struct First {
    run: String,
    problem: Problem,
    boundary: Boundary,
}

impl<'a> Platform<'a> {
    /// Reads `NAME=RUN[@DEVICE]`.
    fn parse(text: &str, args: &PortabilityArgs, catalog: &'a Catalog) -> Result<Self, Failure> {
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
    fn look(&self, args: &PortabilityArgs, first: &mut Option<First>) -> Result<Found, Failure> {
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
        Ok(found)
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

const COLUMNS: [&str; 8] = [
    "backend",
    "efficiency",
    "platforms",
    "PP",
    "harmonic mean of supported",
    "smallest",
    "efficiencies",
    "running PP",
];

pub(crate) fn run(args: &PortabilityArgs) -> Result<u8, Failure> {
    let catalog = Catalog::load(args.catalog.catalog.as_deref()).map_err(usage)?;
    let platforms: Vec<Platform<'_>> =
        args.on.iter().map(|p| Platform::parse(p, args, &catalog)).collect::<Result<_, _>>()?;
    for (name, _) in &args.accelerator {
        if platforms.iter().all(|p| p.name != *name) {
            return Err(Failure::usage(format!("--accelerator {name}=...: no platform is called `{name}`")));
        }
    }
    let mut first = None;
    let mut figures: BTreeMap<String, Figures> = BTreeMap::new();
    let mut shares: BTreeMap<String, Figures> = BTreeMap::new();
    let mut without = Vec::new();
    for platform in &platforms {
        let found = platform.look(args, &mut first)?;
        for (backend, value) in found.figures {
            figures.entry(backend).or_default().insert(platform.name.clone(), value);
        }
        if platform.accelerator.is_none() {
            without
                .push(format!("{} (--accelerator {}=NAME says which it is)", platform.name, platform.name));
        }
        for (backend, share) in found.shares {
            match share {
                Ok(share) => drop(shares.entry(backend).or_default().insert(platform.name.clone(), share)),
                Err(why) => without.push(format!("{} with {backend} ({why})", platform.name)),
            }
        }
    }
    if figures.is_empty() {
        return Err(Failure::nothing(format!(
            "no back end was measured on `{}` in these runs",
            args.workload
        )));
    }
    let direction =
        if args.metric.higher_is_better() { Direction::HigherIsBetter } else { Direction::LowerIsBetter };
    let problem = format!("{} {} {}", args.workload, args.scenario, args.numerics);
    let names: Vec<&str> = platforms.iter().map(|p| p.name.as_str()).collect();
    let study = Study::new(&problem, &names, direction, &args.reference).map_err(usage)?;
    let all: Vec<&Figures> = figures.values().collect();
    let best = study.best_known(&all).map_err(usage)?;
    let mut table = Table::new(&COLUMNS).numeric(&["PP", "harmonic mean of supported", "smallest"]);
    for (backend, figures) in &figures {
        let application = study.application(figures, &best).map_err(usage)?;
        table.row(cells(backend, "application", &names, &application));
        // A share that is missing for want of a figure would count as unsupported.
        if without.is_empty()
            && let Some(shares) = shares.get(backend)
        {
            let architectural = study.architectural(shares).map_err(usage)?;
            table.row(cells(backend, "architectural", &names, &architectural));
        }
    }
    table.write(args.format.format, &mut io::stdout().lock())?;
    let better = if args.metric.higher_is_better() { "higher" } else { "lower" };
    progress::say(&format!(
        "application efficiency by {} ({better} is better) on H = {{{}}}, of {problem}; best known: {}",
        args.metric.name(),
        names.join(", "),
        study.reference()
    ));
    if without.is_empty() {
        progress::say(&format!(
            "architectural efficiency: share of the roofline of the dense peak and the bandwidth of {}",
            peaks(&platforms)
        ));
    } else {
        progress::say(&format!("no architectural efficiency: it is not known of {}", without.join(", ")));
    }
    Ok(0)
}

/// The accelerators with the sources of their peaks.
fn peaks(platforms: &[Platform<'_>]) -> String {
    let named = platforms.iter().filter_map(|p| {
        let a = p.accelerator?;
        Some(format!("{} = {} ({})", p.name, a.name, a.sources.join(" ")))
    });
    named.collect::<Vec<_>>().join(", ")
}

fn cells(backend: &str, kind: &str, names: &[&str], efficiencies: &Efficiencies) -> [String; 8] {
    let each = names.iter().zip(efficiencies.values()).map(|(name, e)| format!("{name} {e:.3}"));
    let running: Vec<String> = efficiencies.running_pp().iter().map(|pp| format!("{pp:.3}")).collect();
    [
        backend.to_owned(),
        kind.to_owned(),
        format!("{} of {}", efficiencies.supported(), names.len()),
        format!("{:.3}", efficiencies.pp()),
        efficiencies.harmonic_supported().map_or_else(String::new, |mean| format!("{mean:.3}")),
        format!("{:.3}", efficiencies.min()),
        each.collect::<Vec<_>>().join(", "),
        running.join(" "),
    ]
}
