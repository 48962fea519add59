//! Figures and findings from measurements.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{forward, generate, spec};
use portbench_measure::{
    BarrierCheck, Figure, FigureValue, GenerateSample, Gravity, Histogram, LatencyBounds, LossPoint,
    Measurement, Metric, Overhead, Samples, Scenario, Task, Telemetry, WarmupReport, bound_verdicts, figures,
    findings,
};
use portbench_stats::LatencyHistogram;

fn measurement(samples: Samples) -> Measurement {
    Measurement {
        warmup: WarmupReport { executions: 5, seconds: 0.1, settled: Some(true), nanoseconds: Vec::new() },
        samples,
        barrier: None,
        telemetry: Telemetry { peak_rss_bytes: Some(1 << 20), ..Telemetry::default() },
        overhead: Overhead::default(),
        accelerator: None,
        replicas: Vec::new(),
    }
}

/// Executions of 2 units in milliseconds.
fn iterations(times: impl IntoIterator<Item = u64>) -> Measurement {
    let nanoseconds = times.into_iter().map(|ms| ms * 1_000_000).collect();
    measurement(Samples::Iterations { group: 1, units: 2, nanoseconds })
}

fn of(figures: &[Figure], metric: Metric) -> &Figure {
    figures.iter().find(|f| f.metric == metric).unwrap_or_else(|| panic!("no {metric:?} in {figures:?}"))
}

fn value(figures: &[Figure], metric: Metric) -> (f64, f64, f64) {
    match &of(figures, metric).value {
        FigureValue::Estimated { value, low, high, .. } => (*value, *low, *high),
        other => panic!("{metric:?}: {other:?}"),
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b.abs()
}

#[test]
fn throughput_is_work_over_time_with_an_interval_over_trials() {
    let trials = [iterations([9, 10, 11]), iterations([10; 5]), iterations([12; 5])];
    let refs: Vec<&Measurement> = trials.iter().collect();
    let found = figures(&spec(forward(), Scenario::SingleStream), &refs, 1000, 1);
    let throughput = of(&found, Metric::Throughput);
    assert_eq!(throughput.trials.iter().map(|t| t.round()).collect::<Vec<_>>(), [200.0, 200.0, 167.0]);
    let (v, low, high) = value(&found, Metric::Throughput);
    assert!(near(v, (200.0 + 200.0 + 2.0 / 0.012) / 3.0), "{v}");
    assert!(low < 167.0 && high > 200.0, "{low} {high}");
    let (flops, ..) = value(&found, Metric::FlopRate);
    assert!(near(flops, v / 2.0 * 1000.0), "the same executions, counted in operations");
    let (p50, ..) = value(&found, Metric::LatencyP50);
    assert!(near(p50, 0.032 / 3.0), "{p50}");
    let (memory, low, high) = value(&found, Metric::PeakMemory);
    assert!(near(memory, 1048576.0) && low == memory && high == memory);
}

#[test]
fn a_percentile_with_too_few_samples_is_not_estimable() {
    let trials = [iterations(1..=20), iterations(1..=20), iterations(1..=20)];
    let refs: Vec<&Measurement> = trials.iter().collect();
    let found = figures(&spec(forward(), Scenario::SingleStream), &refs, 0, 1);
    let p99 = of(&found, Metric::LatencyP99);
    let FigureValue::NotEstimable { reason } = &p99.value else { panic!("{p99:?}") };
    assert_eq!(reason, "60 samples, 368 are needed");
    assert!(p99.trials.is_empty());
    // Each trial alone has too few for the 90th percentile, together they have enough.
    let FigureValue::Estimated { method, .. } = &of(&found, Metric::LatencyP90).value else { panic!() };
    assert_eq!(method, "order statistics of all trials pooled");
    assert!(!found.iter().any(|f| f.metric == Metric::FlopRate), "0 operations make no rate");
}

#[test]
fn offline_has_throughput_of_groups_and_no_latency() {
    let samples = Samples::Iterations { group: 10, units: 2, nanoseconds: vec![10_000_000; 9] };
    let trial = measurement(samples);
    let found = figures(&spec(forward(), Scenario::Offline), &[&trial, &trial, &trial], 7, 1);
    assert!(near(value(&found, Metric::Throughput).0, 2000.0));
    assert!(near(value(&found, Metric::FlopRate).0, 7000.0));
    assert!(!found.iter().any(|f| f.metric == Metric::LatencyP50));
}

#[test]
fn one_trial_has_intervals_within_that_trial_alone() {
    let trial = iterations((0..400).map(|i| 10 + i % 3));
    let found = figures(&spec(forward(), Scenario::SingleStream), &[&trial], 0, 1);
    for metric in [Metric::Throughput, Metric::LatencyP50, Metric::LatencyP99] {
        let FigureValue::Estimated { method, .. } = &of(&found, metric).value else { panic!("{metric:?}") };
        assert!(method.ends_with("within one trial"), "{method}");
    }
    assert!(matches!(of(&found, Metric::PeakMemory).value, FigureValue::NotEstimable { .. }));
}

#[test]
fn no_time_is_no_rate() {
    let trial = iterations([0; 20]);
    let found = figures(&spec(forward(), Scenario::SingleStream), &[&trial, &trial, &trial], 0, 1);
    assert!(matches!(of(&found, Metric::Throughput).value, FigureValue::NotEstimable { .. }));
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    let trials: Vec<Measurement> =
        (0..7).map(|t| iterations((0..50).map(|i| 10 + (i * 7 + t) % 5))).collect();
    let refs: Vec<&Measurement> = trials.iter().collect();
    let spec = spec(forward(), Scenario::SingleStream);
    assert_eq!(figures(&spec, &refs, 5, 42), figures(&spec, &refs, 5, 42));
    let FigureValue::Estimated { method, .. } =
        &of(&figures(&spec, &refs, 5, 42), Metric::Throughput).value.clone()
    else {
        panic!()
    };
    assert_eq!(method, "hierarchical bootstrap");
}

fn histogram(nanos: impl IntoIterator<Item = u64>) -> Histogram {
    let mut histogram = LatencyHistogram::new().unwrap();
    nanos.into_iter().for_each(|n| histogram.record(n).unwrap());
    Histogram::of(&histogram).unwrap()
}

fn requests(gap: u64) -> Measurement {
    measurement(Samples::Generate {
        batch: 2,
        prompt: 4,
        new_tokens: 5,
        requests: vec![GenerateSample { ttft: 30_000_000, total: 70_000_000 }; 12],
        between_tokens: histogram(vec![gap; 48]),
    })
}

#[test]
fn generate_counts_new_tokens_of_all_rows_over_whole_requests() {
    let trial = requests(10_000_000);
    let found = figures(&spec(generate(5), Scenario::SingleStream), &[&trial, &trial, &trial], 0, 1);
    assert!(near(value(&found, Metric::Throughput).0, 10.0 / 0.07));
    assert!(near(value(&found, Metric::PrefillThroughput).0, 8.0 / 0.03));
    assert!(near(value(&found, Metric::TtftP50).0, 0.03));
    assert!(near(value(&found, Metric::TpotP50).0, 0.01));
    let FigureValue::NotEstimable { reason } = &of(&found, Metric::TpotP99).value else { panic!() };
    assert_eq!(reason, "144 samples, 368 are needed");
}

#[test]
fn metrics_that_contradict_each_other_are_a_fault() {
    let spec = spec(generate(5), Scenario::SingleStream);
    assert_eq!(findings(&spec, &[&requests(10_000_000)]).unwrap(), []);
    let found = findings(&spec, &[&requests(10_000_000), &requests(2_000_000)]).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].gravity, found[0].trial), (Gravity::Fault, 1));
    assert!(found[0].text.starts_with("end-to-end latency = TTFT + TPOT"), "{}", found[0]);
}

#[test]
fn a_dishonest_barrier_is_a_fault_and_unsettled_times_are_a_note() {
    let mut trial = iterations([10; 20]);
    trial.barrier = Some(BarrierCheck { doubling: 1.0, read_back_seconds: 0.5, honest: false });
    trial.warmup.settled = Some(false);
    let found = findings(&spec(forward(), Scenario::SingleStream), &[&trial]).unwrap();
    let gravities: Vec<Gravity> = found.iter().map(|f| f.gravity).collect();
    assert_eq!(gravities, [Gravity::Fault, Gravity::Note]);
}

#[test]
fn training_leaves_the_first_step_out_and_tells_the_last_losses() {
    let mut trial = measurement(Samples::Training {
        units: 100,
        nanoseconds: [900_000_000].into_iter().chain([10_000_000; 20]).collect(),
        group: 1,
        losses: vec![LossPoint { step: 1, loss: 4.0 }, LossPoint { step: 21, loss: 2.0 }],
        evaluations: vec![LossPoint { step: 0, loss: 4.1 }, LossPoint { step: 21, loss: 2.5 }],
    });
    trial.warmup = WarmupReport::default();
    let evaluation =
        portbench_measure::Evaluation { entry: "e".into(), every: 5, batches: 1, target: Some(2.4) };
    let task = Task::Train {
        entry: "t".into(),
        loss: "loss".into(),
        units: 100,
        steps: Some(21),
        evaluation: Some(evaluation),
    };
    let spec = spec(task, Scenario::SingleStream);
    let found = figures(&spec, &[&trial, &trial, &trial], 0, 1);
    assert!(near(value(&found, Metric::Throughput).0, 10_000.0));
    assert!(near(value(&found, Metric::Loss).0, 2.0));
    assert!(near(value(&found, Metric::ValidationLoss).0, 2.5));
    let notes = findings(&spec, &[&trial]).unwrap();
    assert_eq!(notes[0].text, "held-out loss 2.5000 misses the target of 2.4000");
}

fn server(latencies: Vec<u64>, queries: u64) -> Measurement {
    measurement(Samples::Server {
        units: 3,
        rate: 100.0,
        queries,
        seconds: queries as f64 / 100.0,
        latency: histogram(latencies),
        lag: histogram([1000]),
        ttft: None,
        tpot: None,
        longest_queue: 4,
    })
}

fn bounded(latency: f64) -> portbench_measure::MeasureSpec {
    let bounds = LatencyBounds { latency: Some(latency), ..LatencyBounds::default() };
    spec(forward(), Scenario::Server { rate: 100.0, bounds })
}

#[test]
fn a_server_keeps_its_bound_only_with_queries_enough() {
    let fast = server(vec![5_000_000; 1000], 1000);
    let passed = |spec, trials: &[&Measurement]| bound_verdicts(&spec, trials).unwrap()[0].check.passed();
    assert!(passed(bounded(0.01), &[&fast]));
    assert!(!passed(bounded(0.001), &[&fast]));
    // No query is late, but 100 prove nothing about one in a hundred at 99 % confidence.
    let few = server(vec![5_000_000; 100], 100);
    assert!(!passed(bounded(0.01), &[&few]));
    assert_eq!(
        bound_verdicts(&bounded(0.01), &[&few]).unwrap()[0].to_string(),
        "latency does not keep 0.01 s at p99: 100 queries within it and 0 over, 459 within are needed"
    );
    let found = figures(&bounded(0.01), &[&fast, &fast, &fast], 0, 1);
    assert!(near(value(&found, Metric::Throughput).0, 300.0));
    assert!((value(&found, Metric::LatencyP99).0 - 0.005).abs() < 1e-5);
}

#[test]
fn an_overloaded_server_is_noted() {
    let trial = server(vec![5_000_000; 120], 100);
    let found = findings(&bounded(0.01), &[&trial]).unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].text.starts_with("overloaded: 20 queries still waited"), "{}", found[0]);
}
