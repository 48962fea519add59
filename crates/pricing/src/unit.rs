//! Units of work that people price.

use std::fmt;

use serde::Serialize;

/// What is counted, and how many of it people name a price for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkUnit {
    /// Tokens written.
    OutputTokens,
    /// Tokens of prompts read.
    InputTokens,
    /// Tokens read and written.
    Tokens,
    /// Tokens trained on.
    TrainingTokens,
    /// Images.
    Images,
    /// Sentences.
    Sentences,
    /// Other rows of a batch.
    Samples,
    /// Executions of a kernel.
    Executions,
    /// Sequences of tokens whose length is not known.
    Sequences,
    /// Runs of a model on one input.
    Inferences,
}

impl WorkUnit {
    /// The plural noun.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OutputTokens => "output tokens",
            Self::InputTokens => "input tokens",
            Self::Tokens => "tokens",
            Self::TrainingTokens => "training tokens",
            Self::Images => "images",
            Self::Sentences => "sentences",
            Self::Samples => "samples",
            Self::Executions => "executions",
            Self::Sequences => "sequences",
            Self::Inferences => "inferences",
        }
    }

    /// The count that prices are named for: a million tokens, a billion training tokens, a thousand of anything else.
    #[must_use]
    pub const fn count(self) -> f64 {
        match self {
            Self::OutputTokens | Self::InputTokens | Self::Tokens => 1e6,
            Self::TrainingTokens => 1e9,
            Self::Images
            | Self::Sentences
            | Self::Samples
            | Self::Executions
            | Self::Sequences
            | Self::Inferences => 1e3,
        }
    }

    /// That count of it for people: `1M output tokens`, `1,000 images`.
    #[must_use]
    pub const fn per(self) -> &'static str {
        match self {
            Self::OutputTokens => "1M output tokens",
            Self::InputTokens => "1M input tokens",
            Self::Tokens => "1M tokens in all",
            Self::TrainingTokens => "1B training tokens",
            Self::Images => "1,000 images",
            Self::Sentences => "1,000 sentences",
            Self::Samples => "1,000 samples",
            Self::Executions => "1,000 executions",
            Self::Sequences => "1,000 sequences",
            Self::Inferences => "1,000 inferences",
        }
    }
}

/// A number with three significant digits, without closing zeros.
pub(crate) fn significant(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// A whole number with commas between thousands; any other as it is.
pub(crate) fn grouped(value: f64) -> String {
    if value.fract() != 0.0 || value.abs() >= 1e15 {
        return value.to_string();
    }
    let digits = format!("{value:.0}");
    let commas = |(i, digit): (usize, char)| {
        let comma = i > 0 && (digits.len() - i).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(commas).collect()
}

impl fmt::Display for WorkUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
