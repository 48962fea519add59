//! What a worker is asked to execute and to time.

use std::collections::BTreeMap;
use std::path::PathBuf;

use portbench_backend::generate::Recipe;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words::{Boundary, Scenario};

/// Where the values of each input come from, by input name. Scalars that the task itself feeds (`position`) and tokens that it feeds back are not listed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Inputs {
    /// Seed of every generated stream and of the order in which the corpus is read.
    pub seed: u64,
    /// Source of each input.
    pub sources: BTreeMap<String, InputSource>,
    /// The text that [`InputSource::CorpusTokens`] reads.
    pub corpus: Option<Corpus>,
    /// Number of the trial. Each draws arrivals of its own in an open loop, so that an interval over trials holds what their chance does.
    #[serde(default)]
    pub trial: u64,
}

/// Source of one input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum InputSource {
    /// `portbench_backend::generate`, under the input's name. Step `n` of a sequence of batches uses the name `<input>#<n>`; step 0 the plain name.
    Generated {
        /// How.
        recipe: Recipe,
    },
    /// Windows of the corpus, `[batch, length]`.
    CorpusTokens,
    /// The same windows one token later: what a language model is to predict.
    CorpusNextTokens,
    /// A tensor of a safetensors file.
    File {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
    },
}

/// A text for training: characters are numbered in order of their code points; the last part is held out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Corpus {
    /// UTF-8 file.
    pub path: PathBuf,
    /// Fraction at the end held out for evaluation.
    pub validation: f64,
}

/// Entries of the program and what is executed of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Task {
    /// One execution of an entry.
    Forward {
        /// The entry.
        entry: String,
        /// Units of work of one execution.
        units: u64,
    },
    /// Prefill, then greedy decoding: the output `next` of each step is fed back as `input_ids`, at the next `position`.
    Generate {
        /// Entry that reads the prompt.
        prefill: String,
        /// Entry that reads one token a row.
        decode: String,
        /// Rows.
        batch: u64,
        /// Tokens of each row's prompt.
        prompt: u64,
        /// Tokens written per row; the first comes from prefill.
        new_tokens: u64,
    },
    /// Optimiser steps.
    Train {
        /// Entry that steps.
        entry: String,
        /// Its loss output.
        loss: String,
        /// Units of work of one step.
        units: u64,
        /// Steps to take, each with a batch of its own and every one timed; `None`: as many as sampling asks for, on one batch.
        steps: Option<u64>,
        /// Held-out evaluation.
        evaluation: Option<Evaluation>,
    },
}

/// Evaluation on the held-out part of the corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Evaluation {
    /// Entry that computes the loss without stepping.
    pub entry: String,
    /// Steps between evaluations; there is one before the first step and one after the last as well.
    pub every: u64,
    /// Batches averaged.
    pub batches: u64,
    /// Largest final loss that counts as trained, if the workload states one.
    pub target: Option<f64>,
}

/// How one trial is timed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MeasureSpec {
    /// What is executed.
    pub task: Task,
    /// Shape of the traffic.
    pub scenario: Scenario,
    /// What the timer encloses.
    pub boundary: Boundary,
    /// Before sampling.
    pub warmup: Warmup,
    /// Sampling.
    pub sampling: Sampling,
}

/// How long to warm up: until both minima are met, and then until the times have settled or `max_seconds` is over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Warmup {
    /// Shortest time.
    pub min_seconds: f64,
    /// Longest time; one execution may overrun it.
    pub max_seconds: f64,
    /// Fewest executions (of the whole task: one generate request counts one).
    pub min_executions: u64,
}

/// How long to sample: until both minima are met or a maximum is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sampling {
    /// Time to sample for.
    pub seconds: f64,
    /// Fewest samples.
    pub min_samples: u64,
    /// Most samples.
    pub max_samples: u64,
    /// Shortest sample: faster executions are grouped so that one sample takes at least this long. Latency scenarios ignore it.
    pub min_sample_seconds: f64,
}

/// The parity execution: what is executed on every backend and compared, untimed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ParityTask {
    /// One execution; every output is compared under its own name.
    Forward {
        /// The entry.
        entry: String,
    },
    /// Prefill, then `steps` decode steps on *given* tokens (the input source of `input_ids` at steps 1, 2, ...), so that one differing token does not
    /// make everything after it incomparable. Compared: `prefill.<output>`, `decode.<n>.<output>`.
    Generate {
        /// Entry that reads the prompt.
        prefill: String,
        /// Entry that reads one token a row.
        decode: String,
        /// Tokens of each row's prompt.
        prompt: u64,
        /// Decode steps.
        steps: u64,
    },
    /// Greedy decoding as in [`Task::Generate`]. Compared: `greedy`, the `[batch, new_tokens]` tokens.
    Greedy {
        /// Entry that reads the prompt.
        prefill: String,
        /// Entry that reads one token a row.
        decode: String,
        /// Tokens written per row.
        new_tokens: u64,
    },
    /// One step of plain gradient descent at rate 1, so that each parameter moves by its gradient. Compared: `loss` and `gradient`, the moves of every
    /// trainable parameter in order, as one `f64` vector.
    Train {
        /// Entry that steps.
        entry: String,
        /// Its loss output.
        loss: String,
    },
}
