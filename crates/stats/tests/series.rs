//! Warm-up classes, histograms and the bootstrap's arithmetic, on made-up series with known answers.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use portbench_stats::bootstrap::{BootstrapOptions, EXACT_MEAN_LIMIT, bootstrap, bootstrap_ratio};
use portbench_stats::warmup::{AcrossTrials, SteadyClass, across_trials, classify, halves};
use portbench_stats::{
    CompareOptions, Direction, IntervalMethod, LatencyHistogram, Sample, Statistic, StatsError, Trials,
    Verdict, compare, interval,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal, StandardNormal};

/// Levels of `(length, mean)` with 1 % noise.
fn levels(seed: u64, pieces: &[(usize, f64)]) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut series = Vec::new();
    for &(length, mean) in pieces {
        for _ in 0..length {
            let z: f64 = StandardNormal.sample(&mut rng);
            series.push(mean * (1.0 + 0.01 * z));
        }
    }
    series
}

#[test]
fn classes_of_series() {
    let class = |pieces: &[(usize, f64)]| {
        let found = classify(&levels(3, pieces), 0.0).unwrap();
        (found.class, found.steady_from)
    };
    assert_eq!(class(&[(1000, 5.0)]), (SteadyClass::Flat, 0));
    let (warm_up, from) = class(&[(300, 8.0), (700, 5.0)]);
    assert_eq!(warm_up, SteadyClass::WarmUp);
    assert!(from.abs_diff(300) <= 3, "{from}");
    let (two_steps, from) = class(&[(200, 8.0), (200, 6.0), (600, 5.0)]);
    assert_eq!(two_steps, SteadyClass::WarmUp);
    assert!(from.abs_diff(400) <= 3, "{from}");
    assert_eq!(class(&[(300, 4.0), (700, 5.0)]).0, SteadyClass::Slowdown);
    assert_eq!(class(&[(900, 5.0), (100, 6.0)]).0, SteadyClass::NoSteadyState);
    // Longer than the grid of places where a change may lie.
    let (long, from) = class(&[(1503, 8.0), (4501, 5.0)]);
    assert_eq!(long, SteadyClass::WarmUp);
    assert!(from.abs_diff(1503) <= 12, "{from}");
    // The unit makes no difference.
    let seconds: Vec<f64> = levels(3, &[(300, 8.0), (700, 5.0)]).iter().map(|x| x * 1e-6).collect();
    assert_eq!(classify(&seconds, 0.0).unwrap().class, SteadyClass::WarmUp);
    // A least band wider than the step hides it, as it is meant to.
    assert_eq!(classify(&seconds, 1e-3).unwrap().class, SteadyClass::Flat);
}

#[test]
fn segments_tile_the_series_and_outliers_stay() {
    let mut series = levels(5, &[(400, 8.0), (600, 5.0)]);
    for i in (50..1000).step_by(100) {
        series[i] *= 20.0;
    }
    let found = classify(&series, 0.0).unwrap();
    assert_eq!(found.class, SteadyClass::WarmUp);
    assert!(found.outliers >= 10, "{}", found.outliers);
    assert_eq!(found.segments[0].start, 0);
    assert_eq!(found.segments.last().unwrap().end, 1000);
    assert!(found.segments.windows(2).all(|pair| pair[0].end == pair[1].start));
}

#[test]
fn a_coarse_clock_does_not_shatter_the_series() {
    let series: Vec<f64> = (0..1000).map(|i| if i % 7 == 0 { 101.0 } else { 100.0 }).collect();
    assert_eq!(classify(&series, 0.0).unwrap().class, SteadyClass::Flat);
    assert_eq!(classify(&[1.0; 500], 0.0).unwrap().class, SteadyClass::Flat);
    assert_eq!(classify(&[0.0; 500], 0.0).unwrap().class, SteadyClass::Flat);
    assert!(matches!(classify(&[1.0; 499], 0.0), Err(StatsError::TooFew { needed: 500, .. })));
}

#[test]
fn extreme_magnitudes_are_classified_too() {
    let series: Vec<f64> = (0..600).map(|i| if i % 2 == 0 { f64::MAX } else { f64::MIN }).collect();
    assert!(classify(&series, 0.0).is_ok());
    let tiny: Vec<f64> = (1..600).map(|i| f64::from(i) * f64::MIN_POSITIVE).collect();
    assert!(classify(&tiny, 0.0).is_ok());
}

#[test]
fn a_long_flat_series_is_affordable() {
    let start = std::time::Instant::now();
    assert_eq!(classify(&levels(6, &[(5000, 5.0)]), 0.0).unwrap().class, SteadyClass::Flat);
    println!("classifying 5000 flat iterations: {:?}", start.elapsed());
}

#[test]
fn classes_across_trials() {
    use SteadyClass::{Flat, NoSteadyState, Slowdown, WarmUp};
    assert_eq!(across_trials(&[]), None);
    assert_eq!(across_trials(&[WarmUp, WarmUp]), Some(AcrossTrials::Consistent(WarmUp)));
    assert_eq!(across_trials(&[Flat, WarmUp]), Some(AcrossTrials::GoodInconsistent));
    assert_eq!(across_trials(&[Flat, Slowdown]), Some(AcrossTrials::BadInconsistent));
    assert!(!AcrossTrials::Consistent(NoSteadyState).usable());
}

#[test]
fn halves_of_short_series() {
    let check = |pieces: &[(usize, f64)]| halves(&Sample::new(levels(1, pieces)).unwrap()).unwrap().steady();
    assert!(check(&[(60, 5.0)]));
    assert!(!check(&[(25, 8.0), (25, 5.0)]));
    assert!(!check(&[(25, 4.0), (25, 5.0)]));
    assert!(halves(&Sample::new(vec![1.0; 3]).unwrap()).is_err());
}

fn log_normal_trials(seed: u64, trials: usize, samples: usize, spread: f64) -> Trials {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let noise = LogNormal::new(0.0, 0.5).unwrap();
    let nested: Vec<Vec<f64>> = (0..trials)
        .map(|_| {
            let z: f64 = StandardNormal.sample(&mut rng);
            let level = 10.0 * (1.0 + spread * z);
            (0..samples).map(|_| level * noise.sample(&mut rng)).collect()
        })
        .collect();
    Trials::from_nested(&nested).unwrap()
}

/// The same resampling, every draw made: the slow and obvious way. Sorted.
fn plain_bootstrap(trials: &Trials, statistic: Statistic, resamples: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let trials = trials.as_slice();
    let mut draws: Vec<f64> = (0..resamples)
        .map(|_| {
            let total: f64 = (0..trials.len())
                .map(|_| {
                    let values = trials[rng.random_range(0..trials.len())].values();
                    let drawn =
                        (0..values.len()).map(|_| values[rng.random_range(0..values.len())]).collect();
                    statistic.of(&Sample::new(drawn).unwrap())
                })
                .sum();
            total / trials.len() as f64
        })
        .collect();
    draws.sort_by(f64::total_cmp);
    draws
}

/// The short cuts of the bootstrap agree with drawing every sample, for an odd, an even and a long trial, with an
/// outlier of a hundred times the level in each. Ends are compared as shares of the plain draws, 2.5 % give or take 0.8,
/// for the medians of few values lie on few points.
#[test]
fn short_cuts_match_plain_resampling() {
    let options = BootstrapOptions { resamples: 20_000, seed: 11, confidence: 0.95 };
    for samples in [15, 40, EXACT_MEAN_LIMIT + 200] {
        let nested: Vec<Vec<f64>> = log_normal_trials(2, 1, samples, 0.0)
            .as_slice()
            .iter()
            .map(|trial| {
                let mut values = trial.values().to_vec();
                values[3] = 1000.0;
                values
            })
            .collect();
        let trials = Trials::from_nested(&nested).unwrap();
        for statistic in [Statistic::Median, Statistic::Mean] {
            let fast = bootstrap(&trials, statistic, &options).unwrap();
            let plain = Sample::new(plain_bootstrap(&trials, statistic, 8000, 12)).unwrap();
            let within = |end: f64, share: f64| {
                let at = |share| plain.quantile(share).unwrap();
                at(share - 0.008) * (1.0 - 1e-9) <= end && end <= at(share + 0.008) * (1.0 + 1e-9)
            };
            assert!(
                within(fast.low, 0.025) && within(fast.high, 0.975),
                "{statistic:?} of {samples}: {fast:?}"
            );
        }
    }
}

#[test]
fn the_seed_decides() {
    let trials = log_normal_trials(4, 6, 50, 0.02);
    let with = |seed| {
        bootstrap(&trials, Statistic::Median, &BootstrapOptions { seed, ..Default::default() }).unwrap()
    };
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}

/// Not an assertion on time: the number of resamples that would take minutes by drawing every sample.
#[test]
fn large_cells_are_cheap() {
    let trials = log_normal_trials(4, 3, 5000, 0.02);
    let options = BootstrapOptions { resamples: 10_000, ..Default::default() };
    for statistic in [Statistic::Median, Statistic::Mean] {
        let start = std::time::Instant::now();
        let estimate = bootstrap(&trials, statistic, &options).unwrap();
        println!("{statistic:?}, 3 trials x 5000 samples x 10000 resamples: {:?}", start.elapsed());
        assert!(estimate.low < estimate.value && estimate.value < estimate.high);
    }
}

#[test]
fn the_number_of_trials_chooses_the_method() {
    let options = BootstrapOptions::default();
    let method =
        |n| interval(&log_normal_trials(9, n, 20, 0.02), Statistic::Median, &options).unwrap().method;
    assert_eq!(method(1), IntervalMethod::WithinTrial);
    assert_eq!(method(2), IntervalMethod::StudentT);
    assert_eq!(method(5), IntervalMethod::StudentT);
    assert_eq!(method(6), IntervalMethod::Bootstrap);
}

fn cell(level: f64, trials: usize) -> Trials {
    let nested: Vec<Vec<f64>> = (0..trials)
        .map(|t| (0..20).map(|i| level * (1.0 + 1e-4 * f64::from((i * 7 + t as i32) % 5))).collect())
        .collect();
    Trials::from_nested(&nested).unwrap()
}

#[test]
fn verdicts() {
    for trials in [3, 8] {
        let judge = |level, direction, effect| {
            let options = CompareOptions::new(direction, effect);
            compare(&cell(level, trials), &cell(10.0, trials), &options).unwrap().verdict
        };
        assert_eq!(judge(9.0, Direction::LowerIsBetter, 0.02), Verdict::Faster);
        assert_eq!(judge(9.0, Direction::HigherIsBetter, 0.02), Verdict::Slower);
        assert_eq!(judge(11.0, Direction::LowerIsBetter, 0.02), Verdict::Slower);
        assert_eq!(judge(10.1, Direction::LowerIsBetter, 0.02), Verdict::NotRelevant);
        assert_eq!(judge(10.0, Direction::LowerIsBetter, 0.02), Verdict::Equivalent);
    }
    let options = CompareOptions::new(Direction::LowerIsBetter, 0.02);
    let few = compare(&cell(9.0, 2), &cell(10.0, 5), &options).unwrap();
    assert_eq!(few.verdict, Verdict::TooFewTrials);
    assert!(few.ratio.is_some());
    let one = compare(&cell(9.0, 1), &cell(10.0, 5), &options).unwrap();
    assert_eq!((one.verdict, one.ratio), (Verdict::TooFewTrials, None));
    let zero = Trials::from_nested(&[[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]]).unwrap();
    assert_eq!(compare(&cell(9.0, 3), &zero, &options).unwrap().verdict, Verdict::NotEstimable);
    assert_eq!(bootstrap_ratio(&cell(9.0, 3), &zero, Statistic::Mean, &options.bootstrap).unwrap(), None);
    assert_eq!(Verdict::WithinNoise.to_string(), "within noise");
}

#[test]
fn histogram_round_trip() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let noise = LogNormal::new(13.0, 1.0).unwrap();
    let nanos: Vec<u64> = (0..20_000).map(|_| noise.sample(&mut rng) as u64).collect();
    let (mut whole, mut left, mut right) = (
        LatencyHistogram::new().unwrap(),
        LatencyHistogram::new().unwrap(),
        LatencyHistogram::new().unwrap(),
    );
    for (i, &n) in nanos.iter().enumerate() {
        whole.record(n).unwrap();
        if i % 2 == 0 { &mut left } else { &mut right }.record(n).unwrap();
    }
    left.merge(&right).unwrap();
    assert_eq!(left, whole);

    let text = serde_json::to_string(&whole).unwrap();
    let mut back: LatencyHistogram = serde_json::from_str(&text).unwrap();
    assert_eq!(back, whole);
    back.record(u64::MAX / 4).unwrap();
    assert!(serde_json::from_str::<LatencyHistogram>("\"AAAA\"").is_err());
    assert!(serde_json::from_str::<LatencyHistogram>("\"no base64\"").is_err());

    let sample = Sample::from_nanos(&nanos).unwrap();
    for q in [0.0, 0.5, 0.9, 0.99, 0.999, 1.0] {
        let (exact, got) = (sample.quantile(q).unwrap(), whole.quantile(q).unwrap() as f64);
        assert!((got / exact - 1.0).abs() < 2e-2, "{q}: {exact} {got}");
    }
    let p99 = *whole.quantile_interval(0.99, 0.95).unwrap().estimate().unwrap();
    let exact = *portbench_stats::quantile_interval(&sample, 0.99, 0.95).unwrap().estimate().unwrap();
    assert!((p99.low / exact.low - 1.0).abs() < 2e-3 && (p99.high / exact.high - 1.0).abs() < 2e-3);
    assert!(matches!(LatencyHistogram::new().unwrap().quantile(0.5), Err(StatsError::Empty)));
    assert_eq!(LatencyHistogram::new().unwrap().max(), None);
}

#[test]
fn hidden_stalls_are_filled_in() {
    let mut histogram = LatencyHistogram::new().unwrap();
    histogram.record_corrected(1000, 100).unwrap();
    assert_eq!(histogram.count(), 10);
}
