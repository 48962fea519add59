//! `compile`, with the double of torch_neuronx in the place of the package: there is no compiler and no device. Needs `scripts/setup-python` and the extension
//! module, which `cargo build --release -p portbench-python` makes.
//!
//! torch_xla, which these engines stand on, has wheels for Linux on x86-64 alone.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const WORKLOAD: &str = "model = { family = \"mlp\", preset = \"tiny\" }\nmode = \"inference\"\nbatch = 2\n";

/// A directory with a workload in two cells of one program.
fn home() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("workloads/suites")).unwrap();
    fs::write(dir.path().join("workloads/tiny-mlp.toml"), WORKLOAD).unwrap();
    let suite =
        "trials = 1\n\n[[entries]]\nworkload = \"tiny-mlp\"\nscenarios = [\"single-stream\", \"offline\"]\n";
    fs::write(dir.path().join("workloads/suites/tiny.toml"), suite).unwrap();
    dir
}

/// `portbench compile` with the double.
fn compile(home: &TempDir, target: &str, further: &[&str], env: &[(&str, &str)]) -> (Output, String) {
    let double = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/tests/double");
    let mut command = Command::new(env!("CARGO_BIN_EXE_portbench"));
    command.args(["compile", "tiny", "--target", target]).args(further).current_dir(home.path());
    command.env("PYTHONPATH", double).env("PORTBENCH_NEURON_CACHE", home.path().join("cache"));
    command.env_remove("NEURON_LOGICAL_NC_CONFIG").envs(env.iter().copied());
    let output = command.output().unwrap();
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat();
    (output, text)
}

/// The only artefact of the cache.
fn artefact(home: &TempDir) -> PathBuf {
    let entries = fs::read_dir(home.path().join("cache")).unwrap().flatten();
    let mut files = entries.flat_map(|entry| fs::read_dir(entry.path()).unwrap().flatten()).map(|f| f.path());
    files.find(|path| path.extension().is_some_and(|e| e == "pt")).unwrap()
}

#[test]
fn what_was_compiled_is_kept_until_it_is_damaged() {
    let home = home();
    let (output, text) = compile(&home, "trn1", &[], &[]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    // Two cells, one program.
    assert_eq!(text.matches("  compiled  ").count(), 1, "{text}");
    let (_, text) = compile(&home, "trn1", &[], &[]);
    assert_eq!((text.matches("  cached  ").count(), text.matches("  compiled  ").count()), (1, 0), "{text}");
    let path = artefact(&home);
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (output, text) = compile(&home, "trn1", &[], &[]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("is not what was stored"), "{text}");
    assert_eq!(text.matches("  compiled  ").count(), 1, "{text}");
}

#[test]
fn a_refused_program_is_a_result_and_is_not_tried_again() {
    let home = home();
    let (output, text) = compile(&home, "inf2", &[], &[("PORTBENCH_DOUBLE_COMPILER", "refused")]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("NCC_EVRF013") && text.contains("(op topk)"), "{text}");
    // The compiler would take it now; nothing that the result depends on has changed.
    let (output, text) = compile(&home, "inf2", &[], &[]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("failed before, and nothing has changed: NCC_EVRF013"), "{text}");
    // Another target is another key.
    let (output, text) = compile(&home, "trn1", &[], &[]);
    assert_eq!(output.status.code(), Some(0), "{text}");
}

#[test]
fn a_killed_compiler_is_a_result() {
    let home = home();
    let (output, text) = compile(&home, "trn1", &[], &[("PORTBENCH_DOUBLE_COMPILER", "killed")]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("killed (signal 9)") && text.contains("more memory"), "{text}");
    let (_, text) = compile(&home, "trn1", &[], &[]);
    assert!(text.contains("failed before, and nothing has changed: killed (signal 9)"), "{text}");
}

#[test]
fn past_its_limit_it_is_ended() {
    let (output, text) =
        compile(&home(), "trn1", &["--limit", "1"], &[("PORTBENCH_DOUBLE_COMPILER", "slow")]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("limit 1") || text.contains("stopped after 1 s"), "{text}");
}

#[test]
fn without_the_package_nothing_is_compiled() {
    let (output, text) = compile(&home(), "trn2", &[], &[("PYTHONPATH", "")]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("the package torch-neuronx is not available"), "{text}");
}
