//! `run`: plan, execute, report.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use portbench_backend::with_causes;
use portbench_records::{Outcome, Store, StoreError};
use portbench_report::history::{History, Wanted};
use portbench_runner::{Budget, Plan, Runner, RunnerError, Summary};

use crate::args::RunArgs;
use crate::cells;
use crate::commands::show;
use crate::failure::{Failure, SOME_CELL};
use crate::neuron;
use crate::progress::{self, Display};

/// Set by the first Ctrl-C or SIGTERM; the run then stops in order.
static CANCEL: AtomicBool = AtomicBool::new(false);

pub(crate) fn run(args: &RunArgs) -> Result<u8, Failure> {
    let began = Instant::now();
    let store = Store::new(&args.results.results);
    let mut selection = cells::select_with(&args.select, neuron::choices(args.flags)?)?;
    if args.suspicious {
        selection.plan = suspicious(&store, selection.plan)?;
    }
    neuron::check_flags(args.flags, &selection.plan)?;
    neuron::warn(&selection.plan);
    ctrlc::set_handler(|| {
        if CANCEL.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    })
    .map_err(|e| Failure::bug(format!("cannot listen for Ctrl-C: {e}")))?;
    let facts = neuron::facts(&selection.plan);
    let elapsed = || began.elapsed();
    let runner = Runner {
        limits: selection.limits,
        cache: None,
        cancel: Some(&CANCEL),
        budget: args.budget.map(|time| Budget { time, elapsed: &elapsed }),
        facts: Some(&facts),
    };
    let mut display = Display::new();
    let result = match &args.resume {
        None => runner.start(&store, &selection.plan, &mut |event| display.show(&event)),
        Some(selector) => {
            let run = store.resolve(selector)?;
            runner.resume(run, &selection.plan, &mut |event| display.show(&event))
        }
    };
    display.finish();
    let summary = result.map_err(|error| match error {
        RunnerError::Interrupted { .. } => Failure::from(error).with_code(130),
        other => Failure::from(other),
    })?;
    finish(args, &summary)
}

/// The cells of a plan whose latest run is out of line.
fn suspicious(store: &Store, plan: Plan) -> Result<Plan, Failure> {
    let unread = |error: &StoreError| progress::say(&format!("warning: left out: {}", with_causes(error)));
    let wanted = Wanted { suite: Some(plan.suite()), ..Wanted::default() };
    let history = History::read(store, &wanted, &unread)?;
    let rows = history.rows(false);
    let cells: BTreeSet<&str> = rows.iter().filter(|r| r.suspicious()).map(|r| r.cell.as_str()).collect();
    if cells.is_empty() {
        return Err(Failure::nothing(format!("no cell of {} is suspicious", plan.suite())));
    }
    Ok(plan.narrowed(|cell| cells.contains(cell.id().as_str()))?)
}

fn finish(args: &RunArgs, summary: &Summary) -> Result<u8, Failure> {
    let mut out = io::stdout().lock();
    show::figures(&summary.run, args.format.format, &mut out)?;
    out.flush()?;
    if !args.no_report {
        let files = portbench_report::write(&summary.run, &summary.run.dir().join("report"))?;
        progress::say(&format!("page: {}", files.page.display()));
    }
    progress::say(&format!("records: {}", summary.run.dir().display()));
    if summary.all_measured() {
        return Ok(0);
    }
    let others: Vec<String> = summary
        .outcomes
        .iter()
        .filter(|(outcome, _)| **outcome != Outcome::Measured)
        .map(|(outcome, count)| format!("{count} {outcome}"))
        .collect();
    progress::say(&format!("not every cell was measured: {}", others.join(", ")));
    // That a machine lacks a device is no failure of a cell; that it crashed or is wrong is.
    let failed = summary.outcomes.keys().any(|o| {
        matches!(o, Outcome::Incorrect | Outcome::Crashed | Outcome::TimedOut | Outcome::OutOfMemory)
    });
    Ok(if failed { SOME_CELL } else { 0 })
}
