//! What `neuron-ls` says of the machine.
//!
//! Up to SDK 2.33 `neuron-ls --json-output` writes an array with an object a device. SDK 2.34 announces `--output-format json`, an object with
//! what several devices share at its top; its shape was not published when this was written, so the devices are looked for: the first array
//! in it whose elements have a device number. Ids of the instance and command lines of processes are never read.

use serde_json::Value;

use crate::error::NeuronError;
use crate::json::{count, index, indices, list, member, number, text};
use crate::target::Target;

const TOOL: &str = "neuron-ls";
/// How deep the devices may lie in the object form.
const DEPTH: usize = 4;

/// The machine's devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Instance type, such as `trn2.3xlarge`, where it is told.
    pub instance_type: Option<String>,
    /// Devices (chips) in order of their numbers.
    pub devices: Vec<Device>,
}

/// One Neuron device, which is one chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its number.
    pub index: u32,
    /// Logical NeuronCores on it.
    pub cores: Option<u32>,
    /// Physical cores to a logical one; absent on Trn1 and Inf2, where it is 1, and where the tool does not say.
    pub lnc: Option<u32>,
    /// Bytes of its memory.
    pub memory_bytes: Option<u64>,
    /// NUMA node it hangs on; `None` where the machine has one only.
    pub numa_node: Option<u32>,
    /// CPUs near it, as the kernel writes lists of them.
    pub cpu_affinity: Option<String>,
    /// Numbers of the devices it is connected with.
    pub connected_to: Vec<u32>,
    /// Numbers of its logical cores on the machine.
    pub core_ids: Vec<u32>,
    /// Processes that hold cores of it.
    pub processes: Vec<Holder>,
}

/// A process that holds cores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub pid: u32,
    /// Version of the libnrt in it.
    pub runtime: Option<String>,
}

impl Listing {
    /// Reads the tool's JSON.
    ///
    /// # Errors
    /// [`NeuronError::Malformed`] for text that is no JSON, or in which no list of devices can be found.
    pub fn parse(json: &str) -> Result<Self, NeuronError> {
        let value: Value = serde_json::from_str(json).map_err(|e| NeuronError::Malformed {
            tool: TOOL,
            what: format!("{e}; JSON is what `neuron-ls --json-output` writes, since SDK 2.34 `neuron-ls --output-format json`"),
        })?;
        let found = devices(&value, DEPTH).ok_or_else(|| NeuronError::Malformed {
            tool: TOOL,
            what: "no list of devices in it; portbench knows the forms of SDK 2.33 and earlier, so use neuron-ls --json-output where it still is".into(),
        })?;
        let shared = value.as_object().map(|_| &value);
        let instance_type = shared
            .into_iter()
            .chain(found)
            .find_map(|v| text(v, "instance_type").or_else(|| text(v.get("instance")?, "instance_type")));
        let mut devices =
            found.iter().map(|d| device(d, shared)).collect::<Option<Vec<_>>>().ok_or_else(|| {
                NeuronError::Malformed { tool: TOOL, what: "a device without its number".into() }
            })?;
        devices.sort_by_key(|d| d.index);
        Ok(Self { instance_type, devices })
    }

    /// Logical NeuronCores of the machine, where every device tells its own.
    #[must_use]
    pub fn cores(&self) -> Option<u32> {
        self.devices.iter().map(|d| d.cores).try_fold(0u32, |sum, n| sum.checked_add(n?))
    }

    /// Physical cores to a logical one: what all devices say; 1 where none says anything and the instance is of a kind that joins none. `None` where
    /// they differ, and where nobody knows.
    #[must_use]
    pub fn lnc(&self) -> Option<u32> {
        let target = self.instance_type.as_deref().and_then(Target::of_instance);
        let alone = target.filter(|target| !target.joins_cores()).map(|_| 1);
        let mut said = self.devices.iter().map(|d| d.lnc.or(alone));
        let first = said.next()??;
        said.all(|lnc| lnc == Some(first)).then_some(first)
    }

    /// Bytes of all devices' memory, where each tells its own.
    #[must_use]
    pub fn memory_bytes(&self) -> Option<u64> {
        self.devices.iter().map(|d| d.memory_bytes).try_fold(0u64, |sum, b| sum.checked_add(b?))
    }

    /// Ids of the processes that hold cores, in order.
    #[must_use]
    pub fn holders(&self) -> Vec<u32> {
        let mut pids: Vec<u32> =
            self.devices.iter().flat_map(|d| &d.processes).map(|holder| holder.pid).collect();
        pids.sort_unstable();
        pids.dedup();
        pids
    }
}

fn device_index(value: &Value) -> Option<u32> {
    ["neuron_device", "neuron_device_index"].iter().find_map(|name| index(value, name))
}

/// The array of devices: the value itself, or the first array below it whose elements have device numbers. An empty array at the top, or of a name that the devices have, is a machine
/// without devices.
fn devices(value: &Value, depth: usize) -> Option<&[Value]> {
    const NAMES: [&str; 2] = ["neuron_devices", "devices"];
    match value {
        Value::Array(all) if all.is_empty() && depth == DEPTH => Some(all),
        Value::Array(all) if all.first().is_some_and(|first| device_index(first).is_some()) => Some(all),
        Value::Object(members) if depth > 0 => {
            let none =
                || NAMES.iter().find_map(|name| value.get(name)?.as_array().filter(|all| all.is_empty()));
            members.values().find_map(|v| devices(v, depth - 1)).or_else(|| none().map(Vec::as_slice))
        }
        _ => None,
    }
}

/// A device; what it does not say itself may stand at the top of the object form.
fn device(value: &Value, shared: Option<&Value>) -> Option<Device> {
    let instance = shared.and_then(|v| member(v, "instance"));
    let places = || [Some(value), shared, instance].into_iter().flatten();
    let holder =
        |v: &Value| Some(Holder { pid: index(v, "pid")?, runtime: text(v, "neuron_runtime_version") });
    Some(Device {
        index: device_index(value)?,
        cores: index(value, "nc_count"),
        lnc: places().find_map(|v| index(v, "logical_neuroncore_config")).filter(|lnc| *lnc > 0),
        memory_bytes: count(value, "memory_size"),
        // Written as text, and -1 where there are no nodes.
        numa_node: number(value, "numa_node").filter(|n| *n >= 0.0 && n.fract() == 0.0).map(|n| n as u32),
        cpu_affinity: text(value, "cpu_affinity"),
        connected_to: indices(value, "connected_to"),
        core_ids: indices(value, "neuroncore_ids"),
        processes: list(value, "neuron_processes").iter().filter_map(holder).collect(),
    })
}
