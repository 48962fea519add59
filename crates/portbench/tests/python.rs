//! Engines written in Python, from the command line to records. Needs `scripts/setup-python` and the extension module, which
//! `cargo build --release -p portbench-python` makes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

const GENERATE: &str = r#"
model = { family = "gpt2", preset = "tiny" }
mode = "generate"
prompt = 8
new-tokens = 4
numerics = ["f32", "bf16"]
"#;

const TRAINING: &str = r#"
model = { family = "mlp", preset = "tiny" }
mode = "training"
batch = 4
"#;

const SUITE: &str = r#"
trials = 1
warmup = { min-seconds = 0.0, max-seconds = 0.1, min-executions = 1 }
sampling = { seconds = 0.05, min-samples = 3 }

[[entries]]
workload = "tiny-generate"

[[entries]]
workload = "tiny-training"
"#;

fn home() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("workloads/suites")).unwrap();
    fs::write(dir.path().join("workloads/tiny-generate.toml"), GENERATE).unwrap();
    fs::write(dir.path().join("workloads/tiny-training.toml"), TRAINING).unwrap();
    fs::write(dir.path().join("workloads/suites/tiny.toml"), SUITE).unwrap();
    dir
}

fn portbench(home: &TempDir, args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portbench"));
    command.args(args).current_dir(home.path()).envs(env.iter().copied()).output().unwrap()
}

fn measures(backend: &str) {
    let home = home();
    let output = portbench(&home, &["run", "tiny", "--backend", backend, "--no-report"], &[]);
    let [table, told] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(table.matches(" measured ").count(), 3, "{table}{told}");
    assert_eq!(output.status.code(), Some(0), "{table}{told}");
}

#[test]
fn torch_measures() {
    measures("torch@cpu");
}

#[test]
fn torch_compile_measures() {
    measures("torch-compile@cpu");
}

#[test]
fn what_is_missing_is_named_with_the_way_out() {
    let home = home();
    let told = |backend: &str, env: &[(&str, &str)]| {
        let args = ["run", "tiny", "--workload", "tiny-training", "--backend", backend, "--no-report"];
        let output = portbench(&home, &args, env);
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        assert!(text.contains("unavailable"), "{text}");
        text
    };
    let text = told("torch@cpu", &[("PORTBENCH_PYTHON", "no-such-python")]);
    assert!(text.contains("Python `no-such-python` (from PORTBENCH_PYTHON)"), "{text}");
    let text = told("torch@cpu", &[("PORTBENCH_PYTHON_EXTENSION", "/no/such/file")]);
    assert!(text.contains("/no/such/file (from PORTBENCH_PYTHON_EXTENSION)"), "{text}");
    let text = told("torch@tpu:0", &[]);
    assert!(text.contains("its devices are cpu and cuda:N"), "{text}");
}
