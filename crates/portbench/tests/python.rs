//! Engines written in Python, from the command line to records. Needs `scripts/setup-python` and the extension module, which
//! `cargo build --release -p portbench-python` makes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Every family in the modes it has: family, mode and sizes.
const FAMILIES: [(&str, &str, &str); 13] = [
    ("gpt2", "generate", "prompt = 8\nnew-tokens = 4"),
    ("llama", "generate", "prompt = 8\nnew-tokens = 4"),
    ("mixtral", "generate", "prompt = 8\nnew-tokens = 4"),
    ("gpt2", "inference", "batch = 2\nsequence = 16"),
    ("llama", "inference", "batch = 2\nsequence = 16"),
    ("mixtral", "inference", "batch = 2\nsequence = 16"),
    ("bert", "inference", "batch = 2\nsequence = 16"),
    ("vit", "inference", "batch = 2"),
    ("resnet", "inference", "batch = 2"),
    ("mlp", "inference", "batch = 2"),
    ("gpt2", "training", "batch = 2\nsequence = 16"),
    ("llama", "training", "batch = 2\nsequence = 16"),
    ("vit", "training", "batch = 2"),
];

/// Every family and mode on PyTorch/XLA, whose import and compiling take seconds a cell: what a family's generate covers is not run as inference again.
const LAZY: [(&str, &str, &str); 8] = [
    FAMILIES[0],
    FAMILIES[1],
    FAMILIES[2],
    FAMILIES[6],
    FAMILIES[7],
    FAMILIES[8],
    FAMILIES[10],
    ("mlp", "training", "batch = 4"),
];

/// What goes through the double of torch_neuronx: states, a convolution, and both optimisers.
const TRACED: [(&str, &str, &str); 5] =
    [FAMILIES[1], FAMILIES[2], FAMILIES[8], FAMILIES[10], ("mlp", "training", "batch = 4")];

/// What is compiled, which takes seconds an entry.
const COMPILED: [(&str, &str, &str); 2] = [
    ("gpt2", "generate", "prompt = 8\nnew-tokens = 4\nnumerics = [\"f32\", \"bf16\"]"),
    ("mlp", "training", "batch = 4"),
];

const SUITE: &str = r#"
trials = 1
warmup = { min-seconds = 0.0, max-seconds = 0.1, min-executions = 1 }
sampling = { seconds = 0.05, min-samples = 3 }
"#;

/// A directory with a suite `tiny` of these workloads.
fn home(workloads: &[(&str, &str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("workloads/suites")).unwrap();
    let mut suite = SUITE.to_owned();
    for (family, mode, sizes) in workloads {
        let name = format!("tiny-{family}-{mode}");
        let text =
            format!("model = {{ family = \"{family}\", preset = \"tiny\" }}\nmode = \"{mode}\"\n{sizes}\n");
        fs::write(dir.path().join(format!("workloads/{name}.toml")), text).unwrap();
        suite.push_str(&format!("\n[[entries]]\nworkload = \"{name}\"\n"));
    }
    fs::write(dir.path().join("workloads/suites/tiny.toml"), suite).unwrap();
    dir
}

fn portbench(home: &TempDir, args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portbench"));
    command.args(args).current_dir(home.path()).envs(env.iter().copied()).output().unwrap()
}

/// Runs the workloads; every cell has to be measured, which it is only when its outputs agree with the oracle's.
fn measures(backend: &str, workloads: &[(&str, &str, &str)], cells: usize) {
    measures_with(backend, workloads, cells, &[]);
}

/// The same with this environment; the directory in which records are.
fn measures_with(
    backend: &str,
    workloads: &[(&str, &str, &str)],
    cells: usize,
    env: &[(&str, &str)],
) -> TempDir {
    let home = home(workloads);
    let output = portbench(&home, &["run", "tiny", "--backend", backend, "--no-report"], env);
    let [table, told] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(table.matches(" measured ").count(), cells, "{table}{told}");
    assert_eq!(output.status.code(), Some(0), "{table}{told}");
    home
}

#[test]
fn torch_measures_every_family() {
    measures("torch@cpu", &FAMILIES, FAMILIES.len());
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    ignore = "torch_xla has wheels for Linux on x86-64 alone"
)]
fn torch_xla_measures_with_static_shapes() {
    let graphs = tempfile::tempdir().unwrap();
    // XLA lowers the same graphs either way; its compiler for CPUs then takes half the time.
    let env = [
        ("PORTBENCH_XLA_HLO", graphs.path().to_str().unwrap()),
        ("XLA_FLAGS", "--xla_backend_optimization_level=0"),
    ];
    measures_with("torch-xla@cpu", &LAZY, LAZY.len(), &env);
    let files = fs::read_dir(graphs.path()).unwrap();
    let texts: Vec<String> = files.map(|f| fs::read_to_string(f.unwrap().path()).unwrap()).collect();
    // An entry each, two of what generates.
    assert_eq!(texts.len(), LAZY.len() + 3);
    for text in texts {
        assert!(text.contains("ENTRY"), "{text}");
        assert!(!text.contains("<="), "a dynamic dimension: {text}");
    }
}

/// The records of the runs there.
fn records(home: &Path) -> Vec<String> {
    let runs = fs::read_dir(home.join("results/runs")).unwrap().flatten();
    // The oracle's cache lies beside the run.
    let cells = runs.filter_map(|run| fs::read_dir(run.path().join("cells")).ok()).flatten();
    cells.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

/// A directory with the file of a Neuron device, and what makes an engine take the double of torch_neuronx for the package.
fn with_double(devices: &TempDir) -> [(&'static str, String); 4] {
    fs::write(devices.path().join("neuron0"), "").unwrap();
    let double = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/tests/double");
    [
        ("PYTHONPATH", double.to_str().unwrap().to_owned()),
        ("PORTBENCH_NEURON_DEVICES", devices.path().to_str().unwrap().to_owned()),
        ("PORTBENCH_NEURON_TARGET", "trn1".to_owned()),
        ("PORTBENCH_NEURON_CACHE", devices.path().join("cache").to_str().unwrap().to_owned()),
    ]
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    ignore = "torch_xla has wheels for Linux on x86-64 alone"
)]
fn neuron_trace_with_a_double_goes_from_compiling_to_records() {
    let devices = tempfile::tempdir().unwrap();
    let given = with_double(&devices);
    let env: Vec<(&str, &str)> = given.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let home = measures_with("neuron-trace@neuron:0", &TRACED, TRACED.len(), &env);
    let (mut kept, mut narrowed) = (0, 0);
    for text in records(home.path()) {
        // Nobody can take such a record for one of a device.
        assert!(text.contains("2.9.0+double"), "{text}");
        assert!(text.contains("--target trn1 --auto-cast none --optlevel 2 --lnc 1"), "{text}");
        // Nobody watched a device, and the record says why.
        assert!(
            text.contains("there is no neuron-monitor") && !text.contains("\"energy-joules\":0"),
            "{text}"
        );
        narrowed += usize::from(text.contains("[narrowed: i64-is-32-bit]"));
        let training = text.contains("\"mode\":\"training\"");
        assert_eq!(text.contains("unsupported: xla-training-ended"), training, "{text}");
        kept += 1;
    }
    assert_eq!(kept, TRACED.len());
    // All but the convolutional one take ids or labels.
    assert_eq!(narrowed, TRACED.len() - 1);
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    ignore = "torch_xla has wheels for Linux on x86-64 alone"
)]
fn products_that_flags_let_the_compiler_cast_are_held_against_cast_products() {
    let devices = tempfile::tempdir().unwrap();
    let given = with_double(&devices);
    let mut env: Vec<(&str, &str)> = given.iter().map(|(k, v)| (*k, v.as_str())).collect();
    env.push(("PORTBENCH_NEURON_FLAGS", "--auto-cast matmult-bf16"));
    let home = measures_with("neuron-trace@neuron:0", &[FAMILIES[10]], 1, &env);
    let [text] = &records(home.path())[..] else { panic!("one cell") };
    let record: serde_json::Value = serde_json::from_str(text).unwrap();
    let parity = &record["parity"];
    let rule = parity["rule"].as_str().unwrap();
    assert!(rule.starts_with("f32 with products of bf16, as its flags allow: "), "{rule}");
    // The double did round: what f32 may lose is far less.
    let errors = parity["outputs"].as_array().unwrap().iter().filter_map(|o| o["error"].as_f64());
    let largest = errors.fold(0.0, f64::max);
    assert!((1e-4..4e-2).contains(&largest), "{parity}");
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    ignore = "torch_xla has wheels for Linux on x86-64 alone"
)]
fn a_core_that_another_process_holds_is_unavailable() {
    let devices = tempfile::tempdir().unwrap();
    let given = with_double(&devices);
    let mut env: Vec<(&str, &str)> = given.iter().map(|(k, v)| (*k, v.as_str())).collect();
    env.push(("PORTBENCH_DOUBLE_CORES", "held"));
    let home = home(&COMPILED[1..]);
    let args = ["run", "tiny", "--backend", "neuron-trace@neuron:0", "--no-report"];
    let output = portbench(&home, &args, &env);
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert!(text.contains("unavailable") && text.contains("another process holds it"), "{text}");
}

#[test]
fn torch_compile_measures_without_compiling_twice() {
    measures("torch-compile@cpu", &COMPILED, 3);
}

#[test]
fn what_is_missing_is_named_with_the_way_out() {
    let home = home(&COMPILED);
    let told = |backend: &str, env: &[(&str, &str)]| {
        let args = ["run", "tiny", "--workload", "tiny-mlp-training", "--backend", backend, "--no-report"];
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

#[test]
fn doctor_sees_the_packages_that_a_worker_sees() {
    let packages = tempfile::tempdir().unwrap();
    let info = packages.path().join("torch_neuronx-2.14.3.0.dist-info");
    fs::create_dir(&info).unwrap();
    let text = "Metadata-Version: 2.1\nName: torch-neuronx\nVersion: 2.14.3.0\n";
    fs::write(info.join("METADATA"), text).unwrap();
    let env = [("PYTHONPATH", packages.path().to_str().unwrap())];
    let output = portbench(&tempfile::tempdir().unwrap(), &["doctor"], &env);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("torch-neuronx here is 2.14.3.0, TorchNeuron"), "{said}");
    assert!(said.contains("torch 2.14, which torch-neuronx 2.14.3.0 belongs to"), "{said}");
}
