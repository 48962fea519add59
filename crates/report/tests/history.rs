//! What many nights come to: series, breaks, change points, verdicts, and cells that are missing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use common::nights::{Does, FIRST, Night, around};
use portbench_measure::Metric;
use portbench_records::{Outcome, Store};
use portbench_report::history::{
    Absence, Break, HISTORY_COLUMNS, History, SHIFT_COLUMNS, Series, Wanted, shift_cells,
};
use portbench_stats::Standing;

/// What nights come to.
fn of(nights: &[Night]) -> History {
    let folder = tempfile::tempdir().unwrap();
    nights.iter().for_each(|night| drop(night.store(folder.path())));
    read(folder.path(), &Wanted::default())
}

fn read(results: &Path, wanted: &Wanted<'_>) -> History {
    History::read(&Store::new(results), wanted, &|error| panic!("{error}")).unwrap()
}

/// So many nights of one cell, at a level that a night may have of its own.
fn nights(count: u64, level: impl Fn(u64) -> f64) -> Vec<Night> {
    (0..count).map(|day| Night::of(day, &[("gemm", around(level(day), day))])).collect()
}

#[track_caller]
fn only(history: &History) -> &Series {
    let [series] = &history.series[..] else { panic!("{} series", history.series.len()) };
    series
}

#[track_caller]
fn standing(nights: &[Night]) -> Standing {
    only(&of(nights)).standing.unwrap()
}

#[test]
fn a_quiet_series_is_ok_and_a_short_one_cannot_tell() {
    let history = of(&nights(20, |_| 100.0));
    let series = only(&history);
    assert_eq!((series.standing, series.points.len(), series.shifts.len()), (Some(Standing::Ok), 20, 0));
    assert_eq!(history.runs[0], ("night-000-00".to_owned(), FIRST));
    assert_eq!(standing(&nights(4, |_| 100.0)), Standing::TooFewRuns);
    assert_eq!(only(&of(&nights(1, |_| 100.0))).standing, Some(Standing::TooFewRuns));
}

#[test]
fn one_slow_night_is_suspicious_and_the_next_one_makes_it_a_regression() {
    assert_eq!(standing(&nights(15, |day| if day < 14 { 100.0 } else { 90.0 })), Standing::Suspicious);
    assert_eq!(standing(&nights(16, |day| if day < 14 { 100.0 } else { 90.0 })), Standing::Regression);
    assert_eq!(standing(&nights(16, |day| if day == 14 { 90.0 } else { 100.0 })), Standing::Ok);
    assert_eq!(standing(&nights(16, |day| if day < 14 { 100.0 } else { 112.0 })), Standing::Improvement);
}

/// A run again in the same night is the second one.
#[test]
fn a_run_again_confirms() {
    let mut all = nights(15, |day| if day < 14 { 100.0 } else { 90.0 });
    all.push(Night { hour: 3, ..Night::of(14, &[("gemm", Does::Rate(90.2))]) });
    assert_eq!(standing(&all), Standing::Regression);
    all.pop();
    all.push(Night { hour: 3, ..Night::of(14, &[("gemm", Does::Rate(100.1))]) });
    assert_eq!(standing(&all), Standing::Ok);
}

#[test]
fn a_change_point_has_its_night_its_size_and_what_changed() {
    let mut all = nights(30, |day| if day < 18 { 100.0 } else { 80.0 });
    for (day, night) in all.iter_mut().enumerate() {
        night.commit = Some(if day < 18 { "aaaa" } else { "bbbb" });
    }
    let history = of(&all);
    let [shift] = &only(&history).shifts[..] else { panic!() };
    assert_eq!(shift.at, 18);
    assert!(matches!(shift.kind, Break::ChangePoint(p) if p <= 0.01));
    assert!((shift.change() + 0.2).abs() < 0.01, "{}", shift.change());
    assert_eq!(shift.changed.iter().map(ToString::to_string).collect::<Vec<_>>(), ["commit aaaa -> bbbb"]);
    // Twelve nights later it is the baseline.
    assert_eq!(only(&history).standing, Some(Standing::Ok));
    assert_eq!(standing(&all[..26]), Standing::Regression);
}

#[test]
fn another_driver_is_a_break_and_no_regression() {
    let mut all = nights(22, |day| if day < 15 { 100.0 } else { 80.0 });
    all[15..].iter_mut().for_each(|night| night.driver = "590.10");
    let history = of(&all);
    let series = only(&history);
    let [shift] = &series.shifts[..] else { panic!() };
    assert_eq!((shift.kind, shift.at), (Break::Declared, 15));
    assert_eq!(shift.changed[0].to_string(), "driver 580.95 -> 590.10");
    assert_eq!(series.standing, Some(Standing::Ok));
    assert_eq!(series.held.as_ref().unwrap().baseline.len(), 6);
    let early = of(&all[..17]);
    assert_eq!(only(&early).standing, Some(Standing::TooFewRuns));
    let why = early.rows(false)[0].why.clone().unwrap();
    assert_eq!(why, "1 of 5 runs of a baseline since driver 580.95 -> 590.10");
}

#[test]
fn other_settings_and_programs_begin_other_series() {
    let mut all = nights(20, |day| if day < 12 { 100.0 } else { 50.0 });
    all[12..].iter_mut().for_each(|night| night.threads = "8");
    all[16..].iter_mut().for_each(|night| night.fingerprint = "ef".repeat(16));
    let history = of(&all);
    let begun: Vec<_> =
        history.series.iter().map(|s| (s.points.len(), s.ended, s.begun.as_deref())).collect();
    assert_eq!(
        begun,
        [
            (12, true, None),
            (4, true, Some("other settings: threads 16 -> 8")),
            (4, false, Some("another program: abababababab -> efefefefefef")),
        ]
    );
    assert_eq!((history.rows(false).len(), history.rows(true).len()), (1, 3));
    assert!(history.absent.is_empty(), "the cell itself reports");
}

fn absences(nights: &[Night]) -> Vec<(String, Absence, usize)> {
    of(nights).absent.into_iter().map(|a| (a.cell, a.absence, a.runs_since)).collect()
}

#[test]
fn a_cell_that_was_measured_and_is_not_is_lost_until_it_is_back() {
    let cells =
        |day: u64, softmax: Does| Night::of(day, &[("gemm", around(100.0, day)), ("softmax", softmax)]);
    let mut all: Vec<Night> = (0..6).map(|day| cells(day, around(50.0, day))).collect();
    let name = "softmax.inference.single-stream.tch.cuda-0.f32";
    for (more, outcome) in [(1, Outcome::Crashed), (2, Outcome::Incorrect), (3, Outcome::Unavailable)] {
        all.push(cells(5 + more, Does::Ends(outcome)));
        assert_eq!(absences(&all), [(name.to_owned(), Absence::Lost, more as usize)]);
    }
    assert_eq!(
        of(&all).rows(false)[0].why.as_deref().unwrap(),
        "measured -> unavailable; last measured 3 runs ago (night-005-00): it ended so"
    );
    all.push(cells(9, around(50.0, 9)));
    assert_eq!(absences(&all), []);
    all.push(cells(10, Does::Nothing));
    assert_eq!(absences(&all), [(name.to_owned(), Absence::NotRun, 1)]);
    all.push(cells(11, Does::Ends(Outcome::Skipped)));
    assert_eq!(absences(&all), [(name.to_owned(), Absence::Skipped, 2)]);
    assert!(!Absence::Skipped.gated() && Absence::NotRun.gated());
}

#[test]
fn a_run_that_goes_on_is_no_night_yet() {
    let folder = tempfile::tempdir().unwrap();
    let runs: Vec<_> = nights(6, |_| 100.0).iter().map(|night| night.store(folder.path())).collect();
    let unfinished = Night::of(6, &[("gemm", Does::Nothing)]).store(folder.path());
    let held = unfinished.lock().unwrap();
    let history = read(folder.path(), &Wanted::default());
    assert_eq!((history.runs.len(), history.absent.len()), (runs.len(), 0));
    drop(held);
    assert_eq!(read(folder.path(), &Wanted::default()).absent[0].absence, Absence::NotRun);
}

#[test]
fn a_cell_that_leaves_the_plan_is_told_of_once() {
    let both = |day: u64| Night::of(day, &[("gemm", around(100.0, day)), ("softmax", around(50.0, day))]);
    let one = |day: u64| Night::of(day, &[("gemm", around(100.0, day))]);
    let mut all: Vec<Night> = (0..6).map(both).collect();
    // A part of the suite, run again in the same night, takes nothing away.
    all.push(Night { hour: 2, ..one(5) });
    assert_eq!(absences(&all), []);
    all.push(one(6));
    assert_eq!(absences(&all)[0].1, Absence::NotPlanned);
    all.push(one(7));
    assert_eq!(absences(&all), []);
}

#[test]
fn what_was_refused_and_now_fails_is_worse() {
    let with =
        |day, outcome| Night::of(day, &[("gemm", around(100.0, day)), ("conv2d", Does::Ends(outcome))]);
    let mut all: Vec<Night> = (0..3).map(|day| with(day, Outcome::Unsupported)).collect();
    assert_eq!(absences(&all), []);
    all.push(with(3, Outcome::Crashed));
    assert_eq!(absences(&all)[0].1, Absence::Worsened);
}

#[test]
fn a_cell_that_passes_and_is_less_right_is_told_of() {
    let mut all = nights(10, |_| 100.0);
    all[8..].iter_mut().for_each(|night| night.error = 9e-6);
    let history = of(&all);
    let drift = only(&history).drift.clone().unwrap();
    assert!(drift.jumped);
    assert_eq!((drift.error, drift.largest_before, drift.runs_before), (9e-6, 1.2e-6, 8));
    assert_eq!(drift.since.as_deref(), Some("night-008-00"));
    assert_eq!(only(&history).standing, Some(Standing::Ok));
    assert!(!only(&of(&nights(10, |_| 100.0))).drift.clone().unwrap().jumped);
}

#[test]
fn a_suite_that_stopped_is_stale_whatever_the_others_do() {
    let mut all = nights(4, |_| 100.0);
    all.extend((0..9).map(|day| Night {
        suite: "gpu",
        hour: 1,
        ..Night::of(day, &[("softmax", around(9.0, day))])
    }));
    let history = of(&all);
    let now = FIRST + 8 * 24 * 3600 + 3600;
    let stale: Vec<_> = history.stale(now, 36.0).into_iter().map(|s| (s.suite, s.run, s.hours)).collect();
    assert_eq!(stale, [("nightly".to_owned(), "night-003-00".to_owned(), 121)]);
    assert_eq!(history.stale(now + 48 * 3600, 36.0).len(), 2);
}

#[test]
fn runs_metrics_and_cells_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let night = |day| Night::of(day, &[("gemm", around(100.0, day)), ("softmax", around(50.0, day))]);
    (0..12).for_each(|day| drop(night(day).store(folder.path())));
    let count = |wanted: &Wanted<'_>| {
        let history = read(folder.path(), wanted);
        (history.runs.len(), history.series.len())
    };
    assert_eq!(count(&Wanted::default()), (12, 2));
    assert_eq!(count(&Wanted { last: Some(3), ..Wanted::default() }), (3, 2));
    assert_eq!(count(&Wanted { since: Some((2026, 10, 11)), ..Wanted::default() }), (2, 2));
    assert_eq!(count(&Wanted { suite: Some("another"), ..Wanted::default() }), (0, 0));
    assert_eq!(count(&Wanted { cell: &|cell| cell.workload == "gemm", ..Wanted::default() }), (12, 1));
    let latency = Wanted { metric: Some(Metric::LatencyP50), ..Wanted::default() };
    assert_eq!(read(folder.path(), &latency).series[0].metric, Metric::LatencyP50);
}

#[test]
fn a_run_that_cannot_be_read_is_named_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let runs: Vec<_> = nights(8, |_| 100.0).iter().map(|night| night.store(folder.path())).collect();
    fs::write(runs[2].dir().join("run.json"), "{\"version\": 1").unwrap();
    let cell = runs[4].dir().join("cells").join("gemm.inference.single-stream.tch.cuda-0.f32.json");
    fs::write(&cell, "{").unwrap();
    let told = RefCell::new(Vec::new());
    let unread = |error: &portbench_records::StoreError| told.borrow_mut().push(error.to_string());
    let history = History::read(&Store::new(folder.path()), &Wanted::default(), &unread).unwrap();
    assert_eq!((history.runs.len(), only(&history).points.len()), (7, 6));
    let told = told.into_inner();
    assert!(told.len() == 2 && told[0].contains("night-002") && told[1].contains("gemm."), "{told:?}");
}

/// Forty nights with a bit of everything, as people read it.
#[test]
fn a_fleet_reads_well() {
    let mut all = Vec::new();
    for day in 0..40 {
        let slow = if day < 37 { 1.0 } else { 0.9 };
        let fast = if day < 20 { 1.0 } else { 1.15 };
        let conv2d = if day < 39 { around(700.0, day) } else { Does::Ends(Outcome::Crashed) };
        all.push(Night {
            driver: if day < 12 { "580.95" } else { "590.10" },
            error: if day < 39 { 1.2e-6 } else { 4.8e-6 },
            commit: Some(if day < 20 { "0a1b2c3" } else { "4d5e6f7" }),
            ..Night::of(
                day,
                &[
                    ("bert-base", around(5000.0 * slow, day)),
                    ("conv2d", conv2d),
                    ("gemm-4096", around(650.0 * fast, day + 3)),
                    ("softmax", if day == 39 { Does::Rate(74.0) } else { around(90.0, day + 7) }),
                ],
            )
        });
    }
    let rows = of(&all).rows(false);
    let lines =
        |head: String, cells: Vec<String>| std::iter::once(head).chain(cells).collect::<Vec<_>>().join("\n");
    let table = lines(HISTORY_COLUMNS.join(" | "), rows.iter().map(|row| row.cells().join(" | ")).collect());
    let shifts =
        lines(SHIFT_COLUMNS.join(" | "), shift_cells(&rows).iter().map(|cells| cells.join(" | ")).collect());
    insta::assert_snapshot!("fleet", format!("{table}\n\n{shifts}"));
    let json = serde_json::to_value(&rows[1]).unwrap();
    assert_eq!(json["verdict"], "regression");
    assert_eq!(json["points"].as_array().unwrap().len(), 40);
    assert_eq!(json["baseline"]["since"], "night-012-00");
}
