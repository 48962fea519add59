//! Known answers. Those marked "method" come from the project's method notes, where SciPy 1.x, LoadGen and the
//! formulas worked by hand produced them; the rest say how they were found.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use portbench_stats::bootstrap::BootstrapOptions;
use portbench_stats::early_stopping::{
    MLPERF_CONFIDENCE, PercentileBound, check_bound, min_queries, percentile_bound, required_queries,
    required_queries_rounded,
};
use portbench_stats::hypothesis::{
    PMethod, cliffs_delta, hodges_lehmann, mann_whitney, mann_whitney_asymptotic, mann_whitney_exact,
    permutation_test, smallest_p,
};
use portbench_stats::identity::{Check, Identity, violations};
use portbench_stats::logits::{kl_of_logits, kl_of_probabilities, kl_rows, top_k_overlap, top1_agreement};
use portbench_stats::multiplicity::{Correction, adjust};
use portbench_stats::parity::{
    RatioBand, Tolerance, cosine, errors, liveness, three_way, ulp_distance_16, ulp_distance_f32,
    ulp_distance_f64, wilson,
};
use portbench_stats::quantile::{Ranks, ranks, smallest_n_one_sided, smallest_n_two_sided};
use portbench_stats::trials::{fieller_ratio, trials_needed};
use portbench_stats::{
    CompareOptions, Direction, Outlier, QuantileEstimate, Sample, Statistic, StatsError, Trials, Verdict,
    compare, quantile_interval,
};

fn sample(values: &[f64]) -> Sample {
    Sample::new(values.to_vec()).unwrap()
}

#[track_caller]
fn near(got: f64, want: f64, tolerance: f64) {
    assert!((got - want).abs() <= tolerance, "got {got}, want {want}");
}

/// Method 3.3.
#[test]
fn tukey_fences() {
    let s = sample(&[10.0, 11.0, 11.0, 12.0, 12.0, 12.0, 13.0, 13.0, 14.0, 30.0]);
    near(s.quantile(0.25).unwrap(), 11.25, 1e-12);
    near(s.quantile(0.75).unwrap(), 13.0, 1e-12);
    let fences = s.fences();
    near(fences.low_severe, 6.0, 1e-12);
    near(fences.low_mild, 8.625, 1e-12);
    near(fences.high_mild, 15.625, 1e-12);
    near(fences.high_severe, 18.25, 1e-12);
    assert_eq!(s.outliers()[9], Outlier::HighSevere);
    assert_eq!(s.outlier_counts().total(), 1);
}

/// By hand.
#[test]
fn location_and_spread() {
    let s = sample(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
    near(s.mean(), 5.0, 1e-12);
    near(s.median(), 4.5, 1e-12);
    near(s.variance().unwrap(), 32.0 / 7.0, 1e-12);
    near(s.mad(), 0.5, 1e-12);
    assert_eq!((s.min(), s.max(), s.count()), (2.0, 9.0, 8));
    assert_eq!(sample(&[1.0]).variance(), None);
    // A sum of squares would lose this variance to rounding.
    let far = sample(&[1e15 + 1.0, 1e15 + 2.0, 1e15 + 3.0]);
    near(far.variance().unwrap(), 1.0, 1e-9);
}

/// Method 3.7.
#[test]
fn order_statistic_ranks() {
    let at = |n, q| {
        let Ranks { low, high } = ranks(n, q, 0.95).unwrap();
        (low.unwrap_or(0), high.unwrap_or(0))
    };
    assert_eq!(at(20, 0.5), (6, 15));
    assert_eq!(at(100, 0.5), (40, 61));
    assert_eq!(at(100, 0.9), (84, 96));
    assert_eq!(at(100, 0.99).1, 0, "unbounded");
    assert_eq!(at(367, 0.99).1, 0, "unbounded");
    assert_eq!(at(368, 0.99), (360, 368));
    assert_eq!(at(473, 0.99), (464, 473));
    assert_eq!(at(1000, 0.99), (983, 997));
    assert_eq!(at(5000, 0.99), (4936, 4964));
    assert_eq!(at(10_000, 0.999), (9983, 9997));
}

/// Method 3.7.
#[test]
fn smallest_samples_for_percentiles() {
    let percentiles = [0.9, 0.95, 0.99, 0.999];
    let two = percentiles.map(|q| smallest_n_two_sided(q, 0.95).unwrap());
    assert_eq!(two, [36, 72, 368, 3688]);
    assert_eq!(percentiles.map(|q| smallest_n_one_sided(q, 0.95).unwrap()), [29, 59, 299, 2995]);
    assert_eq!(percentiles.map(|q| smallest_n_one_sided(q, 0.99).unwrap()), [44, 90, 459, 4603]);
}

#[test]
fn a_percentile_without_data_says_so() {
    let s = sample(&(1..=100).map(f64::from).collect::<Vec<_>>());
    let p99 = quantile_interval(&s, 0.99, 0.95).unwrap();
    assert_eq!(p99, QuantileEstimate::NotEstimable { have: 100, needed: 368 });
    assert_eq!(format!("{p99:.2}"), "not estimable");
    assert_eq!(format!("{p99:>15.2}"), "  not estimable");
    let p90 = quantile_interval(&s, 0.9, 0.95).unwrap();
    assert_eq!(format!("{p90:.2}"), "90.10");
    let estimate = p90.estimate().unwrap();
    assert_eq!((estimate.low, estimate.high), (84.0, 96.0));
}

fn kalibera_jones() -> (Trials, Trials) {
    let a = [[10.1, 10.3, 10.2, 10.4], [11.0, 10.9, 11.2, 11.1], [10.5, 10.6, 10.4, 10.5]];
    let b = [[9.1, 9.0, 9.3, 9.2], [9.8, 9.9, 9.7, 9.8], [9.4, 9.5, 9.4, 9.3]];
    (Trials::from_nested(&a).unwrap(), Trials::from_nested(&b).unwrap())
}

/// Method 3.2.
#[test]
fn variance_components_and_fieller() {
    let (a, b) = kalibera_jones();
    let va = a.variance_components().unwrap();
    near(va.within, 0.013_333_3, 1e-7);
    near(va.of_means, 0.1675, 1e-12);
    near(va.between, 0.164_166_7, 1e-7);
    let vb = b.variance_components().unwrap();
    near(vb.within, 0.01, 1e-12);
    near(vb.of_means, 0.1075, 1e-12);
    near(vb.between, 0.105, 1e-12);
    let best = [1.0, 10.0, 100.0].map(|cost| va.best_samples_per_trial(cost).unwrap());
    assert_eq!(best, [Some(1), Some(1), Some(3)]);

    let ia = a.t_interval(Statistic::Mean, 0.95).unwrap();
    near(ia.value, 10.6, 1e-12);
    near(ia.half_width(), 1.016_677_175, 1e-8);
    let ib = b.t_interval(Statistic::Mean, 0.95).unwrap();
    near(ib.value, 9.45, 1e-12);
    near(ib.half_width(), 0.814_479_017, 1e-8);
    let ratio = fieller_ratio(&ib, &ia).unwrap();
    near(ratio.value, 0.891_509_434, 1e-9);
    near(ratio.low, 0.783_999_367, 1e-8);
    near(ratio.high, 1.015_574_305, 1e-8);
}

/// Printed tables of Student's t: two-sided quantiles for 1, 2, 3, 4 and 9 degrees of freedom. Figures `+-1` about 10
/// in each trial, scaled so that the standard error is 1, leave the quantile as the half width.
#[test]
fn quantiles_of_students_t() {
    let half = |trials: usize, confidence| {
        let spread: Vec<f64> = (0..trials).map(|i| if i < trials / 2 { -1.0 } else { 1.0 }).collect();
        let error = (Sample::new(spread.clone()).unwrap().variance().unwrap() / trials as f64).sqrt();
        let nested: Vec<[f64; 1]> = spread.iter().map(|x| [10.0 + x / error]).collect();
        Trials::from_nested(&nested).unwrap().t_interval(Statistic::Mean, confidence).unwrap().half_width()
    };
    near(half(2, 0.95), 12.706_204_736, 1e-6);
    near(half(3, 0.95), 4.302_652_730, 1e-8);
    near(half(4, 0.95), 3.182_446_305, 1e-8);
    near(half(5, 0.95), 2.776_445_105, 1e-8);
    near(half(10, 0.95), 2.262_157_163, 1e-8);
    near(half(2, 0.99), 63.656_741_162, 1e-4);
    near(half(5, 0.9), 2.131_846_786, 1e-8);
}

/// Method 3.2: a 10.8 % gain drowned by a spread of 4 % between three trials.
#[test]
fn a_gain_within_noise() {
    let (a, b) = kalibera_jones();
    let options =
        CompareOptions { statistic: Statistic::Mean, ..CompareOptions::new(Direction::LowerIsBetter, 0.01) };
    assert_eq!(compare(&b, &a, &options).unwrap().verdict, Verdict::WithinNoise);
}

/// Method 3.2; the second by the formula: 2 (2.801585)^2 = 15.7.
#[test]
fn trials_for_an_effect() {
    assert_eq!(trials_needed(0.02, 0.05, 0.95, 0.8).unwrap(), 3);
    assert_eq!(trials_needed(0.05, 0.05, 0.95, 0.8).unwrap(), 16);
}

/// Method 3.4 (SciPy).
#[test]
fn mann_whitney_without_ties() {
    let c = sample(&[1.00, 1.02, 1.05, 0.95, 0.98]);
    let d = sample(&[0.80, 0.82, 0.85, 0.79, 0.77]);
    let exact = mann_whitney(&c, &d);
    assert_eq!((exact.statistic, exact.method), (25.0, PMethod::Exact));
    near(exact.p, 0.007_936_507_9, 1e-10);
    near(mann_whitney_asymptotic(&c, &d).p, 0.012_185_780_4, 1e-9);
    near(cliffs_delta(&c, &d), 1.0, 1e-12);
}

/// Method 3.4 (SciPy).
#[test]
fn mann_whitney_with_ties() {
    let x = sample(&[1.0, 2.0, 2.0, 3.0, 5.0]);
    let y = sample(&[2.0, 3.0, 4.0, 4.0, 6.0, 7.0]);
    assert!(matches!(mann_whitney_exact(&x, &y), Err(StatsError::Tied)));
    let result = mann_whitney(&x, &y);
    assert_eq!((result.statistic, result.method), (6.5, PMethod::Asymptotic));
    near(result.p, 0.138_625_879_9, 1e-9);
    near(cliffs_delta(&x, &y), -0.566_666_7, 1e-7);
    let permuted = permutation_test(&x, &y, Statistic::Mean, &BootstrapOptions::default()).unwrap();
    assert_eq!(permuted.method, PMethod::Exact);
    near(permuted.p, 70.0 / 462.0, 1e-12);
}

/// The law of U by its recurrence, worked out independently of the product formula: 4 against 6.
#[test]
fn mann_whitney_counts_every_arrangement() {
    fn count(n: usize, m: usize, u: i64) -> u64 {
        match (n, m) {
            _ if u < 0 => 0,
            (0, _) | (_, 0) => u64::from(u == 0),
            _ => count(n - 1, m, u - m as i64) + count(n, m - 1, u),
        }
    }
    // Positions of the 4 among 10 chosen to give U = 5.
    let x = sample(&[1.0, 2.0, 6.0, 7.0]);
    let y = sample(&[3.0, 4.0, 5.0, 8.0, 9.0, 10.0]);
    let result = mann_whitney(&x, &y);
    let tail: u64 = (0..=result.statistic as i64).map(|u| count(4, 6, u)).sum();
    near(result.p, 2.0 * tail as f64 / 210.0, 1e-12);
}

/// Method 3.4.
#[test]
fn floors_of_exact_tests() {
    near(smallest_p(5, 5), 2.0 / 252.0, 1e-12);
    near(smallest_p(3, 3), 0.1, 1e-12);
    near(smallest_p(8, 8), 1.55e-4, 1e-6);
    near(smallest_p(0, 0), 1.0, 0.0);
}

/// By hand: differences of {1, 2, 4} and {0, 3} are 1, 2, 4, -2, -1, 1.
#[test]
fn hodges_lehmann_shift() {
    near(hodges_lehmann(&sample(&[1.0, 2.0, 4.0]), &sample(&[0.0, 3.0])), 1.0, 1e-12);
    near(hodges_lehmann(&sample(&[5.0]), &sample(&[7.5])), -2.5, 1e-12);
}

/// Method 3.4.
#[test]
fn multiplicity() {
    let p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216];
    let bh = adjust(&p, Correction::BenjaminiHochberg).unwrap();
    let want = [0.01, 0.04, 0.084, 0.084, 0.084, 0.1, 0.105_714_285_7, 0.216, 0.216, 0.216];
    for (got, want) in bh.iter().zip(want) {
        near(*got, want, 1e-9);
    }
    let rejected = |c| adjust(&p, c).unwrap().iter().filter(|p| **p <= 0.05).count();
    assert_eq!(rejected(Correction::BenjaminiHochberg), 2);
    assert_eq!(rejected(Correction::BenjaminiYekutieli), 1);
    assert_eq!(rejected(Correction::Holm), 1);
    assert_eq!(rejected(Correction::Bonferroni), 1);
}

/// Method 3.7 (LoadGen).
#[test]
fn early_stopping_table() {
    let t = [0, 1, 2, 5, 10, 100, 1000];
    let row = |p| t.map(|t| min_queries(t, p, MLPERF_CONFIDENCE).unwrap());
    assert_eq!(row(0.9), [44, 64, 81, 127, 197, 1246, 10722]);
    assert_eq!(row(0.99), [459, 662, 838, 1307, 2010, 12571, 107_569]);
    assert_eq!(row(0.999), [4603, 6636, 8403, 13105, 20140, 125_826, 1_076_032]);
}

/// Method 3.7 (MLCommons policies).
#[test]
fn required_query_counts() {
    let p = [0.9, 0.95, 0.97, 0.99];
    assert_eq!(p.map(|p| required_queries(p, 0.99).unwrap()), [23_886, 50_425, 85_811, 262_742]);
    assert_eq!(p.map(|p| required_queries_rounded(p, 0.99).unwrap()), [24_576, 57_344, 90_112, 270_336]);
}

/// From the table: 81 queries allow t = 2 at p90, so one latency is set aside.
#[test]
fn early_stopping_estimate() {
    let latencies = |n: u32| sample(&(1..=n).map(f64::from).collect::<Vec<_>>());
    let at = |n| percentile_bound(&latencies(n), 0.9, 0.99).unwrap();
    assert_eq!(at(63), PercentileBound::TooFewQueries { have: 63, needed: 64 });
    assert_eq!(at(64), PercentileBound::Bounded { value: 64.0, set_aside: 0 });
    assert_eq!(at(80), PercentileBound::Bounded { value: 80.0, set_aside: 0 });
    assert_eq!(at(81), PercentileBound::Bounded { value: 80.0, set_aside: 1 });
    assert_eq!(at(1246), PercentileBound::Bounded { value: 1147.0, set_aside: 99 });
    let check = check_bound(&latencies(64), 63.0, 0.9, 0.99).unwrap();
    assert!(check.passed());
    assert_eq!((check.within, check.over, check.needed_within), (63, 1, 63));
    assert!(!check_bound(&latencies(64), 62.0, 0.9, 0.99).unwrap().passed());
}

/// Method 4.3.
#[test]
fn divergence() {
    let (p, q) = ([0.7, 0.2, 0.1], [0.6, 0.3, 0.1]);
    near(kl_of_probabilities(&p, &q).unwrap(), 0.026_812_454_257, 1e-12);
    // Logits are logarithms up to a constant.
    let lp = p.map(|x: f64| x.ln() + 300.0);
    let lq = q.map(|x: f64| x.ln() - 900.0);
    near(kl_of_logits(&lp, &lq).unwrap(), 0.026_812_454_257, 1e-10);
    let rows =
        kl_rows(&[lp, lp].concat(), &[lp, lq].concat(), 3).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    near(rows[0], 0.0, 1e-15);
    near(rows[1], 0.026_812_454_257, 1e-10);
    // A class masked on both sides adds nothing; masked on the device alone it is infinitely surprising.
    let masked = f64::NEG_INFINITY;
    near(kl_of_logits(&[0.0, masked], &[5.0, masked]).unwrap(), 0.0, 1e-15);
    assert_eq!(kl_of_logits(&[0.0, 0.0], &[0.0, masked]).unwrap(), f64::INFINITY);
    assert!(kl_of_logits(&[masked], &[masked]).is_err());
}

/// Method 4.3; f64 and 16 bits by hand.
#[test]
fn units_in_the_last_place() {
    assert_eq!(ulp_distance_f32(1.0, 1.000_000_1), Some(1));
    assert_eq!(ulp_distance_f32(1.0, 1.001), Some(8389));
    assert_eq!(ulp_distance_f32(0.0, -0.0), Some(0));
    assert_eq!(ulp_distance_f32(-1.0, 1.0), Some(2_130_706_432));
    assert_eq!(ulp_distance_f32(f32::NAN, 1.0), None);
    assert_eq!(ulp_distance_f64(1.0, 1.0 + f64::EPSILON), Some(1));
    assert_eq!(ulp_distance_f64(f64::NEG_INFINITY, f64::INFINITY), Some(2 * 0x7ff0_0000_0000_0000));
    assert_eq!(ulp_distance_16(0x0001, 0x8001), 2);
    assert_eq!(ulp_distance_16(0x3f80, 0x3f81), 1);
}

/// Method 4.3.
#[test]
fn wilson_interval() {
    let some = wilson(198, 200, 0.95).unwrap();
    near(some.low, 0.964_278, 1e-6);
    near(some.high, 0.997_253, 1e-6);
    let all = wilson(100, 100, 0.95).unwrap();
    near(all.low, 0.963_007, 1e-6);
    near(all.high, 1.0, 1e-12);
}

/// By hand.
#[test]
fn element_errors() {
    let summary = errors(&[3.0, 4.0, 0.5], &[3.0, 5.0, 0.0]).unwrap();
    assert_eq!((summary.count, summary.max_abs_at, summary.nonzero_at_zero), (3, 1, 1));
    near(summary.max_abs, 1.0, 1e-15);
    near(summary.max_relative, 0.2, 1e-15);
    near(summary.normalised, (1.25_f64 / 34.0).sqrt(), 1e-15);
    near(summary.cosine, 29.0 / (25.25_f64 * 34.0).sqrt(), 1e-15);
    near(cosine(&[0.0], &[0.0]).unwrap(), 1.0, 0.0);
    near(cosine(&[1.0], &[0.0]).unwrap(), 0.0, 0.0);
    near(errors(&[1e200, 2e200], &[1e200, 1e200]).unwrap().normalised, 0.5_f64.sqrt(), 1e-15);
    assert!(matches!(errors(&[1.0, f64::NAN], &[1.0, 2.0]), Err(StatsError::NotFinite { index: 1, .. })));
    assert_eq!(Tolerance::F32.mismatches(&[1.0, 1.1], &[1.0, 1.0]).unwrap().first, Some(1));
    assert!(!Tolerance::F32.accepts(f64::NAN, f64::NAN));
    assert!(liveness(&[1.0, 2.0]).alive());
    assert!(!liveness(&[2.0, 2.0]).alive() && !liveness(&[1.0, f64::NAN]).alive() && !liveness(&[]).alive());
}

/// By hand: the target errs twice as much as the dtype itself.
#[test]
fn three_way_ratio() {
    let golden = [1.0, 2.0, 3.0];
    let r = three_way(&[1.2, 2.0, 3.0], &[1.0, 2.1, 3.0], &golden).unwrap();
    near(r.ratio, 2.0, 1e-9);
    assert_eq!(r.band(), RatioBand::Possible);
    assert_eq!(three_way(&golden, &golden, &golden).unwrap().band(), RatioBand::Good);
    assert_eq!(three_way(&[1.0, 2.0, 3.1], &golden, &golden).unwrap().band(), RatioBand::Different);
}

/// By hand.
#[test]
fn token_agreement() {
    let reference = [0.0, 1.0, 2.0, 5.0, 1.0, 0.0];
    let device = [0.0, 2.5, 2.0, 5.0, 0.0, 1.0];
    let agreement = top1_agreement(&reference, &device, 3, 0.95).unwrap();
    assert_eq!((agreement.agree, agreement.rows), (1, 2));
    near(top_k_overlap(&reference, &device, 3, 2).unwrap(), 0.75, 1e-15);
    assert!(matches!(
        top1_agreement(&reference, &device, 4, 0.95),
        Err(StatsError::NotRows { len: 6, axis: 4 })
    ));
}

/// By hand.
#[test]
fn identities() {
    let checks = [
        Check::EndToEnd { end_to_end: 1.37, ttft: 0.1, tpot: 0.01, tokens: 128 },
        Check::EndToEnd { end_to_end: 1.5, ttft: 0.1, tpot: 0.01, tokens: 128 },
        Check::LittlesLaw { rate: 10.0, latency: 0.4, concurrency: 4.0 },
        Check::RateTimesDuration { rate: 10.0, duration: 2.0, work: 40.0 },
        Check::BelowPeak { achieved: 9.0, peak: 10.0 },
        Check::BelowPeak { achieved: 12.0, peak: 10.0 },
        Check::BelowPeak { achieved: f64::NAN, peak: 10.0 },
    ];
    let found = violations(&checks, 0.01).unwrap();
    let kinds: Vec<_> = found.iter().map(|v| v.identity).collect();
    let want = [Identity::EndToEnd, Identity::RateTimesDuration, Identity::BelowPeak, Identity::BelowPeak];
    assert_eq!(kinds, want);
    near(found[0].left, 1.5, 1e-12);
    near(found[0].right, 1.37, 1e-12);
    assert_eq!(found[1].to_string(), "rate x duration = work done: 20 against 40 (-50.00 %, 1.00 % allowed)");
}
