//! `project`: what hardware that is not at hand could do at best, by its roofline.

mod calibration;
mod on;
mod published;

use std::io;

use portbench_catalog::roofline::{Bound, Limit, Roofline};
use portbench_catalog::{Accelerator, Amount, Catalog, Memory};
use portbench_measure::{Numerics, Task};
use portbench_report::{amount, plain, precision};
use portbench_runner::task_graphs;
use portbench_workload::{Catalogue, Resolved, Workload};
use serde::Serialize;

use crate::args::ProjectArgs;
use crate::failure::{Failure, NOTHING, usage};
use crate::progress;
use crate::rows;
use crate::table::Table;

use calibration::Calibration;
use on::On;

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
    let on: Vec<On<'_>> = args.on.iter().map(|name| On::named(&catalog, name)).collect::<Result<_, _>>()?;
    // What one accelerator lacks in the catalogue is no reason to be silent on the others.
    let bounds: Vec<Result<Bound, Failure>> = on.iter().map(|on| bound(on.accelerator, &resolved)).collect();
    let all_fail = bounds.iter().all(Result::is_err);
    if args.ops {
        ops(args, &on, &bounds)?;
    } else {
        let rows = on.iter().zip(&bounds).map(|(on, bound)| row(on, &resolved, bound, calibration.as_ref()));
        let rows: Vec<Row> = rows.collect::<Result<_, _>>()?;
        let mut table = Table::new(&COLUMNS);
        for row in &rows {
            table.row(cells(row));
        }
        rows::write(&rows, &table, args.format.format, &mut io::stdout().lock())?;
    }
    progress::say(
        "projected: of each op the longer of its arithmetic at the dense peak and its traffic at full bandwidth; no figure here was measured",
    );
    if on.iter().any(|on| on.count > 1) {
        progress::say(
            "several accelerators: as if they shared the work, and held its parameters, without loss",
        );
    }
    if let Some(calibration) = calibration {
        progress::say(&calibration.words());
    }
    Ok(if all_fail { NOTHING } else { 0 })
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

/// One accelerator, or several, with the workload on it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    accelerator: String,
    instance: Option<String>,
    accelerators: u32,
    numerics: String,
    peak_tflops: Option<f64>,
    /// Whether no vendor states the peak.
    peak_estimate: bool,
    gigabytes_per_second: Option<f64>,
    /// Share of the time at best that waits for memory.
    memory_share: Option<f64>,
    seconds_at_best: Option<f64>,
    /// Units a second.
    rate_at_best: Option<f64>,
    estimated_rate: Option<Amount>,
    unit: String,
    fits: Option<bool>,
    parameter_gigabytes: f64,
    memory_gigabytes: Option<f64>,
    provenance: &'static str,
    /// Why nothing is projected.
    detail: Option<String>,
    #[serde(skip)]
    label: String,
}

fn row(
    on: &On<'_>,
    resolved: &Resolved,
    bound: &Result<Bound, Failure>,
    calibration: Option<&Calibration>,
) -> Result<Row, Failure> {
    let On { accelerator, count, .. } = on;
    let all = f64::from(*count);
    let parameters = resolved.program.parameter_bytes() as f64;
    let memory = accelerator.memory.as_ref().and_then(Memory::bytes).map(|bytes| bytes * all);
    let peak = accelerator.peak(precision(resolved.numerics)).ok();
    let mut row = Row {
        accelerator: accelerator.name.clone(),
        instance: on.instance.clone(),
        accelerators: *count,
        numerics: resolved.numerics.to_string(),
        peak_tflops: peak.map(|peak| peak * all / 1e12),
        peak_estimate: accelerator.peak_dense_tflops.as_ref().is_some_and(|p| p.estimate),
        gigabytes_per_second: accelerator.bytes_per_second().ok().map(|bytes| bytes * all / 1e9),
        memory_share: None,
        seconds_at_best: None,
        rate_at_best: None,
        estimated_rate: None,
        unit: resolved.unit.to_string(),
        fits: memory.map(|bytes| parameters <= bytes),
        parameter_gigabytes: parameters / 1e9,
        memory_gigabytes: memory.map(|bytes| bytes / 1e9),
        provenance: PROJECTED,
        detail: None,
        label: on.label(),
    };
    let bound = match bound {
        Ok(bound) => bound,
        Err(why) => {
            row.detail = Some(why.to_string());
            return Ok(row);
        }
    };
    let units = units(&resolved.task) * all;
    if let Some(calibration) = calibration {
        let at = |share: f64| bound.at(share).map(|seconds| units / seconds).map_err(usage);
        let (low, high) = calibration.range();
        row.estimated_rate =
            Some(Amount { value: at(calibration.middle())?, low: at(low)?, high: at(high)? });
    }
    row.memory_share = Some(bound.memory_share());
    row.seconds_at_best = Some(bound.seconds() / all);
    row.rate_at_best = Some(units / bound.seconds());
    Ok(row)
}

fn cells(row: &Row) -> [String; 10] {
    let mark = if row.peak_estimate { " (estimate)" } else { "" };
    let fits = match (row.fits, row.memory_gigabytes) {
        (Some(true), _) => "yes".to_owned(),
        (Some(false), Some(memory)) => {
            format!("no: {} of {} GB", plain(row.parameter_gigabytes), plain(memory))
        }
        _ => "memory not known".to_owned(),
    };
    let time = row.seconds_at_best.map(|seconds| format!("{} ms", plain(seconds * 1e3)));
    [
        row.label.clone(),
        row.numerics.clone(),
        row.peak_tflops.map(|peak| format!("{peak}{mark}")).unwrap_or_default(),
        row.gigabytes_per_second.map(|rate| format!("{rate:.0}")).unwrap_or_default(),
        row.memory_share.map(|share| format!("{:.0} %", 100.0 * share)).unwrap_or_default(),
        time.or_else(|| row.detail.clone()).unwrap_or_default(),
        row.rate_at_best.map(|rate| format!("{} {}/s", plain(rate), row.unit)).unwrap_or_default(),
        row.estimated_rate.map(|rate| format!("{} {}/s", amount(rate), row.unit)).unwrap_or_default(),
        fits,
        if row.detail.is_some() { String::new() } else { row.provenance.to_owned() },
    ]
}

/// How everything here is marked, as in records.
const PROJECTED: &str = "projected";

const OP_COLUMNS: [&str; 8] =
    ["accelerator", "op", "limit", "executions", "GFLOP", "GB", "ms at best", "where from"];

/// The ops of one name that wait for the same thing.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct OpRow {
    accelerator: String,
    op: Option<&'static str>,
    limit: Option<&'static str>,
    executions: u64,
    gflop: f64,
    gigabytes: f64,
    seconds_at_best: f64,
    provenance: &'static str,
    /// Why nothing is projected.
    detail: Option<String>,
}

fn ops(args: &ProjectArgs, on: &[On<'_>], bounds: &[Result<Bound, Failure>]) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let mut table = Table::new(&OP_COLUMNS);
    for (on, bound) in on.iter().zip(bounds) {
        let empty = || OpRow {
            accelerator: on.label(),
            op: None,
            limit: None,
            executions: 0,
            gflop: 0.0,
            gigabytes: 0.0,
            seconds_at_best: 0.0,
            provenance: PROJECTED,
            detail: None,
        };
        match bound {
            Ok(bound) => rows.extend(bound.ops().into_iter().map(|(name, limit, op)| {
                let limit: Limit = limit;
                OpRow {
                    op: Some(name),
                    limit: Some(limit.name()),
                    executions: op.executions,
                    gflop: op.work.flops as f64 / 1e9,
                    gigabytes: op.work.bytes() as f64 / 1e9,
                    seconds_at_best: op.seconds / f64::from(on.count),
                    ..empty()
                }
            })),
            Err(why) => rows.push(OpRow { detail: Some(why.to_string()), ..empty() }),
        }
    }
    for row in &rows {
        let Some((op, limit)) = row.op.zip(row.limit) else {
            table.row([row.accelerator.clone(), row.detail.clone().unwrap_or_default()]);
            continue;
        };
        table.row([
            row.accelerator.clone(),
            op.to_owned(),
            limit.to_owned(),
            row.executions.to_string(),
            plain(row.gflop),
            plain(row.gigabytes),
            plain(row.seconds_at_best * 1e3),
            row.provenance.to_owned(),
        ]);
    }
    rows::write(&rows, &table, args.format.format, &mut io::stdout().lock())
}
