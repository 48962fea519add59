//! Readings of the accelerator while samples are taken, on a thread of their own.

mod neuron;
mod nvml;

use std::ffi::OsStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portbench_neuron::host::Places;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Time between two readings.
const EVERY: Duration = Duration::from_millis(100);

/// What the accelerator said of itself while samples were taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AcceleratorTelemetry {
    /// Its product name.
    pub name: Option<String>,
    /// Version of its driver.
    pub driver: Option<String>,
    /// Time that was watched, seconds: the sampling phase.
    pub seconds: f64,
    /// Energy used in that time, joules: of the whole board.
    pub energy_joules: Option<f64>,
    /// How the energy was found.
    pub energy_method: Option<EnergyMethod>,
    /// Memory of the device, bytes.
    pub memory_bytes: Option<u64>,
    /// Processes with work on the device beside the worker, at most at once.
    pub other_processes: Option<u64>,
    /// The readings: about ten a second of a GPU, one a second of a Neuron device.
    pub readings: Vec<Reading>,
    /// Why there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// Errors that the device counted in that time, where it counts any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<DeviceErrors>,
    /// Power of a Neuron device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerShare>,
    /// Why a Neuron device has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_missing: Option<String>,
}

/// Errors that a device counted while samples were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DeviceErrors {
    /// Executions of the worker that failed, gave NaN, were late, were refused or were not queued.
    pub executions: Option<u64>,
    /// Errors of its memories that were not corrected.
    pub memory: Option<u64>,
}

/// The minute of power that a Neuron device's driver closed last, as percentages of a maximum that is published nowhere: no watt and no joule follows from it.
/// The minute may reach back to before sampling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PowerShare {
    /// When the driver took it, in seconds since 1970: not before sampling began.
    pub unix_seconds: u64,
    /// Least in the minute.
    pub min_percent: f64,
    /// Most in the minute.
    pub max_percent: f64,
    /// Mean over the minute.
    pub mean_percent: f64,
}

/// How energy was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EnergyMethod {
    /// The device's own energy counter, at the end less at the start.
    Counter,
    /// Power readings, each taken to hold until the next.
    PowerReadings,
}

/// One reading.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Reading {
    /// Since sampling began, seconds. A Neuron device is read over the second before.
    pub at: f64,
    /// Power, watts.
    pub power_watts: Option<f64>,
    /// Temperature of the chip, degrees Celsius.
    pub temperature: Option<u64>,
    /// Clock of the processors, MHz.
    pub sm_clock: Option<u64>,
    /// Clock of the memory, MHz.
    pub memory_clock: Option<u64>,
    /// Memory in use, bytes; of a Neuron device by the worker.
    pub memory_used: Option<u64>,
    /// Percentage of the time in which the worker's NeuronCore was busy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utilization: Option<f64>,
    /// What held the clocks down for heat or power; empty if nothing did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub throttled: Vec<String>,
}

/// A device that can be read.
pub(crate) trait Readable {
    /// Name, driver, memory.
    fn describe(&self, telemetry: &mut AcceleratorTelemetry);
    /// Energy used so far, joules, by a counter of the device.
    fn energy(&self) -> Option<f64>;
    /// A reading at that time.
    fn read(&self, at: f64) -> Reading;
    /// Processes with work on the device.
    fn processes(&self) -> Option<u64>;
}

/// A watch over the accelerator from its start to [`Watch::finish`].
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<AcceleratorTelemetry>,
}

impl Watch {
    /// Begins to watch a device such as `cuda:0` or `neuron:0`; `None` for the CPU and for devices of which nothing here knows how they are read. A device that should be readable
    /// and is not says so in [`AcceleratorTelemetry::missing`].
    #[must_use]
    pub fn start(device: &str) -> Option<Self> {
        Self::neuron(Places::default(), device).or_else(|| Self::through(&nvml::library(), device))
    }

    /// [`Watch::start`], reading NVIDIA GPUs through this file in the place of the system's NVML.
    #[must_use]
    pub fn through(nvml: &OsStr, device: &str) -> Option<Self> {
        let ordinal = match device.split_once(':') {
            Some(("cuda", ordinal)) => ordinal.parse().ok()?,
            None if device == "cuda" => 0,
            _ => return None,
        };
        let library = nvml.to_owned();
        Some(Self::on_a_thread(move |stop| match nvml::open(&library, ordinal) {
            Ok(device) => device.with(|device| watch(device, stop)),
            Err(why) => AcceleratorTelemetry { missing: Some(why), ..AcceleratorTelemetry::default() },
        }))
    }

    /// [`Watch::start`] of a Neuron device, its tools and driver being looked for at these places.
    #[must_use]
    pub fn neuron(places: Places, device: &str) -> Option<Self> {
        let n = device.strip_prefix("neuron:")?.parse().ok()?;
        Some(Self::on_a_thread(move |stop| match neuron::core(n) {
            Ok(core) => neuron::watch(&places, core, stop),
            Err(why) => AcceleratorTelemetry { missing: Some(why), ..AcceleratorTelemetry::default() },
        }))
    }

    fn on_a_thread(watch: impl FnOnce(&AtomicBool) -> AcceleratorTelemetry + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        Self { stop, thread: thread::spawn(move || watch(&flag)) }
    }

    /// What was seen.
    #[must_use]
    pub fn finish(self) -> AcceleratorTelemetry {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().unwrap_or_else(|_| AcceleratorTelemetry {
            missing: Some("the thread that read the device panicked".to_owned()),
            ..AcceleratorTelemetry::default()
        })
    }
}

fn watch(device: &dyn Readable, stop: &AtomicBool) -> AcceleratorTelemetry {
    let mut telemetry = AcceleratorTelemetry::default();
    device.describe(&mut telemetry);
    let (start, before) = (Instant::now(), device.energy());
    let mut most = device.processes();
    loop {
        telemetry.readings.push(device.read(start.elapsed().as_secs_f64()));
        most = most.max(device.processes());
        if stop.load(Ordering::Relaxed) {
            break;
        }
        thread::park_timeout(EVERY);
    }
    telemetry.seconds = start.elapsed().as_secs_f64();
    // The worker itself is one of them; inside a container its number there is not the one it knows.
    telemetry.other_processes = most.map(|all| all.saturating_sub(1));
    let counted = before.zip(device.energy()).map(|(before, after)| after - before).filter(|&j| j > 0.0);
    let integrated = || integrate(&telemetry.readings, telemetry.seconds);
    (telemetry.energy_joules, telemetry.energy_method) = match counted {
        Some(joules) => (Some(joules), Some(EnergyMethod::Counter)),
        None => match integrated() {
            Some(joules) => (Some(joules), Some(EnergyMethod::PowerReadings)),
            None => (None, None),
        },
    };
    telemetry
}

/// Joules of readings that each hold until the next, the first from the start and the last until `end`; `None` if one has no power.
fn integrate(readings: &[Reading], end: f64) -> Option<f64> {
    let starts = [0.0].into_iter().chain(readings.iter().skip(1).map(|r| r.at));
    let ends = readings.iter().skip(1).map(|next| next.at).chain([end]);
    let times = starts.zip(ends).map(|(start, end)| (end - start).max(0.0));
    let joules = readings.iter().zip(times).map(|(r, seconds)| Some(r.power_watts? * seconds));
    (!readings.is_empty()).then(|| joules.sum()).flatten()
}

impl AcceleratorTelemetry {
    /// Of consecutive samples of these durations in seconds, the first beginning with the watch: how many overlap a time in which the device throttled.
    #[must_use]
    pub fn throttled_samples(&self, durations: impl Iterator<Item = f64>) -> u64 {
        let ends = self.readings.iter().skip(1).map(|next| next.at).chain([self.seconds]);
        let times: Vec<(f64, f64)> = self
            .readings
            .iter()
            .zip(ends)
            .filter(|(reading, _)| !reading.throttled.is_empty())
            .map(|(reading, end)| (reading.at, end))
            .collect();
        let mut at = 0.0;
        let mut count = 0;
        for duration in durations {
            let end = at + duration;
            count += u64::from(times.iter().any(|&(from, to)| from < end && at < to));
            at = end;
        }
        count
    }

    /// What throttled, each reason once.
    #[must_use]
    pub fn throttle_reasons(&self) -> Vec<&str> {
        let mut reasons: Vec<&str> =
            self.readings.iter().flat_map(|r| &r.throttled).map(String::as_str).collect();
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(at: f64, watts: f64, throttled: &[&str]) -> Reading {
        Reading {
            at,
            power_watts: Some(watts),
            throttled: throttled.iter().map(|&r| r.to_owned()).collect(),
            ..Reading::default()
        }
    }

    #[test]
    fn power_holds_until_the_next_reading() {
        let readings = [reading(0.0, 100.0, &[]), reading(0.5, 300.0, &[])];
        assert_eq!(integrate(&readings, 1.0), Some(200.0));
        assert_eq!(integrate(&[], 1.0), None);
        let gap = [reading(0.0, 100.0, &[]), Reading { at: 0.5, ..Reading::default() }];
        assert_eq!(integrate(&gap, 1.0), None);
    }

    #[test]
    fn samples_under_a_throttled_reading_are_counted() {
        let telemetry = AcceleratorTelemetry {
            seconds: 1.0,
            readings: vec![reading(0.0, 1.0, &[]), reading(0.5, 1.0, &["power cap"]), reading(0.7, 1.0, &[])],
            ..AcceleratorTelemetry::default()
        };
        // Of ten samples of 0.1 s those from 0.5 to 0.7 s.
        assert_eq!(telemetry.throttled_samples([0.1; 10].into_iter()), 2);
        assert_eq!(telemetry.throttle_reasons(), ["power cap"]);
    }
}
