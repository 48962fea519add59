//! What the harness itself costs, over a backend that does nothing: cost of a sample, highest rate of the server loop, lateness at 10,000 queries a second.
//! `cargo run --release -p portbench-measure --example harness`. Best on a quiet machine.

use std::error::Error;
use std::io::{self, Write};

use portbench_backend::null::NullBackend;
use portbench_backend::{Backend, CompileOptions, ParamSource};
use portbench_graph::{DType, ProgramBuilder, Type};
use portbench_measure::{
    Boundary, Inputs, LatencyBounds, MeasureSpec, Measurement, Samples, Sampling, Scenario, SystemClock,
    Task, Warmup, measure, overhead,
};

fn server(rate: f64, seconds: f64) -> Result<Measurement, Box<dyn Error>> {
    let mut builder = ProgramBuilder::new("nothing", DType::F32);
    builder.entry("forward", |g| {
        let zero = g.constant(0.0, Type::scalar(DType::F32));
        g.output("zero", zero);
    });
    let program = builder.finish()?;
    let params = ParamSource::Generated { seed: 0 };
    let mut executable = NullBackend::new().compile(&program, &params, &CompileOptions::default())?;
    let spec = MeasureSpec {
        task: Task::Forward { entry: "forward".into(), units: 1 },
        scenario: Scenario::Server { rate, bounds: LatencyBounds::default() },
        boundary: Boundary::DeviceResident,
        warmup: Warmup { min_seconds: 0.2, max_seconds: 0.5, min_executions: 1 },
        sampling: Sampling { seconds, min_samples: 1, max_samples: u64::MAX, min_sample_seconds: 0.0 },
    };
    let inputs = Inputs { seed: 1, ..Inputs::default() };
    let clock = SystemClock::new();
    Ok(measure(executable.as_mut(), &program, &inputs, &spec, &clock, &mut |_| {})?.measurement)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout();
    for _ in 0..3 {
        let found = overhead(&SystemClock::new())?;
        writeln!(
            out,
            "sample: {:.1} ns, clock resolution {} ns",
            found.sample_ns, found.timer_resolution_ns
        )?;
        for (rate, seconds) in [(1e8, 0.2), (2_500_000.0, 1.0), (10_000.0, 2.0)] {
            if let Samples::Server { queries, seconds, latency, lag, .. } = server(rate, seconds)?.samples {
                let answered = queries as f64 / seconds;
                write!(out, "server at {rate}/s: {answered:.0} queries a second")?;
                if lag.count > 1000 {
                    let (lag, latency) = (lag.open()?, latency.open()?);
                    write!(out, ", lag p50 {} p99 {} ns", lag.quantile(0.5)?, lag.quantile(0.99)?)?;
                    write!(
                        out,
                        ", latency p50 {} p99 {} ns",
                        latency.quantile(0.5)?,
                        latency.quantile(0.99)?
                    )?;
                }
                writeln!(out)?;
            }
        }
    }
    Ok(())
}
