//! What the harness itself costs, over a backend that does nothing: a sample of a single stream, a query of the server loop at
//! saturation, and how late the server loop issues a query at 10,000 a second (the 99th percentile).
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use portbench_backend::null::NullBackend;
use portbench_backend::{Backend, CompileOptions};
use portbench_benches::programs::{PARAMS, nothing};
use portbench_measure::{
    Boundary, Inputs, LatencyBounds, MeasureSpec, Samples, Sampling, Scenario, SystemClock, Task, Warmup,
    measure, overhead,
};

fn server(rate: f64, seconds: f64) -> Samples {
    let program = nothing().unwrap();
    let mut executable = NullBackend::new().compile(&program, &PARAMS, &CompileOptions::default()).unwrap();
    let spec = MeasureSpec {
        task: Task::Forward { entry: "forward".into(), units: 1 },
        scenario: Scenario::Server { rate, bounds: LatencyBounds::default() },
        boundary: Boundary::DeviceResident,
        warmup: Warmup { min_seconds: 0.05, max_seconds: 0.1, min_executions: 1 },
        sampling: Sampling { seconds, min_samples: 1, max_samples: u64::MAX, min_sample_seconds: 0.0 },
    };
    let inputs = Inputs { seed: 1, ..Inputs::default() };
    let clock = SystemClock::new();
    let timed = measure(executable.as_mut(), &program, &inputs, &spec, &clock, &mut |_| {}).unwrap();
    timed.measurement.samples
}

/// Criterion's clock is not asked: each of these loops measures itself, and what it found is scaled to the iterations asked for.
fn scaled(nanoseconds: f64, iterations: u64) -> Duration {
    Duration::from_secs_f64(nanoseconds * 1e-9 * iterations as f64)
}

fn harness(c: &mut Criterion) {
    c.bench_function("sample of a single stream", |b| {
        b.iter_custom(|iterations| scaled(overhead(&SystemClock::new()).unwrap().sample_ns, iterations));
    });
    c.bench_function("query of the server loop at saturation", |b| {
        b.iter_custom(|iterations| match server(1e8, 0.1) {
            Samples::Server { queries, seconds, .. } => scaled(seconds * 1e9 / queries as f64, iterations),
            _ => unreachable!("a server scenario gives server samples"),
        });
    });
    c.bench_function("issue lag at 10,000 queries a second, p99", |b| {
        b.iter_custom(|iterations| match server(1e4, 0.5) {
            Samples::Server { lag, .. } => {
                scaled(lag.open().unwrap().quantile(0.99).unwrap() as f64, iterations)
            }
            _ => unreachable!("a server scenario gives server samples"),
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500));
    targets = harness
}
criterion_main!(benches);
