//! Series of runs: change points, noise, and the latest run beside its baseline.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use portbench_stats::change_point::{SHORTEST, energy_statistic, segments};
use portbench_stats::noise::{HISTORY, WITHOUT_HISTORY};
use portbench_stats::regression::{BASELINE, Held, SETTLED, SMALLEST, hold};
use portbench_stats::{ChangeOptions, ChangePoint, Direction, Standing, StatsError, change_points, noise};
use proptest::collection::vec;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Series of Hunter's and Otava's tests, from the project's method notes (3.5), which recomputed the statistics from the formula.
const OTAVA: [f64; 20] = [
    1.02, 0.95, 0.99, 1.00, 1.12, 1.00, 1.01, 0.98, 1.01, 0.96, 0.50, 0.51, 0.48, 0.48, 0.55, 0.50, 0.49,
    0.51, 0.50, 0.49,
];
const SHORT: [f64; 11] = [1.02, 0.95, 0.99, 1.00, 1.12, 0.90, 0.50, 0.51, 0.48, 0.48, 0.55];

#[track_caller]
fn near(got: f64, want: f64, tolerance: f64) {
    assert!((got - want).abs() <= tolerance, "got {got}, want {want}");
}

fn found(values: &[f64]) -> Vec<ChangePoint> {
    change_points(values, &ChangeOptions::default()).unwrap()
}

fn indices(values: &[f64]) -> Vec<usize> {
    found(values).iter().map(|c| c.index).collect()
}

/// Method 3.5.
#[test]
fn energy_statistics_are_those_of_the_notes() {
    near(energy_statistic(&OTAVA, 10).unwrap(), 4.682_222, 1e-6);
    near(energy_statistic(&OTAVA[..15], 10).unwrap(), 3.06, 5e-3);
    near(energy_statistic(&OTAVA[5..15], 5).unwrap(), 2.29, 5e-3);
    near(energy_statistic(&SHORT, 6).unwrap(), 2.354_545, 1e-6);
}

/// The formula as it is written, all pairs.
fn by_hand(values: &[f64], index: usize) -> f64 {
    let (x, y) = values.split_at(index);
    let (n, m) = (x.len() as f64, y.len() as f64);
    let across: f64 = x.iter().flat_map(|a| y.iter().map(move |b| (a - b).abs())).sum();
    let within = |part: &[f64]| -> f64 {
        let pairs = part.iter().enumerate().flat_map(|(i, a)| part[..i].iter().map(move |b| (a - b).abs()));
        pairs.sum()
    };
    let side = |part: &[f64], here: f64, there: f64| {
        if here > 1.0 { 2.0 * there / ((m + n) * (here - 1.0)) * within(part) } else { 0.0 }
    };
    2.0 / (m + n) * across - side(x, n, m) - side(y, m, n)
}

/// Method 3.5: index 10 and 6; the steps are those of the segments' medians.
#[test]
fn change_points_are_those_of_the_notes() {
    let [step] = found(&OTAVA)[..] else { panic!("{:?}", found(&OTAVA)) };
    assert_eq!(step.index, 10);
    near(step.before, 1.0, 1e-12);
    near(step.after, 0.5, 1e-12);
    near(step.change(), -0.5, 1e-12);
    near(step.p, 0.001, 1e-12);
    let [step] = found(&SHORT)[..] else { panic!("{:?}", found(&SHORT)) };
    assert_eq!(step.index, 6);
    assert_eq!(segments(11, &[step.index]), [0..6, 6..11]);
}

/// Method 3.5, rustc-perf.
#[test]
fn noise_thresholds_are_those_of_rustc_perf() {
    let odd = noise(&[100.0, 101.0, 100.0, 102.0, 99.0, 100.0, 101.0, 103.0]).unwrap();
    near(odd.q1, 0.01, 1e-12);
    near(odd.q3, 0.02, 1e-12);
    near(odd.threshold, 0.05, 1e-12);
    let even = noise(&[100.0, 101.0, 100.0, 102.0, 99.0, 100.0, 101.0]).unwrap();
    near(even.q1, 0.009_950_5, 1e-7);
    near(even.q3, 0.024_705_9, 1e-7);
    near(even.threshold, 0.068_972_0, 1e-7);
    for short in [&[1.0][..], &[1.0, 2.0, 3.0]] {
        near(noise(short).unwrap().threshold, WITHOUT_HISTORY, 0.0);
    }
    let mut old = vec![1.0, 9.0];
    old.extend(vec![2.0; HISTORY + 1]);
    near(noise(&old).unwrap().threshold, 0.0, 0.0);
    assert!(matches!(noise(&[1.0, 0.0]), Err(StatsError::Parameter { .. })));
}

#[test]
fn what_cannot_be_is_refused() {
    let with = |change: fn(&mut ChangeOptions)| {
        let mut options = ChangeOptions::default();
        change(&mut options);
        change_points(&OTAVA, &options)
    };
    assert!(with(|o| o.shortest = 1).is_err());
    assert!(with(|o| o.significance = 1.0).is_err());
    assert!(with(|o| o.permutations = 0).is_err());
    assert!(with(|o| o.smallest = f64::NAN).is_err());
    assert!(matches!(change_points(&[], &ChangeOptions::default()), Err(StatsError::Empty)));
    assert!(energy_statistic(&OTAVA, 0).is_err() && energy_statistic(&OTAVA, 20).is_err());
}

/// Levels with relative noise of that size.
fn noisy(seed: u64, size: f64, pieces: &[(usize, f64)]) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let each = pieces.iter().flat_map(|&(length, level)| std::iter::repeat_n(level, length));
    each.map(|level| level * (1.0 + size * rng.random_range(-1.0..1.0))).collect()
}

#[test]
fn several_steps_are_found_and_small_ones_can_be_left_out() {
    let series = noisy(3, 0.01, &[(40, 100.0), (30, 105.0), (30, 95.0)]);
    assert_eq!(indices(&series), [40, 70]);
    let options = ChangeOptions { smallest: 0.055, ..ChangeOptions::default() };
    let left: Vec<usize> = change_points(&series, &options).unwrap().iter().map(|c| c.index).collect();
    assert_eq!(left, [70]);
}

/// At most as many series without a change have one as the significance says, or a few more by chance.
#[test]
fn noise_alone_has_no_change_points() {
    let with = (0..200).filter(|&seed| !indices(&noisy(seed, 0.03, &[(60, 50.0)])).is_empty()).count();
    assert!(with <= 6, "{with} of 200 at 1 %");
}

#[test]
fn one_bad_night_is_no_change_point() {
    let mut series = noisy(5, 0.01, &[(30, 100.0)]);
    series[14] = 40.0;
    assert_eq!(indices(&series), [0; 0]);
}

/// A step is reported where it is or, as long as too few values follow it, not at all.
#[test]
fn a_step_near_the_end_is_not_misplaced() {
    for after in 1..=8 {
        let series = noisy(12, 0.01, &[(25, 100.0), (after, 90.0)]);
        assert_eq!(indices(&series), if after < SHORTEST { vec![] } else { vec![25] }, "{after} after it");
    }
}

/// Trials around each value.
fn runs(values: &[f64]) -> Vec<Vec<f64>> {
    let trials = |(i, v): (usize, &f64)| {
        let spread = 0.001 + 0.0001 * i as f64;
        vec![v * (1.0 - spread), *v, v * (1.0 + spread)]
    };
    values.iter().enumerate().map(trials).collect()
}

fn held(values: &[f64]) -> Option<Held> {
    let options = ChangeOptions { smallest: SMALLEST, ..ChangeOptions::default() };
    let changes: Vec<usize> = change_points(values, &options).unwrap().iter().map(|c| c.index).collect();
    hold(&runs(values), &changes).unwrap()
}

fn standing(values: &[f64]) -> Standing {
    held(values).map_or(Standing::TooFewRuns, |h| h.standing(Direction::HigherIsBetter, h.p, 1))
}

#[test]
fn a_step_is_suspicious_then_claimed_until_it_is_the_baseline() {
    let mut series = noisy(7, 0.004, &[(12, 100.0)]);
    assert_eq!(standing(&series), Standing::Ok);
    let slower = noisy(8, 0.004, &[(SETTLED + 3, 90.0)]);
    let said: Vec<Standing> = slower
        .iter()
        .map(|value| {
            series.push(*value);
            standing(&series)
        })
        .collect();
    assert_eq!(said[0], Standing::Suspicious);
    assert!(said[1..SETTLED - 1].iter().all(|s| *s == Standing::Regression), "{said:?}");
    assert!(said[SETTLED - 1..].iter().all(|s| *s == Standing::Ok), "{said:?}");
}

#[test]
fn what_comes_back_is_ok_and_what_gets_faster_is_an_improvement() {
    let mut series = noisy(9, 0.004, &[(12, 100.0), (7, 90.0), (1, 100.0)]);
    assert_eq!(standing(&series), Standing::Ok);
    let held = held(&series).unwrap();
    assert_eq!((held.baseline, held.candidate), (0..12, 19..20));
    series = noisy(9, 0.004, &[(12, 100.0), (2, 120.0)]);
    assert_eq!(standing(&series), Standing::Improvement);
}

#[test]
fn a_loud_series_says_how_much_it_takes() {
    let loud = noisy(11, 0.15, &[(20, 100.0), (2, 88.0)]);
    let held = held(&loud).unwrap();
    assert!(held.floor > 0.12, "{}", held.floor);
    assert_eq!(standing(&loud), Standing::Ok);
}

#[test]
fn few_runs_and_few_trials_say_so() {
    assert!(held(&noisy(1, 0.01, &[(BASELINE, 100.0)])).is_none());
    let one_trial: Vec<Vec<f64>> =
        noisy(1, 0.002, &[(6, 100.0), (2, 80.0)]).into_iter().map(|v| vec![v]).collect();
    let held = hold(&one_trial, &[]).unwrap().unwrap();
    // 2 / C(8, 2)
    near(held.smallest_p, 2.0 / 28.0, 1e-12);
    assert!(held.out_of_reach(1));
    assert_eq!(held.standing(Direction::HigherIsBetter, held.p, 1), Standing::TooFewRuns);
    assert!(hold(&[vec![1.0], vec![]], &[]).is_err());
}

fn series() -> impl Strategy<Value = Vec<f64>> {
    vec(prop_oneof![3 => 1.0_f64..100.0, 1 => (1_i32..9).prop_map(f64::from)], 2..60)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn the_fast_sums_are_those_of_all_pairs(values in series(), at in 0.0_f64..1.0) {
        let index = 1 + ((values.len() - 1) as f64 * at) as usize;
        let (fast, slow) = (energy_statistic(&values, index).unwrap(), by_hand(&values, index));
        prop_assert!((fast - slow).abs() <= 1e-9 * (1.0 + slow.abs()), "{fast} {slow}");
    }

    #[test]
    fn a_constant_series_has_no_change_point(value in 0.1_f64..1e6, count in 1_usize..200) {
        prop_assert_eq!(found(&vec![value; count]).len(), 0);
        prop_assert!(noise(&vec![value; count]).unwrap().threshold <= WITHOUT_HISTORY);
    }

    /// Other units and another zero give the same places.
    #[test]
    fn scale_and_shift_do_not_matter(values in series(), factor in 0.5_f64..2.0, shift in 0.0_f64..1000.0) {
        let moved: Vec<f64> = values.iter().map(|v| v * factor + shift).collect();
        prop_assert_eq!(indices(&values), indices(&moved));
    }

    #[test]
    fn a_planted_step_is_found_where_it_is(before in 10_usize..60, after in 10_usize..60, seed in 0_u64..1000, up in any::<bool>()) {
        let level = if up { 110.0 } else { 92.0 };
        let series = noisy(seed, 0.01, &[(before, 100.0), (after, level)]);
        prop_assert!(indices(&series).contains(&before));
    }

    #[test]
    fn segments_are_long_enough_and_cover_everything(values in series()) {
        let changes = indices(&values);
        let pieces = segments(values.len(), &changes);
        prop_assert!(changes.is_empty() || pieces.iter().all(|p| p.len() >= SHORTEST));
        prop_assert_eq!(pieces.iter().map(ExactSizeIterator::len).sum::<usize>(), values.len());
        prop_assert_eq!(&changes, &indices(&values));
    }

    #[test]
    fn noise_is_relative(values in series(), factor in 0.01_f64..100.0) {
        let scaled: Vec<f64> = values.iter().map(|v| v * factor).collect();
        let (a, b) = (noise(&values).unwrap(), noise(&scaled).unwrap());
        prop_assert!(a.threshold >= 0.0 && (a.threshold - b.threshold).abs() <= 1e-9 * (1.0 + a.threshold));
    }

    /// In a series of two values it does not matter which of the equal ones stands where.
    #[test]
    fn the_order_of_equal_values_does_not_matter(before in 5_usize..30, after in 5_usize..30) {
        let series = [vec![2.0; before], vec![1.0; after]].concat();
        prop_assert_eq!(indices(&series), vec![before]);
    }
}
