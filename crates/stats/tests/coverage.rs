//! Do the intervals cover what they say? Seeded simulations with a known truth.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use portbench_stats::bootstrap::{BootstrapOptions, bootstrap};
use portbench_stats::{Sample, Statistic, Trials, interval, quantile_interval};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal, StandardNormal};

/// A cell whose trials differ by 3 % and whose samples spread by 5 %, log-normal about the trial's level; the truth is 1.
fn cell(rng: &mut ChaCha8Rng, trials: usize, samples: usize) -> Trials {
    let nested: Vec<Vec<f64>> = (0..trials)
        .map(|_| {
            let z: f64 = StandardNormal.sample(rng);
            let noise = LogNormal::new(-0.5 * 0.05_f64.powi(2), 0.05).unwrap();
            (0..samples).map(|_| (1.0 + 0.03 * z) * noise.sample(rng)).collect()
        })
        .collect();
    Trials::from_nested(&nested).unwrap()
}

fn covered(replicates: u64, mut contains: impl FnMut(&mut ChaCha8Rng, u64) -> bool) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(20_261_123);
    (0..replicates).filter(|&i| contains(&mut rng, i)).count() as f64 / replicates as f64
}

/// 4000 replicates: the standard error of a coverage of 0.95 is 0.0034.
#[test]
fn students_t_covers() {
    let options = BootstrapOptions::default();
    for trials in [2, 3, 5] {
        let share = covered(4000, |rng, _| {
            interval(&cell(rng, trials, 20), Statistic::Mean, &options).unwrap().estimate.contains(1.0)
        });
        println!("t of {trials} trials: {share}");
        assert!((0.938..=0.962).contains(&share), "{trials} trials: {share}");
    }
}

/// 400 replicates: the standard error is 0.011. The percentile bootstrap falls a little short of 0.95 at 12 trials,
/// because it takes the spread of the trials with the divisor n.
#[test]
fn the_bootstrap_of_twelve_trials_covers() {
    let share = covered(400, |rng, seed| {
        let options = BootstrapOptions { resamples: 1000, seed, confidence: 0.95 };
        interval(&cell(rng, 12, 40), Statistic::Mean, &options).unwrap().estimate.contains(1.0)
    });
    println!("bootstrap of 12 trials: {share}");
    assert!((0.90..=0.98).contains(&share), "{share}");
}

/// Why few trials get Student's t: the bootstrap of three covers far less than it says, and here is how much.
#[test]
fn the_bootstrap_of_three_trials_does_not_cover() {
    let share = covered(400, |rng, seed| {
        let options = BootstrapOptions { resamples: 1000, seed, confidence: 0.95 };
        bootstrap(&cell(rng, 3, 40), Statistic::Mean, &options).unwrap().contains(1.0)
    });
    println!("bootstrap of 3 trials: {share}");
    assert!(share < 0.88, "{share}");
}

/// Samples pooled as if they were independent are worse still: the reason for the hierarchy.
#[test]
fn pooling_trials_does_not_cover() {
    let share = covered(400, |rng, seed| {
        let pooled = Trials::new(vec![cell(rng, 12, 40).pooled()]).unwrap();
        let options = BootstrapOptions { resamples: 1000, seed, confidence: 0.95 };
        bootstrap(&pooled, Statistic::Mean, &options).unwrap().contains(1.0)
    });
    println!("pooled: {share}");
    assert!(share < 0.7, "{share}");
}

#[test]
fn order_statistic_intervals_cover() {
    let truth = (0.5 * 1.281_551_565_5_f64).exp();
    let share = covered(1000, |rng, _| {
        let noise = LogNormal::new(0.0, 0.5).unwrap();
        let sample = Sample::new((0..200).map(|_| noise.sample(rng)).collect()).unwrap();
        quantile_interval(&sample, 0.9, 0.95).unwrap().estimate().unwrap().contains(truth)
    });
    println!("p90 of 200: {share}");
    assert!((0.93..=0.99).contains(&share), "{share}");
}
