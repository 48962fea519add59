//! Engines for Neuron where there is no Neuron device: what they refuse, with the way out. The packages are files of metadata; nothing of AWS's is imported.
//!
//! torch_xla, which these engines stand on, has wheels for Linux on x86-64 alone.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::env;
use std::fs;
use std::path::Path;

use common::python;
use portbench_worker::{Failure, FromWorker};
use tempfile::TempDir;

/// A directory with nothing but the metadata of these packages.
fn installed(packages: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, version) in packages {
        let info = dir.path().join(format!("{}-{version}.dist-info", name.replace('-', "_")));
        fs::create_dir(&info).unwrap();
        let text = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
        fs::write(info.join("METADATA"), text).unwrap();
    }
    dir
}

/// Why the engine is not available beside these directories.
fn refusal(engine: &str, device: &str, paths: &[&Path], env: &[(&str, &str)]) -> String {
    let mut command = python(&["worker", "--engine", engine, "--device", device]);
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = env::join_paths([own].into_iter().chain(paths.iter().copied())).unwrap();
    command.env("PYTHONPATH", path).env_remove("NEURON_LOGICAL_NC_CONFIG").envs(env.iter().copied());
    let output = command.output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let last = lines.lines().last().unwrap_or_default();
    match serde_json::from_str(last) {
        Ok(FromWorker::Failed { failure: Failure::Unavailable, text }) => text,
        other => panic!("not unavailable: {other:?}\n{}", String::from_utf8_lossy(&output.stderr)),
    }
}

#[test]
fn without_the_package_it_is_not_available() {
    for engine in ["neuron-trace", "neuron-native"] {
        let text = refusal(engine, "neuron:0", &[], &[]);
        assert!(text.starts_with("the package torch-neuronx is not available; "), "{text}");
        assert!(text.contains("PORTBENCH_PYTHON"), "{text}");
    }
}

#[test]
fn a_device_of_another_kind_is_refused_first() {
    let text = refusal("neuron-trace", "cpu", &[], &[]);
    assert_eq!(text, "neuron-trace on `cpu` is not available; its devices are neuron:N, N a NeuronCore");
}

#[test]
fn each_engine_wants_its_own_line() {
    let native = installed(&[("torch-neuronx", "2.14.3.0")]);
    let text = refusal("neuron-trace", "neuron:0", &[native.path()], &[]);
    assert!(text.contains("torch-neuronx here is 2.14.3.0, TorchNeuron"), "{text}");
    let xla = installed(&[("torch-neuronx", "2.9.0.2.15.32035")]);
    let text = refusal("neuron-native", "neuron:0", &[xla.path()], &[]);
    assert!(text.contains("torch-neuronx here is 2.9.0.2.15.32035, the XLA line"), "{text}");
    let neither = installed(&[("torch-neuronx", "2.11.0.0")]);
    let text = refusal("neuron-native", "neuron:0", &[neither.path()], &[]);
    assert!(text.contains("of neither line"), "{text}");
}

#[test]
fn mixed_lines_are_refused() {
    let both =
        [installed(&[("torch-neuronx", "2.14.3.0")]), installed(&[("torch-neuronx", "2.9.0.2.15.32035")])];
    for engine in ["neuron-trace", "neuron-native"] {
        let text = refusal(engine, "neuron:0", &[both[0].path(), both[1].path()], &[]);
        assert!(text.contains("2.14.3.0 and 2.9.0.2.15.32035"), "{text}");
    }
}

#[test]
fn torch_has_to_be_of_the_same_version() {
    let alone = installed(&[("torch-neuronx", "2.14.3.0")]);
    let text = refusal("neuron-native", "neuron:0", &[alone.path()], &[]);
    assert!(
        text.contains("torch 2.14, which torch-neuronx 2.14.3.0 belongs to (torch here is 2.9.0"),
        "{text}"
    );
    let beside = installed(&[("torch-neuronx", "2.14.3.0"), ("torch", "2.14.0")]);
    let text = refusal("neuron-native", "neuron:0", &[beside.path()], &[]);
    assert!(text.contains("TorchNeuron 2.14.3.0 alone: torch-xla of the XLA line beside it"), "{text}");
}

#[test]
fn without_a_device_it_is_not_available() {
    let packages = installed(&[("torch-neuronx", "2.9.0.2.15.32035"), ("neuronx-cc", "2.26.6360.0")]);
    let none = tempfile::tempdir().unwrap();
    let env = [("PORTBENCH_NEURON_DEVICES", none.path().to_str().unwrap())];
    let text = refusal("neuron-trace", "neuron:0", &[packages.path()], &env);
    assert!(text.starts_with("a Neuron device ("), "{text}");
    assert!(text.contains("aws-neuronx-dkms"), "{text}");
}

#[test]
fn metadata_alone_is_not_the_package() {
    let packages = installed(&[("torch-neuronx", "2.9.0.2.15.32035"), ("neuronx-cc", "2.26.6360.0")]);
    let there = tempfile::tempdir().unwrap();
    fs::write(there.path().join("neuron0"), "").unwrap();
    let env = [("PORTBENCH_NEURON_DEVICES", there.path().to_str().unwrap())];
    let text = refusal("neuron-trace", "neuron:0", &[packages.path()], &env);
    assert!(text.contains("No module named 'torch_neuronx'"), "{text}");
}

#[test]
fn a_logical_core_that_the_target_lacks_is_refused() {
    let double = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/double");
    let there = tempfile::tempdir().unwrap();
    fs::write(there.path().join("neuron0"), "").unwrap();
    let env = [
        ("PORTBENCH_NEURON_DEVICES", there.path().to_str().unwrap()),
        ("PORTBENCH_NEURON_TARGET", "trn1"),
        ("NEURON_LOGICAL_NC_CONFIG", "2"),
    ];
    let text = refusal("neuron-trace", "neuron:0", &[&double], &env);
    assert!(text.contains("trn1 has no logical cores of two"), "{text}");
}
