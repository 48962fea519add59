//! Running a tool that has to answer: with a time limit, after which it is ended with everything it started.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::NeuronError;

/// Time between two looks whether it has ended.
const EVERY: Duration = Duration::from_millis(5);
/// How long its output may take to arrive after its end: something that it started may hold the pipes open.
const AFTER: Duration = Duration::from_secs(1);

/// What a tool answered.
pub(crate) struct Answer {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Its standard output.
    pub(crate) out: String,
    /// Its standard error.
    pub(crate) err: String,
}

/// Runs a tool to its end, in `patience` at most; `silence` says what to do about one that does not answer.
///
/// # Errors
/// [`NeuronError::File`] if it does not start, [`NeuronError::Silent`] if it does not end.
pub(crate) fn ask(
    program: &Path,
    args: &[&str],
    patience: Duration,
    silence: &'static str,
) -> Result<Answer, NeuronError> {
    let error = |source| NeuronError::File { action: "run", path: program.to_owned(), source };
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(error)?;
    let (out, err) = (printed(child.stdout.take()), printed(child.stderr.take()));
    let until = Instant::now() + patience;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(error)? {
            break status;
        }
        if Instant::now() >= until {
            end(&mut child);
            let (program, seconds) = (program.to_owned(), patience.as_secs_f64());
            return Err(NeuronError::Silent { program, seconds, way_out: silence });
        }
        thread::sleep(EVERY);
    };
    let text = |stream: mpsc::Receiver<Vec<u8>>| {
        String::from_utf8_lossy(&stream.recv_timeout(AFTER).unwrap_or_default()).into_owned()
    };
    Ok(Answer { status, out: text(out), err: text(err) })
}

/// Everything that a stream says, when it has ended.
fn printed(stream: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (send, said) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What came before a broken pipe is what there is.
            let _ = stream.read_to_end(&mut bytes);
        }
        // Whoever asked may have gone.
        let _ = send.send(bytes);
    });
    said
}

/// Ends a tool and what it started. One that hangs in the kernel stays until the kernel lets go, and is not waited for.
fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // If it ended this very moment, nothing is left to kill.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let until = Instant::now() + AFTER;
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < until {
        thread::sleep(EVERY);
    }
}
