//! Finding what the engines written in Python need: an interpreter, the package `portbench_torch`, and the extension module that measures.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use portbench_backend::BackendError;
use portbench_runner::WorkerCommand;

use crate::backends::Target;
use crate::neuron::TRACE;

/// Backends that are engines of the package, and what they are.
pub(crate) const ENGINES: [(&str, &str); 6] = [
    ("torch", "PyTorch's eager mode, in Python"),
    ("torch-compile", "PyTorch's torch.compile with Inductor, in Python"),
    ("torch-cudagraph", "PyTorch's eager mode recorded into CUDA graphs, in Python"),
    ("torch-xla", "PyTorch/XLA on a CPU, in Python: the rehearsal of Neuron's XLA line"),
    ("neuron-trace", "torch_neuronx.trace, Neuron's XLA line (Trn1, Inf2), in Python"),
    ("neuron-native", "TorchNeuron with torch.compile (Trn2, Trn3), in Python"),
];

/// Names the interpreter.
const INTERPRETER: &str = "PORTBENCH_PYTHON";
/// Names the directory that holds the package.
const PACKAGE: &str = "PORTBENCH_PYTHON_PACKAGE";
/// Names the extension module's file; read by the package.
const EXTENSION: &str = "PORTBENCH_PYTHON_EXTENSION";

/// The command that builds the extension module.
const BUILD: &str = "cargo build --release -p portbench-python";

/// Everything that starting an engine takes.
#[derive(Debug)]
pub(crate) struct Python {
    /// The interpreter.
    pub(crate) interpreter: PathBuf,
    /// The directory that holds the package.
    pub(crate) package: PathBuf,
    /// The extension module.
    pub(crate) extension: PathBuf,
}

/// Whether a backend is an engine written in Python.
pub(crate) fn is_engine(backend: &str) -> bool {
    ENGINES.iter().any(|(name, _)| *name == backend)
}

impl Python {
    /// Finds all three: where the environment says, else beside this program, else in the checkout it was built from. What the interpreter lacks is said by
    /// the worker when it starts.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] naming what is missing and how to get it.
    pub(crate) fn find() -> Result<Self, BackendError> {
        Ok(Self { interpreter: interpreter()?, package: package()?, extension: extension()? })
    }

    /// How an engine's worker is started, with these environment variables. `limit` is the time in seconds that it has to compile; an engine that compiles
    /// for minutes keeps what it was at.
    pub(crate) fn worker(
        self,
        target: &Target,
        limit: Option<f64>,
        env: Vec<(OsString, OsString)>,
    ) -> WorkerCommand {
        let mut args = vec!["worker", "--engine", &target.backend, "--device", &target.device];
        let limit = limit.filter(|_| target.backend == TRACE).map(|seconds| seconds.to_string());
        args.extend(limit.iter().flat_map(|seconds| ["--limit", seconds]));
        self.program(&args, env)
    }

    /// How the package's own program is started with these arguments and environment variables.
    pub(crate) fn program(self, args: &[&str], env: Vec<(OsString, OsString)>) -> WorkerCommand {
        self.started(&[&["-m", "portbench_torch"], args].concat(), env)
    }

    /// How the interpreter is started with these arguments and environment variables, and sees what a worker sees.
    pub(crate) fn started(&self, args: &[&str], mut env: Vec<(OsString, OsString)>) -> WorkerCommand {
        let mut path = vec![self.package.clone()];
        path.extend(env::var_os("PYTHONPATH").iter().flat_map(env::split_paths));
        // A path that cannot stand in a list of paths cannot be imported from either; the worker then says what it misses.
        env.extend(env::join_paths(path).ok().map(|path| ("PYTHONPATH".into(), path)));
        env.push((EXTENSION.into(), self.extension.clone().into()));
        // Nothing in the working directory is imported in the place of a library.
        env.push(("PYTHONSAFEPATH".into(), "1".into()));
        let args = args.iter().map(OsString::from).collect();
        WorkerCommand { program: self.interpreter.clone(), args, env, cpus: None }
    }
}

/// The checkout that this program was built from.
fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn missing(what: impl Into<String>, hint: impl Into<String>) -> BackendError {
    BackendError::Unavailable { what: what.into(), hint: hint.into() }
}

/// The file or directory that an environment variable names.
fn named(variable: &str) -> Result<Option<PathBuf>, BackendError> {
    let Some(path) = env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from) else {
        return Ok(None);
    };
    if path.exists() {
        return Ok(Some(path));
    }
    Err(missing(format!("{} (from {variable})", path.display()), format!("correct {variable} or unset it")))
}

fn interpreter() -> Result<PathBuf, BackendError> {
    // An interpreter may be named by its command alone, as scripts/setup-python takes it.
    let on_path = |name: &Path| {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
    };
    if let Some(asked) = env::var_os(INTERPRETER).filter(|v| !v.is_empty()).map(PathBuf::from) {
        let found = if asked.is_file() { Some(asked.clone()) } else { on_path(&asked) };
        let what = format!("Python `{}` (from {INTERPRETER})", asked.display());
        return found.ok_or_else(|| missing(what, format!("correct {INTERPRETER} or unset it")));
    }
    let made = [PathBuf::from("."), checkout()].map(|root| root.join(".venv/bin/python"));
    let found = made.into_iter().find(|python| python.is_file()).or_else(|| on_path(Path::new("python3")));
    let hint = format!("run scripts/setup-python, or name an interpreter with torch in {INTERPRETER}");
    let found = found.ok_or_else(|| missing("Python", hint))?;
    Ok(std::path::absolute(&found).unwrap_or(found))
}

fn package() -> Result<PathBuf, BackendError> {
    if let Some(dir) = named(PACKAGE)? {
        return Ok(dir);
    }
    let beside = env::current_exe().ok().and_then(|p| p.parent().map(Path::to_owned));
    let found = beside
        .into_iter()
        .chain([checkout().join("crates/python")])
        .find(|dir| dir.join("portbench_torch/__main__.py").is_file());
    let hint =
        format!("name the directory that holds it (crates/python of portbench's sources) in {PACKAGE}");
    found.ok_or_else(|| missing("the package portbench_torch", hint))
}

fn extension() -> Result<PathBuf, BackendError> {
    if let Some(file) = named(EXTENSION)? {
        return Ok(file);
    }
    let file = format!("{}portbench_python{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let beside = env::current_exe().ok().and_then(|p| p.parent().map(Path::to_owned));
    // A test's program stands in `deps`, where cargo leaves a twin of what it builds; the newest belongs to this build.
    let built = beside.iter().flat_map(|dir| [dir.join(&file), dir.join("deps").join(&file)]);
    let newest = built
        .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
        .max_by_key(|(modified, _)| *modified);
    let what = format!("the Python worker's extension module {file}");
    newest.map(|(_, path)| path).ok_or_else(|| missing(what, format!("build it: {BUILD}")))
}
