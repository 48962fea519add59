//! `verify`: a model directory on given inputs, compared with expected outputs.

mod subject;
mod verdict;

use std::path::Path;

use portbench_backend::{CheckpointFile, HostTensor, save_tensors};
use portbench_measure::Numerics;
use portbench_models::ModelDirectory;
use portbench_runner::Tensors;

use crate::args::VerifyArgs;
use crate::backends::Target;
use crate::failure::{Failure, USAGE};
use crate::progress;

use subject::Subject;

pub(crate) fn run(args: &VerifyArgs) -> Result<u8, Failure> {
    let usage = |e: Failure| e.with_code(USAGE);
    let target = Target::parse(&args.backend)?;
    let numerics = Numerics::parse(&args.numerics).map_err(Failure::usage)?;
    spare(args)?;
    let directory = ModelDirectory::read(&args.model).map_err(|e| usage(e.into()))?;
    let unread = directory.unread().map_err(|e| usage(e.into()))?;
    let inputs = read_all(&args.inputs).map_err(usage)?;
    let expected = args.expected.as_deref().map(read_all).transpose().map_err(usage)?;
    let subject = Subject { args, target, numerics, directory, inputs };
    subject.check()?;
    if let Some(first) = unread.first() {
        let more = if unread.len() > 1 { " and others" } else { "" };
        progress::say(&format!(
            "{} tensors of the checkpoint are not read by this {}: `{first}`{more}",
            unread.len(),
            subject.directory.model.family()
        ));
    }
    let mut outputs = Tensors::new();
    if subject.has("input_ids") || subject.has("pixel_values") {
        outputs.extend(subject.forward()?);
    }
    if subject.has("prompt") {
        outputs.extend(subject.greedy(expected.as_ref())?);
    }
    if let Some(path) = &args.save {
        save_tensors(path, &outputs)?;
        progress::say(&format!("saved {} tensors to {}", outputs.len(), path.display()));
    }
    match &expected {
        None => verdict::describe(args, &outputs),
        Some(expected) => verdict::compare(&subject, outputs, expected),
    }
}

/// Refuses to write over what is read.
fn spare(args: &VerifyArgs) -> Result<(), Failure> {
    let Some(save) = &args.save else { return Ok(()) };
    let same = |other: &Path| match (save.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    };
    if [Some(&args.inputs), args.expected.as_ref()].into_iter().flatten().any(|path| same(path)) {
        return Err(Failure::usage(format!(
            "--save {} would overwrite what is read; name another file",
            save.display()
        )));
    }
    Ok(())
}

/// Every tensor of a file; none may be of a type that is not read, and there has to be one.
fn read_all(path: &Path) -> Result<Tensors, Failure> {
    let mut file = CheckpointFile::open(path)?;
    let names: Vec<String> = file.tensors().map(|(name, _)| name.to_owned()).collect();
    let read = |name: String| file.read(&name).map(|tensor| (name, tensor));
    let tensors: Tensors = names.into_iter().map(read).collect::<Result<_, _>>()?;
    let unread: Option<(String, String)> =
        file.unread().map(|(name, dtype)| (name.to_owned(), dtype.to_owned())).next();
    if let Some((name, dtype)) = unread {
        return Err(Failure::usage(format!(
            "`{name}` in {} is {dtype}, which is not read; save it as I64, BOOL or a float type",
            path.display()
        )));
    }
    if tensors.is_empty() {
        return Err(Failure::usage(format!("{} holds no tensors", path.display())));
    }
    Ok(tensors)
}

/// Whether every element of a mask lets its token count.
fn all_count(mask: &HostTensor) -> bool {
    mask.to_f64().iter().all(|v| *v != 0.0)
}
