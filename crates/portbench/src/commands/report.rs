//! `report`: the page of a stored run, or a site of several.

use std::io::{self, Write};
use std::path::Path;

use portbench_catalog::{Accelerator, Catalog};
use portbench_records::Run;
use portbench_report::charts::Study;
use portbench_report::write_site;

use super::list::published_entries;
use super::runs::each_once;
use crate::args::ReportArgs;
use crate::failure::{Failure, usage};
use crate::progress;

pub(crate) fn run(args: &ReportArgs) -> Result<u8, Failure> {
    let runs = each_once(&args.results.results, &args.runs)?;
    let mut out = io::stdout().lock();
    match (&args.out, runs.as_slice()) {
        (Some(folder), runs) => site(args, runs, folder, &mut out)?,
        (None, [run]) => {
            let files = portbench_report::write(run, &run.dir().join("report"))?;
            for path in [&files.page, &files.markdown].into_iter().chain(&files.charts) {
                writeln!(out, "{}", path.display())?;
            }
        }
        (None, _) => {
            return Err(Failure::usage(
                "a report of several runs is a site; say where it goes with --out DIR",
            ));
        }
    }
    Ok(0)
}

fn site(args: &ReportArgs, runs: &[Run], folder: &Path, out: &mut dyn Write) -> Result<(), Failure> {
    let catalog = Catalog::load(args.catalog.catalog.as_deref()).map_err(usage)?;
    let on = args.on.iter().map(|name| catalog.accelerator(name).cloned().map_err(usage));
    let on: Vec<Accelerator> = on.collect::<Result<_, _>>()?;
    let published = published_entries(&args.published_results)?;
    let study = Study::read(runs)?.with_catalog(catalog).with_published(published).with_projections(on);
    let study = args.prices.priced(study, &args.runs)?;
    let site = write_site(&study, folder)?;
    for note in &site.notes {
        progress::say(&format!("note: {note}"));
    }
    progress::say(&format!("{} files", site.files.len()));
    writeln!(out, "{}", folder.join("index.html").display())?;
    Ok(())
}
