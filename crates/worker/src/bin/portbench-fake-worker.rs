//! A scripted double of a worker, for tests of whoever starts workers. It serves jobs on the null backend, so its numbers mean nothing, and it misbehaves as its
//! first argument, or else the environment variable `PORTBENCH_FAKE_WORKER`, says.
//!
//! | script | what it does |
//! |---|---|
//! | `honest` | serves the job |
//! | `hang-at-start` | never says hello |
//! | `hang-in-parity`, `hang-in-sampling` | stops talking there, alive |
//! | `exit=<status>` | exits with that status when it has the job |
//! | `exit-in-sampling=<status>` | exits with that status in sampling |
//! | `abort-at-start`, `abort`, `abort-in-sampling` | dies by SIGABRT before a word, with the job, in sampling |
//! | `garbage-at-start`, `garbage` | writes a line that is no message, instead of hello or after the job |
//! | `partial` | ends within a line |
//! | `huge-line` | writes a line longer than the protocol allows |
//! | `version=<n>` | says hello in version `n` of the protocol |
//! | `late=<milliseconds>` | serves the job, and waits so long before each answer |
//! | `unavailable` | reports that its device is missing |
//! | `unsupported`, `out-of-memory`, `panic` | its backend refuses so in compilation |
//! | `nan` | serves the job; every float that is fetched is NaN |
//! | `no-measured`, `no-done` | serves the job but leaves out that message |
//! | `noise` | serves the job; prints to standard output and error meanwhile, as native libraries do |

use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use portbench_backend::null::NullBackend;
use portbench_backend::{
    Backend, BackendError, BackendInfo, CompileOptions, EntryId, Executable, HostTensor, LoweringReport,
    ParamSource, Support, UnsupportedOp, Use,
};
use portbench_graph::{Op, Program, Type};
use portbench_worker::{
    FromWorker, MAX_LINE, Phase, VERSION, parse_message, protocol_output, serve, write_line,
};

fn main() -> ExitCode {
    let script = std::env::args().nth(1).or_else(|| std::env::var("PORTBENCH_FAKE_WORKER").ok());
    let text = script.unwrap_or_else(|| "honest".into());
    let Some(script) = Script::parse(&text) else {
        return complain(2, &format!("no script `{text}`; the head of its source lists them"));
    };
    match run(script) {
        Ok(status) => ExitCode::from(status),
        Err(error) => complain(70, &error.to_string()),
    }
}

fn complain(status: u8, text: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "portbench-fake-worker: {text}");
    ExitCode::from(status)
}

/// What to do, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Script {
    Honest,
    AtStart(Misdeed),
    WithJob(Misdeed),
    In(Phase, Misdeed),
    Version(u32),
    Late(u64),
    Refuse(Refusal),
    Nan,
    NoMeasured,
    NoDone,
    Noise,
}

/// What breaks the protocol or ends the process.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Misdeed {
    Hang,
    Exit(u8),
    Abort,
    Garbage,
    Partial,
    HugeLine,
}

/// What the backend says or does instead of compiling or opening.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Refusal {
    Unavailable,
    Unsupported,
    OutOfMemory,
    Panic,
}

impl Script {
    fn parse(text: &str) -> Option<Self> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        Some(match name {
            "honest" => Self::Honest,
            "hang-at-start" => Self::AtStart(Misdeed::Hang),
            "abort-at-start" => Self::AtStart(Misdeed::Abort),
            "garbage-at-start" => Self::AtStart(Misdeed::Garbage),
            "exit" => Self::WithJob(Misdeed::Exit(value.parse().ok()?)),
            "abort" => Self::WithJob(Misdeed::Abort),
            "garbage" => Self::WithJob(Misdeed::Garbage),
            "partial" => Self::WithJob(Misdeed::Partial),
            "huge-line" => Self::WithJob(Misdeed::HugeLine),
            "hang-in-parity" => Self::In(Phase::Parity, Misdeed::Hang),
            "hang-in-sampling" => Self::In(Phase::Sampling, Misdeed::Hang),
            "exit-in-sampling" => Self::In(Phase::Sampling, Misdeed::Exit(value.parse().ok()?)),
            "abort-in-sampling" => Self::In(Phase::Sampling, Misdeed::Abort),
            "version" => Self::Version(value.parse().ok()?),
            "late" => Self::Late(value.parse().ok()?),
            "unavailable" => Self::Refuse(Refusal::Unavailable),
            "unsupported" => Self::Refuse(Refusal::Unsupported),
            "out-of-memory" => Self::Refuse(Refusal::OutOfMemory),
            "panic" => Self::Refuse(Refusal::Panic),
            "nan" => Self::Nan,
            "no-measured" => Self::NoMeasured,
            "no-done" => Self::NoDone,
            "noise" => Self::Noise,
            _ => return None,
        })
    }
}

fn name() -> String {
    concat!("portbench-fake-worker ", env!("CARGO_PKG_VERSION")).to_owned()
}

fn run(script: Script) -> Result<u8, Box<dyn std::error::Error>> {
    let mut output = protocol_output()?;
    match script {
        Script::AtStart(misdeed) => misdeed.commit(&mut output)?,
        Script::Version(protocol) => {
            write_line(&mut output, &FromWorker::Hello { protocol, worker: name() })?;
            io::stdin().lock().read_to_end(&mut Vec::new())?;
        }
        Script::WithJob(misdeed) => {
            write_line(&mut output, &FromWorker::Hello { protocol: VERSION, worker: name() })?;
            write_line(&mut output, &FromWorker::Ready { info: Double(script).info() })?;
            io::stdin().lock().read_until(b'\n', &mut Vec::new())?;
            misdeed.commit(&mut output)?;
            if let Misdeed::Exit(status) = misdeed {
                return Ok(status);
            }
        }
        _ => {
            let open = || match script {
                Script::Refuse(Refusal::Unavailable) => Err(BackendError::Unavailable {
                    what: "the pretended device".into(),
                    hint: "plug it in".into(),
                }),
                _ => Ok(Box::new(Double(script)) as Box<dyn Backend>),
            };
            let mut filter = Filter { script, line: Vec::new(), output };
            serve(&name(), open, &mut io::stdin().lock(), &mut filter)?;
        }
    }
    Ok(0)
}

impl Misdeed {
    /// Returns from what does not end the process here.
    fn commit(self, output: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Hang => loop {
                std::thread::park();
            },
            Self::Exit(_) => {}
            Self::Abort => std::process::abort(),
            Self::Garbage => output.write_all(b"Loading libfast.so ... ok\n")?,
            Self::Partial => output.write_all(b"{\"message\":\"prog")?,
            Self::HugeLine => {
                let chunk = vec![b'x'; 1 << 20];
                for _ in 0..=MAX_LINE / chunk.len() {
                    output.write_all(&chunk)?;
                }
                output.write_all(b"\n")?;
            }
        }
        output.flush()
    }
}

/// Passes messages on, but for those that the script is about.
struct Filter<W> {
    script: Script,
    line: Vec<u8>,
    output: W,
}

impl<W: Write> Filter<W> {
    /// Whether to pass the message on.
    fn act(&mut self, message: &FromWorker) -> io::Result<bool> {
        match (self.script, message) {
            (Script::In(phase, misdeed), FromWorker::Phase { phase: now }) if phase == *now => {
                misdeed.commit(&mut self.output)?;
                if let Misdeed::Exit(status) = misdeed {
                    std::process::exit(i32::from(status));
                }
            }
            (Script::NoMeasured, FromWorker::Measured { .. }) | (Script::NoDone, FromWorker::Done) => {
                return Ok(false);
            }
            (
                Script::Late(milliseconds),
                FromWorker::Ready { .. } | FromWorker::Parity { .. } | FromWorker::Measured { .. },
            ) => std::thread::sleep(Duration::from_millis(milliseconds)),
            (Script::Noise, _) => {
                // To standard output, which must not be the protocol's.
                writeln!(io::stdout(), "[libfast] warming caches")?;
                writeln!(io::stderr(), "[libfast] deprecated call")?;
            }
            _ => {}
        }
        Ok(true)
    }
}

impl<W: Write> Write for Filter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        while let Some(end) = self.line.iter().position(|&b| b == b'\n') {
            let rest = self.line.split_off(end + 1);
            let line = std::mem::replace(&mut self.line, rest);
            let message = parse_message(&line[..end]).map_err(io::Error::other)?;
            if self.act(&message)? {
                self.output.write_all(&line)?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// The null backend under a script.
struct Double(Script);

impl Backend for Double {
    fn info(&self) -> BackendInfo {
        BackendInfo { backend: "fake".into(), ..NullBackend::new().info() }
    }

    fn support(&self, op: &Op, args: &[&Type], result: &Type, use_: Use) -> Support {
        NullBackend::new().support(op, args, result, use_)
    }

    #[expect(clippy::panic, reason = "a script asks for it")]
    fn compile(
        &mut self,
        program: &Program,
        params: &ParamSource,
        options: &CompileOptions,
    ) -> Result<Box<dyn Executable>, BackendError> {
        match self.0 {
            Script::Refuse(Refusal::Panic) => panic!("the pretended kernel compiler hit a bug"),
            Script::Refuse(Refusal::OutOfMemory) => Err(BackendError::OutOfMemory {
                detail: "1000 GiB were asked for, the pretended device has 1".into(),
            }),
            Script::Refuse(Refusal::Unsupported) => Err(BackendError::Unsupported {
                backend: "fake".into(),
                ops: vec![UnsupportedOp {
                    entry: program.entries.first().map_or_else(String::new, |g| g.name.clone()),
                    op: "softmax".into(),
                    scope: "h.0.attn".into(),
                    reason: "the pretended device cannot".into(),
                }],
            }),
            _ => {
                let inner = NullBackend::new().compile(program, params, options)?;
                Ok(Box::new(DoubleExecutable { inner, nan: self.0 == Script::Nan }))
            }
        }
    }
}

struct DoubleExecutable {
    inner: Box<dyn Executable>,
    nan: bool,
}

impl DoubleExecutable {
    fn answer(&self, value: HostTensor) -> Result<HostTensor, BackendError> {
        if !(self.nan && value.ty().dtype.is_float()) {
            return Ok(value);
        }
        let nothing = vec![f64::NAN; value.ty().shape.elements()];
        HostTensor::from_f64(value.ty().clone(), &nothing)
    }
}

impl Executable for DoubleExecutable {
    fn lowering(&self) -> &LoweringReport {
        self.inner.lowering()
    }

    fn bind(&mut self, entry: EntryId, inputs: &[(&str, &HostTensor)]) -> Result<(), BackendError> {
        self.inner.bind(entry, inputs)
    }

    fn execute(&mut self, entry: EntryId) -> Result<(), BackendError> {
        self.inner.execute(entry)
    }

    fn synchronize(&mut self) -> Result<(), BackendError> {
        self.inner.synchronize()
    }

    fn fetch(&mut self, entry: EntryId, output: &str) -> Result<HostTensor, BackendError> {
        let value = self.inner.fetch(entry, output)?;
        self.answer(value)
    }

    fn fetch_param(&mut self, name: &str) -> Result<HostTensor, BackendError> {
        let value = self.inner.fetch_param(name)?;
        self.answer(value)
    }

    fn reset_state(&mut self) -> Result<(), BackendError> {
        self.inner.reset_state()
    }
}
