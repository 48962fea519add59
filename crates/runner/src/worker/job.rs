//! One trial's conversation with a worker, and what its end means for the cell.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use portbench_backend::{BackendInfo, LoweringReport};
use portbench_measure::{Compilations, Measurement, Phases};
use portbench_records::Outcome;
use portbench_worker::{Failure, FromWorker, Job, MAX_LINE, Phase, ToWorker, VERSION};

use super::process::{Output, Process};
use super::{Limits, memory, signal};
use crate::plan::WorkerCommand;

/// What a worker said on the way.
#[derive(Debug)]
pub(crate) enum Heard<'a> {
    Phase(Phase),
    Progress { fraction: Option<f64>, detail: Option<&'a str> },
}

/// Who listens, and who may call it off.
pub(crate) struct Watch<'a> {
    pub(crate) limits: Limits,
    pub(crate) cancelled: &'a dyn Fn() -> bool,
    pub(crate) hear: &'a mut dyn FnMut(Heard<'_>),
    /// Called when the worker waits for the others of its job: blocks until they are ready, `false` if they never will be.
    pub(crate) ready: &'a dyn Fn() -> bool,
}

/// A timed part that was done.
#[derive(Debug)]
pub(crate) struct Timed {
    pub(crate) measurement: Measurement,
    pub(crate) lowering: LoweringReport,
    pub(crate) phases: Phases,
    pub(crate) compilations: Compilations,
}

/// A job that was done.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) info: BackendInfo,
    /// The safetensors file with the parity outputs, if the job asked for them.
    pub(crate) parity: Option<PathBuf>,
    /// If the job asked for it.
    pub(crate) timed: Option<Timed>,
}

/// A job that was not done.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The cell ends with this outcome.
    Ended { outcome: Outcome, detail: String, info: Option<BackendInfo> },
    /// The run was called off.
    Cancelled,
}

/// Starts a worker, has it do the job, and sees it go.
pub(crate) fn run(command: &WorkerCommand, job: &Job, watch: &mut Watch<'_>) -> Result<Finished, Stop> {
    let ended = |outcome, detail| Stop::Ended { outcome, detail, info: None };
    let line = serde_json::to_vec(job)
        .map_err(|e| ended(Outcome::Crashed, format!("the job cannot be written: {e}")))?;
    if line.len() >= MAX_LINE {
        let detail = format!("the job takes {} bytes, the protocol allows {MAX_LINE}", line.len());
        return Err(ended(Outcome::Crashed, detail));
    }
    let kills = memory::kills();
    let process = Process::start(command).map_err(|e| {
        let program = command.program.display();
        let detail = format!(
            "the worker {program} cannot be started: {e}; install or build it, or leave its backend out"
        );
        ended(Outcome::Unavailable, detail)
    })?;
    let now = Instant::now();
    let talk = Conversation {
        process,
        limits: watch.limits,
        since: now,
        heard: now,
        lines: 0,
        phase: None,
        kills,
        info: None,
    };
    talk.hold(job, line, watch)
}

struct Conversation {
    process: Process,
    limits: Limits,
    /// When the process was started; then when it got its job; then when it began to warm up, or was let go on.
    since: Instant,
    heard: Instant,
    lines: u64,
    phase: Option<Phase>,
    kills: Option<u64>,
    info: Option<BackendInfo>,
}

impl Conversation {
    fn hold(mut self, job: &Job, line: Vec<u8>, watch: &mut Watch<'_>) -> Result<Finished, Stop> {
        match self.next(watch)? {
            FromWorker::Hello { protocol: VERSION, .. } => {}
            FromWorker::Hello { protocol, .. } => return Err(self.other_version(protocol.into())),
            other => return Err(self.out_of_turn("hello", &other)),
        }
        match self.next(watch)? {
            FromWorker::Ready { info } => self.info = Some(info),
            FromWorker::Failed { failure, text } => return Err(self.failed(failure, text)),
            other => return Err(self.out_of_turn("ready", &other)),
        }
        let start = self.since.elapsed().as_secs_f64();
        self.process.send(line);
        self.since = Instant::now();
        let (mut parity, mut timed) = (None, None);
        let mut waits = job.together;
        loop {
            match self.next(watch)? {
                FromWorker::Phase { phase } => {
                    let timing = |phase| matches!(phase, Phase::Warmup | Phase::Sampling);
                    if timing(phase) && !self.phase.is_some_and(timing) {
                        self.since = Instant::now();
                    }
                    self.phase = Some(phase);
                    (watch.hear)(Heard::Phase(phase));
                }
                FromWorker::Progress { fraction, detail } => {
                    (watch.hear)(Heard::Progress { fraction, detail: detail.as_deref() });
                }
                FromWorker::Waiting if waits => {
                    if !(watch.ready)() {
                        self.process.kill();
                        return Err(Stop::Cancelled);
                    }
                    waits = false;
                    self.heard = Instant::now();
                    self.since = self.heard;
                    self.process.send(serde_json::to_vec(&ToWorker::Go).unwrap_or_default());
                }
                FromWorker::Parity { outputs, .. } if job.parity.is_some() && parity.is_none() => {
                    parity = Some(self.inside(job, outputs)?);
                }
                FromWorker::Measured { measurement, lowering, mut phases, compilations, info }
                    if job.measure.is_some() && timed.is_none() && !waits =>
                {
                    self.info = info.map(|info| *info).or(self.info.take());
                    phases.start.get_or_insert(start);
                    timed = Some(Timed {
                        measurement: *measurement,
                        lowering,
                        phases,
                        compilations: *compilations,
                    });
                }
                FromWorker::Done
                    if parity.is_some() == job.parity.is_some()
                        && timed.is_some() == job.measure.is_some() =>
                {
                    // What a library does at exit is of no interest once everything was said.
                    self.process.finish(self.limits.exit);
                    let info = self.info.take().unwrap_or_default();
                    return Ok(Finished { info, parity, timed });
                }
                FromWorker::Failed { failure, text } => return Err(self.failed(failure, text)),
                other => return Err(self.out_of_turn("the results that the job asks for", &other)),
            }
        }
    }

    /// The next message.
    fn next(&mut self, watch: &mut Watch<'_>) -> Result<FromWorker, Stop> {
        const LOOK: Duration = Duration::from_millis(100);
        loop {
            let (deadline, limit) = self.deadline();
            match self.process.next(deadline.min(Instant::now() + LOOK)) {
                Some(Output::Line(line)) => {
                    self.heard = Instant::now();
                    self.lines += 1;
                    return self.read(&line);
                }
                Some(Output::End(rest)) => return Err(self.end(&rest)),
                Some(Output::TooLong) => {
                    let what = format!("wrote a line of more than {MAX_LINE} bytes");
                    return Err(self.broken(&what));
                }
                None if (watch.cancelled)() => {
                    self.process.kill();
                    return Err(Stop::Cancelled);
                }
                None if Instant::now() >= deadline => return Err(self.late(limit)),
                None => {}
            }
        }
    }

    /// When patience ends, and which patience.
    fn deadline(&self) -> (Instant, Patience) {
        let whole = match self.phase {
            None if self.info.is_none() => Patience::Start(self.limits.start),
            // Nothing but silence is waited for between taking a job and saying what of it is begun.
            None => Patience::Silence(self.limits.silence),
            Some(Phase::Parity | Phase::Compile | Phase::FirstExecute) => {
                Patience::Compile(self.limits.compile)
            }
            Some(Phase::Warmup | Phase::Sampling) => Patience::Trial(self.limits.trial),
        };
        let silence = Patience::Silence(self.limits.silence);
        let all = match whole {
            // Compilers say nothing for as long as they take.
            Patience::Compile(_) => vec![whole],
            _ => vec![whole, silence],
        };
        let end = |patience: &Patience| match *patience {
            Patience::Silence(time) => self.heard + time,
            Patience::Start(time) | Patience::Compile(time) | Patience::Trial(time) => self.since + time,
        };
        let first = all.into_iter().min_by_key(end).unwrap_or(silence);
        (end(&first), first)
    }

    fn read(&mut self, line: &[u8]) -> Result<FromWorker, Stop> {
        serde_json::from_slice(line).map_err(|error| {
            // A worker of another version may greet in words of its own.
            if let Ok(value) = serde_json::from_slice::<serde_json::Value>(line)
                && value["message"] == "hello"
                && let Some(protocol) = value["protocol"].as_u64()
                && protocol != u64::from(VERSION)
            {
                return self.other_version(protocol);
            }
            let what = format!(
                "wrote a line that is no message of protocol {VERSION}, line {}: {} ({error})",
                self.lines,
                excerpt(line)
            );
            self.broken(&what)
        })
    }

    /// A path the worker gave, if it lies where it was told to write.
    fn inside(&mut self, job: &Job, path: PathBuf) -> Result<PathBuf, Stop> {
        let given = job.scratch.join(&path);
        let (root, file) = (job.scratch.canonicalize(), given.canonicalize());
        match (root, file) {
            (Ok(root), Ok(file)) if file.starts_with(&root) => Ok(file),
            (_, Err(e)) => {
                Err(self.broken(&format!("says that it wrote its outputs to {}: {e}", path.display())))
            }
            _ => Err(self.broken(&format!(
                "wrote its outputs to {}, which is not where it was told to",
                path.display()
            ))),
        }
    }

    fn failed(&mut self, failure: Failure, text: String) -> Stop {
        let outcome = match failure {
            Failure::Unavailable => Outcome::Unavailable,
            Failure::Unsupported { .. } => Outcome::Unsupported,
            Failure::OutOfMemory => Outcome::OutOfMemory,
            Failure::TimedOut => Outcome::TimedOut,
            Failure::Error => Outcome::Crashed,
        };
        self.process.finish(self.limits.exit);
        let detail = if outcome == Outcome::Crashed { self.with_last_words(text) } else { text };
        Stop::Ended { outcome, detail, info: self.info.take() }
    }

    fn other_version(&mut self, protocol: u64) -> Stop {
        let older = if protocol > u64::from(VERSION) { "portbench" } else { "the worker" };
        self.broken(&format!(
            "speaks protocol version {protocol}, this portbench speaks {VERSION}; update {older}"
        ))
    }

    fn out_of_turn(&mut self, wanted: &str, got: &FromWorker) -> Stop {
        let text = serde_json::to_vec(got).unwrap_or_default();
        self.broken(&format!("said {} where {wanted} was due, line {}", excerpt(&text), self.lines))
    }

    fn late(&mut self, patience: Patience) -> Stop {
        self.process.kill();
        let way_out = patience.way_out();
        let text = format!("the worker {patience}{}, and was killed{way_out}", self.place());
        let detail = self.with_last_words(text);
        Stop::Ended { outcome: Outcome::TimedOut, detail, info: self.info.take() }
    }

    /// The worker's output ended before its job did.
    fn end(&mut self, rest: &[u8]) -> Stop {
        let status = self.process.finish(self.limits.exit);
        if status.is_some_and(|s| self.was_out_of_memory(s)) {
            let text = format!(
                "the worker was killed by SIGKILL{}, as the system does when memory runs out; use a smaller batch or model, or a machine with more memory",
                self.place()
            );
            let detail = self.with_last_words(text);
            return Stop::Ended { outcome: Outcome::OutOfMemory, detail, info: self.info.take() };
        }
        let how = match status {
            Some(status) => signal::describe(status),
            None => "closed its output and did not exit".to_owned(),
        };
        let cut = if rest.is_empty() {
            String::new()
        } else {
            format!(", in the middle of a line: {}", excerpt(rest))
        };
        self.broken(&format!("{how}{} before its job was done{cut}", self.place()))
    }

    fn was_out_of_memory(&self, status: ExitStatus) -> bool {
        signal::was_killed(status) && memory::plausible(self.kills, memory::kills())
    }

    /// The worker does not keep to the protocol: it is killed.
    fn broken(&mut self, what: &str) -> Stop {
        self.process.kill();
        let detail = self.with_last_words(format!("the worker {what}"));
        Stop::Ended { outcome: Outcome::Crashed, detail, info: self.info.take() }
    }

    fn place(&self) -> &'static str {
        match self.phase {
            Some(Phase::Parity) => " during the parity execution",
            Some(Phase::Compile) => " while compiling and loading",
            Some(Phase::FirstExecute) => " during the first execution",
            Some(Phase::Warmup) => " while warming up",
            Some(Phase::Sampling) => " while sampling",
            None if self.info.is_some() => " after taking the job",
            None => " while starting",
        }
    }

    fn with_last_words(&mut self, text: String) -> String {
        match self.process.last_words() {
            words if words.is_empty() => text,
            words => format!("{text}\nits last words on stderr:\n{}", end_of(&words)),
        }
    }
}

/// What is not waited for any longer.
#[derive(Clone, Copy, Debug)]
enum Patience {
    Start(Duration),
    Silence(Duration),
    Compile(Duration),
    Trial(Duration),
}

impl Patience {
    /// What gives a worker longer, if anything does.
    fn way_out(self) -> &'static str {
        match self {
            Self::Start(_) | Self::Silence(_) => "",
            Self::Compile(_) => "; `compile-limit` of the suite gives it longer",
            Self::Trial(_) => "; `time-limit` of the suite gives it longer",
        }
    }
}

impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(time) => write!(f, "was not ready after {} s", time.as_secs_f64()),
            Self::Silence(time) => write!(f, "said nothing for {} s", time.as_secs_f64()),
            Self::Compile(time) => write!(f, "was not ready to measure after {} s", time.as_secs_f64()),
            Self::Trial(time) => write!(f, "was not done after {} s", time.as_secs_f64()),
        }
    }
}

/// The beginning of a line, made printable.
fn excerpt(line: &[u8]) -> String {
    const SHOWN: usize = 120;
    let shown = String::from_utf8_lossy(&line[..line.len().min(SHOWN)]).escape_debug().to_string();
    format!("`{shown}`{}", if line.len() > SHOWN { "..." } else { "" })
}

/// The last lines of a text: as much as a record should carry.
fn end_of(text: &str) -> String {
    const LINES: usize = 40;
    const BYTES: usize = 8 << 10;
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
    let from = (last.len().saturating_sub(BYTES)..=last.len()).find(|&i| last.is_char_boundary(i));
    last[from.unwrap_or(0)..].to_owned()
}
