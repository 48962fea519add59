//! Asking files, the library and programs.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{LIST, MONITOR, RuntimeFacts};
use crate::error::NeuronError;
use crate::library::Library;
use crate::machine::Listing;
use crate::monitor::Report;

/// How long the monitor may take for its first report; by its documents it is immediate, and every 5 s after that.
const PATIENCE: Duration = Duration::from_secs(15);
/// More bytes than a report has.
const MOST_REPORT: u64 = 64 << 20;

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

pub(super) fn list(program: &Path) -> Result<Listing, NeuronError> {
    let ask = |args: &[&str]| {
        let asked = Command::new(program).args(args).stdin(Stdio::null()).output();
        asked.map_err(|source| NeuronError::File { action: "run", path: program.to_owned(), source })
    };
    let mut told = ask(&["--json-output"])?;
    if !told.status.success() {
        // Since SDK 2.34 the option has another name.
        let newer = ask(&["--output-format", "json"])?;
        if newer.status.success() {
            told = newer;
        }
    }
    if !told.status.success() {
        let said = String::from_utf8_lossy(&told.stderr);
        let last = said
            .lines()
            .rev()
            .find(|l| !l.trim().is_empty())
            .unwrap_or("nothing on stderr")
            .trim()
            .to_owned();
        return Err(NeuronError::Malformed { tool: LIST, what: format!("no list, and {last}") });
    }
    Listing::parse(&String::from_utf8_lossy(&told.stdout))
}

/// The first report of the monitor, which does not end by itself.
pub(super) fn first_report(program: &Path) -> Result<Report, NeuronError> {
    let error = |source| NeuronError::File { action: "run", path: program.to_owned(), source };
    let mut child = Command::new(program)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(error)?;
    let (send, line) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        thread::spawn(move || {
            let mut line = String::new();
            // Whoever waits has gone when the time is up.
            let read = BufReader::new(out.take(MOST_REPORT)).read_line(&mut line);
            let _ = send.send(read.map(|_| line));
        });
    }
    let first = line.recv_timeout(PATIENCE);
    // It may have ended by itself.
    let _ = child.kill();
    child.wait().map_err(error)?;
    let silent =
        || NeuronError::Malformed { tool: MONITOR, what: format!("nothing in {} s", PATIENCE.as_secs()) };
    Report::parse(&first.map_err(|_| silent())?.map_err(error)?)
}

#[cfg(unix)]
pub(super) fn compiler_version(program: PathBuf) -> Result<String, NeuronError> {
    crate::compiler::Compiler::at(program).map(|c| c.version().to_string())
}

#[cfg(not(unix))]
pub(super) fn compiler_version(_: PathBuf) -> Result<String, NeuronError> {
    Err(NeuronError::NoCompiler)
}
