//! How a process ended, in words.

use std::process::ExitStatus;

/// `exit status 3`, or the name of the signal.
pub(crate) fn describe(status: ExitStatus) -> String {
    match signal(status) {
        Some(signal) => match name(signal) {
            Some(name) => format!("was killed by {name}"),
            None => format!("was killed by signal {signal}"),
        },
        None => match status.code() {
            Some(code) => format!("exited with status {code}"),
            None => "ended".to_owned(),
        },
    }
}

/// Whether it was killed outright.
pub(crate) fn was_killed(status: ExitStatus) -> bool {
    signal(status) == Some(9)
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

/// Names of signals whose numbers all Unix systems of interest share, or Linux has.
fn name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL (an instruction this CPU does not have)",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 if cfg!(target_os = "linux") => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU (the limit on CPU time)",
        25 => "SIGXFSZ (the limit on file size)",
        31 if cfg!(target_os = "linux") => "SIGSYS",
        _ => return None,
    })
}
