//! A model of any family, and its programs.

use portbench_graph::{DType, GraphBuilder, Program, ProgramBuilder, Type, Value};
use serde::{Deserialize, Serialize};

use crate::check::{Check, product};
use crate::decoder::{self, Decoder};
use crate::error::ModelError;
use crate::family::bert::Bert;
use crate::family::gpt2::Gpt2;
use crate::family::kernel::Kernel;
use crate::family::llama::Llama;
use crate::family::mlp::Mlp;
use crate::family::resnet::Resnet;
use crate::family::vit::Vit;
use crate::request::{Form, InputKind, Request};

/// A model: a family and its dimensions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "kebab-case")]
pub enum Model {
    /// GPT-2.
    Gpt2(Gpt2),
    /// Llama and its relatives.
    Llama(Llama),
    /// BERT.
    Bert(Bert),
    /// Vision Transformer.
    Vit(Vit),
    /// ResNet.
    Resnet(Resnet),
    /// Multilayer perceptron.
    Mlp(Mlp),
    /// A single kernel.
    Kernel(Kernel),
}

impl Model {
    /// Name of the family, or of the kernel.
    #[must_use]
    pub fn family(&self) -> &'static str {
        match self {
            Self::Gpt2(_) => "gpt2",
            Self::Llama(m) => m.name(),
            Self::Bert(_) => "bert",
            Self::Vit(_) => "vit",
            Self::Resnet(_) => "resnet",
            Self::Mlp(_) => "mlp",
            Self::Kernel(m) => m.name(),
        }
    }

    /// Whether the model reads `input_ids` of a sequence.
    #[must_use]
    pub fn reads_tokens(&self) -> bool {
        matches!(self, Self::Gpt2(_) | Self::Llama(_) | Self::Bert(_))
    }

    /// Whether the model writes tokens.
    #[must_use]
    pub fn is_decoder(&self) -> bool {
        matches!(self, Self::Gpt2(_) | Self::Llama(_))
    }

    /// Whether the model reads images.
    #[must_use]
    pub fn reads_images(&self) -> bool {
        matches!(self, Self::Vit(_) | Self::Resnet(_))
    }

    /// Longest sequence, of models that read tokens.
    #[must_use]
    pub fn positions(&self) -> Option<usize> {
        match self {
            Self::Gpt2(m) => Some(m.positions),
            Self::Llama(m) => Some(m.window.map_or(m.positions, |w| w.min(m.positions))),
            Self::Bert(m) => Some(m.positions),
            _ => None,
        }
    }

    /// Checks the dimensions.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] naming the dimension.
    pub fn check(&self) -> Result<(), ModelError> {
        match self {
            Self::Gpt2(m) => m.check(),
            Self::Llama(m) => m.check(),
            Self::Bert(m) => m.check(),
            Self::Vit(m) => m.check(),
            Self::Resnet(m) => m.check(),
            Self::Mlp(m) => m.check(),
            Self::Kernel(m) => m.check(),
        }
    }

    /// The program of a form.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for dimensions or shapes that make no model, [`ModelError::NoForm`], [`ModelError::Graph`] listing
    /// what the builder refused.
    pub fn program(&self, request: &Request) -> Result<Program, ModelError> {
        self.check()?;
        self.check_request(request)?;
        let mut program = ProgramBuilder::mixed(self.family(), request.storage, request.compute);
        let (form, batch) = (&request.form, request.batch);
        match self {
            Self::Gpt2(m) => decoder::entries(&mut program, m, batch, form),
            Self::Llama(m) => decoder::entries(&mut program, m, batch, form),
            Self::Bert(m) => match form {
                Form::Forward { sequence, .. } => {
                    program.entry("forward", |g| m.forward(g, [batch, *sequence]))
                }
                _ => return Err(self.no_form(form)),
            },
            Self::Vit(m) => {
                self.classifier(&mut program, form, batch, m.classes, |g| {
                    let (logits, hidden) = m.logits(g, batch);
                    (logits, Some(hidden))
                })?;
            }
            Self::Resnet(m) => {
                if let Form::Training { .. } = form {
                    return Err(self.no_form(form));
                }
                self.classifier(&mut program, form, batch, m.classes, |g| {
                    let (logits, features) = m.logits(g, batch);
                    (logits, Some(features))
                })?;
            }
            Self::Mlp(m) => {
                self.classifier(&mut program, form, batch, m.classes, |g| (m.logits(g, batch), None))?;
            }
            Self::Kernel(m) => match form {
                Form::Forward { .. } => program.entry("forward", |g| m.forward(g)),
                _ => return Err(self.no_form(form)),
            },
        }
        program.finish().map_err(|source| ModelError::Graph { model: self.family(), source })
    }

    /// Number of parameters.
    ///
    /// # Errors
    /// As [`Model::program`].
    pub fn parameter_count(&self) -> Result<u64, ModelError> {
        let form = Form::Forward { sequence: 1, mask: false };
        let request = Request { form, batch: 1, storage: DType::F32, compute: DType::F32 };
        Ok(self.program(&request)?.parameter_count())
    }

    /// What the values of an input are. `None` for an input that no form of the model has.
    #[must_use]
    pub fn input_kind(&self, input: &str) -> Option<InputKind> {
        let vocabulary = match self {
            Self::Gpt2(m) => m.vocabulary(),
            Self::Llama(m) => m.vocabulary(),
            Self::Bert(m) => m.vocabulary,
            Self::Kernel(Kernel::EmbeddingGather { vocab, .. }) => *vocab,
            Self::Kernel(_) => return Some(InputKind::Activation),
            _ => 0,
        };
        Some(match (input, self) {
            ("input_ids", _) if vocabulary > 0 => InputKind::Tokens { vocabulary },
            ("labels", Self::Vit(Vit { classes, .. }) | Self::Mlp(Mlp { classes, .. })) => {
                InputKind::Labels { classes: *classes }
            }
            ("labels", _) if vocabulary > 0 => InputKind::NextTokens { vocabulary },
            ("attention_mask", _) => InputKind::Mask,
            ("position", _) => InputKind::Position,
            ("token_type_ids", Self::Bert(m)) => InputKind::TokenTypes { types: m.types },
            ("pixel_values" | "features", _) => InputKind::Activation,
            _ => return None,
        })
    }

    fn classifier(
        &self,
        program: &mut ProgramBuilder,
        form: &Form,
        batch: usize,
        classes: usize,
        logits: impl Fn(&mut GraphBuilder<'_>) -> (Value, Option<Value>),
    ) -> Result<(), ModelError> {
        match form {
            Form::Forward { .. } => program.entry("forward", |g| {
                let (logits, hidden) = logits(g);
                g.output("logits", logits);
                if let Some(hidden) = hidden {
                    g.output("last_hidden_state", hidden);
                }
            }),
            Form::Training { spec, .. } => {
                for entry in ["train", "eval"] {
                    program.entry(entry, |g| {
                        let labels = g.input("labels", Type::new(DType::I64, [batch]));
                        let (logits, _) = logits(g);
                        let logits = g.reshape(logits, &[batch, classes]);
                        let loss = g.cross_entropy(logits, labels);
                        g.output("loss", loss);
                    });
                }
                program.training(spec.clone());
            }
            Form::Generate { .. } => return Err(self.no_form(form)),
        }
        Ok(())
    }

    fn no_form(&self, form: &Form) -> ModelError {
        let model = self.family();
        match (form, self) {
            (Form::Forward { .. }, _) => ModelError::NoForm { model, form: "forward", hint: "" },
            (Form::Generate { .. }, _) => ModelError::NoForm {
                model,
                form: "generate",
                hint: ": it writes no tokens; use gpt2 or llama",
            },
            (Form::Training { .. }, Self::Resnet(_)) => ModelError::NoForm {
                model,
                form: "training",
                hint: ": batch norm here has the running statistics of inference; use vit or mlp",
            },
            (Form::Training { .. }, _) => {
                ModelError::NoForm { model, form: "training", hint: "; use gpt2, llama, vit or mlp" }
            }
        }
    }

    fn check_request(&self, request: &Request) -> Result<(), ModelError> {
        let check = Check(self.family());
        let (lengths, total) = match request.form {
            Form::Forward { sequence, .. } | Form::Training { sequence, .. } => {
                (vec![("sequence", sequence)], sequence)
            }
            Form::Generate { prompt, new_tokens } => {
                (vec![("prompt", prompt), ("new-tokens", new_tokens)], prompt.saturating_add(new_tokens))
            }
        };
        if !matches!(self, Self::Kernel(_)) {
            check.counts(&[("batch", request.batch)])?;
        }
        if self.reads_tokens() {
            check.counts(&lengths)?;
            check.at_most(
                "batch",
                crate::check::MAX_COUNT,
                "a batch of tokens",
                product(request.batch, total),
            )?;
        }
        match self {
            Self::Gpt2(m) => m.check_length(total),
            Self::Llama(m) => m.check_length(total),
            Self::Bert(m) => m.check_length(total),
            _ => Ok(()),
        }
    }
}
