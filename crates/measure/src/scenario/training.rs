//! Optimiser steps.

use portbench_backend::{EntryId, Executable};

use crate::barrier;
use crate::corpus::Split;
use crate::error::MeasureError;
use crate::feed::Batch;
use crate::measurement::{LossPoint, Samples, WarmupReport};
use crate::scenario::{Sampled, iterations};
use crate::session::{Execution, Session, Stage, Until};
use crate::spec::Evaluation;
use crate::telemetry::Probe;
use crate::words::Boundary;

/// The parts of [`crate::Task::Train`].
#[derive(Clone, Copy)]
pub(crate) struct Train<'a> {
    pub(crate) entry: &'a str,
    pub(crate) loss: &'a str,
    pub(crate) units: u64,
    pub(crate) evaluation: Option<&'a Evaluation>,
}

/// A finite loss.
fn fetch_loss(
    executable: &mut dyn Executable,
    entry: EntryId,
    output: &str,
    step: u64,
) -> Result<f64, MeasureError> {
    let loss = executable.fetch(entry, output)?.to_f64();
    match loss[..] {
        [loss] if loss.is_finite() => Ok(loss),
        [loss] => Err(MeasureError::Diverged { step, loss }),
        _ => Err(MeasureError::Task(format!("the loss `{output}` is no scalar but {} values", loss.len()))),
    }
}

/// Nanoseconds between two readings of the loss where steps repeat one batch.
const LOSS_EVERY: u64 = 250_000_000;

/// As many steps as sampling asks for, all on one batch.
pub(crate) fn repeat(session: &mut Session<'_>, train: Train<'_>) -> Result<Sampled, MeasureError> {
    if train.evaluation.is_some() {
        return Err(MeasureError::Task(
            "steps on one batch teach nothing that held-out text would show; evaluation needs a number of steps".into(),
        ));
    }
    let (id, graph, batch) = Execution::prepare(session, train.entry)?;
    let execution = Execution::new(id, graph, &batch, session.spec.boundary);
    let mut steps = 1;
    let (first_execute, ()) = session.first(|s| {
        execution.bind(s.executable)?;
        execution.once(s.executable)
    })?;
    let mut losses =
        vec![LossPoint { step: steps, loss: fetch_loss(session.executable, id, train.loss, steps)? }];
    let checked = barrier::check(session.executable, graph, id, session.clock)?;
    let barrier = checked.check;
    steps += checked.executions;
    let warm = session.warm_up(|s| execution.once(s.executable))?;
    steps += warm.report.executions;
    let group = iterations::group(session, warm.typical);
    session.begin(Stage::Sampling);
    let clock = session.clock;
    let probe = Probe::start(clock);
    let until = Until::new(&session.spec.sampling, clock.now());
    let mut times = Vec::with_capacity(until.room(warm.typical * group));
    let mut read_at = clock.now();
    loop {
        let start = clock.now();
        for _ in 0..group {
            execution.issue(session.executable)?;
        }
        session.executable.synchronize()?;
        let end = clock.now();
        times.push(end - start);
        steps += group;
        let samples = times.len() as u64;
        let over = until.over(samples, end);
        if over || end >= read_at {
            losses.push(LossPoint {
                step: steps,
                loss: fetch_loss(session.executable, id, train.loss, steps)?,
            });
            read_at = clock.now() + LOSS_EVERY;
        }
        if over {
            break;
        }
        session.pace(end, Stage::Sampling, || (until.fraction(samples, end), described(steps, &losses)));
    }
    let telemetry = probe.finish(clock);
    let samples =
        Samples::Training { units: train.units, nanoseconds: times, group, losses, evaluations: Vec::new() };
    Ok(Sampled { first_execute, warmup: warm.report, barrier, samples, telemetry })
}

fn described(steps: u64, losses: &[LossPoint]) -> Option<String> {
    losses.last().map(|point| format!("step {steps}, loss {:.3}", point.loss))
}

/// A stated number of steps, each on a batch of its own, every one timed. There is no warm-up: it would train.
pub(crate) fn fixed(
    session: &mut Session<'_>,
    train: Train<'_>,
    steps: u64,
) -> Result<Sampled, MeasureError> {
    /// Readings of the loss, about.
    const LOSSES: u64 = 200;
    if steps == 0 {
        return Err(MeasureError::Task("no step is to be taken".into()));
    }
    let id = EntryId::of(session.program, train.entry)?;
    let graph = &session.program.entries[id.0];
    let held_out = train.evaluation.map(|e| HeldOut::new(session, e, train.loss)).transpose()?;
    let (host, read_every) = (session.spec.boundary == Boundary::HostToHost, (steps / LOSSES).max(1));
    let mut times = Vec::with_capacity(steps as usize);
    let (mut losses, mut evaluations) = (Vec::new(), Vec::new());
    session.begin(Stage::FirstExecute);
    let clock = session.clock;
    let probe = Probe::start(clock);
    for step in 0..steps {
        if let Some(held_out) = held_out.as_ref().filter(|h| step % h.every == 0) {
            evaluations.push(LossPoint { step, loss: held_out.loss(session.executable, step)? });
        }
        let batch = session.feeder.batch(graph, step, Split::Training)?;
        let refs = batch.refs();
        if !host {
            session.executable.bind(id, &refs)?;
            session.executable.synchronize()?;
        }
        let mut loss = None;
        let start = clock.now();
        if host {
            session.executable.bind(id, &refs)?;
        }
        session.executable.execute(id)?;
        session.executable.synchronize()?;
        if host {
            loss = Some(session.executable.fetch(id, train.loss)?);
        }
        let end = clock.now();
        drop(loss);
        times.push(end - start);
        let taken = step + 1;
        if step == 0 {
            session.begin(Stage::Sampling);
        }
        if step == 0 || taken.is_multiple_of(read_every) || taken == steps {
            let loss = fetch_loss(session.executable, id, train.loss, taken)?;
            losses.push(LossPoint { step: taken, loss });
        }
        session.pace(end, Stage::Sampling, || (Some(taken as f64 / steps as f64), described(taken, &losses)));
    }
    if let Some(held_out) = &held_out {
        evaluations.push(LossPoint { step: steps, loss: held_out.loss(session.executable, steps)? });
    }
    let telemetry = probe.finish(clock);
    let first_execute = times.first().map_or(0.0, |&t| crate::clock::seconds(t));
    let samples = Samples::Training { units: train.units, nanoseconds: times, group: 1, losses, evaluations };
    Ok(Sampled { first_execute, warmup: WarmupReport::default(), barrier: None, samples, telemetry })
}

/// Evaluation on batches of the held-out text, the same at every evaluation.
struct HeldOut<'a> {
    entry: EntryId,
    loss: &'a str,
    every: u64,
    batches: Vec<Batch>,
}

impl<'a> HeldOut<'a> {
    fn new(session: &Session<'_>, evaluation: &Evaluation, loss: &'a str) -> Result<Self, MeasureError> {
        if evaluation.every == 0 || evaluation.batches == 0 {
            return Err(MeasureError::Task("evaluation every 0 steps or on 0 batches".into()));
        }
        let entry = EntryId::of(session.program, &evaluation.entry)?;
        let graph = &session.program.entries[entry.0];
        let batches = (0..evaluation.batches).map(|n| session.feeder.batch(graph, n, Split::Validation));
        Ok(Self { entry, loss, every: evaluation.every, batches: batches.collect::<Result<_, _>>()? })
    }

    fn loss(&self, executable: &mut dyn Executable, step: u64) -> Result<f64, MeasureError> {
        let mut sum = 0.0;
        for batch in &self.batches {
            executable.bind(self.entry, &batch.refs())?;
            executable.execute(self.entry)?;
            sum += fetch_loss(executable, self.entry, self.loss, step)?;
        }
        Ok(sum / self.batches.len() as f64)
    }
}
