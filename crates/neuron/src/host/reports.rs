//! `neuron-monitor` as a child process: it writes a report a period, and does not end by itself.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tempfile::NamedTempFile;

use super::MONITOR;
use crate::error::NeuronError;
use crate::monitor::Report;

/// More bytes than a report has.
const MOST_REPORT: u64 = 64 << 20;
/// How long its last words may take to arrive after its end.
const AFTER: Duration = Duration::from_secs(1);
/// More bytes than anybody reads of its complaints.
const MOST_COMPLAINTS: u64 = 1 << 16;
/// What is asked of it, every second: whole seconds, since it is reported to ignore `1.0s`.
const EVERY_SECOND: &str = r#"{"period":"1s","neuron_runtimes":[{"tag_filter":".*","metrics":[{"type":"neuroncore_counters"},{"type":"memory_used"},{"type":"execution_stats"}]}],"system_metrics":[{"type":"neuron_hw_counters"}]}"#;

/// A running monitor; ended when it is dropped.
pub struct Reports {
    child: Child,
    read: mpsc::Receiver<Result<Report, NeuronError>>,
    complaints: mpsc::Receiver<String>,
    // Read by the monitor when it starts, which may be later.
    _settings: Option<NamedTempFile>,
}

impl Reports {
    /// Starts a monitor that reports every second what cores, executions and memory do.
    ///
    /// # Errors
    /// [`NeuronError::File`] if it does not start.
    pub fn every_second(program: &Path) -> Result<Self, NeuronError> {
        let error =
            |source| NeuronError::File { action: "write", path: "settings of neuron-monitor".into(), source };
        let mut settings = NamedTempFile::with_prefix("portbench-").map_err(error)?;
        settings.write_all(EVERY_SECOND.as_bytes()).map_err(error)?;
        Self::start(program, Some(settings))
    }

    /// Starts a monitor as it is when nobody says anything to it.
    pub(super) fn plain(program: &Path) -> Result<Self, NeuronError> {
        Self::start(program, None)
    }

    fn start(program: &Path, settings: Option<NamedTempFile>) -> Result<Self, NeuronError> {
        let mut command = Command::new(program);
        if let Some(settings) = &settings {
            command.arg("-c").arg(settings.path());
        }
        // In this process' own group: whoever ends that ends the monitor as well.
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| NeuronError::File { action: "run", path: program.to_owned(), source })?;
        let (send, read) = mpsc::channel();
        if let Some(out) = child.stdout.take() {
            thread::spawn(move || pass_on(out, &send));
        }
        let (tell, complaints) = mpsc::channel();
        if let Some(err) = child.stderr.take() {
            thread::spawn(move || {
                // Whoever wants to know may have gone.
                let _ = tell.send(last_line(err));
            });
        }
        Ok(Self { child, read, complaints, _settings: settings })
    }

    /// The next report; `None` if there is none within `patience`.
    ///
    /// # Errors
    /// [`NeuronError::Malformed`] for output that cannot be read, [`NeuronError::Failed`] for a monitor that has ended.
    pub fn next(&mut self, patience: Duration) -> Result<Option<Report>, NeuronError> {
        match self.read.recv_timeout(patience) {
            Ok(report) => report.map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(self.ended()),
        }
    }

    /// Why there will be no further report.
    fn ended(&mut self) -> NeuronError {
        // Without its output it is of no use, whether it has ended or not.
        let _ = self.child.kill();
        let status = self.child.wait().map_or_else(|e| e.to_string(), |s| s.to_string());
        // Something that it started may hold the pipe open.
        let said = self.complaints.recv_timeout(AFTER).unwrap_or_default();
        let said = if said.is_empty() { "nothing on stderr".to_owned() } else { said };
        NeuronError::Failed { tool: MONITOR, what: format!("it ended ({status}): {said}") }
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads reports until there is no more, or nobody wants more.
fn pass_on(out: ChildStdout, to: &mpsc::Sender<Result<Report, NeuronError>>) {
    let mut out = BufReader::new(out);
    loop {
        let report = match to_document(&mut out) {
            Ok(true) => document(&mut out),
            Ok(false) => return,
            Err(error) => Err(malformed(error.to_string())),
        };
        let last = report.is_err();
        if to.send(report).is_err() || last {
            return;
        }
    }
}

fn malformed(what: String) -> NeuronError {
    NeuronError::Malformed { tool: MONITOR, what }
}

/// Skips lines that begin no document, such as warnings. `false` at the end of the output.
fn to_document(out: &mut BufReader<ChildStdout>) -> io::Result<bool> {
    loop {
        let Some(&first) = out.fill_buf()?.first() else { return Ok(false) };
        match first {
            b'{' => return Ok(true),
            b' ' | b'\t' | b'\r' | b'\n' => out.consume(1),
            _ => {
                out.by_ref().take(MOST_REPORT).skip_until(b'\n')?;
            }
        }
    }
}

/// A document, on one line or several.
fn document(out: &mut BufReader<ChildStdout>) -> Result<Report, NeuronError> {
    let mut reader = serde_json::Deserializer::from_reader(out.by_ref().take(MOST_REPORT));
    let value = Value::deserialize(&mut reader).map_err(|e| malformed(e.to_string()))?;
    Report::of(&value)
}

fn last_line(err: ChildStderr) -> String {
    let mut text = Vec::new();
    let mut err = BufReader::new(err);
    let _ = err.by_ref().take(MOST_COMPLAINTS).read_to_end(&mut text);
    // The rest is read as well: a full pipe would stop the monitor.
    let _ = io::copy(&mut err, &mut io::sink());
    last_words(&String::from_utf8_lossy(&text)).to_owned()
}

/// The last line that says something; nothing where there is none.
pub(super) fn last_words(text: &str) -> &str {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}
