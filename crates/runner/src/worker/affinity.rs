//! Which CPUs a process may use.

use std::io;

/// The CPUs that this process may use, in order; empty where the system does not say.
#[cfg(target_os = "linux")]
#[must_use]
pub fn allowed_cpus() -> Vec<usize> {
    use rustix::thread::{CpuSet, sched_getaffinity};
    let Ok(set) = sched_getaffinity(None) else { return Vec::new() };
    (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
}

/// The CPUs that this process may use: unknown here.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn allowed_cpus() -> Vec<usize> {
    Vec::new()
}

/// Starts something that inherits the CPUs of the calling thread while that thread is on these; afterwards it has its own again.
#[cfg(target_os = "linux")]
pub(super) fn on_cpus<T>(cpus: Option<&[usize]>, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Some(cpus) = cpus else {
        return start();
    };
    let own = sched_getaffinity(None)?;
    let mut set = CpuSet::new();
    cpus.iter().filter(|&&cpu| cpu < CpuSet::MAX_CPU).for_each(|&cpu| set.set(cpu));
    sched_setaffinity(None, &set)?;
    let started = start();
    sched_setaffinity(None, &own)?;
    started
}

#[cfg(not(target_os = "linux"))]
pub(super) fn on_cpus<T>(cpus: Option<&[usize]>, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    match cpus {
        Some(_) => {
            Err(io::Error::new(io::ErrorKind::Unsupported, "this system cannot bind a process to CPUs"))
        }
        None => start(),
    }
}
