//! What measuring costs.

use portbench_backend::null::NullBackend;
use portbench_backend::{Backend, CompileOptions, ParamSource};
use portbench_graph::{DType, ProgramBuilder, Type};

use crate::clock::{Clock, resolution};
use crate::error::MeasureError;
use crate::feed::Feeder;
use crate::measurement::Overhead;
use crate::scenario::iterations;
use crate::session::{Execution, Session};
use crate::spec::{Inputs, MeasureSpec, Sampling, Task, Warmup};
use crate::words::{Boundary, Scenario};

/// Runs the single-stream loop over a backend that does nothing.
///
/// # Errors
/// None that the null backend is known to raise.
pub fn overhead(clock: &dyn Clock) -> Result<Overhead, MeasureError> {
    const SAMPLES: u64 = 20_000;
    let mut builder = ProgramBuilder::new("nothing", DType::F32);
    builder.entry("forward", |g| {
        let zero = g.constant(0.0, Type::scalar(DType::F32));
        g.output("zero", zero);
    });
    let program = builder.finish().map_err(portbench_backend::BackendError::from)?;
    let params = ParamSource::Generated { seed: 0 };
    let mut executable = NullBackend::new().compile(&program, &params, &CompileOptions::default())?;
    let spec = MeasureSpec {
        task: Task::Forward { entry: "forward".into(), units: 1 },
        scenario: Scenario::SingleStream,
        boundary: Boundary::DeviceResident,
        warmup: Warmup { min_seconds: 0.0, max_seconds: 0.0, min_executions: 0 },
        sampling: Sampling {
            seconds: 0.0,
            min_samples: SAMPLES,
            max_samples: SAMPLES,
            min_sample_seconds: 0.0,
        },
    };
    let mut session = Session {
        executable: executable.as_mut(),
        program: &program,
        feeder: Feeder::open(&Inputs::default())?,
        spec: &spec,
        clock,
        progress: &mut |_| {},
        report_at: u64::MAX,
    };
    let (id, graph, batch) = Execution::prepare(&session, "forward")?;
    let execution = Execution::new(id, graph, &batch, spec.boundary);
    let start = clock.now();
    iterations::sample(&mut session, &execution, 1, 1)?;
    let taken = clock.now() - start;
    Ok(Overhead { timer_resolution_ns: resolution(clock), sample_ns: taken as f64 / SAMPLES as f64 })
}
