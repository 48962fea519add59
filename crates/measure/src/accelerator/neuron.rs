//! AWS Neuron devices through neuron-monitor, a child process, and the driver's files.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use portbench_backend::with_causes;
use portbench_neuron::VisibleCores;
use portbench_neuron::host::{Places, Reports};
use portbench_neuron::monitor::{Process, Report};
use portbench_neuron::sysfs::{Driver, DriverDevice};

use super::{AcceleratorTelemetry, DeviceErrors, PowerShare, Reading};

/// Time between two looks whether sampling has ended.
const EVERY: Duration = Duration::from_millis(50);

/// The logical core that a device `neuron:N` of this process is, on the machine. A worker shows itself one core and no other, and then it is that one.
pub(super) fn core(n: u32) -> Result<u32, String> {
    let visible = VisibleCores::of_environment().map_err(|e| e.to_string())?;
    match visible.shown() {
        Some(&[core]) => Ok(core),
        _ => visible.nth(n).map_err(|e| e.to_string()),
    }
}

/// Watches a logical core until `stop`: what monitor and driver say of it and of the chip that it is on.
pub(super) fn watch(places: &Places, core: u32, stop: &AtomicBool) -> AcceleratorTelemetry {
    let (start, since) = (Instant::now(), SystemTime::now());
    let before = Driver::read(&places.sysfs);
    let mut seen = Seen { core, ..Seen::default() };
    let mut why = None;
    match places.monitor().map(|program| Reports::every_second(&program)) {
        None => {
            why = Some(
                "there is no neuron-monitor: scripts/setup-neuron installs aws-neuronx-tools".to_owned(),
            );
        }
        Some(Err(error)) => why = Some(with_causes(&error)),
        Some(Ok(mut reports)) => {
            while why.is_none() && !stop.load(Ordering::Relaxed) {
                match reports.next(EVERY) {
                    Ok(Some(report)) => seen.take(&report, start.elapsed().as_secs_f64()),
                    Ok(None) => {}
                    Err(error) => why = Some(with_causes(&error)),
                }
            }
        }
    }
    while !stop.load(Ordering::Relaxed) {
        thread::park_timeout(EVERY);
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = Driver::read(&places.sysfs);
    let of = |driver: &Driver| seen.device(driver).cloned();
    let (power, power_missing) = match power(of(&after).as_ref(), since) {
        Ok(power) => (Some(power), None),
        Err(why) => (None, Some(why)),
    };
    let counted = |device: Option<DriverDevice>| device?.uncorrected_errors;
    let memory = counted(of(&before)).zip(counted(of(&after))).map(|(a, b)| b.saturating_sub(a));
    let none =
        || format!("sampling took {seconds:.1} s, and neuron-monitor reports a whole second at a time");
    let missing = why.or_else(|| seen.readings.is_empty().then(none));
    AcceleratorTelemetry {
        driver: after.version,
        seconds,
        memory_bytes: seen.memory_bytes,
        other_processes: seen.processes.map(|all| all.saturating_sub(1)),
        errors: seen.errors(memory),
        power,
        power_missing,
        readings: seen.readings,
        missing,
        ..AcceleratorTelemetry::default()
    }
}

/// What reports have said so far.
#[derive(Default)]
struct Seen {
    core: u32,
    readings: Vec<Reading>,
    cores_per_device: Option<u32>,
    memory_bytes: Option<u64>,
    processes: Option<u64>,
    failed: Option<u64>,
    /// Uncorrected memory errors of all devices, in the first report and in the last.
    memory_errors: Option<[u64; 2]>,
}

impl Seen {
    /// The chip that the core is on; where nobody says how many cores a chip has, the only one.
    fn device<'d>(&self, driver: &'d Driver) -> Option<&'d DriverDevice> {
        match (self.cores_per_device, &driver.devices[..]) {
            (Some(cores @ 1..), devices) => devices.iter().find(|d| d.index == self.core / cores),
            (_, [only]) => Some(only),
            _ => None,
        }
    }

    fn take(&mut self, report: &Report, at: f64) {
        if let Some(hardware) = &report.hardware {
            self.cores_per_device = hardware.cores_per_device;
            self.memory_bytes = hardware.device_memory;
        }
        self.processes = self.processes.max(Some(report.processes.len() as u64));
        if let Some(now) = report.uncorrected_errors {
            let first = self.memory_errors.map_or(now, |[first, _]| first);
            self.memory_errors = Some([first, now]);
        }
        let own = self.own(report);
        if let Some(executions) = own.and_then(|p| p.executions) {
            self.failed = Some(self.failed.unwrap_or(0).saturating_add(executions.failed()));
        }
        // Inside a container a core may have another number than outside.
        let used = own.and_then(|p| p.cores.get(&self.core).or_else(|| p.cores.values().next()));
        self.readings.push(Reading {
            at,
            memory_used: own.and_then(|p| p.device_memory),
            utilization: used.and_then(|core| core.utilization_percent),
            ..Reading::default()
        });
    }

    /// This process, by its number; inside a container, where that is another one, the process that has the core.
    fn own<'r>(&self, report: &'r Report) -> Option<&'r Process> {
        let by_number = report.processes.iter().find(|p| p.pid == Some(process::id()));
        by_number.or_else(|| report.processes.iter().find(|p| p.cores.contains_key(&self.core)))
    }

    /// Errors; those of memory as the driver counts them for the chip, else as the monitor does for all.
    fn errors(&self, memory: Option<u64>) -> Option<DeviceErrors> {
        let monitored = || self.memory_errors.map(|[first, last]| last.saturating_sub(first));
        let memory = memory.or_else(monitored);
        (self.failed.is_some() || memory.is_some())
            .then_some(DeviceErrors { executions: self.failed, memory })
    }
}

/// The chip's last minute of power, or why there is none that touches the time since then.
fn power(device: Option<&DriverDevice>, since: SystemTime) -> Result<PowerShare, String> {
    let device = device.ok_or("the driver shows no device in sysfs that is known to have the core")?;
    let power = device.power.ok_or("the driver has no valid sample of power")?;
    let since = since.duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs());
    if power.unix_seconds < since {
        return Err("the driver's last minute of power ended before sampling began".to_owned());
    }
    Ok(PowerShare {
        unix_seconds: power.unix_seconds,
        min_percent: power.min_percent,
        max_percent: power.max_percent,
        mean_percent: power.mean_percent,
    })
}
