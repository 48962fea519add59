//! One job outside of any run: what a worker computes from given inputs.

use portbench_backend::{BackendInfo, CompileOptions};
use portbench_records::Outcome;
use portbench_worker::{Job, ParityJob, VERSION};

use crate::error::RunnerError;
use crate::parity::{Tensors, read};
use crate::plan::WorkerCommand;
use crate::worker::{Limits, Stop, Watch, run};

/// What a worker answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Who executed.
    pub info: BackendInfo,
    /// The outputs that the task names.
    pub outputs: Tensors,
}

/// Has a worker execute one parity task.
///
/// # Errors
/// [`RunnerError::Worker`] with the outcome and what the worker said or did; [`RunnerError::Scratch`].
pub fn ask(
    command: &WorkerCommand,
    job: ParityJob,
    options: CompileOptions,
    limits: Limits,
) -> Result<Answer, RunnerError> {
    let failed = |outcome, detail| RunnerError::Worker { outcome, detail };
    let scratch =
        tempfile::tempdir().map_err(|source| RunnerError::Scratch { path: std::env::temp_dir(), source })?;
    let job = Job {
        protocol: VERSION,
        scratch: scratch.path().to_owned(),
        options,
        parity: Some(job),
        measure: None,
        together: false,
    };
    let mut watch = Watch { limits, cancelled: &|| false, hear: &mut |_| {}, ready: &|| true };
    let finished = run(command, &job, &mut watch).map_err(|stop| match stop {
        Stop::Ended { outcome, detail, .. } => failed(outcome, detail),
        Stop::Cancelled => failed(Outcome::Skipped, "called off".to_owned()),
    })?;
    let outputs = match finished.parity {
        Some(path) => {
            read(&path).map_err(|e| failed(Outcome::Crashed, format!("its outputs cannot be read: {e}")))?
        }
        None => Tensors::new(),
    };
    Ok(Answer { info: finished.info, outputs })
}
