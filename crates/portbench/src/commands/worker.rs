//! `worker`: serves one job for a built-in backend.

use crate::args::WorkerArgs;
use crate::backends::{self, Target};
use crate::failure::Failure;

pub(crate) fn run(args: &WorkerArgs) -> Result<u8, Failure> {
    let target = Target { backend: args.backend.clone(), device: args.device.clone() };
    portbench_worker::serve_process(|| backends::open(&target))?;
    Ok(0)
}
