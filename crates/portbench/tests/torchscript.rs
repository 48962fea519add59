//! A TorchScript file of one's own, from the command line to records. Needs `scripts/setup-libtorch`'s worker: `cargo build --release --workspace` puts it beside
//! this program.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const TRACED: &str = r#"
mode = "inference"
batch = 2
[model]
torchscript = "models/traced.pt"
inputs = [{ name = "x", dtype = "f32", shape = [2, 3, 16, 16] }]
outputs = [{ name = "features", dtype = "f32", shape = [2, 8] }]
"#;

const SCRIPTED: &str = r#"
mode = "inference"
[model]
torchscript = "models/scripted.pt"
inputs = [
    { name = "input_ids", dtype = "i64", shape = [2, 6], below = 64 },
    { name = "scale", dtype = "f32", shape = [], value = 0.5 },
]
"#;

const OTHER_INPUTS: &str = r#"
mode = "inference"
[model]
torchscript = "models/traced.pt"
inputs = [{ name = "x", dtype = "f32", shape = [2, 5, 16, 16] }]
"#;

const PICKLE: &str = r#"
mode = "inference"
[model]
torchscript = "models/state.pt"
inputs = [{ name = "x", dtype = "f32", shape = [2, 3, 16, 16] }]
"#;

const SUITE: &str = r#"
trials = 2
warmup = { min-seconds = 0.0, max-seconds = 0.1, min-executions = 1 }
sampling = { seconds = 0.02, min-samples = 3 }
backends = ["tch", "candle"]
"#;

fn home(workloads: &[(&str, &str)]) -> TempDir {
    let models = std::env::var_os("PORTBENCH_REFERENCE_MODELS")
        .expect("run scripts/test, which writes and names them");
    let models = PathBuf::from(models).join("torchscript");
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("workloads/suites")).unwrap();
    fs::create_dir_all(dir.path().join("workloads/models")).unwrap();
    for file in ["traced.pt", "scripted.pt", "state.pt"] {
        fs::copy(models.join(file), dir.path().join("workloads/models").join(file)).unwrap();
    }
    let mut suite = SUITE.to_owned();
    for (name, text) in workloads {
        fs::write(dir.path().join(format!("workloads/{name}.toml")), text).unwrap();
        suite.push_str(&format!("\n[[entries]]\nworkload = \"{name}\"\n"));
    }
    fs::write(dir.path().join("workloads/suites/own.toml"), suite).unwrap();
    dir
}

fn portbench(home: &TempDir, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portbench")).args(args).current_dir(home.path()).output().unwrap()
}

fn rows(home: &TempDir) -> Vec<Value> {
    let shown = portbench(home, &["show", "--format", "json"]);
    serde_json::from_slice(&shown.stdout).unwrap()
}

#[track_caller]
fn row<'r>(rows: &'r [Value], workload: &str, backend: &str) -> &'r Value {
    let found = rows.iter().find(|row| row["workload"] == workload && row["backend"] == backend);
    found.unwrap_or_else(|| panic!("no row of {workload} on {backend}: {rows:?}"))
}

#[test]
fn a_module_is_measured_where_it_can_be_loaded() {
    let home = home(&[("traced", TRACED), ("scripted", SCRIPTED)]);
    let output = portbench(&home, &["run", "own", "--no-report"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let rows = rows(&home);
    for workload in ["traced", "scripted"] {
        let measured = row(&rows, workload, "tch");
        assert_eq!(measured["outcome"], "measured", "{told}");
        assert!(measured["parity"].is_null());
        let refused = row(&rows, workload, "candle");
        assert_eq!(refused["outcome"], "unsupported");
        assert!(refused["detail"].as_str().unwrap().contains("candle loads no TorchScript"), "{refused}");
    }
    assert_eq!(row(&rows, "traced", "tch")["unit"], "samples");
    let table = String::from_utf8(portbench(&home, &["show"]).stdout).unwrap();
    assert!(table.contains("not checked"), "{table}");
    let plan = String::from_utf8(portbench(&home, &["plan", "own"]).stdout).unwrap();
    assert!(plan.contains("torchscript traced.pt") && plan.contains("no oracle"), "{plan}");
}

#[test]
fn what_is_wrong_with_a_file_ends_its_cell_alone() {
    let home = home(&[("other-inputs", OTHER_INPUTS), ("pickle", PICKLE), ("traced", TRACED)]);
    portbench(&home, &["run", "own", "--backend", "tch", "--no-report"]);
    let rows = rows(&home);
    let detail = |workload| {
        let row = row(&rows, workload, "tch");
        assert_eq!(row["outcome"], "crashed", "{row}");
        row["detail"].as_str().unwrap().to_owned()
    };
    assert!(detail("other-inputs").contains("forward(x f32[2,5,16,16])"));
    assert!(detail("pickle").contains("torch.jit.save"));
    assert_eq!(row(&rows, "traced", "tch")["outcome"], "measured");
    fs::remove_file(home.path().join("workloads/models/traced.pt")).unwrap();
    let output = portbench(&home, &["plan", "traced"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("traced.toml:5") && told.contains("torch.jit.save"), "{told}");
}
