//! Executions one after another.

use crate::barrier;
use crate::clock::nanoseconds;
use crate::error::MeasureError;
use crate::measurement::Samples;
use crate::scenario::Sampled;
use crate::session::{Execution, Session, Stage, Until};
use crate::telemetry::Probe;
use crate::words::Scenario;

pub(crate) fn measure(session: &mut Session<'_>, entry: &str, units: u64) -> Result<Sampled, MeasureError> {
    let (id, graph, batch) = Execution::prepare(session, entry)?;
    let execution = Execution::new(id, graph, &batch, session.spec.boundary);
    let (first_execute, ()) = session.first(|s| {
        execution.bind(s.executable)?;
        execution.once(s.executable)
    })?;
    let barrier = barrier::check(session.executable, graph, id, session.clock)?.check;
    let warm = session.warm_up(|s| execution.once(s.executable))?;
    let group = group(session, warm.typical);
    session.begin(Stage::Sampling);
    let probe = Probe::start(session.clock);
    let nanoseconds = sample(session, &execution, group, warm.typical)?;
    let telemetry = probe.finish(session.clock);
    let samples = Samples::Iterations { group, units, nanoseconds };
    Ok(Sampled { first_execute, warmup: warm.report, barrier, samples, telemetry })
}

/// Executions in one sample.
pub(crate) fn group(session: &Session<'_>, typical: u64) -> u64 {
    match session.spec.scenario {
        Scenario::Offline => {
            nanoseconds(session.spec.sampling.min_sample_seconds).div_ceil(typical.max(1)).max(1)
        }
        Scenario::SingleStream | Scenario::Server { .. } => 1,
    }
}

/// Times samples of `group` executions each. Nothing is allocated between the two readings of the clock.
pub(crate) fn sample(
    session: &mut Session<'_>,
    execution: &Execution<'_>,
    group: u64,
    typical: u64,
) -> Result<Vec<u64>, MeasureError> {
    let clock = session.clock;
    let until = Until::new(&session.spec.sampling, clock.now());
    let mut times = Vec::with_capacity(until.room(typical * group));
    loop {
        let start = clock.now();
        for _ in 0..group {
            execution.issue(session.executable)?;
        }
        session.executable.synchronize()?;
        let end = clock.now();
        times.push(end - start);
        let samples = times.len() as u64;
        if until.over(samples, end) {
            return Ok(times);
        }
        session.pace(end, Stage::Sampling, || (until.fraction(samples, end), None));
    }
}
