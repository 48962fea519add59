//! Devices: finding CUDA, waiting for it.
#![expect(unsafe_code, reason = "opening a library runs its initialisers")]

use portbench_backend::{BackendError, with_causes};
use tch::{Cuda, Device, TchError};

use crate::error;

/// The device of that name: `cpu`, or `cuda:0` and so on, for which libtorch's CUDA library is opened.
///
/// # Errors
/// [`BackendError::Unavailable`] for a name libtorch has no device for, a libtorch without CUDA, or a GPU that is not there.
pub(crate) fn open(name: &str) -> Result<Device, BackendError> {
    if name == "cpu" {
        return Ok(Device::Cpu);
    }
    let ordinal = match name.split_once(':') {
        Some(("cuda", ordinal)) => ordinal.parse::<usize>().ok(),
        None if name == "cuda" => Some(0),
        _ => None,
    };
    let unavailable = |why: &str, hint: &str| BackendError::Unavailable {
        what: format!("tch on `{name}`{why}"),
        hint: hint.into(),
    };
    let Some(ordinal) = ordinal else {
        return Err(unavailable(
            "",
            "devices of tch are cpu, cuda:N, and neuron:N for modules that torch_neuronx traced",
        ));
    };
    if let Err(error) = open_cuda() {
        let hint = "install a libtorch with CUDA: scripts/setup-libtorch";
        return Err(unavailable(&format!(" ({})", with_causes(&error)), hint));
    }
    let count = Cuda::device_count();
    if count <= ordinal as i64 {
        let why = format!(" ({count} CUDA devices are visible)");
        return Err(unavailable(
            &why,
            "check that nvidia-smi lists the GPU and CUDA_VISIBLE_DEVICES shows it",
        ));
    }
    Ok(Device::Cuda(ordinal))
}

/// Makes CUDA known to libtorch. The program is linked without it, so that it also starts where there is none.
fn open_cuda() -> Result<(), libloading::Error> {
    // SAFETY: libtorch's own library, whose initialisers register its kernels and nothing else; no other thread runs yet.
    let library = unsafe { libloading::Library::new("libtorch_cuda.so") }?;
    // It stays for the life of the process: its kernels are registered now.
    std::mem::forget(library);
    Ok(())
}

/// Name of a device in cells and records.
pub(crate) fn name(device: Device) -> String {
    match device {
        Device::Cpu => "cpu".to_owned(),
        Device::Cuda(ordinal) => format!("cuda:{ordinal}"),
        other => format!("{other:?}"),
    }
}

/// Waits until nothing is pending on the device.
pub(crate) fn synchronize(device: Device) -> Result<(), BackendError> {
    let Device::Cuda(ordinal) = device else { return Ok(()) };
    // The binding panics with what went wrong meanwhile. Nothing of ours is held across the call.
    std::panic::catch_unwind(|| Cuda::synchronize(ordinal as i64)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        let text = text.unwrap_or_else(|| "the device reports an error without words".to_owned());
        error::at(format!("synchronising {}", name(device)), &TchError::Torch(text))
    })
}
