//! Performance portability against worked tables, and as properties.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portbench_stats::Direction::{HigherIsBetter, LowerIsBetter};
use portbench_stats::portability::{Efficiencies, Figures, Study};
use portbench_stats::{Direction, StatsError};
use proptest::prelude::*;

const NAMES: [&str; 10] = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"];

fn study(n: usize, direction: Direction) -> Study {
    Study::new("test", &NAMES[..n], direction, "all applications of the set, 2026-11-23").unwrap()
}

/// Figures of the first platforms; NaN stands for a platform that has none.
fn figures(values: &[f64]) -> Figures {
    NAMES.iter().zip(values).filter(|(_, v)| !v.is_nan()).map(|(n, v)| ((*n).to_owned(), *v)).collect()
}

fn shares(values: &[f64]) -> Efficiencies {
    study(values.len(), HigherIsBetter).architectural(&figures(values)).unwrap()
}

fn near(found: f64, golden: f64) {
    assert!((found - golden).abs() < 1e-9, "{found} is not {golden}");
}

fn all_near(found: &[f64], golden: &[f64], digits: f64) {
    assert_eq!(found.len(), golden.len());
    for (f, g) in found.iter().zip(golden) {
        assert!((f - g).abs() < digits, "{found:?} is not {golden:?}");
    }
}

// The tables below are those of the method notes, which have them from p3-analysis-library bbebc59 and the University of Bristol's pp_vis.py.

#[test]
fn application_efficiencies_of_both_directions() {
    let none = f64::NAN;
    for (direction, latest, best) in [
        (LowerIsBetter, [25.0, 12.5, 25.0, none, 5.0], [25.0, 10.0, 12.5, 5.0, 1.0]),
        (HigherIsBetter, [4.0, 8.0, 4.0, 0.0, 20.0], [4.0, 10.0, 8.0, 20.0, 100.0]),
    ] {
        let study = study(5, direction);
        let (latest, best) = (figures(&latest), figures(&best));
        let known = study.best_known(&[&latest, &best]).unwrap();
        let found = study.application(&latest, &known).unwrap();
        all_near(found.values(), &[1.0, 0.8, 0.5, 0.0, 0.2], 1e-12);
        assert_eq!((found.supported(), found.pp()), (4, 0.0));
        near(found.harmonic_supported().unwrap(), 4.0 / (1.0 + 1.25 + 2.0 + 5.0));
        all_near(study.application(&best, &known).unwrap().values(), &[1.0; 5], 1e-12);
    }
}

#[test]
fn pp_is_the_harmonic_mean_or_nothing() {
    for (efficiencies, golden) in [
        (&[1.0, 0.8, 0.5, 1.0, 0.2][..], 0.487_804_878_049),
        (&[1.0; 5], 1.0),
        (&[1.0, 0.8, 0.5, 0.0, 0.2], 0.0),
        (&[0.2], 0.2),
        (&[0.5, 1.0], 0.666_666_666_667),
        (&[1.0, 0.0], 0.0),
    ] {
        near(shares(efficiencies).pp(), golden);
    }
}

#[test]
fn a_new_application_lowers_what_was_best_known() {
    let none = f64::NAN;
    let study = study(5, LowerIsBetter);
    let old = figures(&[25.0, 12.5, 25.0, none, 5.0]);
    let yours = figures(&[25.0, 10.0, 12.5, 6.0, 1.0]);
    let best = study.best_known(&[&old, &yours]).unwrap();
    near(study.application(&old, &best).unwrap().pp(), 0.0);
    near(study.application(&yours, &best).unwrap().pp(), 1.0);
    let new = figures(&[30.0, 15.0, 25.0, 3.0, 2.5]);
    let best = study.best_known(&[&old, &yours, &new]).unwrap();
    let found = study.application(&new, &best).unwrap();
    all_near(found.values(), &[0.833_333, 0.666_667, 0.5, 1.0, 0.4], 1e-6);
    near(found.pp(), 0.609_756_097_561);
    near(study.application(&yours, &best).unwrap().values()[3], 0.5);
}

#[test]
fn components_have_problems_of_their_own() {
    for (one, two, golden) in [
        ([2.0, 1.0], [3.0, 0.5], [0.666_666_667, 0.8]),
        ([5.0, 2.5], [4.0, 3.0], [0.888_888_889, 0.909_090_909]),
    ] {
        let study = study(2, LowerIsBetter);
        let (one, two) = (figures(&one), figures(&two));
        let best = study.best_known(&[&one, &two]).unwrap();
        for (figures, golden) in [one, two].iter().zip(golden) {
            assert!((study.application(figures, &best).unwrap().pp() - golden).abs() < 1e-8);
        }
    }
}

#[test]
fn synthetic_applications_on_ten_platforms() {
    let mut single = [0.1; 10];
    single[0] = 1.0;
    let multi: Vec<f64> = (0..10).map(|i| if i % 2 == 0 { 1.0 } else { 0.1 }).collect();
    let inconsistent: Vec<f64> = (1..=10).map(|i| f64::from(i) / 10.0).collect();
    near(shares(&single).pp(), 0.109_890_109_890);
    near(shares(&multi).pp(), 0.181_818_181_818);
    near(shares(&[0.3; 10]).pp(), 0.3);
    near(shares(&[0.7; 10]).pp(), 0.7);
    near(shares(&inconsistent).pp(), 0.341_417_152_147);
    let running = [
        1.0, 0.947_368, 0.892_562, 0.835_128, 0.774_431, 0.709_526, 0.638_899, 0.559_844, 0.466_571,
        0.341_417,
    ];
    all_near(&shares(&inconsistent).running_pp(), &running, 1e-6);
    let running = [1.0, 1.0, 1.0, 1.0, 1.0, 0.4, 0.28, 0.228_571, 0.2, 0.181_818];
    all_near(&shares(&multi).running_pp(), &running, 1e-6);
    all_near(&shares(&[1.0, 0.0, 0.5]).running_pp(), &[1.0, 2.0 / 3.0, 0.0], 1e-12);
}

#[test]
fn nothing_is_taken_for_granted() {
    let refused = |problem, platforms: &[&str], reference| {
        Study::new(problem, platforms, LowerIsBetter, reference).unwrap_err()
    };
    assert!(matches!(refused("", &["A"], "r"), StatsError::Unnamed { what: "problem" }));
    assert!(matches!(refused("p", &["A"], " "), StatsError::Unnamed { what: "reference" }));
    assert!(matches!(refused("p", &[], "r"), StatsError::Empty));
    assert!(matches!(refused("p", &["A", "A"], "r"), StatsError::Repeated { .. }));
    let study = study(2, LowerIsBetter);
    let some = figures(&[1.0, 2.0]);
    // A time of 0 is no result; the reference library divides by it.
    assert!(matches!(study.application(&figures(&[0.0]), &some), Err(StatsError::Parameter { .. })));
    assert!(matches!(study.application(&figures(&[1.0, 2.0, 3.0]), &some), Err(StatsError::Unnamed { .. })));
    assert!(matches!(study.application(&some, &figures(&[1.0])), Err(StatsError::NoReference { .. })));
    assert!(matches!(study.application(&figures(&[0.5]), &some), Err(StatsError::Parameter { .. })));
    assert!(matches!(study.architectural(&figures(&[1.1])), Err(StatsError::Parameter { .. })));
}

proptest! {
    #[test]
    fn pp_lies_between_the_worst_and_the_mean(values in prop::collection::vec(0.001..=1.0_f64, 1..10)) {
        let found = shares(&values);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        prop_assert!(found.min() <= found.pp() * (1.0 + 1e-12) && found.pp() <= mean * (1.0 + 1e-12));
        prop_assert!(found.pp() <= found.min() * values.len() as f64 * (1.0 + 1e-12));
        let running = found.running_pp();
        prop_assert!((running[values.len() - 1] - found.pp()).abs() < 1e-12);
        prop_assert!(running.windows(2).all(|w| w[1] <= w[0] * (1.0 + 1e-12)));
    }

    #[test]
    fn pp_does_not_know_the_order_and_one_missing_platform_ends_it(values in prop::collection::vec(0.001..=1.0_f64, 1..9), seed in 0..9_usize) {
        let pp = shares(&values).pp();
        let mut turned = values.clone();
        turned.rotate_left(seed % values.len());
        prop_assert!((shares(&turned).pp() - pp).abs() < 1e-12);
        let with = |e: f64| shares(&[&values[..], &[e]].concat()).pp();
        prop_assert!((with(pp) - pp).abs() < 1e-12);
        prop_assert!(with(0.0) == 0.0);
    }

    #[test]
    fn application_efficiency_does_not_know_the_unit(values in prop::collection::vec(0.1..100.0_f64, 1..10), factor in 0.001..1000.0_f64) {
        for direction in [LowerIsBetter, HigherIsBetter] {
            let study = study(values.len(), direction);
            let other: Vec<f64> = values.iter().rev().copied().collect();
            let found = |factor: f64| {
                let scaled = |v: &[f64]| figures(&v.iter().map(|x| x * factor).collect::<Vec<_>>());
                let (one, two) = (scaled(&values), scaled(&other));
                let best = study.best_known(&[&one, &two]).unwrap();
                study.application(&one, &best).unwrap().pp()
            };
            prop_assert!((found(1.0) - found(factor)).abs() < 1e-9);
        }
    }
}
