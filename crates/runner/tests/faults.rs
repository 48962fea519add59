//! Whatever a worker does, its cell ends with the right outcome and a text that helps, and the others are measured.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../double/workload.rs"]
mod workload;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portbench_records::{Outcome, Record, Store};
use portbench_runner::{Event, Limits, Plan, PlannedCell, Runner, RunnerError, WorkerCommand};

const DOUBLE: &str = env!("CARGO_BIN_EXE_runner-double");

fn patience(silence: u64) -> Limits {
    let start = Duration::from_millis(2 * silence);
    Limits {
        start,
        silence: Duration::from_millis(silence),
        compile: Duration::from_secs(60),
        trial: Duration::from_secs(60),
        exit: Duration::from_secs(5),
    }
}

fn double(name: &str, act: &str) -> PlannedCell {
    workload::planned(Path::new(DOUBLE), name, act)
}

/// Runs one such worker between two good ones, two trials each; returns the record of the one.
fn record_of(act: &str, limits: Limits) -> Record {
    let dir = tempfile::tempdir().unwrap();
    let cells = vec![double("a-good", "right"), double("it", act), double("z-good", "right")];
    let plan = Plan::new("faults", 1, 2, cells).unwrap();
    let store = Store::new(dir.path());
    let runner = Runner { limits, ..Runner::default() };
    let summary = runner.start(&store, &plan, &mut |_| {}).unwrap();
    let records: Vec<Record> = summary.run.records().unwrap().map(Result::unwrap).collect();
    assert_eq!(records.len(), 3, "{act}");
    for good in [&records[0], &records[2]] {
        assert_eq!(good.outcome, Outcome::Measured, "beside {act}: {:?}", good.detail);
        assert_eq!(good.trials.len(), 2);
        assert!(!good.figures.is_empty());
        assert!(good.parity.as_ref().unwrap().passed);
    }
    assert!(!summary.run.dir().join("scratch").exists(), "{act}");
    assert_eq!(std::fs::read_dir(summary.run.dir().join("partial")).unwrap().count(), 0, "{act}");
    records[1].clone()
}

#[track_caller]
fn check(act: &str, limits: Limits, outcome: Outcome, says: &[&str]) -> Record {
    let record = record_of(act, limits);
    let detail = record.detail.clone().unwrap_or_default();
    assert_eq!(record.outcome, outcome, "{act}: {detail}");
    for words in says {
        assert!(detail.contains(words), "{act}: `{words}` is not in: {detail}");
    }
    assert!(record.figures.is_empty(), "{act}");
    record
}

#[test]
fn failures_that_the_worker_names() {
    let limits = patience(20_000);
    check("unavailable", limits, Outcome::Unavailable, &["no such device; plug one in"]);
    check("unsupported", limits, Outcome::Unsupported, &["linear"]);
    check("out-of-memory", limits, Outcome::OutOfMemory, &["3 GiB asked for"]);
    check("timed-out", limits, Outcome::TimedOut, &["stopped after 60 s"]);
    let said = ["the device answered 719", "last words", "kernel launch failed at line 12"];
    check("error", limits, Outcome::Crashed, &said);
}

#[test]
fn workers_that_hang() {
    check("says-nothing", patience(300), Outcome::TimedOut, &["said nothing for 0.3 s while starting"]);
    let mut limits = patience(10_000);
    limits.start = Duration::from_millis(300);
    check("never-ready", limits, Outcome::TimedOut, &["was not ready after 0.3 s while starting"]);
    check("does-not-read", patience(300), Outcome::TimedOut, &["after taking the job"]);
    check("silent", patience(300), Outcome::TimedOut, &["said nothing for 0.3 s after taking the job"]);
    check("hangs-sampling", patience(300), Outcome::TimedOut, &["while sampling, and was killed"]);
}

#[test]
fn a_worker_that_takes_too_long_on_the_whole() {
    let limits = Limits { trial: Duration::from_millis(700), ..patience(60_000) };
    let said = ["was not done after 0.7 s while sampling", "`time-limit` of the suite gives it longer"];
    check("hangs-sampling", limits, Outcome::TimedOut, &said);
}

#[test]
fn compiling_has_a_limit_of_its_own_and_may_be_silent() {
    let limits = Limits { compile: Duration::from_millis(700), ..patience(300) };
    let said = [
        "was not ready to measure after 0.7 s while compiling",
        "`compile-limit` of the suite gives it longer",
    ];
    check("hangs-compiling", limits, Outcome::TimedOut, &said);
}

#[test]
fn workers_that_die() {
    let limits = patience(20_000);
    let said =
        ["exited with status 3 after taking the job before its job was done", "terminate called: bad_alloc"];
    let record = check("exits", limits, Outcome::Crashed, &said);
    assert!(record.detail.unwrap().len() < 16 << 10, "stderr is cut");
    check("exits-at-once", limits, Outcome::Crashed, &["exited with status 0 while starting"]);
    check("aborts", limits, Outcome::Crashed, &["was killed by SIGABRT"]);
    check("segfaults", limits, Outcome::Crashed, &["was killed by SIGSEGV"]);
    check("cut-line", limits, Outcome::Crashed, &["in the middle of a line: `{\\\"message\\\""]);
}

#[test]
fn a_worker_that_is_killed_from_outside() {
    // Whether it counts as out of memory depends on the kernel's counters, which other processes may raise.
    let record = record_of("killed", patience(20_000));
    assert!(matches!(record.outcome, Outcome::Crashed | Outcome::OutOfMemory), "{:?}", record.outcome);
    assert!(record.detail.unwrap().contains("SIGKILL"));
}

#[test]
fn workers_that_break_the_protocol() {
    let limits = patience(20_000);
    check(
        "garbage",
        limits,
        Outcome::Crashed,
        &["no message of protocol 1, line 1: `Loading libfoo 1.2 ...`"],
    );
    check(
        "version",
        limits,
        Outcome::Crashed,
        &["speaks protocol version 7, this portbench speaks 1; update portbench"],
    );
    check("twice-hello", limits, Outcome::Crashed, &["where ready was due, line 2"]);
    check("late-garbage", limits, Outcome::Crashed, &["line 3: `[1, 2, 3]`"]);
    check("done-early", limits, Outcome::Crashed, &["where the results that the job asks for was due"]);
    check("nan", limits, Outcome::Crashed, &["expected f64"]);
    check("outside", limits, Outcome::Crashed, &["not where it was told to"]);
    check("no-file", limits, Outcome::Crashed, &["nowhere.safetensors"]);
}

#[test]
fn a_worker_that_does_not_go_is_sent() {
    let limits = Limits { exit: Duration::from_millis(100), ..patience(20_000) };
    let record = record_of("stays", limits);
    assert_eq!(record.outcome, Outcome::Measured, "{:?}", record.detail);
}

#[test]
fn answers_that_are_wrong() {
    let limits = patience(20_000);
    let record = check(
        "wrong",
        limits,
        Outcome::Incorrect,
        &["1 of 2 outputs are wrong", "`logits`: relative error 1.0"],
    );
    assert!(record.trials.is_empty() && record.lowering.is_none(), "nothing timed is kept");
    let parity = record.parity.unwrap();
    assert!(!parity.passed);
    let logits = parity.outputs.iter().find(|o| o.name == "logits").unwrap();
    assert!((logits.error.unwrap() - 0.01).abs() < 1e-4 && logits.ratio.unwrap() > 1e3);
    assert_eq!(logits.top1_agreement, Some(1.0));
    check("not-finite", limits, Outcome::Incorrect, &["1 of 128 elements are not finite"]);
    check("lacks-output", limits, Outcome::Incorrect, &["`logits`: is missing"]);
    check("wrong-token", limits, Outcome::Incorrect, &["`next`: 0.00 % of elements are equal"]);
    check("cut-file", limits, Outcome::Incorrect, &["cannot be said", "outputs.safetensors", "truncated"]);
}

#[test]
fn times_that_cannot_be_are_taken_once_more_and_then_not_published() {
    let limits = patience(20_000);
    let record =
        check("lying-barrier", limits, Outcome::Incorrect, &["its times are not published", "barrier"]);
    assert!(record.trials.is_empty() && record.parity.unwrap().passed);
    let record = record_of("lying-once", limits);
    assert_eq!(record.outcome, Outcome::Measured, "{:?}", record.detail);
}

#[test]
fn a_worker_that_ran_on_another_device_is_not_believed() {
    let told = ["double on cuda:0 executed", "double on cpu"];
    let record = check("another-device", patience(20_000), Outcome::Unavailable, &told);
    assert!(record.trials.is_empty());
}

#[test]
fn the_first_failing_trial_decides() {
    let record =
        check("fails-in-trial-1", patience(20_000), Outcome::OutOfMemory, &["no memory left this time"]);
    assert_eq!(record.trials.len(), 1);
}

#[test]
fn a_worker_that_is_not_there() {
    let mut cell = double("it", "right");
    cell.worker = WorkerCommand { program: "/nowhere/worker".into(), args: vec![], env: vec![], cpus: None };
    let plan = Plan::new("faults", 1, 1, vec![cell]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let summary = Runner::default().start(&Store::new(dir.path()), &plan, &mut |_| {}).unwrap();
    let record = summary.run.records().unwrap().next().unwrap().unwrap();
    assert_eq!(record.outcome, Outcome::Unavailable);
    assert!(record.detail.unwrap().contains("/nowhere/worker cannot be started"));
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_worker_started_dies_with_it() {
    let plan = Plan::new("faults", 1, 1, vec![double("it", "leaves-a-child")]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut child = None;
    let runner = Runner { limits: patience(300), ..Runner::default() };
    let on_event = &mut |event: Event<'_>| {
        if let Event::Progress { detail: Some(detail), .. } = event {
            child = detail.strip_prefix("child ").map(str::to_owned);
        }
    };
    runner.start(&Store::new(dir.path()), &plan, on_event).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.unwrap()));
    // Killed and, until whoever adopted it looks, perhaps a zombie.
    assert!(status.as_ref().map_or(true, |s| s.contains("State:\tZ")), "{status:?}");
}

#[test]
fn a_run_that_is_called_off_keeps_what_it_has() {
    let cells = vec![double("a", "right"), double("b", "right")];
    let plan = Plan::new("faults", 1, 3, cells).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let runner = Runner { cancel: Some(&stop), ..Runner::default() };
    let mut finished = 0;
    let on_event = &mut |event: Event<'_>| {
        if matches!(event, Event::TrialFinished { .. }) {
            finished += 1;
            stop.store(finished == 4, Ordering::Relaxed);
        }
    };
    let store = Store::new(dir.path());
    let error = runner.start(&store, &plan, on_event).unwrap_err();
    assert!(matches!(error, RunnerError::Interrupted { .. }), "{error}");
    let mut rest = 0;
    let on_event = &mut |event: Event<'_>| rest += usize::from(matches!(event, Event::TrialStarted { .. }));
    let summary = Runner::default().resume(store.resolve("latest").unwrap(), &plan, on_event).unwrap();
    assert!(summary.all_measured());
    assert_eq!(rest, 2);
}
