//! `project`: what hardware that is not at hand could do at best, by its roofline.

mod calibration;
mod published;

use std::io;

use portbench_catalog::roofline::{Bound, Limit, Roofline};
use portbench_catalog::{Accelerator, Catalog};
use portbench_measure::{Numerics, Task};
use portbench_report::{plain, plain_with, precision};
use portbench_runner::task_graphs;
use portbench_workload::{Catalogue, Resolved, Workload};

use crate::args::ProjectArgs;
use crate::failure::{Failure, usage};
use crate::progress;
use crate::table::Table;

use calibration::Calibration;

const COLUMNS: [&str; 10] = [
    "accelerator",
    "numerics",
    "peak TFLOPS",
    "GB/s",
    "waits for memory",
    "time at best",
    "rate at best",
    "estimated rate",
    "fits",
    "where from",
];

pub(crate) fn run(args: &ProjectArgs) -> Result<u8, Failure> {
    let catalog = Catalog::load(args.catalog.catalog.as_deref()).map_err(usage)?;
    if args.published {
        return published::run(args, &catalog);
    }
    let workload = args.workload.as_deref().unwrap_or_default();
    let workload = Catalogue::load(&args.workloads)?.workload(workload).map_err(usage)?;
    let numerics = numerics(args, &workload)?;
    let resolved = workload.resolve(numerics, 1).map_err(usage)?;
    let calibration = Calibration::of(args, &catalog, &workload, &resolved)?;
    let accelerators: Vec<&Accelerator> =
        args.on.iter().map(|name| catalog.accelerator(name).map_err(usage)).collect::<Result<_, _>>()?;
    let mut table = Table::new(if args.ops { &OP_COLUMNS } else { &COLUMNS });
    for accelerator in accelerators {
        let bound = bound(accelerator, &resolved)?;
        if args.ops {
            ops(&mut table, accelerator, &bound);
        } else {
            table.row(cells(accelerator, &resolved, &bound, calibration.as_ref())?);
        }
    }
    table.write(args.format.format, &mut io::stdout().lock())?;
    progress::say(
        "projected: of each op the longer of its arithmetic at the dense peak and its traffic at full bandwidth; nothing was measured on these accelerators",
    );
    if let Some(calibration) = calibration {
        progress::say(&calibration.words());
    }
    Ok(0)
}

/// The numerics asked for; else bfloat16, which every accelerator is built for, if the workload offers it.
fn numerics(args: &ProjectArgs, workload: &Workload) -> Result<Numerics, Failure> {
    match &args.numerics {
        Some(word) => Numerics::parse(word).map_err(Failure::usage),
        None if workload.numerics().contains(&Numerics::Bf16) => Ok(Numerics::Bf16),
        None => Ok(workload.numerics().first().copied().unwrap_or(Numerics::F32)),
    }
}

/// The least time for one execution of the workload's task.
fn bound(accelerator: &Accelerator, resolved: &Resolved) -> Result<Bound, Failure> {
    let roofline = Roofline::of(accelerator, precision(resolved.numerics)).map_err(usage)?;
    let mut bound = Bound::new(roofline);
    for (graph, position) in task_graphs(&resolved.program, &resolved.task) {
        bound.add(graph, position);
    }
    Ok(bound)
}

/// Units of work of one execution of a task.
fn units(task: &Task) -> f64 {
    match task {
        Task::Forward { units, .. } | Task::Train { units, .. } => *units as f64,
        Task::Generate { batch, new_tokens, .. } => (batch * new_tokens) as f64,
    }
}

fn cells(
    accelerator: &Accelerator,
    resolved: &Resolved,
    bound: &Bound,
    calibration: Option<&Calibration>,
) -> Result<[String; 10], Failure> {
    let units = units(&resolved.task);
    let rate = |seconds: f64| format!("{} {}/s", plain(units / seconds), resolved.unit);
    let estimated = match calibration {
        None => String::new(),
        Some(calibration) => {
            let at = |share: f64| bound.at(share).map(|seconds| units / seconds).map_err(usage);
            let (middle, (low, high)) = (at(calibration.middle())?, calibration.range());
            if low < high {
                format!("{} {}/s", plain_with(middle, at(low)?, at(high)?), resolved.unit)
            } else {
                format!("{} {}/s", plain(middle), resolved.unit)
            }
        }
    };
    let peaks = accelerator.peak_dense_tflops.as_ref();
    let mark = if peaks.is_some_and(|p| p.estimate) { " (estimate)" } else { "" };
    let memory = accelerator.memory.as_ref().and_then(portbench_catalog::Memory::bytes);
    let parameters = resolved.program.parameter_bytes() as f64;
    let fits = match memory {
        None => "memory not known".to_owned(),
        Some(bytes) if parameters <= bytes => "yes".to_owned(),
        Some(bytes) => format!("no: {} of {} GB", plain(parameters / 1e9), plain(bytes / 1e9)),
    };
    Ok([
        accelerator.name.clone(),
        resolved.numerics.to_string(),
        format!("{}{mark}", accelerator.peak(precision(resolved.numerics)).map_err(usage)? / 1e12),
        format!("{:.0}", accelerator.bytes_per_second().map_err(usage)? / 1e9),
        format!("{:.0} %", 100.0 * bound.memory_share()),
        format!("{} ms", plain(bound.seconds() * 1e3)),
        rate(bound.seconds()),
        estimated,
        fits,
        PROJECTED.to_owned(),
    ])
}

/// How everything here is marked, as in records.
const PROJECTED: &str = "projected";

const OP_COLUMNS: [&str; 8] =
    ["accelerator", "op", "limit", "executions", "GFLOP", "GB", "ms at best", "where from"];

fn ops(table: &mut Table, accelerator: &Accelerator, bound: &Bound) {
    for (name, limit, op) in bound.ops() {
        let limit: Limit = limit;
        table.row([
            accelerator.name.clone(),
            name.to_owned(),
            limit.name().to_owned(),
            op.executions.to_string(),
            plain(op.work.flops as f64 / 1e9),
            plain(op.work.bytes() as f64 / 1e9),
            plain(op.seconds * 1e3),
            PROJECTED.to_owned(),
        ]);
    }
}
