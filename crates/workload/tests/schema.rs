//! The committed schemas are those of the types, and every committed file keeps to its schema and resolves.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use portbench_workload::{Catalogue, suite_schema, workload_schema};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workloads")
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.filter(|p| p.extension().is_some_and(|e| e == "toml")).collect()
}

#[test]
fn committed_schemas_are_current() {
    for (file, schema) in [("workload.json", workload_schema()), ("suite.json", suite_schema())] {
        let text = std::fs::read_to_string(folder().join("schema").join(file)).unwrap();
        let committed: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(committed, schema, "{file} is out of date: run ci/check-schemas --update");
    }
}

#[test]
fn committed_files_keep_to_their_schemas() {
    for (folder, schema) in [(folder(), workload_schema()), (folder().join("suites"), suite_schema())] {
        let validator = jsonschema::validator_for(&schema).unwrap();
        let files = toml_files(&folder);
        assert!(!files.is_empty());
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let value: toml::Value = toml::from_str(&text).unwrap();
            let value = serde_json::to_value(value).unwrap();
            let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{}: {errors:?}", file.display());
        }
    }
}

/// What is built in is what lies in the folder.
#[test]
fn every_file_is_built_in() {
    let built_in = Catalogue::load(Path::new("no such folder")).unwrap();
    let with_files = Catalogue::load(&folder()).unwrap();
    let names =
        |listed: Vec<portbench_workload::Listed>| listed.into_iter().map(|l| l.name).collect::<Vec<_>>();
    assert_eq!(names(built_in.workloads()), names(with_files.workloads()));
    assert_eq!(names(built_in.suites()), names(with_files.suites()));
}

#[test]
fn every_workload_resolves_at_its_numerics() {
    let catalogue = Catalogue::load(&folder()).unwrap();
    for listed in catalogue.workloads() {
        let workload = catalogue.workload(&listed.name).unwrap();
        for &numerics in workload.numerics() {
            let resolved = workload.resolve(numerics, 1).unwrap();
            resolved.program.verify().unwrap();
            let parity = resolved.parity.as_ref().unwrap();
            parity.program.verify().unwrap();
            // The oracle holds each parameter in 8 bytes.
            assert!(parity.program.parameter_count() <= 200_000_000, "{}", listed.name);
            let full = resolved.program.fingerprint().unwrap();
            let checked = parity.program.fingerprint().unwrap();
            let trains = resolved.program.training.is_some();
            assert!(
                parity.reduced.is_some() || trains || full == checked,
                "{}: another program is checked without a word",
                listed.name
            );
        }
    }
}

#[test]
fn every_suite_names_workloads_that_there_are() {
    let catalogue = Catalogue::load(&folder()).unwrap();
    for listed in catalogue.suites() {
        assert!(!catalogue.find(&listed.name).unwrap().is_empty(), "{}", listed.name);
    }
}
