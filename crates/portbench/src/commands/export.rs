//! `export`: the figures of stored runs for other programs.

mod bencher;
mod figures;
mod openmetrics;
mod parquet;

use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::Path;

use portbench_backend::with_causes;
use portbench_records::{Run, Store};

use crate::args::{ExportArgs, ExportFormat, Format};
use crate::failure::Failure;
use crate::progress;

use figures::{Exported, lines, table};

pub(crate) fn run(args: &ExportArgs) -> Result<u8, Failure> {
    let store = Store::new(&args.results.results);
    let mut runs: Vec<Exported> = Vec::new();
    for selector in &args.runs {
        let run = store.resolve(selector)?;
        if !runs.iter().any(|known| known.run == run.id()) {
            runs.push(read(&run)?);
        }
    }
    let content = match args.form {
        ExportFormat::Csv => written(&runs, Format::Csv)?,
        ExportFormat::Markdown => written(&runs, Format::Markdown)?,
        ExportFormat::Json => json(&lines(&runs))?,
        ExportFormat::Bencher => match runs.as_slice() {
            [run] => json(&bencher::metrics(&run.heads))?,
            _ => {
                return Err(Failure::usage(
                    "the form bencher has no place for a run's name: export one run at a time",
                ));
            }
        },
        ExportFormat::Openmetrics => openmetrics::text(&runs).into_bytes(),
        ExportFormat::Parquet => parquet::file(&lines(&runs))?,
    };
    match &args.out {
        None if args.form == ExportFormat::Parquet && io::stdout().is_terminal() => {
            return Err(Failure::usage("Parquet is binary: name a file (--out figures.parquet)"));
        }
        None => io::stdout().lock().write_all(&content)?,
        Some(path) => written_to(path, &content).map_err(|e| {
            let text = format!(
                "cannot write {}: {e}; name a file in a directory that can be written, on a disk with space",
                path.display()
            );
            match e.kind() {
                ErrorKind::AlreadyExists | ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
                    Failure::usage(text)
                }
                _ => Failure::failed(text),
            }
        })?,
    }
    Ok(0)
}

/// The directory that the file belongs into is made where there is none.
fn written_to(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content)
}

/// A run with the heads that can be read; the others are named on stderr.
fn read(run: &Run) -> Result<Exported, Failure> {
    let info = run.info()?;
    let mut heads = Vec::new();
    for head in run.heads()? {
        match head {
            Ok(head) => heads.push(head),
            Err(error) => progress::say(&format!("warning: {}", with_causes(&error))),
        }
    }
    Ok(Exported { run: run.id(), suite: info.suite, started: info.started, heads })
}

fn written(runs: &[Exported], format: Format) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    table(&lines(runs)).write(format, &mut text)?;
    Ok(text)
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Failure> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}
