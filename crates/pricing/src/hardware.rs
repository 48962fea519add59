//! Which devices of records are which accelerators of the catalogue.

use std::collections::BTreeMap;

use portbench_catalog::{Accelerator, Kind};
use portbench_records::Cell;

/// Whether a device of records, such as `cuda:0`, can be one of that accelerator.
#[must_use]
pub fn fits(device: &str, accelerator: &Accelerator) -> bool {
    match family(device) {
        "cpu" => accelerator.kind == Kind::Cpu,
        "cuda" => accelerator.kind == Kind::Gpu && accelerator.vendor == "NVIDIA",
        "neuron" => matches!(accelerator.kind, Kind::Inferentia | Kind::Trainium),
        "tpu" => accelerator.kind == Kind::Tpu,
        // A back end of somebody else's names its devices as it likes.
        _ => true,
    }
}

/// The part of a device's name before its number.
pub(crate) fn family(device: &str) -> &str {
    device.split(':').next().unwrap_or(device)
}

/// Whether the product name that a GPU gave of itself can be that accelerator: the model in the catalogue's title (`H200` of `H200 SXM 141GB`) is a word of it.
pub(crate) fn is_product(name: &str, accelerator: &Accelerator) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_lowercase).collect()
    };
    let digits = |word: &String| word.bytes().any(|b| b.is_ascii_digit());
    match words(&accelerator.title).into_iter().find(digits) {
        Some(model) => words(name).contains(&model),
        None => true,
    }
}

/// Devices of records that one accelerator shows: of Neuron chips the logical NeuronCores, at this many physical ones each where a record says it; of anything else one.
pub(crate) fn devices(accelerator: &Accelerator, cores_joined: Option<u32>) -> u32 {
    let Some(cores) = &accelerator.cores else { return 1 };
    if !matches!(accelerator.kind, Kind::Inferentia | Kind::Trainium) {
        return 1;
    }
    match cores_joined {
        Some(joined) if joined > 0 => (cores.per_chip / joined).max(1),
        _ => cores.logical_per_chip.unwrap_or(cores.per_chip),
    }
}

/// How many of that accelerator a cell ran on: its replicas over the devices that one shows; replicas on CPUs are parts of one host.
#[must_use]
pub fn accelerators_used(cell: &Cell, accelerator: &Accelerator, cores_joined: Option<u32>) -> f64 {
    if family(&cell.device) == "cpu" {
        return 1.0;
    }
    cell.replicas.max(1) as f64 / f64::from(devices(accelerator, cores_joined))
}

/// Physical NeuronCores to a device, where the back end says it.
#[must_use]
pub fn cores_joined(settings: &BTreeMap<String, String>) -> Option<u32> {
    settings.get("lnc")?.parse().ok()
}
