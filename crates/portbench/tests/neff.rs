//! A NEFF of one's own, from the command line to records, over the double of libnrt (`../neuron/tests/double/nrt.c`): nothing here runs on a Neuron device.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../../neuron/tests/neuron/files.rs"]
mod files;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use files::{PROGRAM, libnrt, neff};
use serde_json::Value;
use tempfile::TempDir;

const WORKLOAD: &str = r#"
mode = "inference"
batch = 2
[model]
neff = "model.neff"
inputs = [{ name = "x", dtype = "f32", shape = [2, 3] }, { name = "token", dtype = "i64", shape = [], below = 100 }]
outputs = [{ name = "y", dtype = "f32", shape = [2, 3] }]
"#;

const SUITE: &str = r#"
trials = 2
warmup = { min-seconds = 0.0, max-seconds = 0.1, min-executions = 1 }
sampling = { seconds = 0.02, min-samples = 3 }
backends = ["neuron-neff@neuron:0"]
entries = [{ workload = "own", scenarios = ["single-stream", "offline"] }]
"#;

struct Home {
    dir: TempDir,
    env: Vec<(&'static str, PathBuf)>,
}

impl Home {
    /// A workload of a NEFF, the file of a device, and a double of libnrt compiled with these flags.
    fn new(flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("workloads/suites")).unwrap();
        fs::create_dir(dir.path().join("dev")).unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
        write("dev/neuron0", b"");
        write("workloads/own.toml", WORKLOAD.as_bytes());
        write("workloads/model.neff", &neff(PROGRAM));
        write("workloads/suites/neff.toml", SUITE.as_bytes());
        let library = dir.path().join("libnrt.so.1");
        libnrt(&library, flags);
        let env = vec![("PORTBENCH_LIBNRT", library), ("PORTBENCH_NEURON_DEVICES", dir.path().join("dev"))];
        Self { dir, env }
    }

    fn run(&self) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portbench"));
        command.args(["run", "neff", "--no-report", "--format", "json"]).current_dir(self.dir.path());
        for variable in ["NEURON_RT_VISIBLE_CORES", "NEURON_RT_NUM_CORES", "NEURON_LOGICAL_NC_CONFIG"] {
            command.env_remove(variable);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value))).output().unwrap()
    }

    /// The rows of a run.
    fn rows(&self) -> Vec<Value> {
        let output = self.run();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {told}"))
    }

    /// The records of all runs, as they are stored.
    fn records(&self) -> Vec<String> {
        let runs = fs::read_dir(self.dir.path().join("results/runs")).unwrap().flatten();
        let cells = runs.filter_map(|run| fs::read_dir(run.path().join("cells")).ok()).flatten();
        cells.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }

    #[track_caller]
    fn ends(&self, outcome: &str, words: &[&str]) {
        for row in self.rows() {
            assert_eq!(row["outcome"], outcome, "{row}");
            let detail = row["detail"].as_str().unwrap();
            for word in words {
                assert!(detail.contains(word), "`{word}` is not in: {detail}");
            }
        }
    }
}

#[test]
fn a_neff_is_measured_and_the_record_says_through_what() {
    let home = Home::new(&[]);
    let rows = home.rows();
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert_eq!(row["outcome"], "measured", "{row}");
        assert_eq!((&row["backend"], &row["device"]), (&"neuron-neff".into(), &"neuron:0".into()));
        // Nobody knows what a NEFF should compute.
        assert_eq!(row["parity"], Value::Null, "{row}");
    }
    for text in home.records() {
        let record: Value = serde_json::from_str(&text).unwrap();
        let backend = &record["backend"];
        assert_eq!(backend["versions"]["libnrt"], "2.34.10.0", "{backend}");
        assert_eq!(backend["versions"]["neuronx-cc"], "2.27.5334.0+double", "{backend}");
        assert_eq!(backend["settings"]["visible-cores"], "0", "{backend}");
        assert!(backend["settings"]["neff"].as_str().unwrap().contains("LNC 2"), "{backend}");
        assert!(
            text.contains("NEFF through libnrt") && text.contains("\"model\":\"neff model.neff\""),
            "{text}"
        );
    }
}

#[test]
fn a_failure_of_the_runtime_is_an_outcome_with_a_way_out() {
    let with = |call: &str, status: u32, after: u32| {
        let flags = [format!("-DORDER=\"{call}\""), format!("-DSTATUS={status}"), format!("-DAFTER={after}")];
        Home::new(&flags.each_ref().map(String::as_str))
    };
    with("nrt_init", 9, 0).ends("unavailable", &["NRT_LOAD_NOT_ENOUGH_NC", "neuron-ls lists them"]);
    with("nrt_load", 4, 0).ends("out-of-memory", &["NRT_RESOURCE", "use a smaller batch"]);
    with("nrt_load", 10, 0)
        .ends("crashed", &["NRT_UNSUPPORTED_NEFF_VERSION", "compiler of the installed SDK"]);
    with("nrt_execute", 1003, 3).ends("crashed", &["produced NaN", "check the inputs and weights"]);
    with("nrt_execute", 5, 3).ends("timed-out", &["NRT_TIMEOUT", "NEURON_RT_EXEC_TIMEOUT"]);
}

#[test]
fn what_is_missing_or_does_not_fit_is_named() {
    let mut home = Home::new(&[]);
    let of = |env: &[(&'static str, PathBuf)], name: &str, value: &str| {
        let mut env: Vec<_> = env.iter().filter(|(n, _)| *n != name).cloned().collect();
        env.push((Box::leak(name.to_owned().into_boxed_str()), value.into()));
        env
    };
    let good = home.env.clone();
    home.env = of(&good, "PORTBENCH_LIBNRT", "/no/such/libnrt.so.1");
    home.ends("unavailable", &["/no/such/libnrt.so.1", "PORTBENCH_LIBNRT"]);
    home.env = of(&good, "PORTBENCH_NEURON_DEVICES", "/no/such/dev");
    home.ends("unavailable", &["there is no Neuron device /no/such/dev/neuron0"]);
    home.env = of(&good, "NEURON_LOGICAL_NC_CONFIG", "1");
    home.ends("crashed", &["compiled with --lnc 2", "NEURON_LOGICAL_NC_CONFIG=2"]);
    home.env = good;
    let file = home.dir.path().join("workloads/model.neff");
    fs::write(&file, &neff(PROGRAM)[..2000.min(neff(PROGRAM).len() - 1)]).unwrap();
    home.ends("crashed", &["it is cut", "compile it again"]);
    fs::remove_file(&file).unwrap();
    let output = home.run();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("model.neff") && told.contains("neuronx-cc compile"), "{told}");
}
