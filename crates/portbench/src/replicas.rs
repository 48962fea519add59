//! Devices of a machine that measure one cell together.

use std::env;
use std::ffi::OsString;
use std::fs;

use portbench_neuron::host::{self, Host};
use portbench_neuron::{VISIBLE_CORES_VARIABLE, VisibleCores};
use portbench_runner::allowed_cpus;
use portbench_workload::Replicas;

use crate::backends::Target;
use crate::failure::Failure;

/// Where one of several replicas runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The backend on the device as the worker is told.
    pub(crate) target: Target,
    /// The device as people are told.
    pub(crate) device: String,
    /// The CPUs that it is bound to, if any.
    pub(crate) cpus: Option<Vec<usize>>,
    /// Environment variables that show it its device.
    pub(crate) env: Vec<(OsString, OsString)>,
}

/// Where each replica runs: a GPU each, a NeuronCore each, or an equal part of the CPUs each. Empty where that is one replica only.
pub(crate) fn places(replicas: Replicas, target: &Target) -> Result<Vec<Place>, Failure> {
    let (kind, first) = match target.device.split_once(':') {
        Some((kind, number)) => (kind, number.parse().unwrap_or(0)),
        None => (target.device.as_str(), 0),
    };
    let cpus = allowed_cpus();
    let cores = if kind == "neuron" { neuron_cores(first)? } else { None };
    let count = match (replicas, kind) {
        (Replicas::Count(n), _) => n.get() as usize,
        (Replicas::All, "cpu") => cpus.len(),
        (Replicas::All, "cuda") => cuda_devices().saturating_sub(first),
        (Replicas::All, "neuron") => cores.as_ref().map(Vec::len).ok_or_else(|| {
            Failure::usage(
                "replicas = \"all\": neither neuron-ls nor libnrt counts NeuronCores here; `portbench doctor` says what is missing, or write the number",
            )
        })?,
        (Replicas::All, _) => {
            return Err(Failure::usage(format!(
                "replicas = \"all\": how many devices `{kind}` has cannot be counted from here; write the number"
            )));
        }
    };
    if kind == "cpu" && count > cpus.len() {
        return Err(Failure::usage(format!(
            "{count} replicas on {} CPUs: each needs one of its own; ask for fewer",
            cpus.len()
        )));
    }
    if let Some(cores) = cores.as_ref().filter(|cores| count > cores.len()) {
        return Err(Failure::usage(format!(
            "{count} replicas from {} on, where this machine and NEURON_RT_VISIBLE_CORES leave {} NeuronCores: each needs one of its own; ask for fewer",
            target.device,
            cores.len()
        )));
    }
    if count < 2 {
        return Ok(Vec::new());
    }
    let core = |i: usize| {
        let shown = cores.as_ref().and_then(|cores| cores.get(i)).copied();
        shown.unwrap_or_else(|| u32::try_from(first + i).unwrap_or(u32::MAX))
    };
    let place = |i: usize| match kind {
        "cpu" => {
            let own = cpus[i * cpus.len() / count..(i + 1) * cpus.len() / count].to_vec();
            let threads = own.len().to_string();
            Place {
                target: target.clone(),
                device: target.device.clone(),
                cpus: Some(own),
                env: vec![("RAYON_NUM_THREADS".into(), threads.into())],
            }
        }
        // A process sees the one core that it is shown, and calls it its first.
        "neuron" => Place {
            target: Target { backend: target.backend.clone(), device: "neuron:0".into() },
            device: format!("neuron:{}", first + i),
            cpus: None,
            env: vec![(VISIBLE_CORES_VARIABLE.into(), core(i).to_string().into())],
        },
        _ => {
            let device = format!("{kind}:{}", first + i);
            let target = Target { backend: target.backend.clone(), device: device.clone() };
            Place { target, device, cpus: None, env: Vec::new() }
        }
    };
    Ok((0..count).map(place).collect())
}

/// CUDA devices that a process started from here sees: those of `CUDA_VISIBLE_DEVICES`, else the driver's device files.
fn cuda_devices() -> usize {
    if let Ok(list) = env::var("CUDA_VISIBLE_DEVICES") {
        // CUDA stops reading at the first entry that names no device.
        return list.split(',').take_while(|entry| !matches!(entry.trim(), "" | "-1")).count();
    }
    let numbered = |name: &str| {
        name.strip_prefix("nvidia").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let files = fs::read_dir("/dev").into_iter().flatten().flatten();
    files.filter(|file| file.file_name().to_str().is_some_and(numbered)).count()
}

/// Logical NeuronCores from that device on: those that the environment shows, else those that this machine has. `None` where nobody counts them.
fn neuron_cores(first: usize) -> Result<Option<Vec<u32>>, Failure> {
    let visible = VisibleCores::of_environment().map_err(|e| Failure::usage(e.to_string()))?;
    let all = match visible.shown() {
        Some(shown) => Some(shown.to_vec()),
        None => Host::look_briefly(&host::Places::default()).logical_cores().map(|n| (0..n).collect()),
    };
    Ok(all.map(|all| all.into_iter().skip(first).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(device: &str) -> Target {
        Target { backend: "b".into(), device: device.into() }
    }

    fn of(n: u32) -> Replicas {
        Replicas::Count(n.try_into().expect("not 0"))
    }

    #[test]
    fn each_gpu_has_one() {
        let places = places(of(3), &on("cuda:1")).expect("counted");
        let devices: Vec<&str> = places.iter().map(|p| p.target.device.as_str()).collect();
        assert_eq!(devices, ["cuda:1", "cuda:2", "cuda:3"]);
    }

    #[test]
    fn each_neuron_core_is_shown_to_one() {
        let places = places(of(2), &on("neuron:0")).expect("counted");
        let shown: Vec<_> = places.iter().map(|p| (p.target.device.as_str(), p.env[0].1.clone())).collect();
        assert_eq!(shown, [("neuron:0", "0".into()), ("neuron:0", "1".into())]);
        assert_eq!(places[1].device, "neuron:1");
    }

    #[test]
    fn cpus_are_shared_out_whole() {
        let all = allowed_cpus();
        let places = places(Replicas::All, &on("cpu")).expect("counted");
        let shared: Vec<usize> = places.iter().flat_map(|p| p.cpus.clone().unwrap_or_default()).collect();
        assert_eq!(shared, if all.len() > 1 { all.clone() } else { Vec::new() });
        let too_many = u32::try_from(all.len() + 1).expect("few");
        assert!(super::places(of(too_many), &on("cpu")).is_err());
    }

    #[test]
    fn one_is_not_several_and_unknown_devices_are_not_counted() {
        assert_eq!(places(of(1), &on("cuda:0")).expect("counted"), []);
        assert!(places(Replicas::All, &on("tpu:0")).is_err());
    }
}
