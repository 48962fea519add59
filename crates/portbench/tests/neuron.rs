//! What the command line says of Neuron on a machine that has none.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn portbench(args: &[&str]) -> Output {
    let nowhere = Path::new(env!("CARGO_MANIFEST_DIR")).join("no-such-place");
    Command::new(env!("CARGO_BIN_EXE_portbench"))
        .args(args)
        .env("PORTBENCH_LIBNRT", nowhere)
        .env_remove("NEURON_LOGICAL_NC_CONFIG")
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
