//! The worker's side of the protocol.

use std::any::Any;
use std::error::Error;
use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use portbench_backend::{Backend, BackendError, Executable, LoweringReport, save_tensors};
use portbench_measure::{
    Compilations, MeasureError, Phases, Progress, Stage, SystemClock, Watch, execute_parity, measure,
};

use crate::error::{JobError, ProtocolError, WorkerError};
use crate::lines::{read_go, read_job, write_line};
use crate::protocol::{Failure, FromWorker, Job, MeasureJob, ParityJob, Phase, VERSION};

/// File of the parity outputs in the scratch directory.
const OUTPUTS: &str = "parity.safetensors";

/// Serves one job: says hello, opens the backend, reads the job, executes it and reports. `worker` names the program and its version.
///
/// Everything that goes wrong with the backend or the job, a panic included, is reported as [`FromWorker::Failed`] and is no error here. End of input instead of a
/// job is a wish to end.
///
/// # Errors
/// [`WorkerError::Job`] for a line that is no job (it is reported, too), [`WorkerError::Write`] where nobody listens any more.
pub fn serve(
    worker: &str,
    open: impl FnOnce() -> Result<Box<dyn Backend>, BackendError>,
    reader: &mut impl BufRead,
    writer: &mut impl Write,
) -> Result<(), WorkerError> {
    let started = Instant::now();
    write_line(writer, &FromWorker::Hello { protocol: VERSION, worker: worker.to_owned() })?;
    let opened =
        guarded(|| open().map(|backend| (backend.info(), backend)).map_err(|e| failed(&e, of_backend(&e))));
    let (info, mut backend) = match opened {
        Ok(opened) => opened,
        Err(message) => return write_line(writer, &message),
    };
    let start = started.elapsed().as_secs_f64();
    write_line(writer, &FromWorker::Ready { info })?;
    let job = match read_job(reader) {
        Ok(job) => job,
        Err(ProtocolError::End) => return Ok(()),
        Err(error) => {
            write_line(writer, &failed(&error, Failure::Error))?;
            return Err(WorkerError::Job(error));
        }
    };
    let done = guarded(|| {
        execute(backend.as_mut(), &job, start, reader, writer).map_err(|e| failed(&e, of_job(&e)))
    });
    match done {
        Ok(()) => write_line(writer, &FromWorker::Done),
        Err(message) => write_line(writer, &message),
    }
}

/// Runs a piece of work whose panic is a failure to be reported.
fn guarded<T>(work: impl FnOnce() -> Result<T, FromWorker>) -> Result<T, FromWorker> {
    // Nothing that the work touched is used after a panic but the writer, which holds whole lines.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let error = JobError::Panicked(panic_text(panic.as_ref()));
        Err(failed(&error, Failure::Error))
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

/// The message of a failure: what happened, with its causes.
fn failed(error: &dyn Error, failure: Failure) -> FromWorker {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    FromWorker::Failed { failure, text }
}

fn of_backend(error: &BackendError) -> Failure {
    match error {
        BackendError::Unavailable { .. } => Failure::Unavailable,
        BackendError::Unsupported { ops, .. } => Failure::Unsupported { ops: ops.clone() },
        BackendError::OutOfMemory { .. } => Failure::OutOfMemory,
        BackendError::TimedOut { .. } => Failure::TimedOut,
        _ => Failure::Error,
    }
}

fn of_job(error: &JobError) -> Failure {
    match error {
        JobError::Compile { source, .. }
        | JobError::Parity(MeasureError::Backend(source))
        | JobError::Measure(MeasureError::Backend(source)) => of_backend(source),
        _ => Failure::Error,
    }
}

fn execute(
    backend: &mut dyn Backend,
    job: &Job,
    start: f64,
    reader: &mut impl BufRead,
    writer: &mut impl Write,
) -> Result<(), JobError> {
    let mut phases = Phases { start: Some(start), ..Phases::default() };
    let mut compilations = Compilations::default();
    if let Some(part) = &job.parity {
        write_line(writer, &FromWorker::Phase { phase: Phase::Parity })?;
        let began = Instant::now();
        let lowering = parity(backend, job, part, &mut compilations)?;
        phases.parity = Some(began.elapsed().as_secs_f64());
        write_line(writer, &FromWorker::Parity { outputs: OUTPUTS.into(), lowering })?;
    }
    if let Some(part) = &job.measure {
        timed(backend, job, part, (phases, compilations), reader, writer)?;
    }
    Ok(())
}

fn parity(
    backend: &mut dyn Backend,
    job: &Job,
    part: &ParityJob,
    compilations: &mut Compilations,
) -> Result<LoweringReport, JobError> {
    part.program.verify().map_err(|source| JobError::Program { part: "parity", source })?;
    let mut executable = backend
        .compile(&part.program, &part.params, &job.options)
        .map_err(|source| JobError::Compile { part: "parity", source })?;
    compilations.parity = executable.compilation().to_vec();
    let outputs = execute_parity(executable.as_mut(), &part.program, &part.params, &part.inputs, &part.task)
        .map_err(JobError::Parity)?;
    // Made and removed by the runner: where it is gone, nobody waits for the outputs.
    let path = job
        .scratch
        .canonicalize()
        .map_err(|source| JobError::Scratch { path: job.scratch.clone(), source })?;
    save_tensors(&path.join(OUTPUTS), &outputs).map_err(JobError::Outputs)?;
    Ok(executable.lowering().clone())
}

fn timed(
    backend: &mut dyn Backend,
    job: &Job,
    part: &MeasureJob,
    (mut phases, mut compilations): (Phases, Compilations),
    reader: &mut impl BufRead,
    writer: &mut impl Write,
) -> Result<(), JobError> {
    part.program.verify().map_err(|source| JobError::Program { part: "measure", source })?;
    write_line(writer, &FromWorker::Phase { phase: Phase::Compile })?;
    let began = Instant::now();
    let mut executable: Box<dyn Executable> = backend
        .compile(&part.program, &part.params, &job.options)
        .map_err(|source| JobError::Compile { part: "measure", source })?;
    phases.compile = Some(began.elapsed().as_secs_f64());
    compilations.timed = executable.compilation().to_vec();
    let clock = SystemClock::new();
    let mut stage = None;
    let device = backend.info().device;
    let mut watch = None;
    // A runner that has gone is noticed at the end; measuring is not stopped half way for a pipe.
    let mut tell = |progress: Progress| {
        let message = if stage == Some(progress.stage) {
            FromWorker::Progress { fraction: progress.fraction, detail: progress.detail }
        } else {
            stage = Some(progress.stage);
            if job.together && progress.stage == Stage::Sampling {
                let _ = write_line(writer, &FromWorker::Waiting);
                // Whatever else comes means that nobody waits for the samples.
                let _ = read_go(reader);
            }
            if progress.stage == Stage::Sampling {
                watch = Watch::start(&device);
            }
            FromWorker::Phase { phase: phase(progress.stage) }
        };
        let _ = write_line(writer, &message);
    };
    let timed = measure(executable.as_mut(), &part.program, &part.inputs, &part.spec, &clock, &mut tell)
        .map_err(JobError::Measure);
    let accelerator = watch.map(Watch::finish);
    let mut timed = timed?;
    timed.measurement.accelerator = accelerator;
    phases.first_execute = Some(timed.first_execute);
    let message = FromWorker::Measured {
        measurement: Box::new(timed.measurement),
        lowering: executable.lowering().clone(),
        phases,
        compilations: Box::new(compilations),
        info: Some(Box::new(backend.info())),
    };
    Ok(write_line(writer, &message)?)
}

fn phase(stage: Stage) -> Phase {
    match stage {
        Stage::FirstExecute => Phase::FirstExecute,
        Stage::Warmup => Phase::Warmup,
        Stage::Sampling => Phase::Sampling,
    }
}
