//! A run survives what kills it: finished cells stay, finished trials are reused, the rest is run.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../double/workload.rs"]
mod workload;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use portbench_records::{Run, Store, StoreError};
use portbench_runner::{Event, Plan, Runner, RunnerError};
use rand::{Rng, SeedableRng};

const DOUBLE: &str = env!("CARGO_BIN_EXE_runner-double");

fn plan(cells: usize, trials: u64) -> Plan {
    workload::plan(Path::new(DOUBLE), cells, trials)
}

/// Every stored cell with the bytes of its record; each reads as a whole.
fn stored(results: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let store = Store::new(results);
    let mut found = BTreeMap::new();
    for id in store.runs().unwrap() {
        let run = store.resolve(&id).unwrap();
        for record in run.records().unwrap() {
            let path = run.dir().join("cells").join(format!("{}.json", record.unwrap().cell.id()));
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

#[test]
fn fifty_kills_lose_no_finished_cell() {
    const CELLS: &str = "40";
    let dir = tempfile::tempdir().unwrap();
    let run = || {
        let mut command = Command::new(DOUBLE);
        command.arg("run").arg(dir.path()).args([CELLS, "2"]).stdout(Stdio::null());
        command.spawn().unwrap()
    };
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(50);
    let (mut before, mut killed) = (BTreeMap::<PathBuf, Vec<u8>>::new(), 0);
    while killed < 50 {
        let mut runner = run();
        std::thread::sleep(Duration::from_micros(random.random_range(0..150_000)));
        killed += usize::from(runner.try_wait().unwrap().is_none());
        runner.kill().unwrap();
        runner.wait().unwrap();
        let now = stored(dir.path());
        for (path, bytes) in &before {
            assert_eq!(now.get(path), Some(bytes), "{} after {killed} kills", path.display());
        }
        before = now;
    }
    let done = run().wait().unwrap();
    assert!(done.success());
    let store = Store::new(dir.path());
    let last = store.resolve("latest").unwrap();
    assert_eq!(last.heads().unwrap().count(), 40);
    for (path, bytes) in before {
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

/// Names of the files in a run's directory, with their bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

fn finished(results: &Path, cells: usize, trials: u64) -> Run {
    Runner::default().start(&Store::new(results), &plan(cells, trials), &mut |_| {}).unwrap().run
}

#[test]
fn a_finished_run_has_nothing_to_resume() {
    let dir = tempfile::tempdir().unwrap();
    let run = finished(dir.path(), 2, 2);
    let before = files(run.dir());
    let on_event = &mut |event: Event<'_>| {
        if let Event::RunStarted { cells, trials, kept, .. } = event {
            assert_eq!((cells, trials, kept), (0, 0, 2));
        }
        assert!(!matches!(event, Event::TrialStarted { .. }));
    };
    let summary = Runner::default().resume(run.clone(), &plan(2, 2), on_event).unwrap();
    assert!(summary.all_measured());
    assert_eq!(files(run.dir()), before);
}

#[test]
fn a_damaged_record_is_measured_again_and_the_others_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let run = finished(dir.path(), 3, 1);
    let before = files(&run.dir().join("cells"));
    let damaged = before.keys().nth(1).unwrap();
    fs::write(damaged, &before[damaged][..100]).unwrap();
    let mut trials = 0;
    let on_event = &mut |event: Event<'_>| trials += usize::from(matches!(event, Event::TrialStarted { .. }));
    Runner::default().resume(run.clone(), &plan(3, 1), on_event).unwrap();
    assert_eq!(trials, 1);
    assert_eq!(run.records().unwrap().filter(Result::is_ok).count(), 3);
    let after = files(&run.dir().join("cells"));
    assert!(before.iter().filter(|(path, _)| *path != damaged).all(|(path, bytes)| after[path] == *bytes));
}

#[test]
fn another_plan_is_refused_and_says_what_differs() {
    let dir = tempfile::tempdir().unwrap();
    let run = finished(dir.path(), 2, 1);
    let refused = |plan: &Plan| {
        let error = Runner::default().resume(run.clone(), plan, &mut |_| {}).unwrap_err();
        assert!(matches!(error, RunnerError::OtherPlan { .. }), "{error}");
        error.to_string()
    };
    assert!(refused(&plan(2, 2)).contains("trials 1 then, 2 now"));
    assert!(refused(&plan(3, 1)).contains("the cell w002.inference.single-stream.double.cpu.f32 is new"));
    assert!(
        refused(&plan(1, 1)).contains("w001.inference.single-stream.double.cpu.f32 is no longer planned")
    );
    let changed = |change: &dyn Fn(&mut portbench_runner::PlannedCell)| {
        let mut cells = plan(2, 1).cells().to_vec();
        change(&mut cells[1]);
        refused(&Plan::new("test", workload::SEED, 1, cells).unwrap())
    };
    let text = changed(&|cell| cell.resolved = Arc::new(workload::resolved("w001", 31)));
    assert!(text.contains("the program of w001") && text.contains("had fingerprint"), "{text}");
    let text = changed(&|cell| cell.spec.sampling.seconds = 9.0);
    assert!(text.contains("timing of w001") && text.contains("start a new run"), "{text}");
    let text = changed(&|cell| cell.flags = Some("--optlevel 1".into()));
    assert!(text.contains("flags or timing of w001"), "{text}");
    let other = Plan::new("test", 8, 1, plan(2, 1).cells().to_vec()).unwrap();
    assert!(refused(&other).contains("seed 7 then, 8 now"));
}

#[test]
fn a_run_in_progress_is_not_resumed_beside() {
    let dir = tempfile::tempdir().unwrap();
    let run = finished(dir.path(), 1, 1);
    let _held = run.lock().unwrap();
    let error = Runner::default().resume(run.clone(), &plan(1, 1), &mut |_| {}).unwrap_err();
    assert!(matches!(error, RunnerError::Store(StoreError::Busy { .. })), "{error}");
}

#[test]
fn two_runs_write_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let start = || finished(dir.path(), 6, 2);
        let both = [scope.spawn(start), scope.spawn(start)];
        both.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_ne!(runs[0], runs[1]);
    for run in &runs {
        assert_eq!(run.records().unwrap().filter(Result::is_ok).count(), 6);
    }
    assert_eq!(Store::new(dir.path()).runs().unwrap().len(), 2);
}

#[test]
fn trials_are_interleaved_in_an_order_of_the_seed() {
    let order = plan(5, 3).order();
    assert_eq!(order, plan(5, 3).order());
    for (trial, round) in order.chunks(5).enumerate() {
        assert!(round.iter().all(|(number, _)| *number == trial as u64));
        let mut cells: Vec<usize> = round.iter().map(|(_, cell)| *cell).collect();
        cells.sort_unstable();
        assert_eq!(cells, [0, 1, 2, 3, 4]);
    }
    let other = Plan::new("test", 8, 3, plan(5, 3).cells().to_vec()).unwrap();
    assert_ne!(order, other.order());
}

#[test]
fn plans_that_cannot_be() {
    let cells = plan(2, 1).cells().to_vec();
    let refused = |trials, cells| Plan::new("test", 1, trials, cells).unwrap_err();
    assert!(matches!(refused(1, vec![]), RunnerError::EmptyPlan));
    assert!(matches!(refused(0, cells.clone()), RunnerError::NoTrials));
    let twice = vec![cells[0].clone(), cells[0].clone()];
    assert!(matches!(refused(1, twice), RunnerError::DuplicateCell { .. }));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_the_run_and_keeps_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    // The shell sets the largest file the runner may write: records grow past it, `run.json` does not. Rust ignores no SIGXFSZ, the shell does.
    let limited = format!("trap '' XFSZ; ulimit -f 2; exec {DOUBLE} run {} 2 4", dir.path().display());
    let output = Command::new("bash").args(["-c", &limited]).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("FileTooLarge") || said.contains("File too large"), "{said}");
    let before = stored(dir.path());
    let resumed = Command::new(DOUBLE).arg("run").arg(dir.path()).args(["2", "4"]).status().unwrap();
    assert!(resumed.success());
    let after = stored(dir.path());
    assert_eq!(after.len(), 2);
    assert!(before.iter().all(|(path, bytes)| after[path] == *bytes));
}

#[test]
fn facts_that_the_caller_found_are_in_the_run_and_its_records() {
    let dir = tempfile::tempdir().unwrap();
    let facts = BTreeMap::from([("neuron-lnc".to_owned(), "2".to_owned())]);
    let runner = Runner { facts: Some(&facts), ..Runner::default() };
    let run = runner.start(&Store::new(dir.path()), &plan(1, 1), &mut |_| {}).unwrap().run;
    assert_eq!(run.info().unwrap().environment.facts["neuron-lnc"], "2");
    for record in run.records().unwrap() {
        assert_eq!(record.unwrap().environment.facts["neuron-lnc"], "2");
    }
}
