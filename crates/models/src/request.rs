//! What is asked of a model: the form, its shapes, its element types.

use portbench_graph::{DType, TrainSpec};

/// A program that is asked of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Which entries, and their lengths.
    pub form: Form,
    /// Rows of the batch. Kernels have dimensions of their own and ignore it.
    pub batch: usize,
    /// Element type in which parameters are kept.
    pub storage: DType,
    /// Element type of the computation.
    pub compute: DType,
}

/// The forms of a model.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// Entry `forward`.
    Forward {
        /// Tokens a row; of no meaning to models that read no tokens.
        sequence: usize,
        /// Whether a decoder takes an `attention_mask`. Encoders always do.
        mask: bool,
    },
    /// Entries `prefill` and `decode` over a KV cache of `prompt + new_tokens` positions.
    Generate {
        /// Tokens of each row's prompt.
        prompt: usize,
        /// Tokens written per row.
        new_tokens: usize,
    },
    /// Entry `train`, which takes an optimiser step, and `eval`, which computes the same loss.
    Training {
        /// Tokens a row.
        sequence: usize,
        /// The optimiser step; its entry and loss are `train` and `loss`.
        spec: TrainSpec,
    },
}

/// What the values of an input are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// Token ids below `vocabulary`.
    Tokens {
        /// Number of ids.
        vocabulary: usize,
    },
    /// 1 for a token that counts, 0 for padding.
    Mask,
    /// Token type ids.
    TokenTypes {
        /// Number of types.
        types: usize,
    },
    /// Normalised pixels or features: mean 0, standard deviation 1.
    Activation,
    /// Class indices below `classes`.
    Labels {
        /// Number of classes.
        classes: usize,
    },
    /// The tokens that follow those of `input_ids`.
    NextTokens {
        /// Number of ids.
        vocabulary: usize,
    },
    /// Position in the KV cache, an `i64` scalar; fed by the task.
    Position,
}
