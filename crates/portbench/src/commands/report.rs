//! `report`: charts, tables and the page of a stored run.

use std::io::{self, Write};

use portbench_records::Store;

use crate::args::ReportArgs;
use crate::failure::Failure;

pub(crate) fn run(args: &ReportArgs) -> Result<u8, Failure> {
    let run = Store::new(&args.results.results).resolve(&args.run)?;
    let folder = args.out.clone().unwrap_or_else(|| run.dir().join("report"));
    let files = portbench_report::write(&run, &folder)?;
    let mut out = io::stdout().lock();
    for path in [&files.page, &files.markdown].into_iter().chain(&files.charts) {
        writeln!(out, "{}", path.display())?;
    }
    Ok(0)
}
