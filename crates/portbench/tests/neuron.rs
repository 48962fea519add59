//! What the command line says of Neuron on a machine that has none.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn portbench(args: &[&str]) -> Output {
    portbench_in(args, &[])
}

fn portbench_in(args: &[&str], env: &[(&str, &str)]) -> Output {
    let nowhere = Path::new(env!("CARGO_MANIFEST_DIR")).join("no-such-place");
    Command::new(env!("CARGO_BIN_EXE_portbench"))
        .args(args)
        .env("PORTBENCH_LIBNRT", nowhere)
        .env_remove("NEURON_LOGICAL_NC_CONFIG")
        .env_remove("NEURON_RT_VISIBLE_CORES")
        .env_remove("PORTBENCH_NEURON_TARGET")
        .envs(env.iter().copied())
        .output()
        .unwrap()
}

fn rows(args: &[&str]) -> Vec<Value> {
    let done = portbench(&[args, &["--format", "json"]].concat());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

fn column<'r>(rows: &'r [Value], name: &str) -> Vec<&'r str> {
    rows.iter().map(|row| row[name].as_str().unwrap()).collect()
}

#[test]
fn limits_are_listed_with_their_sources() {
    let all = rows(&["list", "limits"]);
    assert!(column(&all, "limit").contains(&"f64") && column(&all, "limit").contains(&"dynamic-shapes"));
    assert!(column(&all, "source").iter().all(|s| !s.is_empty()));
    let trn1 = rows(&["list", "limits", "--target", "trn1", "--sdk", "2.26"]);
    assert!(column(&trn1, "limit").contains(&"f32-products-in-bf16"));
    assert!(!column(&trn1, "limit").contains(&"integer-products"));
    let native = rows(&["list", "limits", "native*", "--target", "trn1", "--line", "native"]);
    assert_eq!(column(&native, "limit"), ["native-line-needs-trn2"]);
}

#[test]
fn a_plan_says_what_a_target_does_not_take_before_anything_is_compiled() {
    let found = rows(&["plan", "vit-b-16-inference", "--numerics", "f32", "--target", "trn2"]);
    assert_eq!(column(&found, "verdict"), ["nothing known"]);
    let found = rows(&["plan", "gpt2-124m-generate", "--numerics", "bf16", "--target", "trn2"]);
    assert_eq!(column(&found, "limit"), ["i64-is-32-bit-by-default", "dynamic-start"]);
    assert!(column(&found, "at")[0].contains("input_ids"));
}

#[test]
fn a_plan_holds_each_cell_against_the_line_of_its_back_end() {
    let limits = |args: &[&str]| {
        let found = rows(&[&["plan", "vit-b-16-inference", "--numerics", "f32"], args].concat());
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        found.iter().map(|row| (text(row, "line"), text(row, "limit"))).collect::<Vec<_>>()
    };
    let pair = |line: &str, limit: &str| (line.to_owned(), limit.to_owned());
    let native = ["--backend", "neuron-native@neuron:0", "--target", "trn1"];
    assert_eq!(limits(&native), [pair("native", "native-line-needs-trn2")]);
    assert_eq!(
        limits(&["--target", "trn1", "--line", "xla", "--sdk", "2.33"]),
        [pair("xla", "xla-line-ended")]
    );
    assert_eq!(limits(&["--target", "trn3", "--line", "xla"]), [pair("xla", "xla-line-on-trn3")]);
}

#[test]
fn the_target_that_the_environment_names_is_the_one_that_is_warned_of() {
    let args = ["plan", "gpt2-124m-generate", "--numerics", "bf16", "--backend", "neuron-trace@neuron:0"];
    let told = |target: &str| {
        let done = portbench_in(&args, &[("PORTBENCH_NEURON_TARGET", target)]);
        assert!(done.status.success());
        String::from_utf8_lossy(&done.stderr).into_owned()
    };
    assert!(told("trn3").contains("gpt2-124m-generate bf16 on trn3: narrowed"), "{}", told("trn3"));
    assert!(told("trn9").contains("PORTBENCH_NEURON_TARGET=trn9 is no family of Neuron devices"));
}

#[test]
fn what_a_target_cannot_take_is_not_compiled() {
    let args =
        ["compile", "llama-3.1-70b-generate", "--numerics", "bf16", "--target", "trn1", "--format", "json"];
    let done = portbench(&args);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let found: Vec<Value> = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(column(&found, "outcome"), ["unsupported"]);
    let text = found[0]["text"].as_str().unwrap();
    assert!(
        text.starts_with("memory-of-a-core-16: ") && text.ends_with("--anyway compiles it all the same"),
        "{text}"
    );
}

#[test]
fn replicas_stay_within_the_cores_that_are_shown() {
    let args = [
        "plan",
        "minilm-l6-inference",
        "--numerics",
        "f32",
        "--backend",
        "neuron-trace@neuron:0",
        "--replicas",
    ];
    let with = |replicas: &str, cores: &str| {
        let done = portbench_in(&[&args[..], &[replicas]].concat(), &[("NEURON_RT_VISIBLE_CORES", cores)]);
        (done.status.code(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
    };
    let (code, text) = with("all", "4-7");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("neuron-trace@neuron:0 x4"), "{text}");
    let (code, text) = with("99", "4-7");
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("99 replicas") && text.contains("leave 4 NeuronCores"), "{text}");
    let (code, text) = with("2", "abc");
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("NEURON_RT_VISIBLE_CORES=abc names no NeuronCores"), "{text}");
}

#[test]
fn wrong_words_are_refused() {
    for (args, said) in [
        (&["plan", "--target", "trn9"][..], "`trn9` is no target; known: trn1, trn2, trn3, inf2"),
        (&["list", "limits", "--target", "trn2", "--sdk", "new"], "`new` is no version of the Neuron SDK"),
        (
            &["list", "limits", "--target", "trn2", "--line", "lazy"],
            "`lazy` is no line of torch-neuronx; known: xla, native",
        ),
        (&["list", "limits", "--sdk", "2.31"], "--target"),
    ] {
        let done = portbench(args);
        assert_eq!(done.status.code(), Some(2));
        let error = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn every_core_of_a_machine_without_any_is_refused() {
    let done = portbench(&[
        "plan",
        "minilm-l6-inference",
        "--backend",
        "neuron-trace@neuron:0",
        "--replicas",
        "all",
    ]);
    assert_eq!(done.status.code(), Some(2));
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(error.contains("neither neuron-ls nor libnrt counts NeuronCores here"), "{error}");
}

#[test]
fn doctor_says_how_a_host_becomes_a_neuron_host() {
    let checks = rows(&["doctor"]);
    let neuron: Vec<&Value> = checks
        .iter()
        .filter(|row| row["what"].as_str().unwrap().to_ascii_lowercase().contains("neuron"))
        .collect();
    assert!(!neuron.is_empty());
    assert!(
        neuron.iter().any(|row| row["detail"].as_str().unwrap().contains("scripts/setup-neuron")),
        "{neuron:?}"
    );
}
