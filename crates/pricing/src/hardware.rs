//! Which devices of records are which accelerators of the catalogue.

use std::collections::BTreeMap;
use std::fmt;

use portbench_catalog::{Accelerator, Kind};
use portbench_records::{Cell, Record, RecordHead};

/// What a record says of the hardware that it ran on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The device, such as `cuda:0`.
    pub device: String,
    /// Product name that the accelerator gave of itself.
    pub product: Option<String>,
    /// Size of the memory of one accelerator, as it gave it.
    pub memory_bytes: Option<u64>,
    /// Instance type that a host of Neuron devices gave.
    pub instance: Option<String>,
}

impl From<&Record> for Ran {
    fn from(record: &Record) -> Self {
        let said = record.trials.iter().find_map(|trial| trial.measurement.accelerator.as_ref());
        Self::new(
            &record.cell,
            said.and_then(|a| a.name.clone()),
            said.and_then(|a| a.memory_bytes),
            &record.environment.facts,
        )
    }
}

impl From<&RecordHead> for Ran {
    fn from(head: &RecordHead) -> Self {
        let said = head.accelerator();
        Self::new(
            &head.cell,
            said.and_then(|a| a.name.clone()),
            said.and_then(|a| a.memory_bytes),
            &head.environment.facts,
        )
    }
}

impl Ran {
    fn new(
        cell: &Cell,
        product: Option<String>,
        memory_bytes: Option<u64>,
        facts: &BTreeMap<String, String>,
    ) -> Self {
        let on_neuron = family(&cell.device) == "neuron";
        Self {
            device: cell.device.clone(),
            product,
            memory_bytes: memory_bytes.map(|all| all / cell.replicas.max(1)),
            instance: facts.get("neuron-instance").filter(|_| on_neuron).cloned(),
        }
    }

    /// What it ran on, in words, if that cannot have been the accelerator: another kind of device, another product, another size of memory, another instance type.
    #[must_use]
    pub fn other_than(&self, accelerator: &Accelerator) -> Option<String> {
        if !fits(&self.device, accelerator) {
            return Some(self.to_string());
        }
        if self.product.as_ref().is_some_and(|name| !is_product(name, accelerator)) {
            return Some(self.to_string());
        }
        if let Some(bytes) = self.memory_bytes
            && !is_memory(bytes as f64, accelerator)
        {
            return Some(format!("{self} with {:.0} GB of memory", bytes as f64 / 1e9));
        }
        let of_instance = self.instance.as_ref();
        of_instance.filter(|instance| !has_chip(instance, accelerator)).map(|_| self.to_string())
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.product.as_deref().or(self.instance.as_deref());
        f.pad(named.unwrap_or_else(|| family(&self.device)))
    }
}

/// Whether a device of records, such as `cuda:0`, can be one of that accelerator.
fn fits(device: &str, accelerator: &Accelerator) -> bool {
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

/// Whether the product name that a GPU gave of itself can be that accelerator: the model in the catalogue's title (`H200` of `H200 SXM 141GB`) is in it, a size of memory that both state is
/// one, and both are PCIe cards or neither is.
#[must_use]
pub fn is_product(name: &str, accelerator: &Accelerator) -> bool {
    let (named, title) = (product_words(name), product_words(&accelerator.title));
    let has = |word: &String| named.contains(word);
    let Some(at) = title.iter().position(|w| w.bytes().any(|b| b.is_ascii_digit())) else { return true };
    // A model that is a bare number, `RTX PRO 6000`, is nothing without the words before it.
    let first = if title[at].bytes().all(|b| b.is_ascii_digit()) { 0 } else { at };
    let memory = |words: &[String]| words.iter().find(|w| size(w)).cloned();
    let pcie = |words: &[String]| words.iter().any(|w| w == "pcie");
    title[first..=at].iter().all(has)
        && memory(&named).zip(memory(&title)).is_none_or(|(ours, theirs)| ours == theirs)
        && pcie(&named) == pcie(&title)
}

/// The words of a product's name, in lower case.
#[must_use]
pub fn product_words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    words.map(str::to_ascii_lowercase).collect()
}

/// `80gb`.
fn size(word: &str) -> bool {
    word.strip_suffix("gb").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a size of memory that a driver stated can be that accelerator's. Vendors print round numbers, in units of 1000 or of 1024: 80 GB are 85.5e9 bytes.
fn is_memory(bytes: f64, accelerator: &Accelerator) -> bool {
    const APART: f64 = 0.1;
    let Some(memory) = &accelerator.memory else { return true };
    let reported = memory.reported_mib.map(|mib| mib * 1_048_576.0);
    let known: Vec<f64> = memory.bytes().into_iter().chain(reported).collect();
    known.is_empty() || known.iter().any(|k| (bytes / k - 1.0).abs() <= APART)
}

/// Whether an instance type of AWS has that accelerator, by its family (`trn2` of `trn2u.48xlarge`); unknown where the accelerator is not called like one.
fn has_chip(instance: &str, accelerator: &Accelerator) -> bool {
    let families = accelerator.aliases.iter().filter(|a| a.starts_with("trn") || a.starts_with("inf"));
    let families: Vec<&String> = families.collect();
    families.is_empty() || families.iter().any(|family| instance.starts_with(family.as_str()))
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
