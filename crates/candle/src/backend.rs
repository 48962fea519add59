//! The backend: a device, its answers, its compiler.

use candle_core::{Device, DeviceLocation};
use portbench_backend::{
    Backend, BackendError, BackendInfo, CompileOptions, Executable, ParamSource, Support, Use, lower,
};
use portbench_graph::{Op, Program, Type};

use crate::error;
use crate::executable::executable;
use crate::support::{self, Place};
use crate::threads::Threads;

/// Version of candle-core and candle-nn this crate is built with; a test holds it against the lock file.
const CANDLE_VERSION: &str = "0.11.1";

/// candle on one device.
pub struct CandleBackend {
    device: Device,
    threads: Threads,
    tf32: bool,
}

impl CandleBackend {
    /// candle on the CPU.
    #[must_use]
    pub fn cpu() -> Self {
        Self { device: Device::Cpu, threads: Threads::settle(), tf32: false }
    }

    /// candle on the device of that name: `cpu`, or `cuda:0` and so on when built with the feature `cuda`.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] for a name candle has no device for, a build without CUDA, or a GPU that is not there.
    pub fn new(device: &str) -> Result<Self, BackendError> {
        if device == "cpu" {
            return Ok(Self::cpu());
        }
        let ordinal = match device.split_once(':') {
            Some(("cuda", ordinal)) => ordinal.parse::<usize>().ok(),
            None if device == "cuda" => Some(0),
            _ => None,
        };
        let Some(ordinal) = ordinal else {
            return Err(BackendError::Unavailable {
                what: format!("candle on `{device}`"),
                hint: "devices of candle are cpu and cuda:N".into(),
            });
        };
        if !cfg!(feature = "cuda") {
            return Err(BackendError::Unavailable {
                what: format!("candle on `{device}`"),
                hint: "this build has no CUDA kernels; scripts/setup-cuda makes one that has".into(),
            });
        }
        let device = Device::new_cuda(ordinal).map_err(|e| BackendError::Unavailable {
            what: format!("candle on `cuda:{ordinal}` ({})", error::words(&e)),
            hint: "check that nvidia-smi lists the GPU".into(),
        })?;
        Ok(Self { device, threads: Threads::settle(), tf32: false })
    }

    fn place(&self) -> Place {
        if self.device.is_cpu() { Place::Cpu } else { Place::Cuda }
    }
}

/// Name of a device in cells and records.
fn device_name(device: &Device) -> String {
    match device.location() {
        DeviceLocation::Cpu => "cpu".to_owned(),
        DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
    }
}

impl Backend for CandleBackend {
    fn info(&self) -> BackendInfo {
        let mut info = BackendInfo {
            backend: "candle".to_owned(),
            device: device_name(&self.device),
            ..BackendInfo::default()
        };
        info.versions.insert("candle".to_owned(), CANDLE_VERSION.to_owned());
        let mut set = |name: &str, value: String| {
            info.settings.insert(name.to_owned(), value);
        };
        match self.place() {
            Place::Cpu => {
                set("threads", self.threads.matmul.to_string());
                set("threads.elementwise", self.threads.elementwise.to_string());
                set("threads.pool", self.threads.pool.to_string());
                set("simd.avx2", candle_core::utils::with_avx().to_string());
                set("simd.f16c", candle_core::utils::with_f16c().to_string());
                set("gemm", "gemm (Rust)".to_owned());
            }
            Place::Cuda => set("tf32", self.tf32.to_string()),
        }
        info
    }

    fn support(&self, op: &Op, args: &[&Type], result: &Type, use_: Use) -> Support {
        support::support(op, args, result, use_, self.place())
    }

    fn compile(
        &mut self,
        program: &Program,
        params: &ParamSource,
        options: &CompileOptions,
    ) -> Result<Box<dyn Executable>, BackendError> {
        if let (Place::Cpu, Some(wanted)) = (self.place(), options.threads) {
            self.threads.require(wanted)?;
        }
        self.tf32 = options.tf32;
        #[cfg(feature = "cuda")]
        candle_core::cuda::set_gemm_reduced_precision_f32(options.tf32);
        let (lowered, report) = lower(program, &*self, options)?;
        let executable = executable(&lowered, params, report, &self.device)?;
        self.device.synchronize().map_err(error::placed(|| "compile"))?;
        Ok(Box::new(executable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_locked_one() {
        let lock = include_str!("../../../Cargo.lock");
        for name in ["candle-core", "candle-nn"] {
            let line = format!("name = \"{name}\"\nversion = \"{CANDLE_VERSION}\"");
            assert!(lock.contains(&line), "{name} is locked at another version than {CANDLE_VERSION}");
        }
    }

    #[test]
    fn an_unknown_device_is_unavailable() {
        let text = CandleBackend::new("tpu:0").err().map(|e| e.to_string());
        assert_eq!(
            text.as_deref(),
            Some("candle on `tpu:0` is not available; devices of candle are cpu and cuda:N")
        );
    }
}
