//! Engines for Neuron where there is no Neuron device: what they refuse, with the way out. The packages are files of metadata; nothing of AWS's is imported.
//!
//! torch_xla, which these engines stand on, has wheels for Linux on x86-64 alone.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

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
    command.env("PYTHONPATH", path).envs(env.iter().copied());
    for variable in ["NEURON_LOGICAL_NC_CONFIG", "NEURON_RT_VISIBLE_CORES", "NEURON_RT_NUM_CORES"] {
        if env.iter().all(|(name, _)| *name != variable) {
            command.env_remove(variable);
        }
    }
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
    let none = installed(&[("torch-neuronx", "dev")]);
    let text = refusal("neuron-trace", "neuron:0", &[none.path()], &[]);
    assert!(text.contains("torch-neuronx here is dev, of neither line"), "{text}");
}

#[test]
fn one_compiler_has_to_be_there() {
    let none = installed(&[("torch-neuronx", "2.9.0.2.15.32035")]);
    let text = refusal("neuron-trace", "neuron:0", &[none.path()], &[]);
    assert!(
        text.contains("neuronx-cc, which compiles, is not available; pip install neuronx-cc==2.26"),
        "{text}"
    );
    let two = [installed(&[("neuronx-cc", "2.26.6360.0")]), installed(&[("neuronx-cc", "2.28.7631.0")])];
    let text = refusal("neuron-trace", "neuron:0", &[none.path(), two[0].path(), two[1].path()], &[]);
    assert!(text.contains("2.26.6360.0 and 2.28.7631.0"), "{text}");
}

/// What the engine says beside the double of torch_neuronx and a device.
fn beside_the_double(engine: &str, device: &str, env: &[(&str, &str)]) -> String {
    let double = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/double");
    let there = tempfile::tempdir().unwrap();
    fs::write(there.path().join("neuron0"), "").unwrap();
    let devices = ("PORTBENCH_NEURON_DEVICES", there.path().to_str().unwrap());
    refusal(engine, device, &[&double], &[&[devices, ("PORTBENCH_NEURON_TARGET", "trn1")], env].concat())
}

#[test]
fn a_core_that_the_environment_does_not_show_is_not_taken() {
    let shown = ("NEURON_RT_VISIBLE_CORES", "4-7");
    let text = beside_the_double("neuron-trace", "neuron:4", &[shown]);
    assert!(text.contains("NEURON_RT_VISIBLE_CORES=4-7 shows 4 NeuronCore(s)"), "{text}");
    let text = beside_the_double("neuron-trace", "neuron:0", &[("NEURON_RT_VISIBLE_CORES", "abc")]);
    assert!(text.contains("NEURON_RT_VISIBLE_CORES=abc names no NeuronCores"), "{text}");
    let text = beside_the_double("neuron-trace", "neuron:1", &[("NEURON_RT_NUM_CORES", "1")]);
    assert!(text.contains("NEURON_RT_NUM_CORES=1 shows 1 NeuronCore(s)"), "{text}");
    let text = beside_the_double("neuron-trace", "neuron:99", &[]);
    assert!(text.contains("NeuronCore 99 on a machine of 1 chip(s) with 8 cores at most"), "{text}");
}

#[test]
fn an_environment_that_changes_numerics_is_refused() {
    let text = beside_the_double("neuron-trace", "neuron:0", &[("NEURON_CC_FLAGS", "--auto-cast all")]);
    assert!(text.contains("NEURON_CC_FLAGS=--auto-cast all") && text.contains("unset it"), "{text}");
    let text = refusal("torch-xla", "cpu", &[], &[("XLA_USE_BF16", "1")]);
    assert!(text.contains("XLA_USE_BF16=1: f32 would be computed in bf16"), "{text}");
}

/// `neuron-native` opened on what stands for a package that counts ops which ran on the CPU, or not: no device, and nothing of AWS's.
const NATIVE: &str = "
import os, sys, types
import torch
from portbench_torch.engines import lines, neuron

torch.utils.rename_privateuse1_backend('neuron')
package = types.ModuleType('torch_neuronx')
fallen = []
if sys.argv[1] == 'counts':
    package.get_fallback_ops = lambda: list(fallen)
sys.modules['torch_neuronx'] = package
lines.find = lambda *_: lines.Installed(lines.NATIVE_LINE, '2.14.3.0', '2.14.0', '2.28.7631.0')
engine = neuron.Native('neuron:0')
print(engine.describe())
run = object.__new__(neuron.Watched)
run.graph = types.SimpleNamespace(name='forward')
run.executable = types.SimpleNamespace(engine=engine)
neuron.Run.executor = lambda self: lambda: fallen.append('aten::what')
try:
    run.executor()()
except neuron.FellBack as error:
    print(error)
";

#[test]
fn native_sets_and_records_its_flags_and_what_it_knows_of_the_cpu() {
    let opened = |argument: &str| {
        let like = python(&[]);
        let mut command = Command::new(common::interpreter());
        command.args(["-c", NATIVE, argument]).envs(like.get_envs().filter_map(|(k, v)| Some((k, v?))));
        command.env("PORTBENCH_NEURON_TARGET", "trn2").env("NEURON_RT_VISIBLE_CORES", "0");
        command.env("NEURON_RT_EXEC_TIMEOUT", "30").env_remove("NEURON_LOGICAL_NC_CONFIG");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let counting = opened("counts");
    let (described, rest) = counting.split_once('\n').unwrap();
    let info: serde_json::Value = serde_json::from_str(described).unwrap();
    let setting = |name: &str| info["settings"][name].as_str().unwrap_or_default();
    assert_eq!((setting("target"), setting("lnc"), setting("NEURON_RT_EXEC_TIMEOUT")), ("trn2", "2", "30"));
    assert_eq!(
        setting("neuronx-cc-flags"),
        "--auto-cast none --optlevel 2 --lnc 2 --native-int64 disabled --implicit-integer-downcast all (in NEURON_CC_FLAGS)"
    );
    assert!(setting("cpu-fallback").contains("is an error (get_fallback_ops)"), "{described}");
    assert_eq!(rest.trim(), "entry `forward` ran on the CPU in part: aten::what");
    let silent = opened("does not");
    assert!(silent.contains("ops that run on the CPU are not watched: this version counts none"), "{silent}");
    assert_eq!(silent.lines().count(), 1, "{silent}");
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
