//! From a workload file to programs, inputs and a parity check.

use std::collections::BTreeMap;

use portbench_backend::generate::Recipe;
use portbench_backend::{ParamSource, with_causes};
use portbench_graph::{Program, TrainSpec};
use portbench_measure::{Corpus, Evaluation, InputSource, Inputs, Mode, Numerics, Task, Unit};
use portbench_models::{Form, InputKind, Model, ModelDirectory, ModelError, Request};
use serde_json::{Map, Value};

use crate::error::WorkloadError;
use crate::file::TrainingTable;
use crate::resolved::Resolved;
use crate::sizing;
use crate::workload::Workload;

/// Tokens a row, of the prompt, or written, where the file does not say.
const TOKENS: u64 = 128;

/// A model with its parameters and its sizes.
#[derive(Clone, Debug)]
pub(crate) struct Sized {
    pub(crate) model: Model,
    pub(crate) params: ParamSource,
    pub(crate) batch: usize,
    /// Tokens a row, or of the prompt.
    pub(crate) sequence: usize,
    pub(crate) new_tokens: usize,
}

impl Workload {
    /// Everything that running this workload at these numerics takes. `seed` is the run's; the file's own goes before.
    ///
    /// # Errors
    /// [`WorkloadError::Mistakes`] with the place of a model that cannot be had, [`WorkloadError::Unresolved`] for numerics that the workload does
    /// not run at and for sizes that its model refuses.
    pub fn resolve(&self, numerics: Numerics, seed: u64) -> Result<Resolved, WorkloadError> {
        if !self.numerics().contains(&numerics) {
            let offered: Vec<&str> = self.numerics().iter().map(|n| n.name()).collect();
            return Err(
                self.unresolved(format!("does not run at {numerics}; it runs at {}", offered.join(", ")))
            );
        }
        let seed = self.file.seed.unwrap_or(seed);
        if let Some(table) = self.file.model.as_ref()
            && let Some((kind, file)) = table.module()
        {
            return self.resolve_module(kind, file, table, numerics, seed);
        }
        let full = self.sized(seed)?;
        let program = self.program(&full, numerics, self.spec())?;
        let inputs = self.inputs(&full.model, &program, seed);
        let (unit, units) = self.unit(&full);
        let parity = sizing::parity(self, &full, numerics, seed)?;
        Ok(Resolved {
            name: self.name.clone(),
            mode: self.mode(),
            numerics,
            model: self.model_words(&full.model),
            shape: self.shape(&full),
            unit,
            task: self.task(&full, units),
            boundary: self.file.boundary.unwrap_or_default(),
            params: full.params,
            program,
            inputs,
            parity: Some(parity),
        })
    }

    pub(crate) fn unresolved(&self, message: String) -> WorkloadError {
        WorkloadError::Unresolved { workload: self.name.clone(), message }
    }

    fn sized(&self, seed: u64) -> Result<Sized, WorkloadError> {
        let (model, params) = self.model(seed)?;
        let file = &self.file;
        let sequence = match self.mode() {
            Mode::Generate => file.prompt.unwrap_or(TOKENS),
            Mode::Inference | Mode::Training => file.sequence.unwrap_or(TOKENS),
        };
        Ok(Sized {
            model,
            params,
            batch: file.batch.unwrap_or(1) as usize,
            sequence: sequence as usize,
            new_tokens: file.new_tokens.unwrap_or(TOKENS) as usize,
        })
    }

    fn model(&self, seed: u64) -> Result<(Model, ParamSource), WorkloadError> {
        let generated = ParamSource::Generated { seed };
        let (key, model) = match (&self.file.model, &self.file.kernel) {
            (_, Some(kernel)) => ("kernel", Model::kernel(&kernel.op, &json(&kernel.dimensions))),
            (Some(table), None) => match (&table.path, &table.family) {
                (Some(path), _) => {
                    let read =
                        ModelDirectory::read(&self.path(path)).map_err(|e| self.at_model("model", &e))?;
                    return Ok((read.model, ParamSource::Checkpoint { files: read.files }));
                }
                (None, family) => {
                    let family = family.as_deref().unwrap_or_default();
                    let dimensions = json(&table.dimensions);
                    ("model", Model::from_dimensions(family, table.preset.as_deref(), &dimensions))
                }
            },
            (None, None) => return Err(self.unresolved("has neither a model nor a kernel".into())),
        };
        Ok((model.map_err(|e| self.at_model(key, &e))?, generated))
    }

    /// A mistake at the table, or at the key of it that the error names.
    fn at_model(&self, table: &str, error: &ModelError) -> WorkloadError {
        let message = with_causes(error);
        let key = match error {
            ModelError::UnknownFamily { .. } if table == "kernel" => Some("op"),
            ModelError::UnknownFamily { .. } => Some("family"),
            ModelError::UnknownPreset { .. } => Some("preset"),
            ModelError::Invalid { field, .. } => Some(*field),
            _ => None,
        };
        let path: Vec<&str> = [table].into_iter().chain(key).collect();
        self.document.wrong(vec![self.document.at(&path, message, None)])
    }

    /// The program at these sizes; of training, with this optimiser step.
    pub(crate) fn program(
        &self,
        sized: &Sized,
        numerics: Numerics,
        spec: TrainSpec,
    ) -> Result<Program, WorkloadError> {
        let mode = self.mode();
        let sequence = sized.sequence;
        let form = match mode {
            Mode::Inference => Form::Forward { sequence, mask: false },
            Mode::Generate => Form::Generate { prompt: sequence, new_tokens: sized.new_tokens },
            Mode::Training => Form::Training { sequence, spec },
        };
        let (storage, compute) = (numerics.storage(mode), numerics.compute());
        let request = Request { form, batch: sized.batch, storage, compute };
        sized.model.program(&request).map_err(|e| self.at_size(&e))
    }

    /// A mistake at the size that the model refuses, or at the model where the file does not say one.
    fn at_size(&self, error: &ModelError) -> WorkloadError {
        let table = if self.file.kernel.is_some() { "kernel" } else { "model" };
        let said = |key: &&str| self.document.has(key);
        let lengths = || ["sequence", "new-tokens", "prompt"].into_iter().find(said);
        let key = match error {
            ModelError::NoForm { .. } => Some("mode"),
            ModelError::Invalid { field, .. } => [*field].into_iter().find(said).or_else(lengths),
            _ => None,
        };
        let help = matches!(error, ModelError::Invalid { .. }) && key.is_none();
        let help = help.then(|| {
            format!("a length that is not given is {TOKENS} tokens: `sequence`, or `prompt` and `new-tokens`")
        });
        let mistake = self.document.at(&[key.unwrap_or(table)], with_causes(error), help);
        self.document.wrong(vec![mistake])
    }

    fn spec(&self) -> TrainSpec {
        let default = TrainingTable::default();
        let table = self.file.training.as_ref().unwrap_or(&default);
        TrainSpec {
            entry: "train".into(),
            loss: "loss".into(),
            optimizer: table.optimizer(),
            schedule: table.schedule(),
            clip_norm: table.clip_norm,
        }
    }

    /// Sources of every input of the program that the task does not feed.
    pub(crate) fn inputs(&self, model: &Model, program: &Program, seed: u64) -> Inputs {
        let data = self.file.training.as_ref().and_then(|t| t.data.as_ref());
        let corpus = data.map(|data| Corpus { path: self.path(&data.text), validation: data.validation });
        let generated = |recipe| Some(InputSource::Generated { recipe });
        let source = |kind: InputKind| match kind {
            InputKind::Tokens { .. } if corpus.is_some() => Some(InputSource::CorpusTokens),
            InputKind::NextTokens { .. } if corpus.is_some() => Some(InputSource::CorpusNextTokens),
            InputKind::Tokens { vocabulary: n }
            | InputKind::NextTokens { vocabulary: n }
            | InputKind::Labels { classes: n } => generated(Recipe::Integers { low: 0, high: n as i64 }),
            InputKind::Mask => generated(Recipe::Constant { value: 1.0 }),
            InputKind::TokenTypes { .. } => generated(Recipe::Constant { value: 0.0 }),
            InputKind::Activation => generated(Recipe::Normal { std: 1.0 }),
            InputKind::Position => None,
        };
        let mut sources = BTreeMap::new();
        for (name, _) in program.entries.iter().flat_map(|entry| entry.inputs()) {
            if let Some(source) = model.input_kind(name).and_then(source) {
                sources.insert(name.to_owned(), source);
            }
        }
        Inputs { seed, sources, corpus: corpus.clone(), trial: 0 }
    }

    fn task(&self, full: &Sized, units: u64) -> Task {
        match self.mode() {
            Mode::Inference => Task::Forward { entry: "forward".into(), units },
            Mode::Generate => Task::Generate {
                prefill: "prefill".into(),
                decode: "decode".into(),
                batch: full.batch as u64,
                prompt: full.sequence as u64,
                new_tokens: full.new_tokens as u64,
            },
            Mode::Training => {
                let table = self.file.training.as_ref();
                Task::Train {
                    entry: "train".into(),
                    loss: "loss".into(),
                    units,
                    steps: table.and_then(|t| t.steps),
                    evaluation: table.and_then(|t| t.evaluation.as_ref()).map(|e| Evaluation {
                        entry: "eval".into(),
                        every: e.every,
                        batches: e.batches,
                        target: e.target,
                    }),
                }
            }
        }
    }

    /// The unit of work and how many one execution does.
    fn unit(&self, full: &Sized) -> (Unit, u64) {
        let rows = full.batch as u64;
        match &full.model {
            Model::Kernel(_) => (Unit::Executions, 1),
            model if self.mode() == Mode::Generate && model.is_decoder() => {
                (Unit::Tokens, rows * full.new_tokens as u64)
            }
            model if model.is_decoder() => (Unit::Tokens, rows * full.sequence as u64),
            model if model.reads_images() => (Unit::Images, rows),
            _ => (Unit::Samples, rows),
        }
    }

    fn shape(&self, full: &Sized) -> BTreeMap<String, u64> {
        let mut shape = BTreeMap::new();
        let mut add = |name: &str, value: usize| shape.insert(name.to_owned(), value as u64);
        match &full.model {
            Model::Kernel(kernel) => {
                for (name, value) in kernel.dimensions() {
                    add(name, value);
                }
            }
            model => {
                add("batch", full.batch);
                match self.mode() {
                    Mode::Generate => {
                        add("prompt", full.sequence);
                        add("new-tokens", full.new_tokens);
                    }
                    _ if model.reads_tokens() => {
                        add("sequence", full.sequence);
                    }
                    _ => {}
                }
                match model {
                    Model::Vit(m) => {
                        add("image", m.image);
                    }
                    Model::Resnet(m) => {
                        add("image", m.image);
                    }
                    _ => {}
                }
            }
        }
        shape
    }

    fn model_words(&self, model: &Model) -> String {
        let table = self.file.model.as_ref();
        let family = table.and_then(|t| t.family.as_deref()).unwrap_or(model.family());
        match table.and_then(|t| t.preset.as_deref()) {
            Some(preset) => format!("{family} {preset}"),
            None => family.to_owned(),
        }
    }
}

/// TOML's values as JSON's.
pub(crate) fn json(table: &BTreeMap<String, toml::Value>) -> Map<String, Value> {
    // A TOML value of a file that was read is always one of JSON: dates are text, and numbers are finite or null.
    table
        .iter()
        .map(|(key, value)| (key.clone(), serde_json::to_value(value).unwrap_or(Value::Null)))
        .collect()
}
