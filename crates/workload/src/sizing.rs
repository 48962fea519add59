//! The parity check's size: the same builder, small enough for the oracle.
//!
//! Sizes shrink one kind at a time, those that change the model's arithmetic least first: the batch, then the lengths, then the image, then
//! layers and vocabulary, and at last the family's tiny preset. What was changed is said in words and stored.

use portbench_backend::ParamSource;
use portbench_graph::{Optimizer, Program, Schedule, TrainSpec};
use portbench_measure::{Mode, Numerics, ParityTask};
use portbench_models::{Model, presets};
use serde_json::Map;

use crate::error::WorkloadError;
use crate::resolve::{Sized, json};
use crate::resolved::ParityCheck;
use crate::workload::Workload;

/// Most floating-point operations of a parity check: a few seconds of the oracle on two cores.
const FLOPS: u64 = 6_000_000_000;

/// Most parameters: the oracle holds each in 8 bytes.
const PARAMETERS: u64 = 200_000_000;

/// Most parameters of a training check, whose gradients take as much again and whose steps touch each one.
const TRAINED_PARAMETERS: u64 = 30_000_000;

/// Most elements of a kernel's operands.
const KERNEL_ELEMENTS: u64 = 4_000_000;

/// Decode steps that are compared.
const STEPS: usize = 3;

/// The parity check of a workload.
pub(crate) fn parity(
    workload: &Workload,
    full: &Sized,
    numerics: Numerics,
    seed: u64,
) -> Result<ParityCheck, WorkloadError> {
    let mode = workload.mode();
    let mut small = full.clone();
    fewer_rows(workload, full, &mut small);
    shrink_model(workload, &mut small, mode, seed)?;
    let program = loop {
        let program = workload.program(&small, numerics, gradient_spec())?;
        if flops(&program, mode, &small) <= FLOPS || !shrink_once(workload, &mut small) {
            break program;
        }
    };
    let inputs = workload.inputs(&small.model, &program, seed);
    let reduced = difference(full, &small, mode);
    let task = task(&small, mode);
    Ok(ParityCheck { program, params: small.params, inputs, task, reduced })
}

/// Plain gradient descent at rate 1: each parameter moves by its gradient.
fn gradient_spec() -> TrainSpec {
    TrainSpec {
        entry: "train".into(),
        loss: "loss".into(),
        optimizer: Optimizer::Sgd { momentum: 0.0 },
        schedule: Schedule::Constant { rate: 1.0 },
        clip_norm: None,
    }
}

fn task(small: &Sized, mode: Mode) -> ParityTask {
    match mode {
        Mode::Inference => ParityTask::Forward { entry: "forward".into() },
        Mode::Generate => ParityTask::Generate {
            prefill: "prefill".into(),
            decode: "decode".into(),
            prompt: small.sequence as u64,
            steps: small.new_tokens.saturating_sub(1) as u64,
        },
        Mode::Training => ParityTask::Train { entry: "train".into(), loss: "loss".into() },
    }
}

/// One row, or the rows that the file asks for; few new tokens.
fn fewer_rows(workload: &Workload, full: &Sized, small: &mut Sized) {
    let table = workload.file.parity.clone().unwrap_or_default();
    small.batch = table.batch.map_or(1, |n| n as usize);
    small.new_tokens = table.new_tokens.map_or(full.new_tokens.min(STEPS + 1), |n| n as usize);
    if let Some(tokens) = table.prompt.or(table.sequence) {
        small.sequence = tokens as usize;
    }
}

/// Brings the number of parameters within reach, and applies the dimensions that the file asks for.
fn shrink_model(workload: &Workload, small: &mut Sized, mode: Mode, seed: u64) -> Result<(), WorkloadError> {
    let wrong = |e: portbench_models::ModelError| {
        workload.document.wrong(vec![workload.document.at(&["parity"], e.to_string(), None)])
    };
    let asked = workload.file.parity.as_ref().map(|t| json(&t.dimensions)).unwrap_or_default();
    if let Model::Kernel(kernel) = &small.model {
        let mut dimensions: Map<_, _> =
            kernel.dimensions().into_iter().map(|(n, v)| (n.to_owned(), v.into())).collect();
        dimensions.extend(asked);
        small.model = Model::kernel(kernel.name(), &dimensions).map_err(wrong)?;
        return Ok(());
    }
    let most = if mode == Mode::Training { TRAINED_PARAMETERS } else { PARAMETERS };
    let generated = ParamSource::Generated { seed };
    if !asked.is_empty() {
        let table = workload.file.model.clone().unwrap_or_default();
        let mut dimensions = json(&table.dimensions);
        dimensions.extend(asked);
        let family = table.family.as_deref().unwrap_or(small.model.family());
        small.model = Model::from_dimensions(family, table.preset.as_deref(), &dimensions).map_err(wrong)?;
        small.params = generated.clone();
    }
    if small.model.parameter_count().map_err(wrong)? <= most {
        return Ok(());
    }
    small.params = generated;
    match &mut small.model {
        Model::Gpt2(m) => {
            m.layers = m.layers.min(2);
            m.vocabulary = m.vocabulary.min(2048);
        }
        Model::Llama(m) => {
            m.layers = 1;
            m.vocabulary = m.vocabulary.min(2048);
        }
        Model::Bert(m) => m.layers = m.layers.min(2),
        Model::Vit(m) => m.layers = m.layers.min(2),
        Model::Resnet(_) | Model::Mlp(_) | Model::Kernel(_) => {}
    }
    if small.model.parameter_count().map_err(wrong)? > most {
        let family = small.model.family();
        if let Some(tiny) = presets(family).first() {
            small.model = Model::preset(family, tiny).map_err(wrong)?;
        }
    }
    let positions = small.model.positions().unwrap_or(usize::MAX);
    small.sequence = small.sequence.min(positions.saturating_sub(small.new_tokens));
    Ok(())
}

/// Halves whatever costs most of what may shrink. Says whether anything did.
fn shrink_once(workload: &Workload, small: &mut Sized) -> bool {
    match &mut small.model {
        Model::Kernel(kernel) => {
            let mut dimensions = kernel.dimensions();
            let largest = dimensions
                .iter_mut()
                .filter(|(name, value)| {
                    !matches!(*name, "heads" | "kv-heads" | "head-dim" | "kernel" | "stride" | "padding")
                        && *value > 1
                })
                .max_by_key(|(_, value)| *value);
            let Some((_, value)) = largest.filter(|(_, value)| *value >= 32 || *value > 1) else {
                return false;
            };
            *value /= 2;
            let dimensions: Map<_, _> =
                dimensions.into_iter().map(|(n, v)| (n.to_owned(), v.into())).collect();
            match Model::kernel(kernel.name(), &dimensions) {
                Ok(model) => {
                    small.model = model;
                    true
                }
                Err(_) => false,
            }
        }
        // The position table of a checkpoint fits one size of image.
        Model::Vit(m) if m.image >= 4 * m.patch && matches!(small.params, ParamSource::Generated { .. }) => {
            m.image = (m.image / m.patch / 2) * m.patch;
            true
        }
        Model::Resnet(m) if m.image > 64 => {
            m.image = (m.image / 2).max(64);
            true
        }
        model if model.reads_tokens() && small.sequence > 4 => {
            small.sequence /= 2;
            true
        }
        _ if small.batch > 1 && workload.file.parity.is_none() => {
            small.batch = 1;
            true
        }
        _ => false,
    }
}

/// Floating-point operations of the check. A kernel whose operands are large counts as too many.
fn flops(program: &Program, mode: Mode, small: &Sized) -> u64 {
    let work = |entry: &str| program.entry(entry).map_or(0, |g| g.work(None).flops);
    match mode {
        Mode::Training => program.training_flops().unwrap_or(0),
        Mode::Generate => work("prefill").saturating_add(work("decode").saturating_mul(STEPS as u64)),
        Mode::Inference => {
            let entry = program.entry("forward");
            let elements =
                entry.map_or(0, |g| g.inputs().map(|(_, ty)| ty.shape.elements() as u64).sum::<u64>());
            let params: u64 = program.parameter_count();
            let large = matches!(small.model, Model::Kernel(_)) && elements + params > KERNEL_ELEMENTS;
            if large { u64::MAX } else { work("forward") }
        }
    }
}

/// What differs, in words.
fn difference(full: &Sized, small: &Sized, mode: Mode) -> Option<String> {
    let mut words = Vec::new();
    let mut changed = |name: &str, from: usize, to: usize| {
        if from != to {
            words.push(format!("{name} {to} instead of {from}"));
        }
    };
    match (&full.model, &small.model) {
        (Model::Kernel(from), Model::Kernel(to)) => {
            for ((name, from), (_, to)) in from.dimensions().into_iter().zip(to.dimensions()) {
                changed(name, from, to);
            }
        }
        (from, to) => {
            changed("batch", full.batch, small.batch);
            if from.reads_tokens() {
                let name = if mode == Mode::Generate { "prompt" } else { "sequence" };
                changed(name, full.sequence, small.sequence);
            }
            if mode == Mode::Generate {
                changed("new tokens", full.new_tokens, small.new_tokens);
            }
            match (from, to) {
                (Model::Gpt2(a), Model::Gpt2(b)) => {
                    changed("layers", a.layers, b.layers);
                    changed("vocabulary", a.vocabulary, b.vocabulary);
                    changed("width", a.width, b.width);
                }
                (Model::Llama(a), Model::Llama(b)) => {
                    changed("layers", a.layers, b.layers);
                    changed("vocabulary", a.vocabulary, b.vocabulary);
                    changed("width", a.width, b.width);
                }
                (Model::Bert(a), Model::Bert(b)) => {
                    changed("layers", a.layers, b.layers);
                    changed("width", a.width, b.width);
                }
                (Model::Vit(a), Model::Vit(b)) => {
                    changed("image", a.image, b.image);
                    changed("layers", a.layers, b.layers);
                    changed("width", a.width, b.width);
                }
                (Model::Resnet(a), Model::Resnet(b)) => changed("image", a.image, b.image),
                _ => {}
            }
        }
    }
    if full.params != small.params {
        words.push("generated weights instead of the checkpoint's".into());
    }
    if words.is_empty() { None } else { Some(words.join(", ")) }
}
