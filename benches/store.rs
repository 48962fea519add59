//! A run of 100,000 cells: reading what tables need, and comparing it with itself. The cells are copies of one real record, the
//! smallest of the published ones, under other names.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use portbench_records::{Record, Run, RunInfo, Store, read_record};
use portbench_report::compare;

const CELLS: usize = 100_000;

/// Every record below a folder.
fn records(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            records(&path, found);
        } else if path.parent().is_some_and(|p| p.ends_with("cells")) {
            found.push(path);
        }
    }
}

fn smallest() -> Record {
    let mut found = Vec::new();
    records(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/published"), &mut found);
    found.sort_by_key(|path| fs::metadata(path).unwrap().len());
    read_record(found.first().unwrap()).unwrap()
}

fn many(root: &Path) -> Run {
    let record = smallest();
    let info = RunInfo {
        version: record.version,
        suite: "many".into(),
        started: 0,
        seed: 1,
        trials: record.trials.len() as u64,
        environment: record.environment.clone(),
        plan: Vec::new(),
    };
    let run = Store::new(root).create(&info).unwrap();
    let mut record = record;
    for i in 0..CELLS {
        record.cell.workload = format!("workload-{i:06}");
        // Not through the store: 100,000 durable writes are minutes of waiting for the disk.
        let path = run.dir().join("cells").join(format!("{}.json", record.cell.id()));
        fs::write(path, serde_json::to_vec(&record).unwrap()).unwrap();
    }
    run
}

fn store(c: &mut Criterion) {
    let root = tempfile::tempdir().unwrap();
    let run = many(root.path());
    let heads = || run.heads().unwrap().map(Result::unwrap);
    assert_eq!(heads().count(), CELLS);
    c.bench_function("read the figures of 100,000 cells", |b| b.iter(|| heads().count()));
    c.bench_function("compare 100,000 cells", |b| b.iter(|| compare(heads(), heads(), 0.02).len()));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = store
}
criterion_main!(benches);
