//! From what was selected on the command line to a plan.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use portbench_backend::CompileOptions;
use portbench_measure::{MeasureSpec, Numerics, Scenario};
use portbench_neuron::compiler::{Choices, FLAGS_VARIABLE};
use portbench_records::Cell;
use portbench_runner::{Cast, Limits, Plan, PlannedCell, Replica, WorkerCommand};
use portbench_workload::{Catalogue, Planned, Replicas};

use crate::args::SelectArgs;
use crate::backends::{self, Target};
use crate::failure::Failure;
use crate::neuron;
use crate::python::{self, Python};
use crate::replicas::{self, Place};

/// A plan and how long its workers may take.
pub(crate) struct Selection {
    pub(crate) plan: Plan,
    pub(crate) limits: Limits,
}

/// Resolves what was selected.
pub(crate) fn select(args: &SelectArgs) -> Result<Selection, Failure> {
    select_with(args, Choices::default())
}

/// The same, with what was chosen of the flags of neuronx-cc.
pub(crate) fn select_with(args: &SelectArgs, flags: Choices) -> Result<Selection, Failure> {
    let catalogue = Catalogue::load(&args.workloads)?;
    let planned =
        catalogue.find(&args.suite).map_err(|e| Failure::from(e).with_code(crate::failure::USAGE))?;
    let filter = Filter::new(args)?;
    let mut cells = Vec::new();
    let (mut trial, mut compile) = (0.0_f64, 0.0_f64);
    for entry in &planned {
        if !filter.workload(&entry.workload.name) {
            continue;
        }
        trial = trial.max(entry.time_limit);
        compile = compile.max(entry.compile_limit);
        cells.extend(entry_cells(args, entry, &filter, flags)?);
    }
    if cells.is_empty() {
        return Err(Failure::nothing(format!(
            "nothing to do: no cell of `{}` matches --workload, --backend and --numerics\n  help: `portbench plan {}` shows its cells",
            args.suite, args.suite
        )));
    }
    let trials = args
        .trials
        .or_else(|| planned.iter().map(|p| p.trials).max())
        .map_or(Plan::DEFAULT_TRIALS, u64::from);
    let plan = Plan::new(args.suite.clone(), args.seed, trials, cells)?;
    let limits = Limits::default();
    let seconds = |limit, or| Duration::try_from_secs_f64(limit).unwrap_or(or);
    let (trial, compile) = (seconds(trial, limits.trial), seconds(compile, limits.compile));
    Ok(Selection { plan, limits: Limits { trial, compile, ..limits } })
}

fn entry_cells(
    args: &SelectArgs,
    entry: &Planned,
    filter: &Filter,
    flags: Choices,
) -> Result<Vec<PlannedCell>, Failure> {
    let mut cells = Vec::new();
    for &numerics in entry.numerics.iter().filter(|n| filter.numerics(**n)) {
        let targets = filter.targets(entry);
        if targets.is_empty() {
            continue;
        }
        let resolved = entry.workload.resolve(numerics, args.seed);
        let resolved = Arc::new(resolved.map_err(|e| Failure::from(e).with_code(crate::failure::USAGE))?);
        for &scenario in &entry.scenarios {
            for target in &targets {
                let start = Start { threads: args.threads, compile_limit: Some(entry.compile_limit), flags };
                let mut alone = PlannedCell {
                    cell: Cell {
                        workload: resolved.name.clone(),
                        mode: resolved.mode,
                        scenario,
                        backend: target.backend.clone(),
                        device: target.device.clone(),
                        numerics,
                        replicas: 1,
                    },
                    resolved: Arc::clone(&resolved),
                    spec: MeasureSpec {
                        task: resolved.task.clone(),
                        scenario,
                        boundary: resolved.boundary,
                        warmup: entry.warmup,
                        sampling: entry.sampling,
                    },
                    options: CompileOptions {
                        threads: args.threads.map(|n| n as usize),
                        tf32: numerics == Numerics::Tf32,
                        decompose_all: false,
                    },
                    flags: start.flags_of(target),
                    cast: start.cast_of(target),
                    worker: worker(target, start)?,
                    replicas: Vec::new(),
                };
                let together = match args.replicas.or(entry.replicas) {
                    Some(replicas) => together(&alone, replicas, target, start)?,
                    None => None,
                };
                if let Some(together) = &together {
                    // Held against all of them: on the same part of the CPUs as in company.
                    alone.worker.clone_from(&together.worker);
                }
                cells.push(alone);
                cells.extend(together);
            }
        }
    }
    Ok(cells)
}

/// The cell of several replicas beside that of one; none where the machine has one device.
fn together(
    alone: &PlannedCell,
    replicas: Replicas,
    target: &Target,
    start: Start,
) -> Result<Option<PlannedCell>, Failure> {
    let places = replicas::places(replicas, target)?;
    let replica = |place: Place| {
        let mut worker = worker(&place.target, start)?;
        worker.cpus = place.cpus;
        // Threads that were asked for go before those of its CPUs.
        let further = place.env.into_iter().filter(|(name, _)| worker.env.iter().all(|(n, _)| n != name));
        let further: Vec<_> = further.collect();
        worker.env.extend(further);
        Ok(Replica { device: place.device, worker })
    };
    let replicas = places.into_iter().map(replica).collect::<Result<Vec<_>, Failure>>()?;
    let Some(first) = replicas.first() else { return Ok(None) };
    if matches!(alone.cell.scenario, Scenario::Server { .. }) {
        return Err(Failure::usage(
            "replicas: an open loop needs somebody who shares its queries out; measure replicas single-stream or offline",
        ));
    }
    let mut cell = alone.cell.clone();
    cell.replicas = replicas.len() as u64;
    Ok(Some(PlannedCell { cell, worker: first.worker.clone(), replicas, ..alone.clone() }))
}

/// What thread pools of workers are sized by.
const THREADS: &str = "RAYON_NUM_THREADS";

/// What a worker is started with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Start {
    /// Threads of CPU kernels.
    pub(crate) threads: Option<u32>,
    /// Seconds that compiling may take.
    pub(crate) compile_limit: Option<f64>,
    /// What was chosen of the flags of neuronx-cc.
    pub(crate) flags: Choices,
}

impl Start {
    /// What was chosen for a backend: flags of neuronx-cc are for the one that hands it programs.
    fn flags_of(self, target: &Target) -> Option<String> {
        let told = target.backend == neuron::TRACE && !self.flags.is_empty();
        told.then(|| self.flags.to_string())
    }

    /// What they let it compute in a narrower type.
    fn cast_of(self, target: &Target) -> Option<Cast> {
        self.flags.auto_cast.filter(|_| target.backend == neuron::TRACE).and_then(neuron::cast)
    }
}

/// How the worker of a backend is started. A backend that is not there is started all the same: its worker says what is missing.
/// Thread pools are sized when a process first uses them, so the number of threads goes along in its environment.
pub(crate) fn worker(target: &Target, start: Start) -> Result<WorkerCommand, Failure> {
    let threads = start.threads.map(|n| n as usize).or_else(|| {
        (target.backend == "candle" && env::var_os(THREADS).is_none())
            .then(portbench_candle::Threads::preferred)
    });
    let mut env: Vec<(OsString, OsString)> =
        threads.map(|n| (THREADS.into(), n.to_string().into())).into_iter().collect();
    if target.device.starts_with("cuda") && env::var_os("CUDA_DEVICE_ORDER").is_none() {
        // CUDA then numbers GPUs as the driver's own tools do, through which they are watched.
        env.push(("CUDA_DEVICE_ORDER".into(), "PCI_BUS_ID".into()));
    }
    env.extend(start.flags_of(target).map(|flags| (FLAGS_VARIABLE.into(), flags.into())));
    let device = ["--device".into(), target.device.clone().into()];
    if let Some(program) = backends::external().remove(&target.backend) {
        return Ok(WorkerCommand { program, args: device.into(), env, cpus: None });
    }
    if python::is_engine(&target.backend)
        && let Ok(found) = Python::find()
    {
        return Ok(found.worker(target, start.compile_limit, env));
    }
    let program = env::current_exe()
        .map_err(|e| Failure::failed(format!("cannot find this program to start its workers: {e}")))?;
    let mut args = vec!["worker".into(), "--backend".into(), target.backend.clone().into()];
    args.extend(device);
    Ok(WorkerCommand { program, args, env, cpus: None })
}

struct Filter {
    workloads: Vec<String>,
    targets: Vec<(String, Option<String>)>,
    numerics: BTreeSet<Numerics>,
}

impl Filter {
    fn new(args: &SelectArgs) -> Result<Self, Failure> {
        let target = |text: &String| {
            let target = Target::parse(text)?;
            Ok((target.backend, text.contains('@').then_some(target.device)))
        };
        Ok(Self {
            workloads: args.workload.clone(),
            targets: args.backend.iter().map(target).collect::<Result<_, Failure>>()?,
            numerics: args
                .numerics
                .iter()
                .map(|n| Numerics::parse(n).map_err(Failure::usage))
                .collect::<Result<_, Failure>>()?,
        })
    }

    fn workload(&self, name: &str) -> bool {
        self.workloads.is_empty() || self.workloads.iter().any(|pattern| matches(pattern, name))
    }

    fn numerics(&self, numerics: Numerics) -> bool {
        self.numerics.is_empty() || self.numerics.contains(&numerics)
    }

    /// The entry's own backends, or the ones asked for in their place.
    fn targets(&self, entry: &Planned) -> BTreeSet<Target> {
        let own =
            entry.backends.iter().map(|b| Target { backend: b.backend.clone(), device: b.device.clone() });
        if self.targets.is_empty() {
            return own.collect();
        }
        let asked = |(backend, device): &(String, Option<String>)| Target {
            backend: backend.clone(),
            device: device.clone().unwrap_or_else(|| "cpu".into()),
        };
        self.targets.iter().map(asked).collect()
    }
}

/// Whether a name matches a pattern in which `*` stands for anything.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(tail) = name.strip_prefix(head) else { return false };
    (0..=tail.len()).filter(|&i| tail.is_char_boundary(i)).any(|i| matches(rest, &tail[i..]))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_anything() {
        assert!(matches("gpt2-124m-generate", "gpt2-124m-generate"));
        assert!(matches("gpt2*", "gpt2-124m-generate"));
        assert!(matches("*generate", "gpt2-124m-generate"));
        assert!(matches("g*124m*", "gpt2-124m-generate"));
        assert!(matches("*", ""));
        assert!(!matches("gpt2", "gpt2-124m-generate"));
        assert!(!matches("*training", "gpt2-124m-generate"));
    }
}
