//! What holds for any input.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use portbench_stats::bootstrap::{BootstrapOptions, bootstrap, bootstrap_ratio};
use portbench_stats::early_stopping::{min_queries, queries_within};
use portbench_stats::hypothesis::{
    cliffs_delta, hodges_lehmann, mann_whitney, mann_whitney_asymptotic, permutation_test, smallest_p,
};
use portbench_stats::logits::{kl_of_logits, top_k_overlap, top1_agreement};
use portbench_stats::multiplicity::{Correction, adjust};
use portbench_stats::parity::{cosine, errors, three_way, ulp_distance_f32, ulp_distance_f64, wilson};
use portbench_stats::quantile::{ranks, smallest_n_two_sided};
use portbench_stats::trials::fieller_ratio;
use portbench_stats::warmup::{classify, halves};
use portbench_stats::{
    CompareOptions, Direction, LatencyHistogram, Sample, Statistic, Trials, Verdict, compare,
    quantile_interval,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn values(size: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    vec(prop_oneof![4 => 0.1_f64..1000.0, 1 => (1_i32..20).prop_map(f64::from)], size)
}

fn shuffled(size: std::ops::Range<usize>) -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    values(size).prop_flat_map(|v| (Just(v.clone()), Just(v).prop_shuffle()))
}

fn trials(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<f64>>> {
    vec(values(2..30), count)
}

fn sample(values: &[f64]) -> Sample {
    Sample::new(values.to_vec()).unwrap()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-9)
}

const QUICK: BootstrapOptions = BootstrapOptions { resamples: 200, seed: 1, confidence: 0.95 };

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn order_does_not_matter((a, b) in shuffled(1..60)) {
        let (a, b) = (sample(&a), sample(&b));
        prop_assert_eq!(a.mean(), b.mean());
        prop_assert_eq!(a.median(), b.median());
        prop_assert_eq!(a.mad(), b.mad());
        prop_assert_eq!(a.variance(), b.variance());
        prop_assert_eq!(a.outlier_counts(), b.outlier_counts());
        prop_assert_eq!(quantile_interval(&a, 0.5, 0.9).unwrap(), quantile_interval(&b, 0.5, 0.9).unwrap());
    }

    #[test]
    fn scale_and_shift(v in values(2..60), factor in 0.01_f64..100.0, shift in -100.0_f64..100.0) {
        let a = sample(&v);
        let b = sample(&v.iter().map(|x| x * factor + shift).collect::<Vec<_>>());
        let tolerance = 1e-9 * (b.max().abs() + shift.abs() + 1.0);
        prop_assert!((a.mean() * factor + shift - b.mean()).abs() < tolerance);
        prop_assert!((a.median() * factor + shift - b.median()).abs() < tolerance);
        prop_assert!((a.mad() * factor - b.mad()).abs() < tolerance);
        prop_assert!((a.std_dev().unwrap() * factor - b.std_dev().unwrap()).abs() < tolerance);
    }

    #[test]
    fn quantiles_rise(v in values(1..60), p in 0.0_f64..=1.0, q in 0.0_f64..=1.0) {
        let s = sample(&v);
        let (low, high) = (p.min(q), p.max(q));
        prop_assert!(s.quantile(low).unwrap() <= s.quantile(high).unwrap());
        prop_assert!(s.min() <= s.quantile(low).unwrap() && s.quantile(high).unwrap() <= s.max());
    }

    #[test]
    fn quantile_intervals_hold_their_value(v in values(1..300), q in 0.01_f64..0.99, confidence in 0.5_f64..0.999) {
        let s = sample(&v);
        let needed = smallest_n_two_sided(q, confidence).unwrap();
        let found = quantile_interval(&s, q, confidence).unwrap();
        prop_assert_eq!(found.estimate().is_some(), s.count() as u64 >= needed);
        if let Some(e) = found.estimate() {
            prop_assert!(e.low <= e.value && e.value <= e.high);
        }
    }

    #[test]
    fn ranks_cover(n in 1_u64..3000, q in 0.01_f64..0.99, confidence in 0.5_f64..0.999) {
        let r = ranks(n, q, confidence).unwrap();
        if let (Some(low), Some(high)) = (r.low, r.high) {
            prop_assert!(1 <= low && low <= high && high <= n);
        }
    }

    #[test]
    fn bootstraps_hold_their_value(t in trials(1..8), mean in any::<bool>(), seed in any::<u64>()) {
        let statistic = if mean { Statistic::Mean } else { Statistic::Median };
        let options = BootstrapOptions { seed, ..QUICK };
        let t = Trials::from_nested(&t).unwrap();
        let e = bootstrap(&t, statistic, &options).unwrap();
        prop_assert!(e.low <= e.value && e.value <= e.high);
        let all = t.pooled();
        prop_assert!(all.min() * 0.999_999 <= e.low && e.high <= all.max() * 1.000_001);
        let r = bootstrap_ratio(&t, &t, statistic, &options).unwrap().unwrap();
        prop_assert!(r.contains(1.0));
    }

    #[test]
    fn bootstraps_scale(t in trials(2..5), factor in 0.01_f64..100.0) {
        let scaled: Vec<Vec<f64>> = t.iter().map(|v| v.iter().map(|x| x * factor).collect()).collect();
        let a = bootstrap(&Trials::from_nested(&t).unwrap(), Statistic::Median, &QUICK).unwrap();
        let b = bootstrap(&Trials::from_nested(&scaled).unwrap(), Statistic::Median, &QUICK).unwrap();
        prop_assert!(close(a.low * factor, b.low) && close(a.high * factor, b.high));
    }

    #[test]
    fn swapping_cells_swaps_the_verdict(a in trials(3..6), b in trials(3..6), effect in 0.0_f64..0.2) {
        let (a, b) = (Trials::from_nested(&a).unwrap(), Trials::from_nested(&b).unwrap());
        let options = CompareOptions::new(Direction::LowerIsBetter, effect);
        let there = compare(&a, &b, &options).unwrap().verdict;
        let back = compare(&b, &a, &options).unwrap().verdict;
        match (there, back) {
            // Fieller's ratio is unbounded on one side only where that side's interval reaches 0.
            (Verdict::NotEstimable, _) | (_, Verdict::NotEstimable) => {}
            (Verdict::Faster, other) => prop_assert_eq!(other, Verdict::Slower),
            (Verdict::Slower, other) => prop_assert_eq!(other, Verdict::Faster),
            (one, other) => prop_assert_eq!(one, other),
        }
    }

    #[test]
    fn fieller_inverts(a in vec(values(2..5), 3..6), b in vec(values(2..5), 3..6)) {
        let interval = |t: &[Vec<f64>]| Trials::from_nested(t).unwrap().t_interval(Statistic::Mean, 0.9).unwrap();
        let (a, b) = (interval(&a), interval(&b));
        if let (Some(there), Some(back)) = (fieller_ratio(&a, &b), fieller_ratio(&b, &a)) {
            prop_assert!(there.low <= there.value && there.value <= there.high);
            prop_assert!((there.low * back.high - 1.0).abs() < 1e-6 && (there.high * back.low - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn two_sample_tests_are_symmetric((a, b) in (values(1..12), values(1..12))) {
        let (x, y) = (sample(&a), sample(&b));
        let (there, back) = (mann_whitney(&x, &y), mann_whitney(&y, &x));
        prop_assert!(close(there.p, back.p));
        prop_assert!((0.0..=1.0).contains(&there.p));
        prop_assert_eq!(there.statistic + back.statistic, (a.len() * b.len()) as f64);
        prop_assert!((cliffs_delta(&x, &y) + cliffs_delta(&y, &x)).abs() < 1e-12);
        prop_assert!((hodges_lehmann(&x, &y) + hodges_lehmann(&y, &x)).abs() < 1e-9);
        let asymptotic = mann_whitney_asymptotic(&x, &y).p;
        prop_assert!((0.0..=1.0).contains(&asymptotic));
    }

    #[test]
    fn hodges_lehmann_is_the_median_difference((a, b) in (values(1..15), values(1..15))) {
        let differences = a.iter().flat_map(|x| b.iter().map(move |y| x - y)).collect::<Vec<_>>();
        prop_assert_eq!(hodges_lehmann(&sample(&a), &sample(&b)), sample(&differences).median());
    }

    #[test]
    fn permutation_p_respects_the_floor((a, b) in (values(2..6), values(2..6)), median in any::<bool>()) {
        let statistic = if median { Statistic::Median } else { Statistic::Mean };
        let result = permutation_test(&sample(&a), &sample(&b), statistic, &QUICK).unwrap();
        // One arrangement is always the observed one; its mirror image too, where the sizes are equal.
        prop_assert!(result.p >= smallest_p(a.len(), b.len()) / 2.0 - 1e-12 && result.p <= 1.0);
    }

    #[test]
    fn adjusting_never_lowers(p in vec(0.0_f64..=1.0, 0..40)) {
        let of = |c| adjust(&p, c).unwrap();
        let (bh, by, holm, bonferroni) = (
            of(Correction::BenjaminiHochberg),
            of(Correction::BenjaminiYekutieli),
            of(Correction::Holm),
            of(Correction::Bonferroni),
        );
        for i in 0..p.len() {
            prop_assert!(p[i] <= bh[i] * (1.0 + 1e-12) && bh[i] <= by[i] && by[i] <= 1.0);
            prop_assert!(bh[i] <= holm[i] * (1.0 + 1e-12) && holm[i] <= bonferroni[i] && bonferroni[i] <= 1.0);
        }
    }

    #[test]
    fn more_overlatency_needs_more_queries(t in 0_u64..200, p in 0.5_f64..0.999) {
        prop_assert!(queries_within(t, p, 0.99).unwrap() <= queries_within(t + 1, p, 0.99).unwrap());
        prop_assert!(min_queries(t, p, 0.99).unwrap() > t);
    }

    #[test]
    fn parity_of_equals(v in values(1..50), factor in 0.5_f64..2.0) {
        let same = errors(&v, &v).unwrap();
        prop_assert_eq!((same.max_abs, same.max_relative, same.normalised), (0.0, 0.0, 0.0));
        let scaled: Vec<f64> = v.iter().map(|x| x * factor).collect();
        prop_assert!(cosine(&scaled, &v).unwrap() > 1.0 - 1e-12);
        prop_assert!((errors(&scaled, &v).unwrap().normalised - (factor - 1.0).abs()).abs() < 1e-12);
        let r = three_way(&scaled, &scaled, &v).unwrap().ratio;
        prop_assert!(r <= 1.0);
    }

    #[test]
    fn divergence_is_not_negative(rows in vec((-50.0_f64..50.0, -50.0_f64..50.0), 1..30), shift in -100.0_f64..100.0) {
        let (a, b): (Vec<f64>, Vec<f64>) = rows.into_iter().unzip();
        prop_assert!(kl_of_logits(&a, &b).unwrap() >= 0.0);
        let moved: Vec<f64> = a.iter().map(|x| x + shift).collect();
        prop_assert!(kl_of_logits(&a, &moved).unwrap() < 1e-12);
        prop_assert_eq!(top1_agreement(&a, &a, a.len(), 0.95).unwrap().agree, 1);
        prop_assert_eq!(top_k_overlap(&a, &a, a.len(), 1).unwrap(), 1.0);
    }

    #[test]
    fn wilson_stays_in_range(n in 1_u64..10_000, share in 0.0_f64..=1.0, confidence in 0.5_f64..0.999) {
        let e = wilson((n as f64 * share) as u64, n, confidence).unwrap();
        prop_assert!(0.0 <= e.low && e.low <= e.value && e.value <= e.high && e.high <= 1.0);
    }

    #[test]
    fn ulp_distance_is_a_metric(a in any::<f32>(), b in any::<f32>(), c in any::<f64>(), d in any::<f64>()) {
        prop_assert_eq!(ulp_distance_f32(a, b), ulp_distance_f32(b, a));
        prop_assert_eq!(ulp_distance_f64(c, d), ulp_distance_f64(d, c));
        prop_assert_eq!(ulp_distance_f32(a, a.next_up()).is_some_and(|u| u > 1), false);
    }

    #[test]
    fn histograms_keep_three_digits(v in vec(1_u64..10_000_000_000, 1..200)) {
        let mut h = LatencyHistogram::new().unwrap();
        for &n in &v {
            h.record(n).unwrap();
        }
        let back = LatencyHistogram::from_base64(&h.to_base64().unwrap()).unwrap();
        prop_assert_eq!(&back, &h);
        let exact = *v.iter().max().unwrap() as f64;
        prop_assert!((h.max().unwrap() as f64 / exact - 1.0).abs() <= 1e-3);
    }

    /// Nothing panics, whatever bits come in.
    #[test]
    fn any_bits_are_answered(v in vec(any::<f64>(), 0..40), q in any::<f64>(), confidence in any::<f64>(), t in any::<u64>()) {
        let _ = min_queries(t, q, confidence);
        let _ = ranks(t >> 20, q, confidence);
        let _ = smallest_n_two_sided(q, confidence);
        let _ = (errors(&v, &v), kl_of_logits(&v, &v), top1_agreement(&v, &v, 3, 0.9), top_k_overlap(&v, &v, 4, 2));
        let _ = classify(&v, q);
        if let Ok(s) = Sample::new(v.clone()) {
            let _ = (s.quantile(q), s.mad(), s.outliers(), s.coefficient_of_variation());
            let _ = (quantile_interval(&s, q, confidence), halves(&s), mann_whitney(&s, &s), hodges_lehmann(&s, &s));
            let t = Trials::new(vec![s.clone(), s]).unwrap();
            let _ = (t.t_interval(Statistic::Mean, confidence), t.variance_components());
            let _ = bootstrap(&t, Statistic::Mean, &QUICK);
            let _ = compare(&t, &t, &CompareOptions::new(Direction::LowerIsBetter, q));
        }
    }

    /// Nor do strings: whatever text stands for a histogram is read or refused.
    #[test]
    fn any_text_is_answered(bytes in vec(any::<u8>(), 0..80)) {
        let text: String = bytes.iter().map(|b| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef0123456789+/"[*b as usize % 44])).collect();
        let _ = LatencyHistogram::from_base64(&text);
        let _ = LatencyHistogram::from_base64(&format!("HISTEw{text}"));
    }
}
