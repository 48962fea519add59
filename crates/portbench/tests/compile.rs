//! Compiling, by `compile` and by `run`, with the double of torch_neuronx in the place of the package: there is no compiler and no device. Needs
//! `scripts/setup-python` and the extension module, which `cargo build --release -p portbench-python` makes.
//!
//! torch_xla, which these engines stand on, has wheels for Linux on x86-64 alone.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const WORKLOAD: &str = "model = { family = \"mlp\", preset = \"tiny\" }\nmode = \"inference\"\nbatch = 2\n";

/// Of a suite with these scenarios.
const SUITE: &str = r#"
trials = 1
compile-limit = 20
warmup = { min-seconds = 0.0, max-seconds = 0.1, min-executions = 1 }
sampling = { seconds = 0.05, min-samples = 3 }

[[entries]]
workload = "tiny-mlp"
scenarios = SCENARIOS
"#;

/// Makes the double fail.
const FAULT: &str = "PORTBENCH_DOUBLE_COMPILER";

struct Home {
    directory: TempDir,
}

impl Home {
    /// A directory with a suite of one cell, one of two cells of one program, and the file of a device. The parity check has a batch of 1, which is
    /// another program.
    fn new() -> Self {
        let home = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir_all(home.path("workloads/suites")).unwrap();
        fs::create_dir(home.path("devices")).unwrap();
        fs::write(home.path("devices/neuron0"), "").unwrap();
        fs::write(home.path("workloads/tiny-mlp.toml"), WORKLOAD).unwrap();
        for (name, scenarios) in
            [("one", "[\"single-stream\"]"), ("tiny", "[\"single-stream\", \"offline\"]")]
        {
            let text = SUITE.replace("SCENARIOS", scenarios);
            fs::write(home.path("workloads/suites").join(name).with_extension("toml"), text).unwrap();
        }
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// `portbench` with the double: its exit code, standard output, and both outputs.
    fn portbench(&self, args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String, String) {
        let double = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/tests/double");
        let mut command = Command::new(env!("CARGO_BIN_EXE_portbench"));
        command.args(args).current_dir(self.directory.path());
        command.env("PYTHONPATH", double).env("PORTBENCH_NEURON_CACHE", self.path("cache"));
        command.env("PORTBENCH_NEURON_DEVICES", self.path("devices")).env("PORTBENCH_NEURON_TARGET", "trn1");
        command.env_remove("NEURON_LOGICAL_NC_CONFIG").env_remove("PORTBENCH_NEURON_FLAGS");
        let output = command.envs(env.iter().copied()).output().unwrap();
        let [told, said] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        let both = format!("{told}{said}");
        (output.status.code(), told, both)
    }

    /// `portbench compile`: its exit code, and what it said.
    fn compile(&self, target: &str, further: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
        let (code, _, text) =
            self.portbench(&[&["compile", "tiny", "--target", target], further].concat(), env);
        (code, text)
    }

    /// `portbench run` of one cell: its record.
    fn run(&self, further: &[&str], env: &[(&str, &str)]) -> Value {
        let _ = fs::remove_dir_all(self.path("results/runs"));
        let args = ["run", "one", "--backend", "neuron-trace@neuron:0", "--no-report"];
        let (_, _, text) = self.portbench(&[&args, further].concat(), env);
        let runs = fs::read_dir(self.path("results/runs")).unwrap().flatten();
        let cells = runs.filter_map(|run| fs::read_dir(run.path().join("cells")).ok());
        let record = cells.flatten().flatten().next().unwrap_or_else(|| panic!("no record: {text}"));
        serde_json::from_str(&fs::read_to_string(record.path()).unwrap()).unwrap()
    }

    /// Files of the cache with this ending.
    fn cached(&self, ending: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("cache")).into_iter().flatten().flatten();
        let files = entries.flat_map(|entry| fs::read_dir(entry.path()).unwrap().flatten()).map(|f| f.path());
        files.filter(|path| path.to_str().unwrap().ends_with(ending)).collect()
    }
}

/// How a record ended, and why.
#[track_caller]
fn ends(record: &Value, outcome: &str, says: &[&str]) {
    let detail = record["detail"].as_str().unwrap_or_default();
    assert_eq!(record["outcome"], outcome, "{detail}");
    for words in says {
        assert!(detail.contains(words), "`{words}` is not in: {detail}");
    }
    assert!(!detail.contains("CompilationFailed"), "{detail}");
}

#[test]
fn what_was_compiled_is_kept_until_it_is_damaged() {
    let home = Home::new();
    let (code, text) = home.compile("trn1", &[], &[]);
    assert_eq!(code, Some(0), "{text}");
    // Two cells, one program, and that of its parity check.
    assert_eq!(text.matches("  compiled  ").count(), 2, "{text}");
    assert!(text.contains("tiny-mlp (parity)"), "{text}");
    let (_, text) = home.compile("trn1", &[], &[]);
    assert_eq!((text.matches("  cached  ").count(), text.matches("  compiled  ").count()), (2, 0), "{text}");
    let path = home.cached(".pt").remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (code, text) = home.compile("trn1", &[], &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("is not what was stored"), "{text}");
    assert_eq!(text.matches("  compiled  ").count(), 1, "{text}");
}

#[test]
fn a_run_finds_what_was_compiled_and_records_what_it_cost() {
    let home = Home::new();
    let env = [(FAULT, "hungry")];
    let (code, told, text) =
        home.portbench(&["compile", "tiny", "--target", "trn1n", "--format", "json"], &env);
    assert_eq!(code, Some(0), "{text}");
    let rows: Value = serde_json::from_str(&told).unwrap();
    let memory: f64 = rows[0]["memory-MB"].as_str().unwrap().parse().unwrap();
    // That of the process that the double starts; the Python that traces has several times as much.
    assert!((100.0..200.0).contains(&memory), "{rows}");
    let record = home.run(&[], &[]);
    ends(&record, "measured", &[]);
    let found = &record["trials"][0]["compilations"];
    for program in ["parity", "timed"] {
        let entry = &found[program][0];
        assert_eq!((entry["cached"].as_bool(), entry["entry"].as_str()), (Some(true), Some("forward")));
        assert!(
            entry["seconds"].as_f64().unwrap() > 1.9 && entry["bytes"].as_u64().unwrap() > 1000,
            "{found}"
        );
        assert!(entry["memory"].as_f64().unwrap() > 100e6, "{found}");
    }
    // Other flags are another artefact.
    let record = home.run(&["--auto-cast", "matmult-bf16", "--optlevel", "1"], &[]);
    assert_eq!(record["trials"][0]["compilations"]["timed"][0]["cached"], false, "{record}");
    assert_eq!(
        record["backend"]["settings"]["neuronx-cc-flags"],
        "--target trn1 --auto-cast matmult --auto-cast-type bf16 --optlevel 1 --lnc 1"
    );
    let (code, table, text) = home.portbench(&["show", "--compilation"], &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(table.contains("  parity check  forward  compiled  "), "{table}");
    let (code, _, text) = home.portbench(&["report", "--out", "site"], &[]);
    assert_eq!(code, Some(0), "{text}");
    let mut pages = vec![home.path("site")];
    let mut site = String::new();
    while let Some(path) = pages.pop() {
        if path.is_dir() {
            pages.extend(fs::read_dir(path).unwrap().map(|file| file.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "html") {
            site.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    assert!(site.contains("What compiling cost."), "the site has no such table");
    // The command that measures it again has its flags.
    assert!(site.contains("--trials 1 --auto-cast matmult-bf16 --optlevel 1</code>"), "{record}");
}

#[test]
fn a_refused_program_is_a_result_and_is_not_tried_again() {
    let home = Home::new();
    let refused = [(FAULT, "refused")];
    let (code, told, text) =
        home.portbench(&["compile", "tiny", "--target", "inf2", "--format", "json"], &refused);
    assert_eq!(code, Some(1), "{text}");
    let rows: Value = serde_json::from_str(&told).unwrap();
    for (column, value) in
        [("entry", "forward"), ("cause", "element-type"), ("code", "NCC_EVRF013"), ("op", "topk")]
    {
        assert_eq!(rows[0][column], value, "{rows}");
    }
    // The compiler would take it now; nothing that the result depends on has changed.
    let (code, text) = home.compile("inf2", &[], &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("failed before, and nothing has changed: NCC_EVRF013"), "{text}");
    let log = home.cached("log.txt").remove(0);
    assert!(fs::read_to_string(&log).unwrap().contains("NCC_EVRF013"));
    assert!(text.contains(log.to_str().unwrap()), "{text}");
    // Another target is another key; and what failed can be forgotten.
    let (code, text) = home.compile("trn1", &[], &[]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = home.compile("inf2", &["--again"], &[]);
    assert_eq!((code, text.matches("  compiled  ").count()), (Some(0), 2), "{text}");
}

#[test]
fn a_run_ends_as_the_compiler_did_and_does_not_ask_it_again() {
    for (fault, outcome, says) in [
        ("refused", "unsupported", ["topk in `forward`", "NCC_EVRF013"]),
        ("large", "out-of-memory", ["NCC_EOOM001", "use a smaller batch"]),
        ("killed", "out-of-memory", ["killed (signal 9)", "compile on a host with more memory"]),
    ] {
        let home = Home::new();
        ends(&home.run(&[], &[(FAULT, fault)]), outcome, &says);
        let again = [&says[..], &["failed before, and nothing has changed", "compile --again"]].concat();
        ends(&home.run(&[], &[]), outcome, &again);
    }
}

#[test]
fn what_the_compiler_had_no_time_for_is_not_tried_again() {
    let home = Home::new();
    let record = home.run(&[], &[(FAULT, "slow")]);
    ends(&record, "timed-out", &["stopped after", "portbench compile --limit SECONDS"]);
    ends(&home.run(&[], &[]), "timed-out", &["failed before, and nothing has changed: stopped after"]);
    // Whoever gives it more time lets it try.
    let (code, text) = home.compile("trn1", &[], &[]);
    assert_eq!(code, Some(0), "{text}");
    ends(&home.run(&[], &[]), "measured", &[]);
}

#[test]
fn past_its_limit_it_is_ended() {
    let home = Home::new();
    let (code, text) = home.compile("trn1", &["--limit", "12"], &[(FAULT, "slow")]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("stopped after") && text.contains("time-limit"), "{text}");
    ends(&home.run(&[], &[]), "timed-out", &["failed before", "stopped after"]);
}

#[test]
fn a_killed_compiler_is_a_result() {
    let home = Home::new();
    let (code, text) = home.compile("trn1", &[], &[(FAULT, "killed")]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("killed (signal 9)") && text.contains("more memory"), "{text}");
    let (_, text) = home.compile("trn1", &[], &[]);
    assert!(text.contains("failed before, and nothing has changed: killed (signal 9)"), "{text}");
}

#[test]
fn what_the_compiler_did_not_say_is_not_kept() {
    let home = Home::new();
    let (code, text) = home.compile("trn1", &[], &[(FAULT, "missing")]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("neuronx-cc (") && text.contains("put it on the PATH"), "{text}");
    let (code, text) = home.compile("trn1", &[], &[(FAULT, "disk")]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("No space left on device") && !text.contains("failed before"), "{text}");
    let (code, text) = home.compile("trn1", &[], &[]);
    assert_eq!((code, text.matches("  compiled  ").count()), (Some(0), 2), "{text}");
}

#[test]
fn a_record_names_nobody() {
    let home = Home::new();
    fs::create_dir_all(home.path("home/alice")).unwrap();
    fs::write(home.path("home/alice/.cache"), "").unwrap();
    let alice = home.path("home/alice");
    let env = [("HOME", alice.to_str().unwrap()), ("PORTBENCH_NEURON_CACHE", ""), ("XDG_CACHE_HOME", "")];
    let record = home.run(&[], &env);
    ends(
        &record,
        "crashed",
        &["~/.cache/portbench/neuron", "name another directory in PORTBENCH_NEURON_CACHE"],
    );
    assert!(!record.to_string().contains("alice"), "{record}");
}

#[test]
fn flags_that_nobody_is_told_are_refused() {
    let home = Home::new();
    let args = ["run", "one", "--backend", "candle", "--optlevel", "1"];
    let (code, _, text) = home.portbench(&args, &[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("--optlevel 1: flags of neuronx-cc are for neuron-trace"), "{text}");
    let (code, text) = home.compile("trn1", &["--lnc", "2"], &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("trn1 has no logical cores of two"), "{text}");
    let (code, text) = home.compile("trn1", &[], &[("PORTBENCH_NEURON_FLAGS", "-O1")]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("PORTBENCH_NEURON_FLAGS=-O1: `-O1` is no flag"), "{text}");
}

#[test]
fn without_the_package_nothing_is_compiled() {
    let (code, text) = Home::new().compile("trn2", &[], &[("PYTHONPATH", "")]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("the package torch-neuronx is not available"), "{text}");
}
