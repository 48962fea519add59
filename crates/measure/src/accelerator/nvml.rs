//! NVIDIA GPUs through NVML, the library that comes with their driver and that nvidia-smi uses.

use std::env;
use std::ffi::{OsStr, OsString};

use nvml_wrapper::Nvml;
use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};

use super::{AcceleratorTelemetry, Readable, Reading};

/// Names another file than the system's `libnvidia-ml.so.1`.
const LIBRARY: &str = "PORTBENCH_NVML";

/// The library's file: what the environment says, else the system's.
pub(super) fn library() -> OsString {
    env::var_os(LIBRARY).unwrap_or_else(|| "libnvidia-ml.so.1".into())
}

/// An opened NVML and the device that is read.
pub(super) struct Opened {
    nvml: Nvml,
    visible: String,
}

/// Opens NVML and looks whether it has the device that CUDA calls by this ordinal.
///
/// NVML numbers devices as their PCI addresses are ordered and does not look at `CUDA_VISIBLE_DEVICES`; workers are started with `CUDA_DEVICE_ORDER=PCI_BUS_ID`,
/// so that the two agree.
pub(super) fn open(library: &OsStr, ordinal: usize) -> Result<Opened, String> {
    let nvml = Nvml::builder().lib_path(library).init().map_err(|e| format!("NVML: {e}"))?;
    let visible = visible(env::var("CUDA_VISIBLE_DEVICES").ok().as_deref(), ordinal)?;
    let opened = Opened { nvml, visible };
    opened.device()?;
    Ok(opened)
}

/// What `CUDA_VISIBLE_DEVICES` calls the device of this ordinal: an index or a UUID.
fn visible(list: Option<&str>, ordinal: usize) -> Result<String, String> {
    match list {
        None => Ok(ordinal.to_string()),
        Some(list) => list
            .split(',')
            .nth(ordinal)
            .map(|entry| entry.trim().to_owned())
            .ok_or_else(|| format!("CUDA_VISIBLE_DEVICES={list} shows no device {ordinal}")),
    }
}

impl Opened {
    fn device(&self) -> Result<nvml_wrapper::Device<'_>, String> {
        let found = match self.visible.parse::<u32>() {
            Ok(index) => self.nvml.device_by_index(index),
            Err(_) => self.nvml.device_by_uuid(self.visible.as_str()),
        };
        found.map_err(|e| format!("NVML has no device {}: {e}", self.visible))
    }

    /// Looks at the device.
    pub(super) fn with(
        &self,
        look: impl FnOnce(&dyn Readable) -> AcceleratorTelemetry,
    ) -> AcceleratorTelemetry {
        match self.device() {
            Ok(device) => look(&Gpu { nvml: &self.nvml, device }),
            Err(why) => AcceleratorTelemetry { missing: Some(why), ..AcceleratorTelemetry::default() },
        }
    }
}

struct Gpu<'n> {
    nvml: &'n Nvml,
    device: nvml_wrapper::Device<'n>,
}

/// What slows a GPU down that would go faster. Not among them: that it is idle, and clocks that somebody set.
const THROTTLES: [(ThrottleReasons, &str); 6] = [
    (ThrottleReasons::SW_POWER_CAP, "power cap"),
    (ThrottleReasons::HW_SLOWDOWN, "hardware slowdown"),
    (ThrottleReasons::SW_THERMAL_SLOWDOWN, "thermal slowdown by software"),
    (ThrottleReasons::HW_THERMAL_SLOWDOWN, "thermal slowdown by hardware"),
    (ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN, "power brake"),
    (ThrottleReasons::SYNC_BOOST, "sync boost"),
];

impl Readable for Gpu<'_> {
    fn describe(&self, telemetry: &mut AcceleratorTelemetry) {
        telemetry.name = self.device.name().ok();
        telemetry.driver = self.nvml.sys_driver_version().ok();
        telemetry.memory_bytes = self.device.memory_info().ok().map(|memory| memory.total);
    }

    fn energy(&self) -> Option<f64> {
        self.device.total_energy_consumption().ok().map(|millijoules| millijoules as f64 * 1e-3)
    }

    fn read(&self, at: f64) -> Reading {
        let device = &self.device;
        let clock = |clock| device.clock_info(clock).ok().map(u64::from);
        let reasons = device.current_throttle_reasons().unwrap_or(ThrottleReasons::empty());
        let throttled = THROTTLES.iter().filter(|(flag, _)| reasons.contains(*flag));
        Reading {
            at,
            power_watts: device.power_usage().ok().map(|milliwatts| f64::from(milliwatts) * 1e-3),
            temperature: device.temperature(TemperatureSensor::Gpu).ok().map(u64::from),
            sm_clock: clock(Clock::SM),
            memory_clock: clock(Clock::Memory),
            memory_used: device.memory_info().ok().map(|memory| memory.used),
            throttled: throttled.map(|(_, words)| (*words).to_owned()).collect(),
            utilization: None,
        }
    }

    fn processes(&self) -> Option<u64> {
        self.device.running_compute_processes().ok().map(|processes| processes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn ordinals_are_those_of_the_visible_devices() {
        assert_eq!(visible(None, 2).as_deref(), Ok("2"));
        assert_eq!(visible(Some("3, 1"), 1).as_deref(), Ok("1"));
        assert_eq!(visible(Some("GPU-8f2a"), 0).as_deref(), Ok("GPU-8f2a"));
        assert!(visible(Some("3"), 1).is_err());
    }
}
