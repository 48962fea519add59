//! NeuronCores: TorchScript that torch_neuronx traced, executed through `libtorchneuron.so` of the XLA line's package.
//!
//! The library registers the ops and classes of the name space `neuron` when it is opened; the module then loads its NEFF onto a core by itself.
//! Its inputs and results are tensors of the host's, and a call returns when they are there. Written from AWS's documents, and run against a double
//! of the library that the tests compile; no Neuron device was at hand.
#![expect(unsafe_code, reason = "opening a library runs its initialisers")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use portbench_backend::{BackendError, with_causes};
use portbench_neuron::{OneCore, environment, locate};

use crate::version;

/// Name of the library, as the loader knows it.
const LIBRARY: &str = "libtorchneuron.so";
/// Names the library's file.
const FILE_VARIABLE: &str = "PORTBENCH_LIBTORCHNEURON";
/// Names the interpreter whose packages hold the library.
const PYTHON_VARIABLE: &str = "PORTBENCH_PYTHON";
/// How ops and classes of the library are called in a module.
const NAME_SPACES: [&str; 2] = ["neuron::", "torch.classes.neuron"];
/// What the runtime says when a core belongs to another process.
const HELD: &str = "NeuronCore(s) not available";
const WAY_OUT: &str = "run scripts/setup-neuron --line xla and source target/neuron-environment, or name the file of torch-neuronx 2.9 in PORTBENCH_LIBTORCHNEURON";

/// A NeuronCore of this process, and the library that reaches it.
#[derive(Clone)]
pub(crate) struct Neuron {
    /// The device as cells name it.
    pub(crate) name: String,
    core: OneCore,
    /// Version of the package that the library is of, where the files beside it tell.
    package: Option<String>,
}

impl Neuron {
    /// Takes the device of that name, `neuron:N`: opens the library, and shows the runtime that one core.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] with the way out: no such core, no device, no library, one of another version of PyTorch.
    pub(crate) fn open(name: &str) -> Result<Self, BackendError> {
        let unavailable = |why: String, hint: &str| BackendError::Unavailable {
            what: format!("tch on `{name}` ({why})"),
            hint: hint.to_owned(),
        };
        let core = OneCore::find("tch", name)?;
        let file = find().map_err(|why| unavailable(why, WAY_OUT))?;
        let package = package(&file);
        let torch = version::libtorch();
        if let Some(package) = package.as_deref().filter(|p| minor(p) != minor(&torch)) {
            let why = format!("{LIBRARY} of torch-neuronx {package} beside libtorch {torch}");
            return Err(unavailable(
                why,
                "build portbench-worker-tch with the libtorch of that environment's torch: scripts/setup-libtorch",
            ));
        }
        core.show();
        load(&file).map_err(|why| unavailable(why, WAY_OUT))?;
        Ok(Self { name: name.to_owned(), core, package })
    }

    /// What a record says of it beside libtorch's own settings.
    pub(crate) fn settings(&self) -> BTreeMap<String, String> {
        let mut settings = environment::recorded(|name| env::var(name).ok());
        for (name, value) in [
            ("visible-cores", self.core.number().to_string()),
            (
                "boundary",
                "inputs and results in host memory: every call carries them there and back".to_owned(),
            ),
            ("barrier", "the call itself: it returns results in host memory".to_owned()),
        ] {
            settings.insert(name.to_owned(), value);
        }
        settings
    }

    /// Version of the package that the library is of.
    pub(crate) fn version(&self) -> String {
        self.package.clone().unwrap_or_else(|| "unknown".to_owned())
    }

    /// The error that libtorch's words mean on this device, where it is one of its own.
    pub(crate) fn error(&self, text: &str) -> Option<BackendError> {
        text.contains(HELD).then(|| {
            let line = text.lines().find(|line| line.contains(HELD)).unwrap_or_default().trim();
            BackendError::Unavailable {
                what: format!("NeuronCore {} ({line})", self.core.number()),
                hint: "another process holds it: neuron-ls names it; end that, or take another core"
                    .to_owned(),
            }
        })
    }
}

/// What it means that libtorch does not know an op or a class of the library's; `None` for other words.
pub(crate) fn explained(text: &str, on: Option<&Neuron>) -> Option<String> {
    let unknown =
        ["Unknown builtin op", "Unknown type name", "Unknown type", "Could not find any similar ops"];
    let own = NAME_SPACES.iter().any(|name| text.contains(name)) && unknown.iter().any(|u| text.contains(u));
    own.then(|| match on {
        None => "was traced by torch_neuronx: it runs on a NeuronCore and nowhere else; run it on tch@neuron:0 of a Trn or Inf2 instance".to_owned(),
        Some(neuron) => format!(
            "was traced by torch_neuronx, and {LIBRARY} (torch-neuronx {}) does not have what it calls; trace it again with that version",
            neuron.version()
        ),
    })
}

/// Major and minor version.
fn minor(version: &str) -> Vec<&str> {
    version.split('.').take(2).collect()
}

/// The library's file: what the environment names, else in the packages of the interpreter it names or of the environment that is active, else
/// whatever the loader finds.
fn find() -> Result<PathBuf, String> {
    if let Some(named) = env::var_os(FILE_VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from) {
        let missing = || format!("{} (from {FILE_VARIABLE}) is not there", named.display());
        return named.is_file().then_some(named.clone()).ok_or_else(missing);
    }
    let python = env::var_os(PYTHON_VARIABLE).map(PathBuf::from);
    let of_python = python.as_deref().and_then(|p| p.parent()?.parent().map(Path::to_owned));
    let active = env::var_os("VIRTUAL_ENV").map(PathBuf::from);
    let found = of_python.into_iter().chain(active).find_map(|root| in_environment(&root));
    Ok(found.unwrap_or_else(|| PathBuf::from(LIBRARY)))
}

/// The library in a virtual environment.
fn in_environment(root: &Path) -> Option<PathBuf> {
    let mut places: Vec<PathBuf> = fs::read_dir(root.join("lib")).ok()?.flatten().map(|e| e.path()).collect();
    places.sort();
    let places = places.into_iter().map(|p| p.join("site-packages/torch_neuronx/lib").join(LIBRARY));
    places.into_iter().find(|file| file.is_file())
}

/// Version of the package whose file it is: its metadata lies beside the package.
fn package(file: &Path) -> Option<String> {
    let packages = file.parent()?.parent()?.parent()?;
    let name = |entry: fs::DirEntry| entry.file_name().into_string().ok();
    let version =
        |name: String| Some(name.strip_prefix("torch_neuronx-")?.strip_suffix(".dist-info")?.to_owned());
    fs::read_dir(packages).ok()?.flatten().filter_map(name).find_map(version)
}

/// Opens the library for the life of the process, what it registers being seen by libtorch; the runtime that it needs first.
fn load(file: &Path) -> Result<(), String> {
    let open = |path: &Path| {
        // SAFETY: AWS's libraries, whose initialisers register ops and read the environment; no other thread runs yet.
        unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) }
    };
    if let Ok(runtime) = locate() {
        // Where it does not open, the library that needs it says so.
        open(&runtime).map(std::mem::forget).unwrap_or_default();
    }
    open(file).map(std::mem::forget).map_err(|e| with_causes(&e))
}
