//! Asking files, the library and programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::program::ask;
use super::reports::{Reports, last_words};
use super::{LIST, RuntimeFacts};
use crate::error::NeuronError;
use crate::library::Library;
use crate::machine::Listing;
use crate::monitor::Report;

pub(super) fn device_files(dev: &Path) -> usize {
    let Ok(entries) = fs::read_dir(dev) else { return 0 };
    let numbered = |name: &str| name.strip_prefix("neuron").is_some_and(|n| n.parse::<u32>().is_ok());
    entries.flatten().filter(|e| e.file_name().to_str().is_some_and(numbered)).count()
}

pub(super) fn runtime_facts(path: &Path) -> Result<RuntimeFacts, NeuronError> {
    let library = Library::open(path)?;
    let version = library.version()?.to_string();
    // Without a device there is nothing to count, which is no fault of the library.
    let cores = library.total_cores().ok().zip(library.visible_cores().ok()).map(|(t, v)| [t, v]);
    Ok(RuntimeFacts { path: path.to_owned(), version, cores })
}

pub(super) fn list(program: &Path, patience: Duration) -> Result<Listing, NeuronError> {
    const SILENCE: &str =
        "the driver may hang; `dmesg | grep -i neuron` says so, and stopping and starting the instance helps";
    let ask = |args: &[&str]| ask(program, args, patience, SILENCE);
    let mut told = ask(&["--json-output"])?;
    if !told.status.success() {
        // Since SDK 2.34 the option has another name.
        let newer = ask(&["--output-format", "json"])?;
        if newer.status.success() {
            told = newer;
        }
    }
    if !told.status.success() {
        let said = match last_words(&told.err) {
            "" => "nothing on stderr",
            said => said,
        };
        return Err(NeuronError::Failed { tool: LIST, what: format!("{said} ({})", told.status) });
    }
    Listing::parse(&told.out)
}

/// The first report of the monitor, which does not end by itself.
pub(super) fn first_report(program: &Path, patience: Duration) -> Result<Report, NeuronError> {
    let first = Reports::plain(program)?.next(patience)?;
    first.ok_or_else(|| NeuronError::Silent {
        program: program.to_owned(),
        seconds: patience.as_secs_f64(),
        way_out: "run it by hand; `dmesg | grep -i neuron` says whether the driver hangs",
    })
}

#[cfg(unix)]
pub(super) fn compiler_version(program: PathBuf) -> Result<String, NeuronError> {
    crate::compiler::Compiler::at(program).map(|c| c.version().to_string())
}

#[cfg(not(unix))]
pub(super) fn compiler_version(_: PathBuf) -> Result<String, NeuronError> {
    Err(NeuronError::NoCompiler)
}
