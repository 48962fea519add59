//! The one NeuronCore of a worker.
#![expect(unsafe_code, reason = "the runtime reads its core from the environment")]

use std::env;
use std::path::PathBuf;

use portbench_backend::BackendError;

use crate::cores::{VISIBLE_CORES_VARIABLE, VisibleCores};

/// Names the directory of device files, for tests.
pub const DEVICES_VARIABLE: &str = "PORTBENCH_NEURON_DEVICES";

/// A NeuronCore that a device name stands for, on a machine that has a Neuron device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneCore {
    number: u32,
}

impl OneCore {
    /// The core of a device `neuron:N`: the N-th that the environment shows. Nothing is taken yet. `backend` is for messages.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] with the way out: another name, a core that is not shown, no Neuron device.
    pub fn find(backend: &str, device: &str) -> Result<Self, BackendError> {
        let unavailable = |why: String, hint: &str| BackendError::Unavailable {
            what: format!("{backend} on `{device}` ({why})"),
            hint: hint.to_owned(),
        };
        let number = device.strip_prefix("neuron:").and_then(|n| n.parse().ok());
        let Some(number) = number else {
            return Err(unavailable("no NeuronCore".into(), "devices are neuron:N, N a NeuronCore"));
        };
        let core = VisibleCores::of_environment().and_then(|visible| visible.nth(number));
        let number = core.map_err(|e| unavailable(e.to_string(), "correct that, or name another device"))?;
        let devices = env::var_os(DEVICES_VARIABLE).map_or_else(|| PathBuf::from("/dev"), PathBuf::from);
        if !devices.join("neuron0").exists() {
            let why = format!("there is no Neuron device {}", devices.join("neuron0").display());
            let hint =
                "use a Trn or Inf2 instance with the driver aws-neuronx-dkms; portbench doctor says more";
            return Err(unavailable(why, hint));
        }
        Ok(Self { number })
    }

    /// Its number on the machine.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.number
    }

    /// Shows the runtime this core and no other. For a worker that opens its backend before any other thread of it runs.
    pub fn show(self) {
        // SAFETY: no other thread reads or writes the environment: the worker has not begun its job.
        unsafe { env::set_var(VISIBLE_CORES_VARIABLE, self.number.to_string()) };
    }
}
