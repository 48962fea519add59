//! `goldens`: the oracle's answers to a suite, computed where time is cheap.

use std::io;

use crate::args::GoldensArgs;
use crate::cells;
use crate::failure::{Failure, SOME_CELL};
use crate::progress;
use crate::table::Table;

pub(crate) fn run(args: &GoldensArgs) -> Result<u8, Failure> {
    let selection = cells::select(&args.select)?;
    let cache = args.results.results.join(portbench_runner::GOLDENS);
    let found = portbench_runner::goldens(&selection.plan, &cache, &mut |golden| {
        progress::say(&format!("{}: {}", golden.workload, golden.failed.as_deref().unwrap_or("ready")));
    })?;
    let mut table = Table::new(&["workload", "fingerprint of the checked program", "golden"]);
    for golden in &found {
        let state = golden.failed.as_deref().unwrap_or("ready");
        table.row([golden.workload.as_str(), &golden.fingerprint, state]);
    }
    table.write(args.format.format, &mut io::stdout().lock())?;
    progress::say(&format!(
        "goldens: {}; take this folder along in the results directory of the machine that runs the suite",
        cache.display()
    ));
    Ok(if found.iter().any(|g| g.failed.is_some()) { SOME_CELL } else { 0 })
}
