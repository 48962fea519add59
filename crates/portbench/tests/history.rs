//! `history` and what belongs to it at the command line. The nights are copies of a published run with other dates and figures: made up, and nowhere but in a temporary folder.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const PUBLISHED: &str = "20261123-184849067-26a9";
const CELL: &str = "gemm-1024.inference.single-stream.candle.cpu.f32";
const DAY: u64 = 86_400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn portbench(args: &[&str], results: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portbench"));
    command.args(args).current_dir(results).env("PORTBENCH_RESULTS", results).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Nights of one cell, each with its throughput; a night without one crashed.
fn nights(results: &Path, rates: &[Option<f64>]) {
    let source = root().join("results/published").join(PUBLISHED);
    let (info, record) = (json(&source.join("run.json")), json(&source.join(format!("cells/{CELL}.json"))));
    for (night, rate) in (0_u64..).zip(rates) {
        let folder = results.join(format!("{:08}-000000000-0001", 20_270_101 + night));
        fs::create_dir_all(folder.join("cells")).unwrap();
        let (mut info, mut record) = (info.clone(), record.clone());
        info["started"] = (info["started"].as_u64().unwrap() + night * DAY).into();
        let plan = info["plan"].as_array_mut().unwrap();
        plan.retain(|entry| {
            let cell = &entry["cell"];
            cell["workload"] == "gemm-1024"
                && cell["numerics"] == "f32"
                && cell["scenario"] == "single-stream"
        });
        assert_eq!(plan.len(), 1);
        match rate {
            Some(rate) => {
                let throughput = &mut record["figures"][0];
                assert_eq!(throughput["metric"], "throughput");
                let away = 0.001 + night as f64 * 1e-4;
                for (key, by) in [("value", 1.0), ("low", 1.0 - 3.0 * away), ("high", 1.0 + 3.0 * away)] {
                    throughput["value"][key] = (rate * by).into();
                }
                throughput["trials"] = vec![rate * (1.0 - away), *rate, rate * (1.0 + away)].into();
            }
            None => {
                record["outcome"] = "crashed".into();
                record["detail"] = "the worker was killed by SIGSEGV".into();
                record["figures"] = Value::Array(Vec::new());
            }
        }
        fs::write(folder.join("run.json"), info.to_string()).unwrap();
        fs::write(folder.join(format!("cells/{CELL}.json")), record.to_string()).unwrap();
    }
}

const QUIET: [Option<f64>; 8] =
    [Some(60.0), Some(60.2), Some(59.9), Some(60.1), Some(60.0), Some(59.8), Some(60.2), Some(60.1)];

#[test]
fn a_regression_stops_a_gate_and_a_suspicion_does_not() {
    let folder = tempfile::tempdir().unwrap();
    nights(folder.path(), &[&QUIET[..], &[Some(50.0)]].concat());
    let gated = portbench(&["history", "--gate"], folder.path());
    assert_eq!(gated.status.code(), Some(0), "{}", stderr(&gated));
    assert!(
        stdout(&gated).contains("suspicious: worse in this run alone; run it once more"),
        "{}",
        stdout(&gated)
    );
    nights(folder.path(), &[&QUIET[..], &[Some(50.0), Some(50.1)]].concat());
    let told = portbench(&["history", "gemm*"], folder.path());
    assert_eq!(told.status.code(), Some(0), "without a gate it only tells");
    assert!(stderr(&told).contains("tonight: 1 regression"), "{}", stderr(&told));
    let gated = portbench(&["history", "--gate", "--format", "json"], folder.path());
    assert_eq!(gated.status.code(), Some(4));
    let rows: Value = serde_json::from_slice(&gated.stdout).unwrap();
    assert_eq!(rows[0]["verdict"], "regression");
    assert_eq!(rows[0]["baseline"]["runs"], 8);
    assert_eq!(rows[0]["points"].as_array().unwrap().len(), 10);
    let csv = stdout(&portbench(&["history", "--format", "csv"], folder.path()));
    assert!(
        csv.starts_with("cell,hardware,suite,metric,unit,run,date,runs,verdict,why,latest,latest-low,"),
        "{csv}"
    );
    let markdown = stdout(&portbench(&["history", "--format", "markdown"], folder.path()));
    assert!(markdown.starts_with("| cell | hardware | metric |"), "{markdown}");
}

#[test]
fn a_cell_that_crashes_is_lost_and_a_night_that_does_not_come_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    nights(folder.path(), &[&QUIET[..], &[None]].concat());
    let gated = portbench(&["history", "--gate"], folder.path());
    assert_eq!(gated.status.code(), Some(4));
    let words = "lost: measured -> crashed; last measured in the run before (20270108-000000000-0001): the worker was killed by SIGSEGV";
    assert!(stdout(&gated).contains(words), "{}", stdout(&gated));
    nights(folder.path(), &[&QUIET[..], &[Some(60.0)]].concat());
    assert_eq!(portbench(&["history", "--gate"], folder.path()).status.code(), Some(0));
    // The nights are as old as the published run, whose clock they follow.
    let stale = portbench(&["history", "--gate", "--stale", "0.001"], folder.path());
    if stale.status.code() == Some(4) {
        assert!(stderr(&stale).contains("stale: the newest run of cpu on "), "{}", stderr(&stale));
    } else {
        assert_eq!(stale.status.code(), Some(0), "a clock before the nights has missed none");
    }
}

#[test]
fn what_is_not_there_or_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let none = portbench(&["history"], folder.path());
    assert_eq!(none.status.code(), Some(3));
    assert!(stderr(&none).contains("has no run of what was asked for"), "{}", stderr(&none));
    nights(folder.path(), &QUIET);
    fs::write(folder.path().join("20270103-000000000-0001/run.json"), "{").unwrap();
    let rest = portbench(&["history"], folder.path());
    assert_eq!(rest.status.code(), Some(0));
    assert!(
        stderr(&rest).contains("warning: left out: ") && stderr(&rest).contains("20270103"),
        "{}",
        stderr(&rest)
    );
    for wrong in [
        &["history", "--since", "yesterday"][..],
        &["history", "--stale", "0"],
        &["history", "--metric", "speed"],
    ] {
        assert_eq!(portbench(wrong, folder.path()).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(portbench(&["history", "bert*"], folder.path()).status.code(), Some(3));
}

#[test]
fn all_runs_make_a_chart_of_history_and_other_charts_want_runs_named() {
    let folder = tempfile::tempdir().unwrap();
    nights(folder.path(), &QUIET);
    let drawn = portbench(&["chart", "history", "--out", "history.svg"], folder.path());
    assert_eq!(drawn.status.code(), Some(0), "{}", stderr(&drawn));
    let svg = fs::read_to_string(folder.path().join("history.svg")).unwrap();
    assert!(svg.contains("gemm-1024") && svg.contains("2026-11-"), "{svg}");
    let unnamed = portbench(&["chart", "throughput", "--out", "throughput.svg"], folder.path());
    assert_eq!(unnamed.status.code(), Some(2));
    assert!(stderr(&unnamed).contains("name the runs whose throughput is drawn"), "{}", stderr(&unnamed));
}

#[test]
fn a_spent_budget_skips_and_nothing_suspicious_is_nothing_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["run", "softmax", "--numerics", "f32", "--no-report"];
    let skipped = portbench(&[&args[..], &["--budget", "0.00001"]].concat(), folder.path());
    assert_eq!(skipped.status.code(), Some(0), "{}", stderr(&skipped));
    assert!(stderr(&skipped).contains("not every cell was measured: 1 skipped"), "{}", stderr(&skipped));
    let none = portbench(&[&args[..], &["--suspicious"]].concat(), folder.path());
    assert_eq!(none.status.code(), Some(3));
    assert!(stderr(&none).contains("no cell of softmax is suspicious"), "{}", stderr(&none));
}

/// The script of a night over a real, short run; one that is ended by SIGTERM is gone on with.
#[cfg(target_os = "linux")]
#[test]
fn a_night_that_is_interrupted_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("nights");
    let night = || -> Child {
        let mut command = Command::new(root().join("scripts/nightly"));
        command.args(["--suite", "softmax", "--budget-minutes", "5", "--results"]).arg(&results);
        command.args(["--", "--numerics", "f32", "--trials", "2"]);
        command.env("PORTBENCH", env!("CARGO_BIN_EXE_portbench")).stderr(Stdio::piped()).spawn().unwrap()
    };
    let runs = || -> Vec<PathBuf> {
        let entries = fs::read_dir(&results).into_iter().flatten().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.join("run.json").is_file()).collect()
    };
    let cut = night();
    while runs().is_empty() {
        std::thread::yield_now();
    }
    let kill = Command::new("kill").args(["-TERM", &cut.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let cut = cut.wait_with_output().unwrap();
    assert_eq!(cut.status.code(), Some(130), "{}", stderr(&cut));
    let whole = night().wait_with_output().unwrap();
    assert_eq!(whole.status.code(), Some(0), "{}", stderr(&whole));
    assert!(stderr(&whole).contains("which did not come to its end"), "{}", stderr(&whole));
    assert_eq!(runs().len(), 1, "the same run");
    let summary = fs::read_to_string(results.join("summary/summary.md")).unwrap();
    for words in ["# softmax: ok", "## History", "too few runs: 0 of 5 runs", "## Figures of this night"] {
        assert!(summary.contains(words), "{words}:\n{summary}");
    }
    assert!(runs()[0].join("report/index.html").is_file());
}
