//! The results directory: what is written reads back, whatever else lies there; failures name the file and the way out.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use common::{info, record, trial};
use portbench_records::{Outcome, PartialTrial, Run, Store, StoreError};

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path().join("runs"));
    (dir, store)
}

fn cell_file(run: &Run, workload: &str) -> PathBuf {
    run.dir().join("cells").join(format!("{}.json", common::cell(workload).id()))
}

#[test]
fn what_is_written_reads_back() {
    let (_dir, store) = store();
    let info = info(&["a", "b"]);
    let run = store.create(&info).unwrap();
    for workload in ["b", "a"] {
        run.write_record(&record(workload)).unwrap();
    }
    let run = store.resolve(&run.id()).unwrap();
    assert_eq!(run.info().unwrap(), info);
    let records: Vec<_> = run.records().unwrap().map(Result::unwrap).collect();
    assert_eq!(records, [record("a"), record("b")]);
    assert_eq!(run.record(&common::cell("b").id()).unwrap(), Some(record("b")));
    assert_eq!(run.record("no-such-cell").unwrap(), None);
    let heads: Vec<_> = run.heads().unwrap().map(Result::unwrap).collect();
    assert_eq!(heads.len(), 2);
    for (head, record) in heads.iter().zip(&records) {
        assert_eq!(
            (&head.cell, head.outcome, &head.problem),
            (&record.cell, record.outcome, &record.problem)
        );
        assert_eq!(head.figures, record.figures);
        assert_eq!(head.parity.as_ref().map(|p| p.passed), record.parity.as_ref().map(|p| p.passed));
    }
}

#[test]
fn a_run_holds_no_file_but_its_own_after_writing() {
    let (_dir, store) = store();
    let run = store.create(&info(&["a"])).unwrap();
    run.write_trial(&common::cell("a").id(), &PartialTrial::new(0, trial(0))).unwrap();
    run.write_record(&record("a")).unwrap();
    let list = |dir: &str| -> Vec<String> {
        fs::read_dir(run.dir().join(dir))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    assert_eq!(list("cells"), ["a.inference.offline.candle.cpu.f32.json"]);
    assert_eq!(list("partial"), [""; 0]);
    let all: BTreeSet<String> = list(".").into_iter().collect();
    assert_eq!(all, ["cells", "partial", "run.json"].map(String::from).into());
}

#[test]
fn runs_are_found_by_id_prefix_directory_and_latest() {
    let (_dir, store) = store();
    assert!(matches!(store.resolve("latest"), Err(StoreError::NoRun { known, .. }) if known.is_empty()));
    let (first, second) = (store.create(&info(&["a"])).unwrap(), store.create(&info(&["b"])).unwrap());
    for id in ["20240101-000000000-0000", "20240102-000000000-0000"] {
        fs::create_dir_all(store.root().join(id).join("cells")).unwrap();
        fs::copy(first.dir().join("run.json"), store.root().join(id).join("run.json")).unwrap();
    }
    fs::create_dir(store.root().join("99999999-no-run")).unwrap();
    let latest = first.id().max(second.id());
    assert_eq!(store.resolve("latest").unwrap().id(), latest);
    assert_eq!(store.resolve("20240102").unwrap().id(), "20240102-000000000-0000");
    let path = store.root().join("20240101-000000000-0000");
    assert_eq!(store.resolve(path.to_str().unwrap()).unwrap().id(), "20240101-000000000-0000");
    let error = store.resolve("202401").unwrap_err().to_string();
    assert_eq!(
        error,
        "`202401` may be any of 20240101-000000000-0000, 20240102-000000000-0000; give more of the id"
    );
    let error = store.resolve("2031").unwrap_err().to_string();
    assert!(error.contains("no run `2031`") && error.contains(&latest), "{error}");
}

#[test]
fn runs_made_at_once_are_different() {
    let (_dir, store) = store();
    let ids: BTreeSet<String> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| (0..25).map(|_| store.create(&info(&["a"])).unwrap().id()).collect::<Vec<_>>())
            })
            .collect();
        makers.into_iter().flat_map(|m| m.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 100);
    assert_eq!(store.runs().unwrap().len(), 100);
}

#[test]
fn trials_of_an_unfinished_cell_are_kept_in_order() {
    let (_dir, store) = store();
    let run = store.create(&info(&["a"])).unwrap();
    assert_eq!(run.trials("a").unwrap(), []);
    for number in [1, 0] {
        run.write_trial("a", &PartialTrial::new(number, trial(number))).unwrap();
    }
    fs::write(run.dir().join("partial/a/2.json"), "{\"version\":1,").unwrap();
    fs::write(run.dir().join("partial/a/.partial-xyz"), "").unwrap();
    let numbers: Vec<u64> = run.trials("a").unwrap().iter().map(|t| t.number).collect();
    assert_eq!(numbers, [0, 1]);
}

#[test]
fn a_record_cut_short_is_named_and_the_others_are_read() {
    let (_dir, store) = store();
    let run = store.create(&info(&["a", "b", "c"])).unwrap();
    for workload in ["a", "b", "c"] {
        run.write_record(&record(workload)).unwrap();
    }
    let path = cell_file(&run, "b");
    let text = fs::read(&path).unwrap();
    fs::write(&path, &text[..text.len() / 2]).unwrap();
    let read: Vec<_> = run.heads().unwrap().collect();
    assert_eq!(read.iter().filter(|r| r.is_ok()).count(), 2);
    let message = read[1].as_ref().unwrap_err().to_string();
    assert!(message.starts_with(&format!("{}:1:{}: EOF", path.display(), text.len() / 2)), "{message}");
    assert!(message.ends_with("delete it, and `run --resume` measures that cell again"), "{message}");
}

#[test]
fn a_record_of_a_newer_version_is_named() {
    let (_dir, store) = store();
    let run = store.create(&info(&["a"])).unwrap();
    let path = cell_file(&run, "a");
    for text in [
        r#"{"version":7,"something":"else"}"#.to_owned(),
        serde_json::to_string(&record("a")).unwrap().replacen("\"version\":1", "\"version\":7", 1),
    ] {
        fs::write(&path, text).unwrap();
        let error = run.records().unwrap().next().unwrap().unwrap_err();
        assert!(matches!(error, StoreError::Newer { version: 7, .. }), "{error}");
        assert!(error.to_string().contains("update portbench"), "{error}");
    }
}

#[test]
fn a_number_that_is_not_finite_is_refused_and_nothing_is_left() {
    let (_dir, store) = store();
    let run = store.create(&info(&["a"])).unwrap();
    let mut record = record("a");
    record.trials[0].measurement.overhead.sample_ns = f64::NAN;
    let error = run.write_record(&record).unwrap_err();
    assert!(matches!(error, StoreError::NotStorable { .. }), "{error}");
    assert_eq!(run.records().unwrap().count(), 0);
}

#[test]
fn one_process_at_a_time_executes_a_run() {
    let (_dir, store) = store();
    let run = store.create(&info(&["a"])).unwrap();
    let held = run.lock().unwrap();
    assert!(matches!(run.lock(), Err(StoreError::Busy { .. })));
    drop(held);
    run.lock().unwrap();
}

#[test]
fn a_file_in_the_place_of_the_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("runs");
    fs::write(&root, "").unwrap();
    let error = Store::new(&root).create(&info(&["a"])).unwrap_err().to_string();
    assert!(error.contains(root.to_str().unwrap()) && error.contains("--results"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_takes_no_files_is_named() {
    // Nobody may create anything there, root included.
    let error = Store::new("/proc/self/fd/runs").create(&info(&["a"])).unwrap_err();
    assert!(error.is_write(), "{error}");
    assert!(error.to_string().contains("/proc/self/fd/runs"), "{error}");
}

#[test]
fn outcomes_have_the_words_of_the_schema() {
    let words = [
        (Outcome::Measured, "\"measured\""),
        (Outcome::OutOfMemory, "\"out-of-memory\""),
        (Outcome::TimedOut, "\"timed-out\""),
    ];
    for (outcome, word) in words {
        assert_eq!(serde_json::to_string(&outcome).unwrap(), word);
    }
}
