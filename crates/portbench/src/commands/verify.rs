//! `verify`: a model directory on given inputs, compared with expected outputs.

use std::collections::BTreeMap;
use std::io;

use portbench_backend::generate::Recipe;
use portbench_backend::{CheckpointFile, CompileOptions, HostTensor, ParamSource, save_tensors};
use portbench_measure::{InputSource, Inputs, Mode, Numerics, ParityTask};
use portbench_models::{Form, InputKind, Model, ModelDirectory, Request};
use portbench_records::OutputParity;
use portbench_runner::{Limits, Tensors, ask, judge, tolerance};
use portbench_worker::ParityJob;

use crate::args::VerifyArgs;
use crate::backends::Target;
use crate::cells::{self, Start};
use crate::failure::{Failure, SOME_CELL, USAGE};
use crate::progress;
use crate::table::Table;

/// Tokens generated where nothing says how many.
const NEW_TOKENS: usize = 32;

pub(crate) fn run(args: &VerifyArgs) -> Result<u8, Failure> {
    let usage = |e: Failure| e.with_code(USAGE);
    let target = Target::parse(&args.backend)?;
    let numerics = Numerics::parse(&args.numerics).map_err(Failure::usage)?;
    let directory = ModelDirectory::read(&args.model).map_err(|e| usage(e.into()))?;
    let inputs = CheckpointFile::open(&args.inputs).map_err(|e| usage(e.into()))?;
    let expected = args.expected.as_deref().map(read_all).transpose().map_err(usage)?;
    let subject = Subject { args, target, numerics, directory, inputs };
    let mut outputs = Tensors::new();
    let mut computed = false;
    if subject.shape("input_ids").is_some() || subject.shape("pixel_values").is_some() {
        outputs.extend(subject.forward()?);
        computed = true;
    }
    if subject.shape("prompt").is_some() {
        outputs.extend(subject.greedy(expected.as_ref())?);
        computed = true;
    }
    if !computed {
        let names: Vec<&str> = subject.inputs.tensors().map(|(name, _)| name).collect();
        return Err(Failure::usage(format!(
            "{} holds {}, but none of input_ids, pixel_values and prompt\n  help: name the tensors as transformers does",
            args.inputs.display(),
            if names.is_empty() { "no tensors".to_owned() } else { names.join(", ") }
        )));
    }
    if let Some(path) = &args.save {
        save_tensors(path, &outputs)?;
        progress::say(&format!("saved {} tensors to {}", outputs.len(), path.display()));
    }
    match &expected {
        None => describe(args, &outputs),
        Some(expected) => compare(args, &subject, outputs, expected),
    }
}

struct Subject<'a> {
    args: &'a VerifyArgs,
    target: Target,
    numerics: Numerics,
    directory: ModelDirectory,
    inputs: CheckpointFile,
}

impl Subject<'_> {
    fn shape(&self, input: &str) -> Option<Vec<usize>> {
        self.inputs.tensors().find(|(name, _)| *name == input).map(|(_, ty)| ty.dims().to_vec())
    }

    fn forward(&self) -> Result<Tensors, Failure> {
        let mut model = self.directory.model.clone();
        let mask = self.shape("attention_mask").is_some();
        let (batch, sequence) = match (self.shape("input_ids"), self.shape("pixel_values")) {
            (Some(dims), _) if model.reads_tokens() => match dims[..] {
                [batch, sequence] => (batch, sequence),
                _ => return Err(self.wrong_shape("input_ids", "[rows, tokens]", &dims)),
            },
            (_, Some(dims)) if model.reads_images() => match dims[..] {
                [batch, _, height, width] if height == width => {
                    if let Model::Resnet(resnet) = &mut model {
                        resnet.image = height;
                    }
                    (batch, 1)
                }
                _ => return Err(self.wrong_shape("pixel_values", "[rows, channels, size, size]", &dims)),
            },
            _ => {
                let wanted = if model.reads_tokens() { "input_ids" } else { "pixel_values" };
                return Err(Failure::usage(format!(
                    "a {} reads {wanted}, which {} does not hold",
                    model.family(),
                    self.args.inputs.display()
                )));
            }
        };
        let task = ParityTask::Forward { entry: "forward".into() };
        self.compute(&model, Form::Forward { sequence, mask }, batch, task, "input_ids")
    }

    fn greedy(&self, expected: Option<&Tensors>) -> Result<Tensors, Failure> {
        let dims = self.shape("prompt").unwrap_or_default();
        let [batch, prompt] = dims[..] else {
            return Err(self.wrong_shape("prompt", "[rows, tokens]", &dims));
        };
        let known = expected.and_then(|e| e.get("greedy")).and_then(|t| t.dims().get(1).copied());
        let new_tokens = self.args.new_tokens.map(|n| n as usize).or(known).unwrap_or(NEW_TOKENS);
        let task = ParityTask::Greedy {
            prefill: "prefill".into(),
            decode: "decode".into(),
            new_tokens: new_tokens as u64,
        };
        self.compute(&self.directory.model, Form::Generate { prompt, new_tokens }, batch, task, "prompt")
    }

    fn wrong_shape(&self, input: &str, wanted: &str, got: &[usize]) -> Failure {
        Failure::usage(format!("`{input}` in {} is {got:?}; it must be {wanted}", self.args.inputs.display()))
    }

    fn compute(
        &self,
        model: &Model,
        form: Form,
        batch: usize,
        task: ParityTask,
        tokens: &str,
    ) -> Result<Tensors, Failure> {
        let compute = self.numerics.compute();
        let storage = self.numerics.storage(Mode::Inference);
        let program = model
            .program(&Request { form, batch, storage, compute })
            .map_err(|e| Failure::from(e).with_code(USAGE))?;
        let mut sources = BTreeMap::new();
        for (name, _) in program.entries.first().into_iter().flat_map(|entry| entry.inputs()) {
            let tensor = if name == "input_ids" { tokens } else { name };
            let source = match (self.shape(tensor), model.input_kind(name)) {
                (Some(_), _) => InputSource::File { path: self.args.inputs.clone(), tensor: tensor.into() },
                (None, Some(InputKind::Position)) => continue,
                (None, Some(InputKind::Mask)) => {
                    InputSource::Generated { recipe: Recipe::Constant { value: 1.0 } }
                }
                (None, Some(InputKind::TokenTypes { .. })) => {
                    InputSource::Generated { recipe: Recipe::Constant { value: 0.0 } }
                }
                (None, _) => {
                    return Err(Failure::usage(format!(
                        "a {} reads {name}, which {} does not hold",
                        model.family(),
                        self.args.inputs.display()
                    )));
                }
            };
            sources.insert(name.to_owned(), source);
        }
        let job = ParityJob {
            program,
            params: ParamSource::Checkpoint { files: self.directory.files.clone() },
            inputs: Inputs { seed: 0, sources, corpus: None },
            task,
        };
        let options = CompileOptions {
            threads: self.args.threads.map(|n| n as usize),
            tf32: self.numerics == Numerics::Tf32,
            decompose_all: false,
        };
        let start = Start { threads: self.args.threads, ..Start::default() };
        let answer = ask(&cells::worker(&self.target, start)?, job, options, Limits::default())?;
        Ok(answer.outputs)
    }
}

fn read_all(path: &std::path::Path) -> Result<Tensors, Failure> {
    let mut file = CheckpointFile::open(path)?;
    let names: Vec<String> = file.tensors().map(|(name, _)| name.to_owned()).collect();
    let read = |name: String| file.read(&name).map(|tensor| (name, tensor));
    Ok(names.into_iter().map(read).collect::<Result<_, _>>()?)
}

/// What was computed, where nothing is expected.
fn describe(args: &VerifyArgs, outputs: &Tensors) -> Result<u8, Failure> {
    let mut table = Table::new(&["tensor", "type", "smallest", "largest", "not finite"]);
    for (name, tensor) in outputs {
        let values = tensor.to_f64();
        let finite = values.iter().copied().filter(|v| v.is_finite());
        let (low, high) = range(finite);
        let bad = values.iter().filter(|v| !v.is_finite()).count();
        table.row([name.clone(), tensor.ty().to_string(), number(low), number(high), bad.to_string()]);
    }
    table.write(args.format.format, &mut io::stdout().lock())?;
    progress::say("nothing to compare with: give --expected to have errors and a verdict");
    Ok(0)
}

fn compare(
    args: &VerifyArgs,
    subject: &Subject<'_>,
    mut outputs: Tensors,
    expected: &Tensors,
) -> Result<u8, Failure> {
    outputs.retain(|name, _| expected.contains_key(name));
    let rows = judge(&outputs, &Tensors::new(), expected, subject.numerics);
    let mut table = Table::new(&[
        "tensor",
        "elements",
        "error",
        "max abs",
        "max abs / range",
        "cosine",
        "top-1",
        "verdict",
    ]);
    for row in &rows {
        table.row(cells_of(row, &outputs, expected));
    }
    table.write(args.format.format, &mut io::stdout().lock())?;
    let failed = rows.iter().filter(|row| !row.passed).count();
    let rule = format!(
        "error is |got - expected| / |expected| (Euclidean); {} passes up to {:e}, integers when equal",
        subject.numerics,
        tolerance(subject.numerics)
    );
    progress::say(&rule);
    if failed == 0 {
        progress::say(&format!("all {} tensors agree on {}", rows.len(), args.backend));
        return Ok(0);
    }
    progress::say(&format!("{failed} of {} tensors differ on {}", rows.len(), args.backend));
    Ok(SOME_CELL)
}

fn cells_of(row: &OutputParity, outputs: &Tensors, expected: &Tensors) -> [String; 8] {
    let optional = |value: Option<f64>| value.map(number).unwrap_or_default();
    let spread = expected.get(&row.name).map(HostTensor::to_f64).map(|v| {
        let (low, high) = range(v.into_iter());
        high - low
    });
    let relative =
        row.max_abs.zip(spread).filter(|(_, spread)| *spread > 0.0).map(|(max, spread)| max / spread);
    let verdict = match (row.passed, outputs.contains_key(&row.name)) {
        (true, _) => "agrees",
        (false, false) => "not computed",
        (false, true) => "differs",
    };
    [
        row.name.clone(),
        row.elements.to_string(),
        optional(row.error),
        optional(row.max_abs),
        optional(relative),
        row.cosine.map(|c| format!("{c:.9}")).unwrap_or_default(),
        row.top1_agreement.map(|t| format!("{:.2} %", 100.0 * t)).unwrap_or_default(),
        verdict.to_owned(),
    ]
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

fn number(value: f64) -> String {
    if value == 0.0 || (1e-3..1e6).contains(&value.abs()) {
        format!("{value:.6}")
    } else {
        format!("{value:.3e}")
    }
}
