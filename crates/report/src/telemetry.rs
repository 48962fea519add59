//! What machine and accelerator did while a cell was measured.

use portbench_measure::{AcceleratorTelemetry, EnergyMethod, Reading};
use portbench_records::Trial;

/// Heads of the table's columns. Cores are those of the CPU; what follows them is the accelerator's.
pub const TELEMETRY_COLUMNS: [&str; 14] = [
    "trial",
    "cores",
    "other load cores",
    "seconds",
    "W mean",
    "W most",
    "J",
    "energy by",
    "C most",
    "SM MHz",
    "memory MB",
    "busy %",
    "% of most power",
    "remarks",
];

/// Those that are numbers.
pub const TELEMETRY_NUMERIC: [&str; 10] = [
    "trial",
    "cores",
    "other load cores",
    "seconds",
    "W mean",
    "W most",
    "J",
    "C most",
    "memory MB",
    "busy %",
];

/// One line a trial. What was not seen is empty.
#[must_use]
pub fn telemetry_cells(trials: &[Trial]) -> Vec<[String; 14]> {
    trials.iter().enumerate().map(|(number, trial)| row(number, trial)).collect()
}

fn row(number: usize, trial: &Trial) -> [String; 14] {
    let machine = &trial.measurement.telemetry;
    let one = |value: Option<f64>| value.map_or_else(String::new, |v| format!("{v:.1}"));
    let seen = trial.measurement.accelerator.as_ref();
    let most = |of: fn(&Reading) -> Option<f64>| {
        seen.and_then(|seen| seen.readings.iter().filter_map(of).reduce(f64::max))
    };
    let mean = |of: fn(&Reading) -> Option<f64>| seen.and_then(|seen| mean(seen, of));
    [
        number.to_string(),
        one(machine.cpu_cores),
        one(machine.other_load_cores),
        one(seen.map(|seen| seen.seconds)),
        one(mean(|r| r.power_watts)),
        one(most(|r| r.power_watts)),
        one(seen.and_then(|seen| seen.energy_joules)),
        seen.and_then(|seen| seen.energy_method).map_or("", method).to_owned(),
        most(|r| r.temperature.map(|t| t as f64)).map_or_else(String::new, |t| format!("{t:.0}")),
        seen.map_or_else(String::new, clocks),
        one(most(|r| r.memory_used.map(|bytes| bytes as f64 / 1e6))),
        one(mean(|r| r.utilization)),
        seen.and_then(|seen| seen.power).map_or_else(String::new, |p| {
            format!("{:.0} ({:.0} to {:.0})", p.mean_percent, p.min_percent, p.max_percent)
        }),
        seen.map_or_else(String::new, remarks),
    ]
}

/// The mean of the readings that have it: they are taken at even intervals.
fn mean(seen: &AcceleratorTelemetry, of: fn(&Reading) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = seen.readings.iter().filter_map(of).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

const fn method(method: EnergyMethod) -> &'static str {
    match method {
        EnergyMethod::Counter => "counter",
        EnergyMethod::PowerReadings => "power readings",
    }
}

/// The clock of the processors: its least and its most, once where they are one.
fn clocks(seen: &AcceleratorTelemetry) -> String {
    let clocks = || seen.readings.iter().filter_map(|r| r.sm_clock);
    match (clocks().min(), clocks().max()) {
        (Some(least), Some(most)) if least < most => format!("{least} to {most}"),
        (Some(clock), _) => clock.to_string(),
        _ => String::new(),
    }
}

/// What disturbed it, and what could not be seen.
fn remarks(seen: &AcceleratorTelemetry) -> String {
    let throttled = seen.throttle_reasons().join(", ");
    let counted = |n: Option<u64>, what: &str| n.filter(|&n| n > 0).map(|n| format!("{n} {what}"));
    let words = [
        (!throttled.is_empty()).then(|| format!("throttled: {throttled}")),
        counted(seen.other_processes, "other processes"),
        counted(seen.errors.and_then(|e| e.executions), "executions failed"),
        counted(seen.errors.and_then(|e| e.memory), "memory errors"),
        seen.missing.clone(),
        seen.power_missing.clone(),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
