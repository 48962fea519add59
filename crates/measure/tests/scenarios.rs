//! What the scenarios time, on a fake clock.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::{
    Recipe, Scripted, forward, forward_program, generate, generate_program, generated, spec, training_program,
};
use portbench_measure::{
    Boundary, Corpus, Evaluation, FakeClock, InputSource, Inputs, LatencyBounds, MeasureError, MeasureSpec,
    Samples, Scenario, Stage, Task, Timed, WarmupReport, measure,
};

const MS: u64 = 1_000_000;

fn run(scripted: &mut Scripted, clock: &FakeClock, inputs: &Inputs, spec: &MeasureSpec) -> Timed {
    try_run(scripted, clock, inputs, spec).unwrap()
}

fn try_run(
    scripted: &mut Scripted,
    clock: &FakeClock,
    inputs: &Inputs,
    spec: &MeasureSpec,
) -> Result<Timed, MeasureError> {
    let program = match spec.task {
        Task::Forward { .. } => forward_program(),
        Task::Generate { .. } => generate_program(),
        Task::Train { .. } => training_program(),
    };
    measure(scripted, &program, inputs, spec, clock, &mut |_| {})
}

fn x() -> Inputs {
    generated(&[("x", Recipe::Normal { std: 1.0 })])
}

fn ids() -> Inputs {
    generated(&[("input_ids", Recipe::Integers { low: 0, high: 9 })])
}

#[test]
fn single_stream_closes_every_execution_with_a_barrier() {
    let clock = FakeClock::new();
    let mut scripted = Scripted::new(&forward_program(), &clock)
        .taking(|_, n| Duration::from_millis(if n == 0 { 50 } else { 2 }));
    let timed = run(&mut scripted, &clock, &x(), &spec(forward(), Scenario::SingleStream));
    assert!((timed.first_execute - 0.05).abs() < 1e-9);
    let Samples::Iterations { group: 1, units: 2, nanoseconds } = &timed.measurement.samples else {
        panic!("{:?}", timed.measurement.samples)
    };
    // A tenth of a second of executions of two milliseconds.
    assert_eq!(nanoseconds, &[2 * MS; 50]);
    let warmup = timed.measurement.warmup;
    assert_eq!((warmup.executions, warmup.settled), (5, Some(true)), "{warmup:?}");
    assert_eq!(warmup.nanoseconds, [2 * MS; 5]);
    let barrier = timed.measurement.barrier.unwrap();
    assert!(barrier.honest && (barrier.doubling - 2.0).abs() < 1e-9, "{barrier:?}");
    let calls = scripted.calls();
    let tail = &calls[calls.len() - 100..];
    assert!(tail.chunks(2).all(|pair| pair == ["execute forward", "synchronize"]), "{tail:?}");
}

#[test]
fn warm_up_goes_on_until_times_settle() {
    let clock = FakeClock::new();
    // Gets faster over the first 400 executions, of which the barrier check takes about a hundred.
    let mut scripted = Scripted::new(&forward_program(), &clock)
        .taking(|_, n| Duration::from_micros(100 + 2 * 400u64.saturating_sub(n)));
    let timed = run(&mut scripted, &clock, &x(), &spec(forward(), Scenario::SingleStream));
    let warmup = timed.measurement.warmup;
    assert!(warmup.executions > 300 && warmup.settled == Some(true), "{warmup:?}");
    assert!(warmup.seconds < 1.0);
    assert_eq!(warmup.nanoseconds.len() as u64, warmup.executions.min(WarmupReport::KEPT as u64));
}

#[test]
fn warm_up_that_does_not_settle_ends_and_says_so() {
    let clock = FakeClock::new();
    let mut scripted =
        Scripted::new(&forward_program(), &clock).taking(|_, n| Duration::from_micros(1000 + 50 * n));
    let timed = run(&mut scripted, &clock, &x(), &spec(forward(), Scenario::SingleStream));
    let warmup = timed.measurement.warmup;
    assert_eq!(warmup.settled, Some(false));
    assert!((1.0..1.02).contains(&warmup.seconds), "{warmup:?}");
}

#[test]
fn offline_groups_executions_under_one_barrier() {
    let clock = FakeClock::new();
    let mut scripted = Scripted::new(&forward_program(), &clock);
    let timed = run(&mut scripted, &clock, &x(), &spec(forward(), Scenario::Offline));
    let Samples::Iterations { group: 10, nanoseconds, .. } = &timed.measurement.samples else {
        panic!("{:?}", timed.measurement.samples)
    };
    assert_eq!(nanoseconds, &[10 * MS; 10]);
    let calls = scripted.calls();
    let barriers = calls[calls.len() - 110..].iter().filter(|c| *c == "synchronize").count();
    assert_eq!(barriers, 10);
}

#[test]
fn host_to_host_encloses_binding_and_fetching() {
    let clock = FakeClock::new();
    let mut scripted = Scripted::new(&forward_program(), &clock);
    let mut spec = spec(forward(), Scenario::SingleStream);
    spec.boundary = Boundary::HostToHost;
    run(&mut scripted, &clock, &x(), &spec);
    let calls = scripted.calls();
    assert_eq!(
        calls[calls.len() - 4..],
        ["bind forward", "execute forward", "fetch forward y", "synchronize"]
    );
}

#[test]
fn generate_feeds_tokens_back_at_rising_positions() {
    let clock = FakeClock::new();
    let mut scripted = Scripted::new(&generate_program(), &clock)
        .taking(|entry, _| Duration::from_millis(if entry == "prefill" { 30 } else { 4 }))
        .answering(|entry, _, count| Some(if entry == "prefill" { 7.0 } else { 100.0 + count as f64 }));
    let timed = run(&mut scripted, &clock, &ids(), &spec(generate(4), Scenario::SingleStream));
    let Samples::Generate { batch: 2, prompt: 4, new_tokens: 4, requests, between_tokens } =
        &timed.measurement.samples
    else {
        panic!("{:?}", timed.measurement.samples)
    };
    assert!(requests.iter().all(|r| (r.ttft, r.total) == (30 * MS, 42 * MS)), "{requests:?}");
    assert_eq!(between_tokens.count, requests.len() as u64 * 3);
    let gap = between_tokens.open().unwrap().quantile(0.5).unwrap();
    assert!(gap.abs_diff(4 * MS) <= 4 * MS / 1000, "{gap}");
    assert!((timed.first_execute - 0.03).abs() < 1e-9, "{}", timed.first_execute);

    let script = scripted.script.lock().unwrap();
    let fed = |name: &str| -> Vec<i64> {
        let found = script.bound.iter().filter(|(n, _)| n == name);
        found.map(|(_, t)| t.to_i64()[0]).collect()
    };
    assert_eq!(fed("decode/position")[..6], [4, 5, 6, 4, 5, 6]);
    // The first decoding step reads the prefill's token, the next ones read the token of the step before.
    assert_eq!(fed("decode/input_ids")[..4], [7, 101, 102, 7]);
    assert!(fed("prefill/position").iter().all(|&p| p == 0));
    let resets = script.calls.iter().filter(|c| *c == "reset").count();
    assert!(resets > requests.len(), "every request starts from a cleared state");
}

#[test]
fn a_task_that_does_not_fit_the_program_is_an_error_with_names() {
    let clock = FakeClock::new();
    let mut scripted = Scripted::new(&generate_program(), &clock);
    let Task::Generate { prefill, decode, batch, new_tokens, .. } = generate(4) else { unreachable!() };
    let task = Task::Generate { prefill, decode, batch, prompt: 5, new_tokens };
    let error =
        try_run(&mut scripted, &clock, &ids(), &spec(task, Scenario::SingleStream)).unwrap_err().to_string();
    assert!(error.contains("2 rows of 5 tokens") && error.contains("2 rows of 4"), "{error}");

    let mut scripted = Scripted::new(&forward_program(), &clock);
    let inputs = generated(&[("z", Recipe::Normal { std: 1.0 })]);
    let error = try_run(&mut scripted, &clock, &inputs, &spec(forward(), Scenario::SingleStream));
    assert_eq!(
        error.unwrap_err().to_string(),
        "input `x` of entry `forward`: has no source; there are sources for z"
    );
}

fn corpus(file: &tempfile::NamedTempFile) -> Inputs {
    std::fs::write(file.path(), "abcdefghij".repeat(20)).unwrap();
    Inputs {
        seed: 3,
        sources: [
            ("input_ids".to_owned(), InputSource::CorpusTokens),
            ("labels".to_owned(), InputSource::CorpusNextTokens),
        ]
        .into(),
        corpus: Some(Corpus { path: file.path().to_owned(), validation: 0.1 }),
        trial: 0,
    }
}

fn train(steps: Option<u64>, evaluation: Option<Evaluation>) -> Task {
    Task::Train { entry: "train".into(), loss: "loss".into(), units: 6, steps, evaluation }
}

#[test]
fn fixed_training_times_every_step_and_evaluates_outside_the_timer() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let inputs = corpus(&file);
    let clock = FakeClock::new();
    let mut scripted = Scripted::new(&training_program(), &clock)
        .taking(|entry, _| Duration::from_millis(if entry == "train" { 5 } else { 70 }))
        .answering(|entry, _, n| Some(if entry == "train" { 4.0 - 0.1 * n as f64 } else { n as f64 }));
    let evaluation = Evaluation { entry: "evaluate".into(), every: 4, batches: 2, target: None };
    let timed =
        run(&mut scripted, &clock, &inputs, &spec(train(Some(10), Some(evaluation)), Scenario::SingleStream));
    let Samples::Training { units: 6, group: 1, nanoseconds, losses, evaluations } =
        &timed.measurement.samples
    else {
        panic!("{:?}", timed.measurement.samples)
    };
    assert_eq!(nanoseconds, &[5 * MS; 10]);
    assert_eq!(losses.last().map(|p| (p.step, (p.loss * 10.0).round())), Some((10, 30.0)));
    let steps: Vec<u64> = evaluations.iter().map(|p| p.step).collect();
    assert_eq!(steps, [0, 4, 8, 10]);
    // Means over the two batches of each evaluation.
    let means: Vec<f64> = evaluations.iter().map(|p| p.loss).collect();
    assert_eq!(means, [1.5, 3.5, 5.5, 7.5]);
    assert_eq!(timed.measurement.warmup.executions, 0);
    assert!(timed.measurement.barrier.is_none());

    let script = scripted.script.lock().unwrap();
    let fed: Vec<Vec<i64>> = script
        .bound
        .iter()
        .filter(|(n, _)| n == "train/input_ids" || n == "train/labels")
        .map(|(_, t)| t.to_i64())
        .collect();
    for pair in fed.chunks(2) {
        let next: Vec<i64> = pair[0].iter().map(|t| (t + 1) % 10).collect();
        assert_eq!(pair[1], next, "labels are the tokens one later");
    }
    assert!(fed.chunks(2).any(|pair| pair[0] != fed[0]), "steps have batches of their own");
}

#[test]
fn repeated_training_counts_every_step_taken() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let inputs = corpus(&file);
    let clock = FakeClock::new();
    let mut scripted = Scripted::new(&training_program(), &clock).answering(|_, _, n| Some(1.0 / n as f64));
    let timed = run(&mut scripted, &clock, &inputs, &spec(train(None, None), Scenario::Offline));
    let Samples::Training { group: 10, nanoseconds, losses, .. } = &timed.measurement.samples else {
        panic!("{:?}", timed.measurement.samples)
    };
    assert_eq!(nanoseconds.len(), 10);
    let last = losses.last().unwrap();
    let executed = scripted.calls().iter().filter(|c| *c == "execute train").count() as u64;
    assert_eq!(last.step, executed, "warm-up and barrier check train as well");
    assert!((last.loss - 1.0 / executed as f64).abs() < 1e-6);
}

#[test]
fn a_loss_that_is_no_number_ends_training() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let inputs = corpus(&file);
    let clock = FakeClock::new();
    let mut scripted = Scripted::new(&training_program(), &clock)
        .answering(|_, _, n| Some(if n < 6 { 1.0 } else { f64::NAN }));
    let error = try_run(&mut scripted, &clock, &inputs, &spec(train(Some(10), None), Scenario::SingleStream));
    assert!(matches!(error, Err(MeasureError::Diverged { step: 6, .. })), "{error:?}");
}

fn server(rate: f64) -> Scenario {
    Scenario::Server { rate, bounds: LatencyBounds::default() }
}

#[test]
fn server_latency_counts_from_the_schedule_so_that_a_stall_shows_in_all_who_waited() {
    let clock = FakeClock::new();
    // One execution in the middle of sampling stalls for a second; a hundred queries a second arrive meanwhile.
    let mut scripted = Scripted::new(&forward_program(), &clock)
        .taking(|_, n| Duration::from_millis(if n == 500 { 1000 } else { 1 }));
    let mut spec = spec(forward(), server(100.0));
    spec.sampling.seconds = 10.0;
    let timed = run(&mut scripted, &clock, &x(), &spec);
    let Samples::Server { queries, latency, lag, longest_queue, seconds, .. } = &timed.measurement.samples
    else {
        panic!("{:?}", timed.measurement.samples)
    };
    assert!((900..=1000).contains(queries), "{queries}");
    assert!((9.0..11.0).contains(seconds), "{seconds}");
    assert!((70..140).contains(longest_queue), "{longest_queue}");
    let histogram = latency.open().unwrap();
    // A closed loop would have seen one slow query in a thousand; here one in ten waited.
    let (p50, p95) = (histogram.quantile(0.5).unwrap(), histogram.quantile(0.95).unwrap());
    assert!(p50 < 2 * MS && p95 > 300 * MS, "p50 {p50}, p95 {p95}");
    // The harness itself was never late: a fake clock wakes up on time.
    assert_eq!(lag.max, 0);
    assert!(lag.count < *queries, "those that waited for the backend are not the harness' lag");
}

#[test]
fn server_queries_do_not_depend_on_the_backend() {
    let counted = |takes: u64| {
        let clock = FakeClock::new();
        let mut scripted =
            Scripted::new(&forward_program(), &clock).taking(move |_, _| Duration::from_micros(takes));
        let mut spec = spec(forward(), server(1000.0));
        spec.sampling.max_samples = 100_000;
        let timed = run(&mut scripted, &clock, &x(), &spec);
        let Samples::Server { queries, .. } = timed.measurement.samples else { panic!() };
        queries
    };
    assert_eq!(counted(10), counted(1500), "arrivals are scheduled whatever the backend does");
}

#[test]
fn each_trial_has_arrivals_of_its_own_and_the_same_again() {
    let counted = |trial: u64| {
        let clock = FakeClock::new();
        let mut scripted = Scripted::new(&forward_program(), &clock);
        let mut spec = spec(forward(), server(1000.0));
        spec.sampling.max_samples = 100_000;
        let timed = run(&mut scripted, &clock, &Inputs { trial, ..x() }, &spec);
        let Samples::Server { queries, .. } = timed.measurement.samples else { panic!() };
        queries
    };
    let trials: Vec<u64> = (0..4).map(counted).collect();
    assert_eq!(trials, (0..4).map(counted).collect::<Vec<_>>());
    assert!(trials.iter().any(|queries| *queries != trials[0]), "{trials:?}");
}

#[test]
fn an_overloaded_server_is_given_up_and_the_waiting_are_counted() {
    let clock = FakeClock::new();
    let mut scripted = Scripted::new(&forward_program(), &clock).taking(|_, _| Duration::from_millis(100));
    let mut spec = spec(forward(), server(1000.0));
    spec.sampling.seconds = 1.0;
    spec.sampling.max_samples = 100_000;
    let timed = run(&mut scripted, &clock, &x(), &spec);
    let Samples::Server { queries, latency, seconds, longest_queue, .. } = timed.measurement.samples else {
        panic!()
    };
    assert!((35..=42).contains(&queries), "{queries}");
    assert!((900..1100).contains(&latency.count), "{}", latency.count);
    assert!(seconds < 4.2 && longest_queue > 900, "{seconds} {longest_queue}");
}

#[test]
fn a_server_of_generate_queries_counts_the_first_token_from_the_schedule() {
    let clock = FakeClock::new();
    let mut scripted = Scripted::new(&generate_program(), &clock)
        .taking(|entry, _| Duration::from_millis(if entry == "prefill" { 30 } else { 4 }));
    let mut spec = spec(generate(4), server(5.0));
    spec.sampling.seconds = 20.0;
    let timed = run(&mut scripted, &clock, &ids(), &spec);
    let Samples::Server { units: 8, queries, ttft: Some(ttft), tpot: Some(tpot), latency, .. } =
        timed.measurement.samples
    else {
        panic!()
    };
    assert_eq!((ttft.count, tpot.count, latency.count), (queries, queries, queries));
    assert!(ttft.min.abs_diff(30 * MS) < MS && ttft.max > 32 * MS, "some queries wait: {ttft:?}");
    assert!(tpot.min.abs_diff(4 * MS) < MS / 100 && tpot.max.abs_diff(4 * MS) < MS / 100);
}

#[test]
fn training_has_no_server_scenario() {
    let clock = FakeClock::new();
    let mut scripted = Scripted::new(&training_program(), &clock);
    let result = try_run(&mut scripted, &clock, &Inputs::default(), &spec(train(None, None), server(1.0)));
    assert!(matches!(result, Err(MeasureError::Task(_))), "{result:?}");
}

#[test]
fn stages_are_told_in_order() {
    let clock = FakeClock::new();
    let mut scripted = Scripted::new(&forward_program(), &clock).taking(|_, _| Duration::from_millis(400));
    let mut told = Vec::new();
    let spec = MeasureSpec {
        sampling: portbench_measure::Sampling {
            seconds: 8.0,
            ..spec(forward(), Scenario::SingleStream).sampling
        },
        ..spec(forward(), Scenario::SingleStream)
    };
    measure(&mut scripted, &forward_program(), &x(), &spec, &clock, &mut |p| told.push(p)).unwrap();
    let mut stages: Vec<Stage> = told.iter().map(|p| p.stage).collect();
    stages.dedup();
    assert_eq!(stages, [Stage::FirstExecute, Stage::Warmup, Stage::Sampling]);
    let sampling = told.iter().filter(|p| p.stage == Stage::Sampling);
    let fractions: Vec<f64> = sampling.filter_map(|p| p.fraction).collect();
    assert!(fractions.len() >= 5 && fractions.is_sorted(), "{fractions:?}");
}

#[test]
fn arrivals_faster_than_they_can_be_counted_do_not_stop_the_loop() {
    let clock = FakeClock::new();
    let mut scripted = Scripted::new(&forward_program(), &clock).taking(|_, _| Duration::from_millis(1));
    let mut spec = spec(forward(), server(1e9));
    spec.sampling.seconds = 0.001;
    spec.sampling.max_samples = 2_000_000;
    let timed = run(&mut scripted, &clock, &x(), &spec);
    let Samples::Server { queries, longest_queue, latency, .. } = timed.measurement.samples else { panic!() };
    assert_eq!(longest_queue, 1 << 20);
    assert!(queries < 10 && latency.count > 990_000, "{queries} {}", latency.count);
}
