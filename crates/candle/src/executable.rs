//! A program's parameters on the device.

use std::collections::BTreeSet;

use candle_core::{Device, Tensor, Var};
use portbench_backend::plan::{PlannedExecutable, training_entry, trains};
use portbench_backend::{BackendError, LoweringReport, ParamSource};
use portbench_graph::Program;

use crate::convert::to_device;
use crate::error;
use crate::kernels::turned_weights;
use crate::library::Candle;
use crate::training::Trainer;

/// A compiled program.
pub(crate) type CandleExecutable = PlannedExecutable<Candle, Trainer>;

/// Loads the parameters of a lowered program and plans its entries.
pub(crate) fn executable(
    program: &Program,
    source: &ParamSource,
    report: LoweringReport,
    device: &Device,
) -> Result<CandleExecutable, BackendError> {
    let mut open = source.open()?;
    let training = training_entry(program);
    let turned = if device.is_cpu() { turned_weights(program) } else { BTreeSet::new() };
    let mut params = Vec::with_capacity(program.params.len());
    // What the training entry reads: the variable where a parameter trains, else the tensor.
    let mut tracked = Vec::with_capacity(program.params.len());
    let mut vars = Vec::new();
    for (i, spec) in program.params.iter().enumerate() {
        let place = || format!("parameter `{}`", spec.name);
        let mut value = to_device(&open.load(spec)?, device).map_err(error::placed(place))?;
        if training.is_some_and(|e| trains(spec, &program.entries[e.0])) {
            let var = Var::from_tensor(&value).map_err(error::placed(place))?;
            params.push(var.as_detached_tensor());
            tracked.push(var.as_tensor().clone());
            vars.push((i, var));
            continue;
        }
        if turned.contains(&spec.name) {
            value = as_columns(&value).map_err(error::placed(place))?;
        }
        params.push(value.clone());
        tracked.push(value);
    }
    let trainer = match (&program.training, training) {
        (Some(spec), Some(e)) => {
            Some((e, tracked, Trainer::new(spec, &program.entries[e.0], program, vars)?))
        }
        _ => None,
    };
    PlannedExecutable::new(Candle(device.clone()), program, report, params, trainer)
}

/// The same matrix, lying in memory column by column.
fn as_columns(matrix: &Tensor) -> candle_core::Result<Tensor> {
    matrix.t()?.contiguous()?.t()
}
