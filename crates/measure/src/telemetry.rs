//! Readings of the process and the machine.

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

use crate::clock::{Clock, seconds};
use crate::measurement::Telemetry;

/// Shorter than this, CPU shares are rounding: the system counts in hundredths of a second.
const SHORTEST: f64 = 0.2;

/// Readings between a start and an end. On a system that cannot be asked, what the process itself knows is all there is.
pub(crate) struct Probe {
    system: Option<System>,
    start: u64,
    cpu_milliseconds: Option<u64>,
}

impl Probe {
    pub(crate) fn start(clock: &dyn Clock) -> Self {
        let mut system = System::new().ok();
        let cpu_milliseconds = system.as_mut().and_then(|system| {
            system.refresh_cpu_usage();
            process(system).map(|(cpu, _)| cpu)
        });
        Self { system, start: clock.now(), cpu_milliseconds }
    }

    pub(crate) fn finish(self, clock: &dyn Clock) -> Telemetry {
        let wall = seconds(clock.now() - self.start);
        let mut telemetry = Telemetry { peak_rss_bytes: peak_rss(), ..Telemetry::default() };
        let Some(mut system) = self.system else { return telemetry };
        system.refresh_cpu_usage();
        system.refresh_memory();
        telemetry.available_memory_bytes = Some(system.available_memory()).filter(|&bytes| bytes > 0);
        let Some((cpu, rss)) = process(&mut system) else { return telemetry };
        telemetry.rss_bytes = Some(rss);
        telemetry.peak_rss_bytes = telemetry.peak_rss_bytes.or(Some(rss));
        if let Some(before) = self.cpu_milliseconds.filter(|_| wall >= SHORTEST) {
            let own = cpu.saturating_sub(before) as f64 * 1e-3 / wall;
            let all = f64::from(system.global_cpu_usage()) / 100.0 * system.cpus().len() as f64;
            telemetry.cpu_cores = Some(own);
            telemetry.other_load_cores = Some((all - own).max(0.0));
        }
        telemetry
    }
}

/// CPU milliseconds and resident bytes of this process.
fn process(system: &mut System) -> Option<(u64, u64)> {
    let pid = sysinfo::get_current_pid().ok()?;
    let kind = ProcessRefreshKind::nothing().with_cpu().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kind);
    let process = system.process(pid)?;
    Some((process.accumulated_cpu_time(), process.memory()))
}

/// Largest resident set since the start of the process, where the system keeps it.
fn peak_rss() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
