//! The published schema: up to date, and true of what is written.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::Path;

use serde_json::{Value, json};

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/record-v1.json");
    let wanted = serde_json::to_string_pretty(&portbench_records::schema()).unwrap() + "\n";
    if std::env::var_os("PORTBENCH_UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(
        committed == wanted,
        "run this test with PORTBENCH_UPDATE_SCHEMA=1 and commit schema/record-v1.json"
    );
}

fn errors(value: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(&portbench_records::schema()).unwrap();
    validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

#[test]
fn a_record_validates() {
    let full = serde_json::to_value(common::record("gpt2")).unwrap();
    assert_eq!(errors(&full), [""; 0]);
    let mut bare = common::record("gpt2");
    (bare.backend, bare.lowering, bare.parity) = (None, None, None);
    bare.figures.clear();
    bare.trials.clear();
    assert_eq!(errors(&serde_json::to_value(bare).unwrap()), [""; 0]);
}

#[test]
fn what_is_no_record_does_not_validate() {
    let full = serde_json::to_value(common::record("gpt2")).unwrap();
    for (pointer, wrong) in [
        ("/outcome", json!("good")),
        ("/problem/flops", json!(-1)),
        ("/cell/numerics", json!("f8")),
        ("/figures/0/value/is", json!("guessed")),
        ("/trials/0/measurement/samples/nanoseconds/0", json!(1.5)),
    ] {
        let mut record = full.clone();
        *record.pointer_mut(pointer).unwrap() = wrong;
        assert!(!errors(&record).is_empty(), "{pointer}");
    }
    let mut extra = full;
    extra["hostname"] = json!("box");
    assert!(!errors(&extra).is_empty(), "an unknown key");
}
