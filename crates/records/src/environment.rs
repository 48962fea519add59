//! What is said of the machine.

use std::collections::BTreeMap;
use std::fs;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::record::Environment;

impl Environment {
    /// What this process can find out about its machine and itself. Anything that cannot be read is left out or empty; nothing that names a host, a user or an
    /// account is read.
    #[must_use]
    pub fn detect() -> Self {
        let kinds = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(kinds).ok();
        let cpu = system.as_ref().and_then(|s| s.cpus().first()).map(|c| c.brand().trim().to_owned());
        Self {
            portbench: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("PORTBENCH_COMMIT").map(ToOwned::to_owned),
            os: System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
            kernel: System::kernel_version().unwrap_or_default(),
            arch: std::env::consts::ARCH.to_owned(),
            cpu: cpu.unwrap_or_default(),
            cpus: std::thread::available_parallelism().map_or(1, |n| n.get() as u64),
            memory_bytes: system.as_ref().map_or(0, System::total_memory),
            facts: facts(system.as_ref()),
        }
    }
}

fn facts(system: Option<&System>) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value.map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()) {
            facts.insert(name.to_owned(), value);
        }
    };
    add("logical-cpus", system.map(|s| s.cpus().len().to_string()));
    add("physical-cores", System::physical_core_count().ok().map(|n| n.to_string()));
    add("governor", read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
    add("turbo-off", read("/sys/devices/system/cpu/intel_pstate/no_turbo"));
    add("smt", read("/sys/devices/system/cpu/smt/control"));
    add("transparent-huge-pages", read("/sys/kernel/mm/transparent_hugepage/enabled").and_then(chosen));
    add("cpu-limit", read("/sys/fs/cgroup/cpu.max").filter(|limit| !limit.starts_with("max")));
    if let Some(system) = system
        && let Some(limits) = system.cgroup_limits()
        && limits.total_memory < system.total_memory()
    {
        add("memory-limit-bytes", Some(limits.total_memory.to_string()));
    }
    if let Some(flags) = cpu_flags() {
        let has = |flag: &str| flags.split_whitespace().any(|f| f == flag);
        let sets: Vec<&str> = INSTRUCTION_SETS.iter().copied().filter(|set| has(set)).collect();
        add("instruction-sets", Some(sets.join(" ")));
        add("virtualised", Some(if has("hypervisor") { "yes" } else { "no" }.to_owned()));
    }
    facts
}

/// Those that decide the speed of the kernels in use.
const INSTRUCTION_SETS: [&str; 14] = [
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_bf16",
    "asimd",
    "bf16",
    "sve",
];

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// The word in brackets of a kernel's list of choices.
fn chosen(text: String) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    rest.split_once(']').map(|(word, _)| word.to_owned())
}

fn cpu_flags() -> Option<String> {
    let text = read("/proc/cpuinfo")?;
    let line = text.lines().find(|l| l.starts_with("flags") || l.starts_with("Features"))?;
    line.split_once(':').map(|(_, flags)| flags.to_owned())
}
