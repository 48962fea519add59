//! What engines for Neuron take from the crate portbench-neuron: flags of the compiler, and the cache of what it made.

use std::path::PathBuf;

use portbench_graph::{Fingerprint, Program};
use portbench_neuron::compiler::{
    Cache, Cause, Choices, CompilerVersion, End, Failure, Flags, Found, Key, LNC_VARIABLE, Refusal,
};
use portbench_neuron::{NeuronError, Target};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use serde_json::json;

use crate::error::chain;

fn wrong(error: &(dyn std::error::Error + 'static)) -> PyErr {
    PyValueError::new_err(chain(error))
}

/// An error of a file is one of the system's; anything else is a wrong value.
fn told(error: NeuronError) -> PyErr {
    match error {
        NeuronError::File { .. } => PyOSError::new_err(format!(
            "{}; remove it, or name another directory in PORTBENCH_NEURON_CACHE",
            chain(&error)
        )),
        other => wrong(&other),
    }
}

/// Every flag for neuronx-cc of this version and a target, their summary for keys, and the size of logical core that the environment has to say.
/// `lnc` is what it says now, `chosen` what was chosen of the flags. Raises `ValueError`.
#[pyfunction]
#[pyo3(signature = (target, compiler, lnc, chosen = ""))]
pub(crate) fn neuron_flags(
    target: &str,
    compiler: &str,
    lnc: Option<&str>,
    chosen: &str,
) -> PyResult<(Vec<String>, String, String)> {
    let target: Target = target.parse().map_err(told)?;
    let version: CompilerVersion = compiler.parse().map_err(told)?;
    let mut flags = Flags::new(target);
    if let Some(given) = lnc.map(str::trim).filter(|l| !l.is_empty()) {
        let wrong = |_| PyValueError::new_err(format!("{LNC_VARIABLE}={given}: it takes 1 or 2"));
        let number = given.parse().map_err(wrong)?;
        flags = flags.lnc(number).map_err(told)?;
    }
    let flags = chosen.parse::<Choices>().and_then(|chosen| chosen.apply(flags)).map_err(told)?;
    flags.check_environment(lnc).map_err(told)?;
    let (_, lnc) = flags.environment();
    Ok((flags.args(&version).map_err(told)?, flags.to_string(), lnc))
}

/// JSON of a failure, as the package reads it. `kind` is what it means to whoever wanted the entry: `unsupported`, `out-of-memory`, `timed-out`, `failed`.
fn failed(failure: &Failure, log: Option<PathBuf>) -> String {
    let kind = match failure.cause {
        Cause::HostMemory | Cause::Refused(Refusal::DeviceMemory) => "out-of-memory",
        Cause::TimeLimit(_) => "timed-out",
        Cause::Crashed(_) | Cause::Failed | Cause::Refused(Refusal::Internal | Refusal::InvalidGraph) => {
            "failed"
        }
        Cause::Refused(_) => "unsupported",
    };
    let log = log.map_or_else(String::new, |log| format!("; its log: {}", log.display()));
    json!({
        "kind": kind,
        "cause": failure.cause.to_string(),
        "code": failure.code,
        "op": failure.op,
        "text": format!("{failure}{log}"),
    })
    .to_string()
}

/// The cache of compiled entries in a directory, for one program.
#[pyclass(frozen)]
pub(crate) struct Artefacts {
    cache: Cache,
    fingerprint: Fingerprint,
    compiler: String,
    flags: String,
}

#[pymethods]
impl Artefacts {
    /// For this program (its JSON form), by this compiler with these flags. Raises `ValueError`.
    #[new]
    fn new(directory: PathBuf, program: &str, compiler: String, flags: String) -> PyResult<Self> {
        let fingerprint = Program::from_json(program).and_then(|p| p.fingerprint()).map_err(|e| wrong(&e))?;
        Ok(Self { cache: Cache::new(directory), fingerprint, compiler, flags })
    }

    /// What there is of an entry: `("artefact", path, bytes, seconds, memory)`, `("failure", JSON of it, ...)`, or `("nothing", why, ...)`. A compilation
    /// would be ended after `limit` seconds; without one, a failure for time is a failure. Raises `OSError`.
    fn find(
        &self,
        entry: &str,
        limit: Option<u64>,
    ) -> PyResult<(&'static str, String, u64, f64, Option<u64>)> {
        Ok(match self.cache.find(&self.key(entry), limit).map_err(told)? {
            Found::Artefact { path, bytes, seconds, memory } => {
                ("artefact", path.display().to_string(), bytes, seconds, memory)
            }
            Found::Failure { failure, log } => ("failure", failed(&failure, log), 0, 0.0, None),
            Found::Nothing { dropped } => ("nothing", dropped.unwrap_or_default(), 0, 0.0, None),
        })
    }

    /// The directory of an entry.
    fn place(&self, entry: &str) -> PathBuf {
        self.cache.directory(&self.key(entry))
    }

    /// Forgets what is stored of an entry. Raises `OSError`.
    fn forget(&self, entry: &str) -> PyResult<()> {
        self.cache.forget(&self.key(entry)).map_err(told)
    }

    /// Stores a copy of a file and returns its path. Raises `OSError`.
    fn store(&self, entry: &str, file: PathBuf, seconds: f64, memory: Option<u64>) -> PyResult<String> {
        let path = self.cache.store(&self.key(entry), &file, seconds, memory).map_err(told)?;
        Ok(path.display().to_string())
    }

    /// Stores that an entry was not compiled, read from how the compiler ended (`exit`, `signal` or `limit`, with the status, the signal or the
    /// seconds) and from what it printed, and returns JSON of the failure. Raises `OSError`, and `ValueError` for another end.
    fn store_failure(&self, entry: &str, end: &str, number: i32, printed: &str) -> PyResult<String> {
        let end = match end {
            "exit" => End::Exit(number),
            "signal" => End::Signal(number),
            "limit" => End::TimeLimit(u64::from(number.unsigned_abs())),
            other => return Err(PyValueError::new_err(format!("`{other}` is no end of a compiler"))),
        };
        let failure = Failure::read(end, printed);
        let log = self.cache.store_failure(&self.key(entry), &failure, printed).map_err(told)?;
        Ok(failed(&failure, log))
    }
}

impl Artefacts {
    fn key(&self, entry: &str) -> Key {
        Key {
            fingerprint: self.fingerprint.clone(),
            entry: entry.to_owned(),
            compiler: self.compiler.clone(),
            flags: self.flags.clone(),
        }
    }
}
