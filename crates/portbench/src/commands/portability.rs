//! `portability`: how well each back end does over a set of platforms, in one number.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use portbench_backend::with_causes;
use portbench_measure::Metric;
use portbench_records::{Outcome, RecordHead, Store};
use portbench_stats::Direction;
use portbench_stats::portability::{Figures, Study};

use crate::args::PortabilityArgs;
use crate::failure::{self, Failure};
use crate::progress;
use crate::table::Table;

/// A platform of the set `H`: its name, and the run and device that stand for it.
struct Platform {
    name: String,
    run: String,
    device: Option<String>,
}

impl Platform {
    /// Reads `NAME=RUN[@DEVICE]`.
    fn parse(text: &str) -> Result<Self, Failure> {
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
        Ok(Self { name: name.to_owned(), run: run.to_owned(), device })
    }

    /// Throughput of the workload by back end; a back end that was not measured there is absent. What the work was goes into `fingerprints`.
    fn figures(
        &self,
        args: &PortabilityArgs,
        fingerprints: &mut BTreeSet<String>,
    ) -> Result<BTreeMap<String, f64>, Failure> {
        let run = Store::new(&args.results.results).resolve(&self.run)?;
        let mut figures = BTreeMap::new();
        let mut devices = BTreeSet::new();
        for head in run.heads()? {
            let head = match head {
                Ok(head) => head,
                Err(error) => {
                    progress::say(&format!("warning: {}", with_causes(&error)));
                    continue;
                }
            };
            let cell = &head.cell;
            let wanted = cell.workload == args.workload
                && cell.numerics.name() == args.numerics
                && cell.scenario.to_string() == args.scenario
                && cell.replicas == 1
                && self.device.as_ref().is_none_or(|device| *device == cell.device);
            if !wanted {
                continue;
            }
            devices.insert(cell.device.clone());
            fingerprints.insert(head.problem.fingerprint.clone());
            if let Some(value) = throughput(&head) {
                figures.insert(cell.backend.clone(), value);
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
        Ok(figures)
    }
}

/// Units of work per second of a cell that ran and was right.
fn throughput(head: &RecordHead) -> Option<f64> {
    let figure = head.figures.iter().find(|f| f.metric == Metric::Throughput)?;
    let measured = head.outcome == Outcome::Measured && !figure.trials.is_empty();
    measured.then(|| figure.trials.iter().sum::<f64>() / figure.trials.len() as f64)
}

pub(crate) fn run(args: &PortabilityArgs) -> Result<u8, Failure> {
    let platforms: Vec<Platform> = args.on.iter().map(|p| Platform::parse(p)).collect::<Result<_, _>>()?;
    let mut fingerprints = BTreeSet::new();
    let mut by_backend: BTreeMap<String, Figures> = BTreeMap::new();
    for platform in &platforms {
        for (backend, value) in platform.figures(args, &mut fingerprints)? {
            by_backend.entry(backend).or_default().insert(platform.name.clone(), value);
        }
    }
    if fingerprints.len() > 1 {
        return Err(Failure::usage(format!(
            "`{}` is {} different programs in these runs (fingerprints differ): they are not one problem",
            args.workload,
            fingerprints.len()
        )));
    }
    if by_backend.is_empty() {
        return Err(Failure::nothing(format!(
            "no back end was measured on `{}` in these runs",
            args.workload
        )));
    }
    let problem = format!("{} {} {}", args.workload, args.scenario, args.numerics);
    let names: Vec<&str> = platforms.iter().map(|p| p.name.as_str()).collect();
    let study =
        Study::new(&problem, &names, Direction::HigherIsBetter, &args.reference).map_err(failure::usage)?;
    let all: Vec<&Figures> = by_backend.values().collect();
    let best = study.best_known(&all).map_err(failure::usage)?;
    let mut table = Table::new(&[
        "backend",
        "platforms",
        "PP",
        "harmonic mean of supported",
        "smallest",
        "efficiencies",
        "running PP",
    ])
    .numeric(&["PP", "harmonic mean of supported", "smallest"]);
    for (backend, figures) in &by_backend {
        let efficiencies = study.application(figures, &best).map_err(failure::usage)?;
        let each = names.iter().zip(efficiencies.values()).map(|(name, e)| format!("{name} {e:.3}"));
        let running: Vec<String> = efficiencies.running_pp().iter().map(|pp| format!("{pp:.3}")).collect();
        table.row([
            backend.clone(),
            format!("{} of {}", efficiencies.supported(), names.len()),
            format!("{:.3}", efficiencies.pp()),
            efficiencies.harmonic_supported().map_or_else(String::new, |mean| format!("{mean:.3}")),
            format!("{:.3}", efficiencies.min()),
            each.collect::<Vec<_>>().join(", "),
            running.join(" "),
        ]);
    }
    table.write(args.format.format, &mut io::stdout().lock())?;
    progress::say(&format!(
        "application efficiency by throughput (higher is better) on H = {{{}}}, of {problem}; best known: {}",
        names.join(", "),
        study.reference()
    ));
    Ok(0)
}
