//! A worker as a process: the protocol on standard input and a descriptor of its own.

use std::io::{self, BufReader, BufWriter, Write};

use portbench_backend::{Backend, BackendError};

use crate::error::WorkerError;
use crate::serve::serve;

/// [`serve`] on this process' standard input and output. Native libraries print to standard output: from here on what they print goes to standard error, and only
/// the protocol reaches the runner. Call it first, in a process that is a worker and nothing else.
///
/// # Errors
/// As [`serve`]; [`WorkerError::Streams`].
pub fn serve_process(
    open: impl FnOnce() -> Result<Box<dyn Backend>, BackendError>,
) -> Result<(), WorkerError> {
    end_with_parent();
    let mut writer = BufWriter::new(protocol_output().map_err(WorkerError::Streams)?);
    let mut reader = BufReader::new(io::stdin().lock());
    let name = concat!("portbench ", env!("CARGO_PKG_VERSION"));
    serve(name, open, &mut reader, &mut writer)
}

/// Has the system kill this process when the one that started it has gone: a killed runner leaves nothing behind that disturbs the next one's measurements.
#[cfg(target_os = "linux")]
fn end_with_parent() {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    let parent = getppid();
    // A system that cannot do it still has the end of input.
    let set = set_parent_process_death_signal(Some(Signal::KILL));
    // It may have gone before it was asked for.
    if set.is_ok() && getppid() != parent {
        std::process::exit(1);
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_parent() {}

/// A duplicate of standard output, whose own descriptor then leads to standard error.
///
/// # Errors
/// The operating system's.
#[cfg(unix)]
pub fn protocol_output() -> io::Result<impl Write + use<>> {
    let protocol = rustix::io::dup(rustix::stdio::stdout())?;
    // A process that the backend starts must not keep the runner's pipe open.
    rustix::io::fcntl_setfd(&protocol, rustix::io::FdFlags::CLOEXEC)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    Ok(std::fs::File::from(protocol))
}

/// Without descriptors to move, the backend shares standard output; a line it prints there is garbage to the runner.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn protocol_output() -> io::Result<impl Write + use<>> {
    Ok(io::stdout())
}
