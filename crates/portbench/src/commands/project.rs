//! `project`: what hardware that is not at hand could do at best, by its roofline.

mod published;

use std::io;

use portbench_catalog::roofline::{Bound, Limit, Roofline};
use portbench_catalog::{Accelerator, Catalog, Precision};
use portbench_measure::{FigureValue, Metric, Numerics, Task};
use portbench_records::{Outcome, Record, Store};
use portbench_report::plain;
use portbench_runner::task_graphs;
use portbench_workload::{Catalogue, Resolved, Workload};

use crate::args::ProjectArgs;
use crate::failure::{Failure, usage};
use crate::progress;
use crate::table::Table;

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
    let efficiency = efficiency(args, &catalog, &resolved)?;
    let accelerators: Vec<&Accelerator> =
        args.on.iter().map(|name| catalog.accelerator(name).map_err(usage)).collect::<Result<_, _>>()?;
    let mut table = Table::new(if args.ops { &OP_COLUMNS } else { &COLUMNS });
    for accelerator in accelerators {
        let bound = bound(accelerator, &resolved)?;
        if args.ops {
            ops(&mut table, accelerator, &bound);
        } else {
            table.row(cells(accelerator, &resolved, &bound, efficiency)?);
        }
    }
    table.write(args.format.format, &mut io::stdout().lock())?;
    progress::say(
        "projected: of each op the longer of its arithmetic at the dense peak and its traffic at full bandwidth; nothing was measured on these accelerators",
    );
    if let Some((share, from)) = efficiency {
        progress::say(&format!("the estimate takes {:.1} % of the roofline: {from}", 100.0 * share.0));
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

/// The peak against which numerics count.
fn precision(numerics: Numerics) -> Precision {
    match numerics {
        Numerics::F64 => Precision::Fp64,
        Numerics::F32 => Precision::Fp32,
        Numerics::Tf32 => Precision::Tf32,
        Numerics::Bf16 => Precision::Bf16,
        Numerics::F16 => Precision::Fp16,
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

/// A share of the roofline.
#[derive(Clone, Copy)]
struct Share(f64);

/// The share of the roofline that estimates take, and where it comes from.
fn efficiency(
    args: &ProjectArgs,
    catalog: &Catalog,
    resolved: &Resolved,
) -> Result<Option<(Share, &'static str)>, Failure> {
    if let Some(share) = args.efficiency {
        return Ok(Some((Share(share), "given")));
    }
    let (Some(run), Some(on)) = (&args.calibrate, &args.calibrate_on) else { return Ok(None) };
    let bound = bound(catalog.accelerator(on).map_err(usage)?, resolved)?;
    let run = Store::new(&args.results.results).resolve(run)?;
    let records: Vec<Record> = run.records()?.collect::<Result<_, _>>()?;
    let measured = measured(&records, resolved)?;
    let share = bound
        .efficiency(units(&resolved.task) / measured)
        .map_err(|e| Failure::usage(format!("{e}: the run did other work, or was not made on {on}")))?;
    Ok(Some((Share(share), "measured in the run")))
}

/// Throughput of the same program in a run.
fn measured(records: &[Record], resolved: &Resolved) -> Result<f64, Failure> {
    let fingerprint = resolved.program.fingerprint()?.to_string();
    let same = |r: &&Record| r.problem.fingerprint == fingerprint && r.cell.numerics == resolved.numerics;
    let rate = |r: &Record| match r.figures.iter().find(|f| f.metric == Metric::Throughput)?.value {
        FigureValue::Estimated { value, .. } => Some(value),
        FigureValue::NotEstimable { .. } => None,
    };
    let measured = records.iter().filter(same).filter(|r| r.outcome == Outcome::Measured);
    measured.filter_map(rate).max_by(f64::total_cmp).ok_or_else(|| {
        Failure::usage(format!(
            "the run has no measured cell of {} at {} with this program; calibrate with a run of the same workload",
            resolved.name, resolved.numerics
        ))
    })
}

fn cells(
    accelerator: &Accelerator,
    resolved: &Resolved,
    bound: &Bound,
    efficiency: Option<(Share, &'static str)>,
) -> Result<[String; 10], Failure> {
    let units = units(&resolved.task);
    let rate = |seconds: f64| format!("{} {}/s", plain(units / seconds), resolved.unit);
    let estimated = match efficiency {
        None => String::new(),
        Some((share, _)) => rate(bound.at(share.0).map_err(usage)?),
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
