//! NEFF files as a back end: a NEFF of the user's own, loaded and executed through libnrt, without Python.
//!
//! What runs is a program of one op, [`Op::Module`]; its inputs and outputs have the names of the NEFF's tensors. Executions are one at a time: each returns when its
//! outputs are written, so that the core waits for the host in between (`portbench-neff --lanes` shows what several in flight do).

mod convert;
mod error;
mod executable;
mod one_core;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;

use portbench_backend::{
    Backend, BackendError, BackendInfo, CompileOptions, Executable, ParamSource, Support, Use, lower,
    whole_module,
};
use portbench_graph::{Op, Program, Type};

use crate::compiler::LNC_VARIABLE;
use crate::environment;
use crate::error::NeuronError;
use crate::library::{Library, Runtime};
use crate::model::Model;
use crate::neff::NeffHeader;
use executable::NeffExecutable;
pub use one_core::{DEVICES_VARIABLE, OneCore};

/// Its name.
pub const NEFF_BACKEND: &str = "neuron-neff";

/// libnrt on one NeuronCore.
#[derive(Debug)]
pub struct NeffBackend {
    info: BackendInfo,
    runtime: Runtime,
}

impl NeffBackend {
    /// Takes the device of that name, `neuron:N`, and initialises libnrt on that one core.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] with the way out: no such core, no device, no libnrt, cores held by another process.
    pub fn open(device: &str) -> Result<Self, BackendError> {
        let core = OneCore::find(NEFF_BACKEND, device)?;
        let library = Library::find()?;
        core.show();
        let mut backend = Self::over(library, device)?;
        backend.info.settings.insert("visible-cores".to_owned(), core.number().to_string());
        Ok(backend)
    }

    /// Over this libnrt, on the first core that the environment shows it; `device` is its name in records.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] where it does not initialise.
    pub fn over(library: Library, device: &str) -> Result<Self, BackendError> {
        let version = library.version()?;
        let runtime = library.initialise()?;
        let mut settings = environment::recorded(|name| env::var(name).ok());
        let barrier = "nrt_execute: it returns when the outputs are written";
        settings.insert("barrier".to_owned(), barrier.to_owned());
        settings.insert("in-flight".to_owned(), "1".to_owned());
        let info = BackendInfo {
            backend: NEFF_BACKEND.to_owned(),
            device: device.to_owned(),
            versions: BTreeMap::from([("libnrt".to_owned(), version.to_string())]),
            settings,
        };
        Ok(Self { info, runtime })
    }

    /// Reads a NEFF and loads it; what its head says goes into the record.
    fn load(&mut self, file: &Path) -> Result<Model, NeuronError> {
        let place = file.display().to_string();
        let head = NeffHeader::read(file)?;
        if let Some(lnc) = env::var(LNC_VARIABLE).ok().and_then(|v| v.trim().parse().ok()) {
            head.check_lnc(&place, lnc)?;
        }
        let bytes = fs::read(file).map_err(|source| NeuronError::File {
            action: "read",
            path: file.to_owned(),
            source,
        })?;
        // The one core that the process was shown is its first.
        let model = Model::load(&self.runtime, &head.name, &bytes, 0)?;
        self.info.settings.insert("neff".to_owned(), head.to_string());
        self.info.versions.insert("neuronx-cc".to_owned(), head.build);
        Ok(model)
    }
}

impl Backend for NeffBackend {
    fn info(&self) -> BackendInfo {
        self.info.clone()
    }

    fn support(&self, op: &Op, _: &[&Type], _: &Type, use_: Use) -> Support {
        match op {
            Op::Module { .. } if use_ == Use::Inference => Support::Native { kernel: "NEFF through libnrt" },
            op if op.is_source() => Support::Native { kernel: "tensor of libnrt" },
            _ => Support::Unsupported {
                reason: "libnrt executes NEFF files and nothing else; neuron-trace and neuron-native compile programs"
                    .into(),
            },
        }
    }

    fn compile(
        &mut self,
        program: &Program,
        params: &ParamSource,
        options: &CompileOptions,
    ) -> Result<Box<dyn Executable>, BackendError> {
        let (program, report) = lower(program, self, options)?;
        let ParamSource::Module { file } = params else {
            return Err(BackendError::Value {
                place: format!("program `{}`", program.name),
                message: "is no NEFF: write model = { neff = \"model.neff\", ... }".into(),
            });
        };
        let graph = whole_module(&program)
            .map_err(|message| BackendError::Value { place: file.display().to_string(), message })?;
        let model = self.load(file)?;
        Ok(Box::new(NeffExecutable::new(&self.runtime, &model, graph.clone(), report)?))
    }
}
