//! The command line as a person uses it, on work that takes milliseconds.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use portbench_backend::{HostTensor, save_tensors};
use serde_json::Value;

const TINY: &str = r#"
model = { family = "gpt2", preset = "tiny" }
mode = "generate"
prompt = 8
new-tokens = 4
numerics = ["f32", "bf16"]
"#;

const SUITE: &str = r#"
trials = 3
warmup = { min-seconds = 0.0, max-seconds = 0.1, min-executions = 1 }
sampling = { seconds = 0.05, min-samples = 3 }

[[entries]]
workload = "tiny-generate"

[[entries]]
workload = "tiny-mlp"
scenarios = ["single-stream", "offline", { server = { rate = 200.0, bounds = { latency = 0.5 } } }]
"#;

const MLP: &str = r#"
model = { family = "mlp", preset = "tiny" }
mode = "inference"
batch = 4
"#;

struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("workloads/suites")).unwrap();
        fs::write(dir.path().join("workloads/tiny-generate.toml"), TINY).unwrap();
        fs::write(dir.path().join("workloads/tiny-mlp.toml"), MLP).unwrap();
        fs::write(dir.path().join("workloads/suites/tiny.toml"), SUITE).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn portbench(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_portbench"))
            .args(args)
            .current_dir(self.dir.path())
            .output()
            .unwrap()
    }

    /// Runs, expects this exit code, and gives stdout and stderr.
    fn expect(&self, code: i32, args: &[&str]) -> (String, String) {
        let output = self.portbench(args);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        (out, err)
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.expect(0, args).0).unwrap()
    }
}

#[test]
fn a_suite_runs_and_is_shown_compared_and_reported() {
    let home = Home::new();
    let (table, told) = home.expect(0, &["run", "tiny"]);
    assert_eq!(table.matches("measured").count(), 5, "{table}");
    assert!(told.contains("index.html"), "{told}");

    let rows = home.json(&["show", "--format", "json"]);
    for row in rows.as_array().unwrap() {
        assert_eq!(row["outcome"], "measured");
        assert_eq!(row["parity"], true);
        let figures = row["figures"].as_array().unwrap();
        let throughput = figures.iter().find(|f| f["metric"] == "throughput").unwrap();
        assert_eq!(throughput["value"]["is"], "estimated", "{row}");
        let [low, value, high] = ["low", "value", "high"].map(|k| throughput["value"][k].as_f64().unwrap());
        assert!(0.0 <= low && low <= value && value <= high && value > 0.0, "{throughput}");
        assert_eq!(throughput["trials"].as_array().unwrap().len(), 3);
    }
    let (lowering, _) = home.expect(0, &["show", "--lowering"]);
    assert!(lowering.contains("attention") && lowering.contains("native"), "{lowering}");

    let (same, _) = home.expect(0, &["compare", "latest", "latest", "--gate"]);
    assert!(!same.contains("slower") && !same.contains("faster"), "{same}");

    let (files, _) = home.expect(0, &["report"]);
    assert!(files.contains("throughput.svg"), "{files}");
    let page = home.dir.path().join(files.lines().next().unwrap());
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains("<svg") && !text.contains("http://www.w3.org/1999/xlink"), "the page stands alone");
    assert!(fs::read_to_string(page.with_file_name("report.md")).unwrap().contains("| tiny-mlp |"));
    home.expect(0, &["report", "--out", "site"]);
    assert!(fs::read_to_string(home.path("site/index.html")).unwrap().contains("tiny-mlp"));

    let (again, told) = home.expect(0, &["run", "tiny", "--resume", "latest"]);
    assert_eq!(again.matches("measured").count(), 5);
    assert!(told.contains("5 finished before"), "{told}");
}

#[test]
fn two_runs_side_by_side_keep_apart() {
    let home = Home::new();
    let start = || {
        Command::new(env!("CARGO_BIN_EXE_portbench"))
            .args(["run", "tiny", "--workload", "tiny-mlp", "--no-report"])
            .current_dir(home.dir.path())
            .output()
            .unwrap()
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(start);
        assert!(start().status.success());
        assert!(other.join().unwrap().status.success());
    });
    let runs = fs::read_dir(home.path("results/runs")).unwrap();
    let runs = runs.filter(|e| e.as_ref().unwrap().path().join("run.json").exists()).count();
    assert_eq!(runs, 2);
    home.expect(0, &["show", "latest"]);
}

#[test]
fn the_number_of_threads_is_that_of_the_command_line() {
    let home = Home::new();
    let narrow = ["run", "tiny", "--workload", "tiny-generate", "--numerics", "f32", "--no-report"];
    for threads in ["1", "2"] {
        let args: Vec<&str> = narrow.into_iter().chain(["--threads", threads]).collect();
        assert!(home.expect(0, &args).0.contains("measured"));
    }
}

#[test]
fn replicas_share_the_cpus_and_are_held_against_one_alone() {
    let home = Home::new();
    home.expect(0, &["run", "tiny-generate", "--numerics", "f32", "--replicas", "2", "--no-report"]);
    let rows = home.json(&["show", "--format", "json"]);
    let [one, two] = rows.as_array().unwrap().as_slice() else { panic!("{rows}") };
    assert_eq!((&one["replicas"], &two["replicas"]), (&1.into(), &2.into()));
    let scaling = &two["scaling"];
    assert_eq!(scaling["replicas"], 2);
    let number = |value: &Value| value.as_f64().unwrap();
    assert!((number(&scaling["speedup"]) - 2.0 * number(&scaling["efficiency"])).abs() < 1e-12);
    let (table, _) = home.expect(0, &["show"]);
    assert!(table.contains("candle@cpu x2") && table.contains("scaling efficiency"), "{table}");
    let (_, error) = home.expect(2, &["plan", "tiny-generate", "--replicas", "100000"]);
    assert!(error.contains("each needs one of its own"), "{error}");
    let (_, error) = home.expect(2, &["plan", "tiny", "--replicas", "2"]);
    assert!(error.contains("measure replicas single-stream or offline"), "{error}");
}

#[test]
fn figures_are_exported_for_other_programs() {
    let home = Home::new();
    home.expect(
        0,
        &["run", "tiny-mlp", "--trials", "2", "--backend", "candle", "--backend", "nothing", "--no-report"],
    );
    let (csv, _) = home.expect(0, &["export"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert!(
        lines[0].starts_with("run,suite,started,cell,") && lines[0].ends_with(",confidence,method"),
        "{csv}"
    );
    let of = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
    assert_eq!(of(",unavailable,"), 1, "{csv}");
    assert_eq!(of(",throughput,samples/second,"), 1, "{csv}");
    assert!(of(",latency-p50,seconds,") == 1 && of(",peak-memory,bytes,") == 1, "{csv}");

    let rows = home.json(&["export", "--as", "json"]);
    let rows = rows.as_array().unwrap();
    let rate = rows.iter().find(|row| row["metric"] == "throughput").unwrap();
    assert!(rate["value"].as_f64().unwrap() > 0.0 && rate["parity"] == true, "{rate}");
    assert!(rows.iter().any(|row| row["outcome"] == "unavailable" && row["metric"].is_null()), "{rows:?}");

    let bencher = home.json(&["export", "--as", "bencher"]);
    let (cell, measures) = bencher.as_object().unwrap().iter().next().unwrap();
    assert_eq!((bencher.as_object().unwrap().len(), cell.contains("tiny-mlp")), (1, true));
    let value = |key: &str| measures["throughput"][key].as_f64().unwrap();
    assert!(value("lower_value") <= value("value") && value("value") <= value("upper_value"));

    let file = home.path("figures.txt");
    home.expect(0, &["export", "--as", "openmetrics", "--out", file.to_str().unwrap()]);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.ends_with("# EOF\n") && !text.contains("\n\n"), "{text}");
    assert!(text.contains("# TYPE portbench_throughput gauge\nportbench_throughput{run=\""), "{text}");
    assert!(text.contains(",outcome=\"unavailable\"} 1\n"), "{text}");

    let file = home.path("figures.parquet");
    home.expect(0, &["export", "--as", "parquet", "--out", file.to_str().unwrap()]);
    let read = SerializedFileReader::new(fs::File::open(&file).unwrap()).unwrap();
    let value = |field: &Field| match field {
        Field::Null => Value::Null,
        Field::Bool(v) => (*v).into(),
        Field::Long(v) => (*v).into(),
        Field::Double(v) => (*v).into(),
        Field::Str(v) => v.as_str().into(),
        other => panic!("{other}"),
    };
    let of_row = |row: Row| row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect();
    let found: Vec<Value> = read.get_row_iter(None).unwrap().map(|row| of_row(row.unwrap())).collect();
    assert_eq!(&found, rows, "Parquet and JSON hold the same");

    let deep = home.path("new/figures.txt");
    home.expect(0, &["export", "--out", deep.to_str().unwrap()]);
    assert!(fs::read_to_string(&deep).unwrap().starts_with("run,"));
    let below_a_file = deep.join("more.txt");
    let (_, error) = home.expect(2, &["export", "--out", below_a_file.to_str().unwrap()]);
    assert!(error.contains("new/figures.txt/more.txt"), "{error}");
}

#[test]
fn portability_names_set_problem_direction_and_reference() {
    let home = Home::new();
    home.expect(
        0,
        &["run", "tiny-mlp", "--trials", "2", "--backend", "candle", "--backend", "reference", "--no-report"],
    );
    home.expect(
        0,
        &["run", "tiny-mlp", "--trials", "2", "--backend", "candle", "--backend", "nothing", "--no-report"],
    );
    let runs = home.path("results/runs");
    let mut ids: Vec<String> =
        fs::read_dir(runs).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    ids.retain(|id| !id.starts_with('.'));
    ids.sort();
    let (one, two) = (format!("one={}", ids[0]), format!("two={}@cpu", ids[1]));
    let study = [
        "portability",
        &one,
        &two,
        "--workload",
        "tiny-mlp",
        "--numerics",
        "f32",
        "--reference",
        "these runs",
    ];
    let (_, told) = home.expect(0, &study);
    assert!(told.contains("H = {one, two}") && told.contains("higher is better"), "{told}");
    assert!(told.contains("tiny-mlp single-stream f32; best known: these runs"), "{told}");
    let rows = home.json(&[&study[..], &["--format", "json"]].concat());
    let of = |backend: &str| {
        rows.as_array().unwrap().iter().find(|row| row["application"] == backend).unwrap().clone()
    };
    // candle ran on both, and on the second platform it is the best there is.
    assert_eq!((&of("candle")["supported"], &of("candle")["platforms"]), (&2.into(), &2.into()));
    assert_eq!(of("candle")["efficiencies"]["two"], 1.0);
    assert_eq!((&of("reference")["supported"], &of("reference")["pp"]), (&1.into(), &0.0.into()));
    let (_, error) = home
        .expect(2, &["portability", &one, "--workload", "other", "--numerics", "f32", "--reference", "x"]);
    assert!(error.contains("no cell of `other`"), "{error}");
    let (_, error) = home.expect(
        2,
        &["portability", "one", "--workload", "tiny-mlp", "--numerics", "f32", "--reference", "x"],
    );
    assert!(error.contains("NAME=RUN"), "{error}");
}

#[test]
fn a_backend_that_is_not_there_is_an_outcome() {
    let home = Home::new();
    let (table, told) =
        home.expect(0, &["run", "tiny", "--workload", "tiny-mlp", "--backend", "neuron@neuron:0"]);
    assert_eq!(table.matches("unavailable").count(), 3, "{table}");
    assert!(told.contains("portbench-worker-neuron"), "{told}");
}

#[test]
fn mistakes_name_the_place_and_the_way_out() {
    let home = Home::new();
    let (_, told) = home.expect(2, &["run", "quik"]);
    assert!(told.contains("no suite or workload `quik`") && told.contains("quick"), "{told}");
    let (_, told) = home.expect(3, &["run", "tiny", "--workload", "nothing*"]);
    assert!(told.contains("portbench plan tiny"), "{told}");
    let (_, told) = home.expect(2, &["run", "tiny", "--numerics", "fp8"]);
    assert!(told.contains("`fp8` is no numerics; there are f64"), "{told}");
    let (_, told) = home.expect(2, &["show", "20990101"]);
    assert!(told.contains("20990101"), "{told}");
    fs::write(
        home.path("bad.toml"),
        "model = { family = \"gpt2\", preset = \"tiny\", heads = 5 }\nmode = \"inference\"\n",
    )
    .unwrap();
    let (_, told) = home.expect(2, &["run", "./bad.toml"]);
    assert!(told.contains("bad.toml:1:") && told.contains("does not divide"), "{told}");
    fs::write(home.path("results"), "a file where the directory should be").unwrap();
    let (_, told) = home.expect(1, &["run", "tiny"]);
    assert!(told.contains("results/runs"), "{told}");
}

#[test]
fn schemas_and_completions_are_written() {
    let home = Home::new();
    for kind in ["workload", "suite", "record"] {
        let schema: Value = home.json(&["schema", kind]);
        assert!(schema["$schema"].is_string());
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(home.expect(0, &["completions", shell]).0.contains("portbench"));
    }
}

fn reference_models() -> PathBuf {
    let root = std::env::var_os("PORTBENCH_REFERENCE_MODELS")
        .expect("PORTBENCH_REFERENCE_MODELS names no directory: run scripts/test, which makes it");
    PathBuf::from(root)
}

fn verify(home: &Home, code: i32, model: &Path, more: &[&str]) -> (String, String) {
    let text = |file: &str| model.join(file).to_str().unwrap().to_owned();
    let (dir, inputs, expected) =
        (model.to_str().unwrap(), text("inputs.safetensors"), text("expected.safetensors"));
    let mut args = vec!["verify", dir, "--inputs", &inputs, "--expected", &expected];
    args.extend(more);
    home.expect(code, &args)
}

/// Each family against transformers' own results, on candle: outputs within 1e-4, and the same 32 greedy tokens.
#[test]
fn candle_computes_what_transformers_does() {
    let home = Home::new();
    for name in [
        "gpt2",
        "gpt2-bare",
        "llama",
        "llama-tied",
        "llama-sharded",
        "mistral",
        "qwen2",
        "qwen3",
        "mixtral",
        "bert",
        "minilm",
        "vit",
        "resnet",
    ] {
        let (table, _) = verify(&home, 0, &reference_models().join(name), &["--format", "json"]);
        let rows: Value = serde_json::from_str(&table).unwrap();
        for row in rows.as_array().unwrap() {
            let range: Option<f64> = row["max abs / range"].as_str().unwrap().parse().ok();
            assert!(range.is_none_or(|r| r < 1e-4), "{name}: {row}");
            if row["tensor"] == "sentence_embedding" {
                assert!(row["cosine"].as_str().unwrap().parse::<f64>().unwrap() > 0.9999, "{name}: {row}");
            }
        }
    }
}

#[test]
fn verify_says_what_is_wrong_with_a_directory() {
    let home = Home::new();
    let good = reference_models().join("gpt2");
    let bad = home.path("bad model");
    fs::create_dir(&bad).unwrap();
    for file in ["inputs.safetensors", "expected.safetensors", "config.json"] {
        fs::copy(good.join(file), bad.join(file)).unwrap();
    }
    let (_, told) = verify(&home, 2, &bad, &[]);
    assert!(told.contains("model.safetensors"), "{told}");
    let weights = fs::read(good.join("model.safetensors")).unwrap();
    fs::write(bad.join("model.safetensors"), &weights[..weights.len() - 100]).unwrap();
    let (_, told) = verify(&home, 1, &bad, &[]);
    assert!(told.contains("truncated or its header lies"), "{told}");
    fs::write(bad.join("config.json"), r#"{"model_type": "mamba"}"#).unwrap();
    let (_, told) = verify(&home, 2, &bad, &[]);
    assert!(told.contains("`mamba`") && told.contains("llama"), "{told}");
    let saved = home.path("out.safetensors");
    verify(&home, 0, &good, &["--save", saved.to_str().unwrap()]);
    assert!(saved.exists());
    // Another model's expectations are not met.
    let wrong = reference_models().join("llama/expected.safetensors");
    let inputs = good.join("inputs.safetensors");
    let args = [
        "verify",
        good.to_str().unwrap(),
        "--inputs",
        inputs.to_str().unwrap(),
        "--expected",
        wrong.to_str().unwrap(),
    ];
    assert!(home.expect(1, &args).0.contains("differs"));
}

#[test]
fn verify_lets_nothing_go_unheard() {
    let home = Home::new();
    let model = reference_models().join("gpt2");
    let file = home.path("in.safetensors");
    let told = |tensors: &[(&str, HostTensor)], more: &[&str]| {
        let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
        save_tensors(&file, tensors).unwrap();
        let args = ["verify", model.to_str().unwrap(), "--inputs", file.to_str().unwrap()];
        home.expect(2, &[&args[..], more].concat()).1
    };
    let ids = || ("input_ids", HostTensor::from_i64(&[1, 3], &[1, 2, 3]).unwrap());
    let positions = ("position_ids", HostTensor::from_i64(&[1, 3], &[2, 1, 0]).unwrap());
    let text = told(&[ids(), positions], &[]);
    assert!(text.contains("does not read `position_ids`") && text.contains("attention_mask"), "{text}");
    let text = told(&[("input_ids", HostTensor::from_f32(&[1, 3], &[1.7, 2.7, 3.7]).unwrap())], &[]);
    assert!(text.contains("`input_ids`") && text.contains("holds integers"), "{text}");
    let text = told(&[("input_ids", HostTensor::from_i64(&[1, 2], &[1, 999_999]).unwrap())], &[]);
    assert!(text.contains("holds 999999; the vocabulary has"), "{text}");
    let mask = ("attention_mask", HostTensor::from_i64(&[1, 3], &[0, 1, 1]).unwrap());
    let text = told(&[("prompt", ids().1), mask], &[]);
    assert!(text.contains("attention_mask") && text.contains("without the mask"), "{text}");
    let text = told(&[ids()], &["--save", file.to_str().unwrap()]);
    assert!(text.contains("overwrite"), "{text}");
    let empty = home.path("empty.safetensors");
    save_tensors(&empty, Vec::<(&str, &HostTensor)>::new()).unwrap();
    let text = told(&[ids()], &["--expected", empty.to_str().unwrap()]);
    assert!(text.contains("empty.safetensors holds no tensors"), "{text}");
}

#[test]
fn goldens_made_ahead_are_those_that_a_run_asks_for() {
    let home = Home::new();
    let files = || -> Vec<(String, std::time::SystemTime)> {
        let entries = fs::read_dir(home.path("results/runs/.oracle-cache")).unwrap().flatten();
        let mut found: Vec<_> = entries
            .map(|e| (e.file_name().into_string().unwrap(), e.metadata().unwrap().modified().unwrap()))
            .collect();
        found.sort();
        found
    };
    let (table, told) = home.expect(0, &["goldens", "tiny"]);
    // Three programs (two element types of one workload, and the other workload), each exact and rounded.
    assert_eq!(table.matches("  ready").count(), 3, "{table}");
    assert!(told.contains("take this folder along"), "{told}");
    let made = files();
    assert_eq!(made.len(), 6, "{made:?}");
    home.expect(0, &["goldens", "tiny"]);
    home.expect(0, &["run", "tiny", "--trials", "1", "--no-report"]);
    assert_eq!(files(), made);
}
