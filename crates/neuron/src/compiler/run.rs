//! Running neuronx-cc: with every flag, a time limit, and its end read.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::failure::{End, Failure};
use super::flags::{CompilerVersion, Flags};
use crate::error::NeuronError;
use crate::host::program::ask;
use crate::neff::NeffHeader;

/// Name of the program.
const PROGRAM: &str = "neuronx-cc";
/// Bytes of its output that are read: the last ones.
const TAIL: u64 = 1 << 20;
/// How long it may take to tell its version: it is a Python program, and a fresh instance reads its disk slowly.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of a compilation, and how long it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// The head of the artefact, or why there is none.
    pub result: Result<NeffHeader, Failure>,
    /// Time from start to end, in seconds.
    pub seconds: f64,
}

/// The compiler of this host.
#[derive(Clone, Debug)]
pub struct Compiler {
    program: PathBuf,
    version: CompilerVersion,
}

impl Compiler {
    /// The first `neuronx-cc` on the `PATH`.
    ///
    /// # Errors
    /// [`NeuronError::NoCompiler`] if there is none, [`NeuronError::Malformed`] if it does not tell its version.
    pub fn find() -> Result<Self, NeuronError> {
        let path = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&path).map(|d| d.join(PROGRAM)).find(|p| p.is_file());
        Self::at(found.ok_or(NeuronError::NoCompiler)?)
    }

    /// The compiler in this file.
    ///
    /// # Errors
    /// [`NeuronError::File`] if it does not start, [`NeuronError::Malformed`] and [`NeuronError::Silent`] if it does not tell its version.
    pub fn at(program: PathBuf) -> Result<Self, NeuronError> {
        Self::within(program, PATIENCE)
    }

    /// The compiler in this file, which may take this long to tell its version.
    ///
    /// # Errors
    /// As [`Compiler::at`].
    pub fn within(program: PathBuf, patience: Duration) -> Result<Self, NeuronError> {
        const SILENCE: &str =
            "run it by hand with --version; a disk or a network that hangs is the usual reason";
        let told = ask(&program, &["--version"], patience, SILENCE)?;
        let version = CompilerVersion::of_output(&[told.out, told.err].concat())?;
        Ok(Self { program, version })
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &CompilerVersion {
        &self.version
    }

    /// Compiles a graph in XLA's form (HLO or StableHLO) to the NEFF `output`, in `limit` at most: past that the compiler is ended with everything it
    /// started. What it printed is in `output` with the extension `log`.
    ///
    /// # Errors
    /// [`NeuronError::Settings`] for flags that this compiler does not have or an environment that contradicts them, [`NeuronError::File`] if it
    /// cannot be started. That it refuses the program, is killed or takes too long is a result.
    pub fn compile(
        &self,
        input: &Path,
        output: &Path,
        flags: &Flags,
        limit: Duration,
    ) -> Result<Compiled, NeuronError> {
        let (variable, value) = flags.environment();
        flags.check_environment(env::var(variable).ok().as_deref())?;
        let log = output.with_extension("log");
        let file = |action, path: &Path| {
            let path = path.to_owned();
            move |source| NeuronError::File { action, path, source }
        };
        let printed = File::create(&log).map_err(file("write", &log))?;
        let mut command = Command::new(&self.program);
        command.arg("compile").arg(input).args(["--framework", "XLA"]).args(flags.args(&self.version)?);
        command.arg("--output").arg(output).env(variable, value).stdin(Stdio::null());
        command.stdout(printed.try_clone().map_err(file("write", &log))?).stderr(printed);
        // A group of its own, so that its helpers can be ended with it.
        command.process_group(0);
        let start = Instant::now();
        let child = command.spawn().map_err(file("run", &self.program))?;
        let ended = wait(child, limit).map_err(file("run", &self.program))?;
        let seconds = start.elapsed().as_secs_f64();
        let result = match ended {
            Some(status) if status.success() => match NeffHeader::read(output) {
                Ok(head) => {
                    head.check_lnc(&output.display().to_string(), flags.logical_cores())?;
                    return Ok(Compiled { result: Ok(head), seconds });
                }
                Err(_) => End::Exit(0),
            },
            Some(status) => status.signal().map_or(End::Exit(status.code().unwrap_or(-1)), End::Signal),
            None => End::TimeLimit(limit.as_secs()),
        };
        // What a compiler left that did not end well is no artefact.
        let _ = fs::remove_file(output);
        let printed = tail(&log).map_err(file("read", &log))?;
        Ok(Compiled { result: Err(Failure::read(result, &printed)), seconds })
    }
}

/// Waits for the end; past the limit kills the whole group and says `None`.
fn wait(mut child: Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let (send, ended) = mpsc::channel();
    let waiting = thread::spawn(move || {
        // The other side waits as long as this thread lives.
        let _ = send.send(child.wait());
    });
    let status = match ended.recv_timeout(limit) {
        Ok(status) => Some(status?),
        Err(_) => {
            if let Some(group) = group {
                // If it ended this very moment, nothing is left to kill.
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = ended.recv();
            None
        }
    };
    drop(waiting.join());
    Ok(status)
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
