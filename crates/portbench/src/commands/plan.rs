//! `plan`: the cells of a suite, without running them.

use std::io;

use crate::args::PlanArgs;
use crate::cells;
use crate::failure::Failure;
use crate::neuron;
use crate::progress;
use crate::table::Table;

pub(crate) fn run(args: &PlanArgs) -> Result<u8, Failure> {
    let selection = cells::select(&args.select)?;
    let plan = &selection.plan;
    if let Some(platform) = neuron::platform(&args.neuron) {
        neuron::findings(plan, &args.neuron, platform).write(args.format.format, &mut io::stdout().lock())?;
        return Ok(0);
    }
    let mut table = Table::new(&[
        "workload",
        "mode",
        "scenario",
        "backend",
        "numerics",
        "model",
        "parameters",
        "GFLOP",
        "parity check",
    ]);
    for (planned, entry) in plan.cells().iter().zip(plan.entries()) {
        let resolved = &planned.resolved;
        let work = portbench_runner::task_work(&resolved.program, &planned.spec.task);
        table.row([
            entry.cell.workload.clone(),
            entry.cell.mode.to_string(),
            entry.cell.scenario.to_string(),
            entry.cell.target(),
            entry.cell.numerics.to_string(),
            resolved.model.clone(),
            resolved.program.parameter_count().to_string(),
            format!("{:.3}", work.flops as f64 / 1e9),
            match &resolved.parity {
                None => "none: no oracle knows what a module computes".into(),
                Some(check) => check.reduced.clone().unwrap_or_else(|| "at full size".into()),
            },
        ]);
    }
    table.write(args.format.format, &mut io::stdout().lock())?;
    neuron::warn(plan);
    progress::say(&format!("{} cells, {} trials", plan.cells().len(), plan.order().len()));
    Ok(0)
}
