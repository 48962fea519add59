//! Reports of `neuron-monitor`: one JSON document a period on its standard output.
//!
//! The documents call a core's rate `flops`, the tool writes `effective_flops`; both are read. Latencies are seconds, and null while nothing
//! runs. There is no power, temperature or clock in a report. Ids of instance, image, account and network, and the names and tags of processes
//! and models, are never read.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::NeuronError;
use crate::json::{count, index, list, member, members, number, text};

const TOOL: &str = "neuron-monitor";

/// One report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Instance type.
    pub instance_type: Option<String>,
    /// The devices, all of one kind.
    pub hardware: Option<Hardware>,
    /// Processes that use the runtime.
    pub processes: Vec<Process>,
    /// Uncorrected memory errors of all devices since the driver was loaded, where they are told.
    pub uncorrected_errors: Option<u64>,
    /// Host memory in use, in bytes.
    pub host_memory_used: Option<u64>,
    /// Complaints of the tool about what it could not read.
    pub complaints: Vec<String>,
}

/// What the tool says of the devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hardware {
    /// Kind of device, such as `trainium2`.
    pub device: Option<String>,
    /// Version of the cores, such as `v3d`.
    pub core_version: Option<String>,
    /// Number of devices.
    pub devices: Option<u32>,
    /// Logical cores of a device.
    pub cores_per_device: Option<u32>,
    /// Physical cores to a logical one.
    pub lnc: Option<u32>,
    /// Bytes of a device's memory.
    pub device_memory: Option<u64>,
}

/// What one process did in the period.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// Its id.
    pub pid: Option<u32>,
    /// Length of the period over which its cores were watched, in seconds. The first and the last periods of a process report too little.
    pub period_seconds: Option<f64>,
    /// Its logical cores by number.
    pub cores: BTreeMap<u32, CoreUse>,
    /// How its executions of the period ended.
    pub executions: Option<Executions>,
    /// Time on the device of an execution.
    pub device_latency: Option<Latency>,
    /// Time from submission to result.
    pub total_latency: Option<Latency>,
    /// Bytes it uses on the host.
    pub host_memory: Option<u64>,
    /// Bytes it uses on devices.
    pub device_memory: Option<u64>,
}

/// One logical core.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CoreUse {
    /// Percentage of the period in which it was busy.
    pub utilization_percent: Option<f64>,
    /// Floating-point operations a second.
    pub flops: Option<f64>,
    /// Percentages of its physical cores, where a logical core has more than one.
    pub physical_percent: BTreeMap<String, f64>,
}

/// How executions of a period ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Executions {
    /// Well.
    pub completed: u64,
    /// With an error.
    pub with_error: u64,
    /// With NaN.
    pub with_nan: u64,
    /// Past the time limit.
    pub timed_out: u64,
    /// Refused for their inputs.
    pub bad_input: u64,
    /// Not queued.
    pub not_queued: u64,
}

impl Executions {
    /// Those that did not end well.
    #[must_use]
    pub fn failed(&self) -> u64 {
        [self.with_error, self.with_nan, self.timed_out, self.bad_input, self.not_queued]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

/// Percentiles of a latency in seconds: percentile to value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latency(pub BTreeMap<u32, f64>);

impl Report {
    /// Reads one document.
    ///
    /// # Errors
    /// [`NeuronError::Malformed`] for text that is no JSON object.
    pub fn parse(json: &str) -> Result<Self, NeuronError> {
        let value: Value = serde_json::from_str(json)
            .map_err(|e| NeuronError::Malformed { tool: TOOL, what: e.to_string() })?;
        Self::of(&value)
    }

    /// Reads a document that is JSON already.
    pub(crate) fn of(value: &Value) -> Result<Self, NeuronError> {
        if !value.is_object() {
            let what = "a report is a JSON object".into();
            return Err(NeuronError::Malformed { tool: TOOL, what });
        }
        let mut complaints = Vec::new();
        collect_complaints(value, &mut complaints);
        let system = member(value, "system_data").unwrap_or(&Value::Null);
        Ok(Self {
            instance_type: member(value, "instance_info").and_then(|v| text(v, "instance_type")),
            hardware: member(value, "neuron_hardware_info").map(hardware),
            processes: list(value, "neuron_runtime_data").iter().map(process).collect(),
            uncorrected_errors: member(system, "neuron_hw_counters").and_then(uncorrected),
            host_memory_used: member(system, "memory_info").and_then(|v| count(v, "memory_used_bytes")),
            complaints,
        })
    }

    /// Executions that ended well in the period, over all processes; `None` where none tells.
    #[must_use]
    pub fn completed(&self) -> Option<u64> {
        let told: Vec<u64> =
            self.processes.iter().filter_map(|p| p.executions).map(|e| e.completed).collect();
        (!told.is_empty()).then(|| told.iter().fold(0, |sum, n| n.saturating_add(sum)))
    }
}

fn hardware(value: &Value) -> Hardware {
    Hardware {
        device: text(value, "neuron_device_type"),
        core_version: text(value, "neuroncore_version"),
        devices: index(value, "neuron_device_count"),
        cores_per_device: index(value, "neuroncore_per_device_count"),
        lnc: index(value, "logical_neuroncore_config"),
        device_memory: count(value, "neuron_device_memory_size"),
    }
}

fn process(value: &Value) -> Process {
    let report = member(value, "report").unwrap_or(&Value::Null);
    let part = |name| member(report, name).unwrap_or(&Value::Null);
    let (counters, stats) = (part("neuroncore_counters"), part("execution_stats"));
    let latency = |name| member(stats, "latency_stats").and_then(|v| member(v, name)).and_then(latency);
    let used = member(part("memory_used"), "neuron_runtime_used_bytes").unwrap_or(&Value::Null);
    Process {
        pid: index(value, "pid"),
        period_seconds: number(counters, "period"),
        cores: members(counters, "neuroncores_in_use")
            .filter_map(|(name, v)| Some((name.parse().ok()?, core(v))))
            .collect(),
        executions: member(stats, "execution_summary").map(executions),
        device_latency: latency("device_latency"),
        total_latency: latency("total_latency"),
        host_memory: count(used, "host"),
        device_memory: count(used, "neuron_device"),
    }
}

fn core(value: &Value) -> CoreUse {
    let utilization = |v| number(v, "neuroncore_utilization");
    // The physical cores lie in an object named after the version of the core.
    let physical = value.as_object().into_iter().flatten().filter(|(_, v)| v.is_object());
    let physical = physical.flat_map(|(_, v)| v.as_object().into_iter().flatten());
    CoreUse {
        utilization_percent: utilization(value),
        flops: ["effective_flops", "flops"].iter().find_map(|name| number(value, name)),
        physical_percent: physical.filter_map(|(name, v)| Some((name.clone(), utilization(v)?))).collect(),
    }
}

fn executions(value: &Value) -> Executions {
    let told = |name| count(value, name).unwrap_or(0);
    Executions {
        completed: told("completed"),
        with_error: told("completed_with_err"),
        with_nan: told("completed_with_num_err"),
        timed_out: told("timed_out"),
        bad_input: told("incorrect_input"),
        not_queued: told("failed_to_queue"),
    }
}

fn latency(value: &Value) -> Option<Latency> {
    let percentile =
        |(name, _): (&String, &Value)| Some((name.strip_prefix('p')?.parse().ok()?, number(value, name)?));
    let percentiles: BTreeMap<u32, f64> = value.as_object()?.iter().filter_map(percentile).collect();
    (!percentiles.is_empty()).then_some(Latency(percentiles))
}

fn uncorrected(counters: &Value) -> Option<u64> {
    let each = list(counters, "neuron_devices").iter().flat_map(|device| {
        ["mem_ecc_uncorrected", "sram_ecc_uncorrected"].into_iter().filter_map(|name| count(device, name))
    });
    each.fold(None, |sum: Option<u64>, n| Some(sum.unwrap_or(0).saturating_add(n)))
}

/// Every `error` that says something, in the order of the document.
fn collect_complaints(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, v) in members {
                match v {
                    Value::String(s) if name == "error" && !s.trim().is_empty() => {
                        found.push(s.trim().to_owned());
                    }
                    other => collect_complaints(other, found),
                }
            }
        }
        Value::Array(elements) => elements.iter().for_each(|v| collect_complaints(v, found)),
        _ => {}
    }
}
