//! What is verified: a model, on inputs, by a back end.

use std::collections::{BTreeMap, BTreeSet};

use portbench_backend::generate::Recipe;
use portbench_backend::{CompileOptions, HostTensor, ParamSource};
use portbench_measure::{InputSource, Inputs, Mode, Numerics, ParityTask};
use portbench_models::{Form, InputKind, Model, ModelDirectory, Request};
use portbench_records::Outcome;
use portbench_runner::{Limits, RunnerError, Tensors, ask};
use portbench_worker::ParityJob;

use super::all_count;
use crate::args::VerifyArgs;
use crate::backends::Target;
use crate::cells::{self, Start};
use crate::failure::{Failure, USAGE};

/// Tokens generated where nothing says how many.
const NEW_TOKENS: usize = 32;

pub(super) struct Subject<'a> {
    pub(super) args: &'a VerifyArgs,
    pub(super) target: Target,
    pub(super) numerics: Numerics,
    pub(super) directory: ModelDirectory,
    pub(super) inputs: Tensors,
}

impl Subject<'_> {
    pub(super) fn has(&self, input: &str) -> bool {
        self.inputs.contains_key(input)
    }

    fn shape(&self, input: &str) -> Option<Vec<usize>> {
        self.inputs.get(input).map(|tensor| tensor.dims().to_vec())
    }

    /// Refuses inputs that would go unheard: what is left out of a computation makes another one of it.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let model = &self.directory.model;
        let path = self.args.inputs.display();
        let mut read: BTreeSet<&str> = BTreeSet::new();
        if self.has("prompt") {
            read.insert("prompt");
        }
        let forward = if model.reads_tokens() { "input_ids" } else { "pixel_values" };
        if self.has(forward) {
            read.insert(forward);
            let names = self.inputs.keys().map(String::as_str);
            read.extend(names.filter(|name| {
                matches!(model.input_kind(name), Some(InputKind::Mask | InputKind::TokenTypes { .. }))
            }));
        }
        if read.is_empty() {
            let names: Vec<&str> = self.inputs.keys().map(String::as_str).collect();
            return Err(Failure::usage(format!(
                "{path} holds {}, but neither {forward} nor prompt, which a {} reads\n  help: name the tensors as transformers does",
                names.join(", "),
                model.family()
            )));
        }
        for (name, tensor) in &self.inputs {
            let padding = name == "attention_mask" && !all_count(tensor);
            if self.has("prompt") && !self.has("input_ids") && padding {
                return Err(Failure::usage(format!(
                    "attention_mask in {path} leaves tokens out, and `prompt` is generated from whole; verify rows of one length at a time, without the mask"
                )));
            }
            let harmless = name == "attention_mask" && !padding;
            if !read.contains(name.as_str()) && !harmless {
                return Err(Failure::usage(format!(
                    "a {} here does not read `{name}`, which {path} holds (positions are counted from 0; reads: {}); leave it out, or correct its name",
                    model.family(),
                    self.readable().join(", ")
                )));
            }
            let integers =
                !matches!(model.input_kind(name), Some(InputKind::Activation)) && name != "pixel_values";
            if integers && tensor.ty().dtype.is_float() {
                return Err(Failure::usage(format!(
                    "`{name}` in {path} is {}; it holds integers: save it as I64 or I32",
                    tensor.ty()
                )));
            }
        }
        Ok(())
    }

    /// Names of inputs that the model can read.
    fn readable(&self) -> Vec<&'static str> {
        let model = &self.directory.model;
        let optional = ["attention_mask", "token_type_ids"];
        let optional = optional.into_iter().filter(|name| {
            matches!(model.input_kind(name), Some(InputKind::Mask | InputKind::TokenTypes { .. }))
        });
        let first = match model {
            Model::Gpt2(_) | Model::Llama(_) => vec!["input_ids", "prompt"],
            _ if model.reads_tokens() => vec!["input_ids"],
            _ => vec!["pixel_values"],
        };
        first.into_iter().chain(optional).collect()
    }

    pub(super) fn forward(&self) -> Result<Tensors, Failure> {
        let mut model = self.directory.model.clone();
        let mask = self.has("attention_mask");
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
                return Err(self.lacks(&model, wanted));
            }
        };
        let task = ParityTask::Forward { entry: "forward".into() };
        self.compute(&model, Form::Forward { sequence, mask }, batch, task, "input_ids")
    }

    pub(super) fn greedy(&self, expected: Option<&Tensors>) -> Result<Tensors, Failure> {
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

    fn lacks(&self, model: &Model, name: &str) -> Failure {
        let path = self.args.inputs.display();
        Failure::usage(format!("a {} reads {name}, which {path} does not hold", model.family()))
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
        for (name, ty) in program.entries.first().into_iter().flat_map(|entry| entry.inputs()) {
            let tensor = if name == "input_ids" { tokens } else { name };
            let source = match (self.inputs.get(tensor), model.input_kind(name)) {
                (Some(given), kind) => {
                    if given.dims() != ty.dims() {
                        return Err(self.wrong_shape(tensor, &format!("{:?}", ty.dims()), given.dims()));
                    }
                    self.check_ids(tensor, given, kind)?;
                    InputSource::File { path: self.args.inputs.clone(), tensor: tensor.into() }
                }
                (None, Some(InputKind::Position)) => continue,
                (None, Some(InputKind::Mask)) => {
                    InputSource::Generated { recipe: Recipe::Constant { value: 1.0 } }
                }
                (None, Some(InputKind::TokenTypes { .. })) => {
                    InputSource::Generated { recipe: Recipe::Constant { value: 0.0 } }
                }
                (None, _) => return Err(self.lacks(model, name)),
            };
            sources.insert(name.to_owned(), source);
        }
        let job = ParityJob {
            program,
            params: ParamSource::Checkpoint { files: self.directory.files.clone() },
            inputs: Inputs { seed: 0, sources, ..Inputs::default() },
            task,
        };
        let options = CompileOptions {
            threads: self.args.threads.map(|n| n as usize),
            tf32: self.numerics == Numerics::Tf32,
            decompose_all: false,
        };
        let start = Start { threads: self.args.threads, ..Start::default() };
        let worker = cells::worker(&self.target, start)?;
        match ask(&worker, job, options, Limits::default()) {
            Ok(answer) => Ok(answer.outputs),
            // What the worker says is the news; that no cell was measured is none.
            Err(RunnerError::Worker { outcome: Outcome::Crashed, detail }) => {
                Err(Failure::failed(format!("{}: {detail}", self.args.backend)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Ids that no table has a row for.
    fn check_ids(&self, name: &str, ids: &HostTensor, kind: Option<InputKind>) -> Result<(), Failure> {
        let (count, what) = match kind {
            Some(InputKind::Tokens { vocabulary }) => (vocabulary, "the vocabulary"),
            Some(InputKind::TokenTypes { types }) => (types, "the table of token types"),
            _ => return Ok(()),
        };
        let outside = ids.to_f64().into_iter().find(|id| *id < 0.0 || *id >= count as f64);
        outside.map_or(Ok(()), |id| {
            Err(Failure::usage(format!(
                "`{name}` in {} holds {id}; {what} has {count} rows, counted from 0",
                self.args.inputs.display()
            )))
        })
    }
}
