//! The backends that this command line can start: those built in, and any program `portbench-worker-NAME` found beside this one or
//! on the `PATH`.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use portbench_backend::{Backend, BackendError};
use portbench_candle::CandleBackend;
use portbench_neuron::{NEFF_BACKEND, NeffBackend};
use portbench_reference::Reference;

use crate::failure::Failure;
use crate::python::{self, Python};

/// A backend and a device of it, as in `candle@cuda:0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    /// Backend name.
    pub(crate) backend: String,
    /// Device name.
    pub(crate) device: String,
}

impl Target {
    /// Reads `BACKEND[@DEVICE]`; the device is `cpu` if not given.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let (backend, device) = text.split_once('@').unwrap_or((text, "cpu"));
        let plain = |s: &str| {
            !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':'))
        };
        if !plain(backend) || !plain(device) {
            return Err(Failure::usage(format!(
                "`{text}` is no backend: write BACKEND or BACKEND@DEVICE, such as candle or candle@cuda:0"
            )));
        }
        Ok(Self { backend: backend.to_owned(), device: device.to_owned() })
    }
}

/// A backend built into this program.
pub(crate) struct BuiltIn {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) about: &'static str,
}

/// Every backend built into this program.
pub(crate) const BUILT_IN: [BuiltIn; 3] = [
    BuiltIn { name: "candle", about: "candle, in Rust; what CUDA-free machines run by default" },
    BuiltIn { name: "reference", about: "the f64 oracle: slow and obvious; parity is judged against it" },
    BuiltIn { name: NEFF_BACKEND, about: "NEFF files on a NeuronCore through libnrt, without Python" },
];

/// A backend of this project that is a program of its own, because of what it needs.
pub(crate) struct Offered {
    /// Its name.
    pub(crate) name: &'static str,
    /// The command that makes it.
    pub(crate) setup: &'static str,
}

/// Every backend that this project has as a program of its own.
pub(crate) const OFFERED: [Offered; 1] = [Offered { name: "tch", setup: "scripts/setup-libtorch" }];

/// How a backend that is not there can be had.
pub(crate) fn way_to(name: &str) -> String {
    match OFFERED.iter().find(|o| o.name == name) {
        Some(offered) => format!("{} builds its program portbench-worker-{name}", offered.setup),
        None => format!(
            "this build has {}; any other backend is a program `portbench-worker-{name}` beside portbench or on the PATH",
            BUILT_IN.map(|b| b.name).join(", ")
        ),
    }
}

/// Takes a built-in backend's device.
pub(crate) fn open(target: &Target) -> Result<Box<dyn Backend>, BackendError> {
    match target.backend.as_str() {
        "candle" => Ok(Box::new(CandleBackend::new(&target.device)?)),
        NEFF_BACKEND => Ok(Box::new(NeffBackend::open(&target.device)?)),
        "reference" if target.device == "cpu" => Ok(Box::new(Reference::exact())),
        // Only one whose interpreter or files are missing comes here.
        engine if python::is_engine(engine) => match Python::find() {
            Err(error) => Err(error),
            Ok(_) => Err(BackendError::Unavailable {
                what: format!("backend {engine} in this process"),
                hint: "let `portbench run` start it".into(),
            }),
        },
        other => Err(BackendError::Unavailable {
            what: format!("backend {other} on {}", target.device),
            hint: way_to(other),
        }),
    }
}

/// Programs `portbench-worker-NAME` that are beside this one or on the `PATH`, by name; the first found counts.
pub(crate) fn external() -> BTreeMap<String, PathBuf> {
    let beside = env::current_exe().ok().and_then(|p| p.parent().map(Path::to_owned));
    let path = env::var_os("PATH").unwrap_or_default();
    let mut found = BTreeMap::new();
    for dir in beside.into_iter().chain(env::split_paths(&path)) {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries.flatten() {
            let file = entry.file_name();
            let name = file.to_str().and_then(|f| f.strip_prefix("portbench-worker-"));
            let Some(name) = name.filter(|n| !n.is_empty() && !n.contains('.')) else { continue };
            if entry.path().is_file() {
                found.entry(name.to_owned()).or_insert_with(|| entry.path());
            }
        }
    }
    found
}
