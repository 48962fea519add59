//! Two runs side by side: what is claimed, and what is not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{failed, figure, not_estimable, record, sample_run};
use portbench_measure::{Boundary, Metric, Mode, Unit};
use portbench_records::{Comparable, Outcome, Record};
use portbench_report::{Change, CompareRow, compare};
use portbench_stats::Verdict;

fn heads(records: &[Record]) -> Vec<Comparable> {
    let folder = tempfile::tempdir().unwrap();
    let run = sample_run(folder.path(), "sample", records);
    run.comparables().unwrap().map(Result::unwrap).collect()
}

fn compared(before: &[Record], after: &[Record]) -> Vec<CompareRow> {
    compare(heads(before).into_iter(), heads(after).into_iter(), 0.02)
}

fn text(rows: &[CompareRow]) -> String {
    rows.iter().map(|row| row.cells().join(" | ")).collect::<Vec<_>>().join("\n")
}

/// A cell whose only figure is its throughput.
fn rate(workload: &str, value: f64, spread: f64) -> Record {
    let mut record = record(workload, Mode::Inference, "candle", Unit::Tokens, value);
    record.figures = vec![figure(Metric::Throughput, value, spread)];
    record
}

#[test]
fn every_case_has_its_words() {
    let died = failed("e-fails", "candle", Outcome::Crashed, "died");
    let mut other = rate("g-other", 100.0, 0.001);
    other.problem.fingerprint = "ef".repeat(32);
    let mut few = rate("h-few", 100.0, 0.001);
    few.figures[0].trials.truncate(2);
    let before = [
        rate("a-faster", 100.0, 0.001),
        rate("b-slower", 100.0, 0.001),
        rate("c-same", 100.0, 0.02),
        rate("d-gone", 100.0, 0.001),
        rate("e-fails", 100.0, 0.001),
        failed("f-mended", "candle", Outcome::Unsupported, "no conv2d"),
        rate("g-other", 100.0, 0.001),
        few.clone(),
        failed("j-never", "candle", Outcome::Unavailable, "no device"),
    ];
    let after = [
        rate("a-faster", 150.0, 0.001),
        rate("b-slower", 70.0, 0.001),
        rate("c-same", 101.0, 0.02),
        died,
        rate("f-mended", 100.0, 0.001),
        other,
        few,
        rate("i-new", 100.0, 0.001),
        failed("j-never", "candle", Outcome::Unavailable, "no device"),
    ];
    let rows = compared(&before, &after);
    insta::assert_snapshot!(text(&rows), @r"
    a-faster.inference.single-stream.candle.cpu.f32 | throughput | 100/s | 150/s | 1.50 [1.49, 1.51] | faster
    b-slower.inference.single-stream.candle.cpu.f32 | throughput | 100/s | 70.0/s | 0.700 [0.698, 0.702] | slower
    c-same.inference.single-stream.candle.cpu.f32 | throughput | 100/s | 101/s | 1.01 [0.94, 1.08] | within noise
    d-gone.inference.single-stream.candle.cpu.f32 |  |  |  |  | regression: no longer measured: measured -> no record
    e-fails.inference.single-stream.candle.cpu.f32 |  |  |  |  | regression: no longer measured: measured -> crashed
    f-mended.inference.single-stream.candle.cpu.f32 |  |  |  |  | newly measured: unsupported -> measured
    g-other.inference.single-stream.candle.cpu.f32 |  |  |  |  | not compared: different work: programs abababababab and efefefefefef (fingerprints)
    h-few.inference.single-stream.candle.cpu.f32 | throughput | 100/s | 100/s | 1.00 [0.99, 1.01] | too few trials
    i-new.inference.single-stream.candle.cpu.f32 |  |  |  |  | only in the candidate
    j-never.inference.single-stream.candle.cpu.f32 |  |  |  |  | never measured: unavailable -> unavailable
    ");
    let regressions: Vec<&str> =
        rows.iter().filter(|r| r.regressed()).map(|r| r.cell.split('.').next().unwrap()).collect();
    assert_eq!(regressions, ["b-slower", "d-gone", "e-fails"]);
}

#[test]
fn less_is_better_for_times() {
    let cell = |time: f64| {
        let mut record = rate("w", 1.0, 0.001);
        record.figures = vec![figure(Metric::LatencyP50, time, 0.001), not_estimable(Metric::LatencyP99)];
        record
    };
    let verdict = |before, after| compared(&[cell(before)], &[cell(after)])[0].change;
    assert_eq!(verdict(0.010, 0.012), Change::Compared(Verdict::Slower));
    assert_eq!(verdict(0.012, 0.010), Change::Compared(Verdict::Faster));
    assert_eq!(verdict(0.010, 0.010), Change::Compared(Verdict::Equivalent));
}

/// One cell of many that stands out a little is likely to be chance; alone it is a claim.
#[test]
fn many_comparisons_ask_for_more() {
    let before = rate("w00", 100.0, 0.01);
    let after = rate("w00", 95.0, 0.01);
    let alone = compared(std::slice::from_ref(&before), std::slice::from_ref(&after));
    assert_eq!(alone[0].change, Change::Compared(Verdict::Slower));
    let p = alone[0].p.unwrap();
    assert!(p > 0.001 && p < 0.05, "{p}");
    let others = (1..40).map(|i| rate(&format!("w{i:02}"), 100.0, 0.01));
    let many: Vec<Record> = others.collect();
    let all = |first: &Record| std::iter::once(first.clone()).chain(many.clone()).collect::<Vec<_>>();
    let rows = compared(&all(&before), &all(&after));
    assert_eq!(rows[0].change, Change::Compared(Verdict::WithinNoise));
    assert_eq!(rows[0].detail.as_deref(), Some("not claimed among 40 comparisons"));
    assert!(rows.iter().all(|row| !row.regressed()));
    let clear = compared(&all(&before), &all(&rate("w00", 50.0, 0.001)));
    assert_eq!(clear[0].change, Change::Compared(Verdict::Slower));
}

#[test]
fn a_run_compared_with_itself_shows_nothing() {
    let records: Vec<Record> =
        (0..20).map(|i| rate(&format!("w{i:02}"), 10.0 + f64::from(i), 0.002)).collect();
    let rows = compared(&records, &records);
    assert_eq!(rows.len(), 20);
    assert!(rows.iter().all(|r| r.change == Change::Compared(Verdict::Equivalent)), "{}", text(&rows));
}

/// What was timed otherwise is not compared; what ran under other settings is, and says so.
#[test]
fn other_timers_and_settings_are_told() {
    let before = rate("w", 100.0, 0.001);
    let mut timed = before.clone();
    timed.spec.boundary = Boundary::HostToHost;
    let rows = compared(std::slice::from_ref(&before), &[timed]);
    assert_eq!(rows[0].change, Change::DifferentBoundary);
    assert!(
        rows[0].incomparable() && text(&rows).ends_with("device-resident -> host-to-host"),
        "{}",
        text(&rows)
    );
    let mut set = rate("w", 50.0, 0.001);
    let settings = &mut set.backend.as_mut().unwrap().settings;
    settings.insert("threads".into(), "1".into());
    settings.insert("tf32".into(), "on".into());
    let rows = compared(&[before], &[set]);
    assert!(rows[0].regressed());
    assert_eq!(rows[0].detail.as_deref(), Some("settings differ: tf32 unset -> on, threads 2 -> 1"));
}

/// Runs are read in step; cells that one of them lacks must not lose the others.
#[test]
fn cells_find_each_other_in_any_order() {
    let records: Vec<Record> =
        (0..30).map(|i| rate(&format!("w{i:02}"), 10.0 + f64::from(i), 0.002)).collect();
    let straight = compare(heads(&records).into_iter(), heads(&records).into_iter(), 0.02);
    let turned = compare(heads(&records).into_iter().rev(), heads(&records).into_iter(), 0.02);
    assert_eq!(straight, turned);
    let rows = compared(&records[..20], &records[10..]);
    let count = |change| rows.iter().filter(|r| r.change == change).count();
    assert_eq!((count(Change::Missing), count(Change::OnlyInCandidate), rows.len()), (10, 10, 30));
}

#[test]
fn nothing_compared_with_nothing_is_nothing() {
    assert!(compared(&[], &[]).is_empty());
}
