//! A program's parameters on the device.

use portbench_backend::plan::{Join, Joined, PlannedExecutable, join_products, training_entry, trains};
use portbench_backend::{BackendError, LoweringReport, ParamSource};
use portbench_graph::Program;
use tch::{Device, TchError, Tensor};

use crate::convert::to_device;
use crate::error;
use crate::layout;
use crate::library::Torch;
use crate::training::Trainer;

/// A compiled program.
pub(crate) type TchExecutable = PlannedExecutable<Torch, Trainer>;

/// What was done to a program's products, in words for its record.
pub(crate) type Changes = Vec<(&'static str, String)>;

/// Loads the parameters of a lowered program and plans its entries, products of one value being joined.
pub(crate) fn executable(
    program: &Program,
    source: &ParamSource,
    report: LoweringReport,
    device: Device,
) -> Result<(TchExecutable, Changes), BackendError> {
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
    let Joined { program, joins, products } = join_products(program);
    let mut changes = Changes::new();
    if !joins.is_empty() {
        let placed = |e| error::at("joining weights", &e);
        for join in &joins {
            let parts: Vec<&Tensor> = join.parts.iter().map(|&part| &params[part]).collect();
            params.push(Tensor::f_cat(&parts, 0).map_err(placed)?);
            // Their own memory goes, part by part.
            share(join, &mut params).map_err(placed)?;
        }
        let [all, one] = products;
        changes.push(("joined-products", format!("{all} of one value each with others as {one}")));
    }
    if device == Device::Cpu
        && let Some(layout) =
            layout::lay(&program, &mut params).map_err(error::placed(|| "laying out weights"))?
    {
        changes.push(("linear-weights", layout.to_owned()));
        for join in &joins {
            share(join, &mut params).map_err(error::placed(|| "joining weights"))?;
        }
    }
    Ok((PlannedExecutable::new(Torch(device), &program, report, params, trainer)?, changes))
}

/// Makes the parts of a joined parameter views of it.
fn share(join: &Join, params: &mut [Tensor]) -> Result<(), TchError> {
    let mut start = 0;
    for &part in &join.parts {
        let rows = params[part].size()[0];
        params[part] = params[join.param].f_narrow(0, start, rows)?;
        start += rows;
    }
    Ok(())
}
