//! A run with a budget ends in order: what did not fit is skipped or has fewer trials, and a resumed run takes the rest.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../double/workload.rs"]
mod workload;

use std::cell::Cell as Slot;
use std::path::Path;
use std::time::Duration;

use portbench_records::{Outcome, Run, Store};
use portbench_runner::{Budget, Event, Plan, Runner, Summary};

const DOUBLE: &str = env!("CARGO_BIN_EXE_runner-double");
const CELLS: usize = 4;
const TRIALS: u64 = 3;

fn plan() -> Plan {
    workload::plan(Path::new(DOUBLE), CELLS, TRIALS)
}

/// A run on a clock by which each trial takes a minute from when it begins.
fn within(minutes: u64, resumed: Option<Run>, store: &Store) -> Summary {
    let begun = Slot::new(0_u64);
    // A trial is past its minute once it is asked for after the next one could begin.
    let elapsed = || Duration::from_secs(60 * begun.get());
    let runner = Runner {
        budget: Some(Budget { time: Duration::from_secs(60 * minutes), elapsed: &elapsed }),
        ..Runner::default()
    };
    let mut on_event = |event: Event<'_>| {
        if matches!(event, Event::TrialFinished { .. }) {
            begun.set(begun.get() + 1);
        }
    };
    match resumed {
        None => runner.start(store, &plan(), &mut on_event).unwrap(),
        Some(run) => runner.resume(run, &plan(), &mut on_event).unwrap(),
    }
}

/// Of each cell its outcome, its number of trials and what is said of it.
fn cells(run: &Run) -> Vec<(Outcome, usize, String)> {
    let records = run.records().unwrap().map(Result::unwrap);
    records.map(|r| (r.outcome, r.trials.len(), r.detail.unwrap_or_default())).collect()
}

#[test]
fn without_time_everything_is_skipped_and_a_resumed_run_does_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path());
    let skipped = within(0, None, &store);
    assert_eq!(skipped.outcomes, [(Outcome::Skipped, CELLS as u64)].into());
    let (.., detail) = &cells(&skipped.run)[0];
    let words = "the budget of 0.0 min is spent; `portbench run --resume ";
    assert!(detail.starts_with(words), "{detail}");
    let done = Runner::default().resume(skipped.run, &plan(), &mut |_| {}).unwrap();
    assert!(done.all_measured());
    assert!(cells(&done.run).iter().all(|(_, trials, _)| *trials == TRIALS as usize));
}

#[test]
fn what_fits_is_measured_and_the_rest_follows() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path());
    // One round of all four, and two trials of the next one.
    let cut = within(6, None, &store);
    assert_eq!(cut.outcomes, [(Outcome::Measured, CELLS as u64)].into());
    let mut trials: Vec<usize> = cells(&cut.run).iter().map(|(_, trials, _)| *trials).collect();
    trials.sort_unstable();
    assert_eq!(trials, [1, 1, 2, 2]);
    assert!(
        cells(&cut.run)
            .iter()
            .all(|(_, n, detail)| detail.contains(&format!("{n} of 3 trials: the budget of 6.0 min")))
    );
    let mut started = 0;
    let count = &mut |event: Event<'_>| started += usize::from(matches!(event, Event::TrialStarted { .. }));
    let done = Runner::default().resume(cut.run, &plan(), count).unwrap();
    assert_eq!(started, CELLS * TRIALS as usize - 6);
    assert!(cells(&done.run).iter().all(|(_, trials, detail)| *trials == 3 && detail.is_empty()));
    let orders = |run: &Run| -> Vec<Vec<u64>> {
        run.records().unwrap().map(|r| r.unwrap().trials.iter().map(|t| t.order).collect()).collect()
    };
    let whole = Runner::default().start(&store, &plan(), &mut |_| {}).unwrap();
    assert_eq!(orders(&done.run), orders(&whole.run));
}

#[test]
fn a_budget_can_be_given_to_what_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path());
    let first = within(3, None, &store);
    assert_eq!(first.outcomes, [(Outcome::Measured, 3), (Outcome::Skipped, 1)].into());
    let second = within(9, Some(first.run), &store);
    assert!(second.all_measured());
    assert!(cells(&second.run).iter().all(|(_, trials, _)| *trials == 3));
}
