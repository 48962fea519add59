//! One trial.

use portbench_backend::Executable;
use portbench_graph::Program;

use crate::clock::Clock;
use crate::error::MeasureError;
use crate::feed::Feeder;
use crate::measurement::Measurement;
use crate::overhead::overhead;
use crate::scenario::{generate, iterations, server, training};
use crate::session::{Progress, Session};
use crate::spec::{Inputs, MeasureSpec, Task};
use crate::words::Scenario;

/// A measurement and the phase before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    /// First execution with its barrier, seconds: of an entry, of the prefill of a generate request, of a training step. Where training takes a stated number of steps
    /// it is the first of the samples as well.
    pub first_execute: f64,
    /// What was measured.
    pub measurement: Measurement,
}

/// Executes a task for the first time, checks the barrier (before a warm-up that a lying one would let pile up), warms up and samples. A stated number of training steps is taken as it is: no warm-up and no barrier
/// check, as both would train.
///
/// # Errors
/// As [`Feeder::batch`]; [`MeasureError::Task`] for a task that does not fit the program or the scenario; [`MeasureError::Diverged`]; [`MeasureError::Backend`].
pub fn measure(
    executable: &mut dyn Executable,
    program: &Program,
    inputs: &Inputs,
    spec: &MeasureSpec,
    clock: &dyn Clock,
    progress: &mut dyn FnMut(Progress),
) -> Result<Timed, MeasureError> {
    let overhead = overhead(clock)?;
    let feeder = Feeder::open(inputs)?;
    let mut session = Session { executable, program, feeder, spec, clock, progress, report_at: 0 };
    let sampled = match (&spec.task, spec.scenario) {
        (Task::Forward { .. } | Task::Generate { .. }, Scenario::Server { rate, .. }) => {
            server::measure(&mut session, rate)?
        }
        (Task::Train { .. }, Scenario::Server { .. }) => {
            return Err(MeasureError::Task(
                "training steps are no queries; there is no server scenario of them".into(),
            ));
        }
        (Task::Forward { entry, units }, _) => iterations::measure(&mut session, entry, *units)?,
        (Task::Generate { .. }, _) => generate::measure(&mut session)?,
        (Task::Train { entry, loss, units, steps, evaluation }, _) => {
            let train = training::Train { entry, loss, units: *units, evaluation: evaluation.as_ref() };
            match steps {
                Some(steps) => training::fixed(&mut session, train, *steps)?,
                None => training::repeat(&mut session, train)?,
            }
        }
    };
    let measurement = Measurement {
        warmup: sampled.warmup,
        samples: sampled.samples,
        barrier: sampled.barrier,
        telemetry: sampled.telemetry,
        accelerator: None,
        overhead,
        replicas: Vec::new(),
    };
    Ok(Timed { first_execute: sampled.first_execute, measurement })
}
