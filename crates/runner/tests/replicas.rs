//! Several workers that measure one cell together.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../double/workload.rs"]
mod workload;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portbench_measure::{Figure, FigureValue, Metric};
use portbench_records::{Outcome, Record, Store};
use portbench_runner::{Event, Limits, Plan, PlannedCell, Replica, Runner, RunnerError, allowed_cpus};

/// A cell of replicas that act as told.
fn planned(acts: &[&str]) -> PlannedCell {
    let each = |act: &str| workload::planned(Path::new(env!("CARGO_BIN_EXE_runner-double")), "it", act);
    let mut cell = each(acts[0]);
    let replica = |(i, act): (usize, &&str)| Replica { device: format!("cpu:{i}"), worker: each(act).worker };
    cell.replicas = acts.iter().enumerate().map(replica).collect();
    cell.cell.replicas = acts.len() as u64;
    cell
}

fn run(cells: Vec<PlannedCell>, limits: Limits, hear: &mut dyn FnMut(Event<'_>)) -> Vec<Record> {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan::new("replicas", 1, 2, cells).unwrap();
    let summary = Runner { limits, ..Runner::default() }.start(&Store::new(dir.path()), &plan, hear).unwrap();
    summary.run.records().unwrap().map(Result::unwrap).collect()
}

fn record_of(acts: &[&str]) -> Record {
    run(vec![planned(acts)], Limits::default(), &mut |_| {}).remove(0)
}

#[track_caller]
fn value(record: &Record, metric: Metric) -> f64 {
    let figure: &Figure = record.figures.iter().find(|f| f.metric == metric).unwrap();
    match figure.value {
        FigureValue::Estimated { value, .. } => value,
        FigureValue::NotEstimable { ref reason } => panic!("{reason}"),
    }
}

#[test]
fn rates_are_those_of_all_and_times_are_those_of_one() {
    let alone = workload::planned(Path::new(env!("CARGO_BIN_EXE_runner-double")), "it", "right");
    let records = run(vec![alone, planned(&["right"; 3])], Limits::default(), &mut |_| {});
    let [one, three] = &records[..] else { panic!("{}", records.len()) };
    assert_eq!((one.cell.replicas, three.cell.replicas), (1, 3));
    assert_eq!(three.cell.id(), format!("{}.x3", one.cell.id()));
    let ratio = |metric| value(three, metric) / value(one, metric);
    assert!((ratio(Metric::Throughput) - 3.0).abs() < 1e-9, "{}", ratio(Metric::Throughput));
    assert!((ratio(Metric::FlopRate) - 3.0).abs() < 1e-9);
    assert!((ratio(Metric::LatencyP50) - 1.0).abs() < 1e-9);
    assert!(three.parity.as_ref().unwrap().passed);
    let shares = &three.trials[0].measurement.replicas;
    assert_eq!(shares.iter().map(|s| s.device.as_str()).collect::<Vec<_>>(), ["cpu:0", "cpu:1", "cpu:2"]);
    assert!(shares.iter().all(|s| s.samples == 20 && s.seconds > 0.02));
    assert!(one.trials[0].measurement.replicas.is_empty());
}

#[test]
fn nobody_samples_before_everybody_is_ready() {
    let record = record_of(&["waits-first", "waits-last"]);
    assert_eq!(record.outcome, Outcome::Measured, "{:?}", record.detail);
}

#[track_caller]
fn ends(acts: &[&str], outcome: Outcome, says: &[&str]) {
    let limits = Limits { silence: Duration::from_secs(3), ..Limits::default() };
    let record = run(vec![planned(acts)], limits, &mut |_| {}).remove(0);
    let detail = record.detail.clone().unwrap_or_default();
    assert_eq!(record.outcome, outcome, "{acts:?}: {detail}");
    for words in says {
        assert!(detail.contains(words), "{acts:?}: `{words}` is not in: {detail}");
    }
}

#[test]
fn the_one_that_fails_is_named_and_the_others_end_with_it() {
    ends(&["right", "error"], Outcome::Crashed, &["replica 1 on cpu:1", "719"]);
    ends(&["right", "right", "out-of-memory"], Outcome::OutOfMemory, &["replica 2 on cpu:2"]);
    ends(&["silent", "right"], Outcome::TimedOut, &["replica 0 on cpu:0", "said nothing"]);
    ends(&["right", "does-not-wait"], Outcome::Crashed, &["replica 1", "where the results"]);
}

#[test]
fn a_run_can_be_called_off_while_some_wait() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan::new("replicas", 1, 1, vec![planned(&["right", "silent"])]).unwrap();
    let cancel = AtomicBool::new(false);
    let runner = Runner { cancel: Some(&cancel), ..Runner::default() };
    let mut hear = |event: Event<'_>| {
        if matches!(event, Event::Phase { .. }) {
            cancel.store(true, Ordering::Relaxed);
        }
    };
    let end = runner.start(&Store::new(dir.path()), &plan, &mut hear);
    assert!(matches!(end, Err(RunnerError::Interrupted { .. })), "{end:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_replica_keeps_to_its_cpus() {
    let last = *allowed_cpus().last().unwrap();
    let mut cell = planned(&["says-its-cpus", "right"]);
    cell.replicas[0].worker.cpus = Some(vec![last]);
    let mut heard = Vec::new();
    let mut hear = |event: Event<'_>| {
        if let Event::Progress { detail: Some(detail), .. } = event {
            heard.push(detail.to_owned());
        }
    };
    let records = run(vec![cell], Limits::default(), &mut hear);
    assert!(heard.contains(&last.to_string()), "{heard:?}");
    assert_eq!(records[0].trials[0].measurement.replicas[0].device, format!("cpu:0 ({last})"));
    assert!(allowed_cpus().len() > 1 || allowed_cpus() == [last], "this thread has its CPUs again");
}
