//! A program's parameters on the device.

use portbench_backend::plan::{PlannedExecutable, training_entry, trains};
use portbench_backend::{BackendError, LoweringReport, ParamSource};
use portbench_graph::Program;
use tch::Device;

use crate::convert::to_device;
use crate::error;
use crate::layout;
use crate::library::Torch;
use crate::training::Trainer;

/// A compiled program.
pub(crate) type TchExecutable = PlannedExecutable<Torch, Trainer>;

/// Loads the parameters of a lowered program and plans its entries; beside it how weights lie in memory, where there was something to choose.
pub(crate) fn executable(
    program: &Program,
    source: &ParamSource,
    report: LoweringReport,
    device: Device,
) -> Result<(TchExecutable, Option<&'static str>), BackendError> {
    let mut open = source.open()?;
    let training = training_entry(program);
    let mut params = Vec::with_capacity(program.params.len());
    // What the training entry reads: a leaf of autograd where a parameter trains, else the tensor.
    let mut tracked = Vec::with_capacity(program.params.len());
    let mut leaves = Vec::new();
    for (i, spec) in program.params.iter().enumerate() {
        let place = || format!("parameter `{}`", spec.name);
        let value = to_device(&open.load(spec)?, device).map_err(error::placed(place))?;
        if training.is_some_and(|e| trains(spec, &program.entries[e.0])) {
            let leaf = value.detach().set_requires_grad(true);
            tracked.push(leaf.shallow_clone());
            leaves.push((i, leaf));
        } else {
            tracked.push(value.shallow_clone());
        }
        params.push(value);
    }
    let trainer = match (&program.training, training) {
        (Some(spec), Some(e)) => {
            Some((e, tracked, Trainer::new(spec, &program.entries[e.0], program, leaves)?))
        }
        _ => None,
    };
    let layout = match device {
        Device::Cpu => layout::lay(program, &mut params).map_err(error::placed(|| "laying out weights"))?,
        _ => None,
    };
    Ok((PlannedExecutable::new(Torch(device), program, report, params, trainer)?, layout))
}
