//! A site of a run of 200 cells: copies of the published ones, under other names.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use portbench_records::{PlanEntry, Record, Run, RunInfo, Store};
use portbench_report::charts::Study;
use portbench_report::write_site;

const CELLS: usize = 200;

/// The records of the published run with the most cells.
fn published() -> Vec<Record> {
    let store = Store::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/published"));
    let runs = store.runs().unwrap();
    let records = |id: &String| -> Vec<Record> {
        store.resolve(id).unwrap().records().unwrap().map(Result::unwrap).collect()
    };
    runs.iter().map(records).max_by_key(Vec::len).unwrap()
}

fn many(root: &Path) -> Run {
    let records: Vec<Record> = published()
        .iter()
        .cycle()
        .take(CELLS)
        .enumerate()
        .map(|(i, record)| {
            let mut record = record.clone();
            record.cell.workload = format!("{}-{:02}", record.cell.workload, i / 32);
            record
        })
        .collect();
    let plan = records.iter().map(|record| PlanEntry {
        cell: record.cell.clone(),
        fingerprint: record.problem.fingerprint.clone(),
        settings: String::new(),
    });
    let info = RunInfo {
        version: records[0].version,
        suite: "many".into(),
        started: 0,
        seed: 1,
        trials: 3,
        environment: records[0].environment.clone(),
        plan: plan.collect(),
    };
    let run = Store::new(root).create(&info).unwrap();
    for record in &records {
        run.write_record(record).unwrap();
    }
    run
}

fn site(c: &mut Criterion) {
    let root = tempfile::tempdir().unwrap();
    let runs = [many(&root.path().join("results"))];
    let out = root.path().join("site");
    let write = || {
        let study = Study::read(&runs).unwrap();
        write_site(&study, &out).unwrap()
    };
    let files = write().files.len();
    c.bench_function(&format!("site of a run of {CELLS} cells, {files} files"), |b| b.iter(write));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = site
}
criterion_main!(benches);
