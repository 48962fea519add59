//! The backend: a device, its answers, its compiler.

use std::collections::BTreeMap;

use portbench_backend::{
    Backend, BackendError, BackendInfo, CompileOptions, Executable, ParamSource, Support, Use, lower,
};
use portbench_graph::{Op, Program, Type};
use tch::Device;

use crate::device;
use crate::executable::{Changes, executable};
use crate::module;
use crate::neuron::Neuron;
use crate::support;
use crate::switches;
use crate::version;

/// libtorch on one device.
pub struct TchBackend {
    device: Device,
    /// The NeuronCore on which modules run, whose tensors are the host's.
    neuron: Option<Neuron>,
    switches: BTreeMap<&'static str, bool>,
    /// What the program that was compiled last had changed.
    changes: Changes,
}

impl TchBackend {
    /// libtorch on the device of that name: `cpu`, `cuda:0` and so on, or `neuron:0` and so on for modules that torch_neuronx traced. As many threads as `RAYON_NUM_THREADS` says, libtorch's
    /// own choice without it.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] for a name libtorch has no device for, a libtorch without CUDA, a GPU that is not there, or a Neuron device or
    /// its library that is not there.
    pub fn new(device: &str) -> Result<Self, BackendError> {
        let neuron = device.starts_with("neuron").then(|| Neuron::open(device)).transpose()?;
        let device = if neuron.is_some() { Device::Cpu } else { device::open(device)? };
        let wanted = std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse::<i32>().ok());
        if let Some(threads) = wanted.filter(|n| *n > 0) {
            tch::set_num_threads(threads);
        }
        let mut backend = Self { device, neuron, switches: BTreeMap::new(), changes: Changes::new() };
        backend.set_switches(false)?;
        Ok(backend)
    }

    fn set_switches(&mut self, tf32: bool) -> Result<(), BackendError> {
        if self.device.is_cuda() {
            self.switches.extend(switches::set(tf32)?);
        }
        Ok(())
    }
}

impl Backend for TchBackend {
    fn info(&self) -> BackendInfo {
        let mut info = BackendInfo {
            backend: "tch".to_owned(),
            device: self.neuron.as_ref().map_or_else(|| device::name(self.device), |n| n.name.clone()),
            ..BackendInfo::default()
        };
        info.versions.insert("tch".to_owned(), version::TCH.to_owned());
        info.versions.insert("libtorch".to_owned(), version::libtorch());
        if self.device.is_cuda() {
            info.versions.insert("cuda".to_owned(), tch::utils::version_cudart().to_string());
            info.versions.insert("cudnn".to_owned(), tch::utils::version_cudnn().to_string());
        }
        if let Some(neuron) = &self.neuron {
            info.versions.insert("torch_neuronx".to_owned(), neuron.version());
            info.settings.extend(neuron.settings());
        }
        let mut set = |name: &str, value: String| {
            info.settings.insert(name.to_owned(), value);
        };
        set("threads", tch::get_num_threads().to_string());
        set("adamw", "fused, of f32 and f64 parameters".to_owned());
        set("mkl", tch::utils::has_mkl().to_string());
        set("onednn", tch::utils::has_mkldnn().to_string());
        for (name, change) in &self.changes {
            set(name, change.clone());
        }
        for (name, on) in &self.switches {
            set(name, on.to_string());
        }
        info
    }

    fn support(&self, op: &Op, args: &[&Type], _result: &Type, use_: Use) -> Support {
        if self.neuron.is_some() && !matches!(op, Op::Module { .. }) {
            let reason = "on a NeuronCore libtorch executes modules that torch_neuronx traced, and nothing else; the back ends neuron-trace and neuron-native compile programs";
            return Support::Unsupported { reason: reason.into() };
        }
        support::support(op, args, use_, self.device)
    }

    fn compile(
        &mut self,
        program: &Program,
        params: &ParamSource,
        options: &CompileOptions,
    ) -> Result<Box<dyn Executable>, BackendError> {
        if let Some(threads) = options.threads {
            tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
        }
        self.set_switches(options.tf32)?;
        let (lowered, report) = lower(program, &*self, options)?;
        if let ParamSource::Module { file } = params {
            return Ok(Box::new(module::load(&lowered, file, report, self.device, self.neuron.as_ref())?));
        }
        if module::is_module(&lowered) {
            let message = "a program of a module needs the module's file".to_owned();
            return Err(BackendError::Value { place: program.name.clone(), message });
        }
        let (executable, changes) = executable(&lowered, params, report, self.device)?;
        self.changes = changes;
        device::synchronize(self.device)?;
        Ok(Box::new(executable))
    }
}
