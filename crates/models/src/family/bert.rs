//! BERT encoder (Devlin et al. 2018), with its pooler and with sentence embeddings as sentence-transformers makes them.

use portbench_graph::{AttentionOptions, DType, GraphBuilder, Type, UnaryKind, Value};
use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::decoder::key_mask;
use crate::error::ModelError;
use crate::parts::{Activation, ONE, STD, ZERO, join_heads, linear, split_heads};

/// Dimensions of a BERT.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Bert {
    /// Number of token ids.
    pub vocabulary: usize,
    /// Longest sequence.
    pub positions: usize,
    /// Number of token types.
    #[serde(default = "types")]
    pub types: usize,
    /// Width of the hidden states.
    pub width: usize,
    /// Width inside the feed-forward part.
    pub inner: usize,
    /// Layers.
    pub layers: usize,
    /// Attention heads, which divide the width.
    pub heads: usize,
    /// Added to variances.
    #[serde(default = "eps")]
    pub eps: f64,
    /// Activation of the feed-forward part.
    #[serde(default = "activation")]
    pub activation: Activation,
    /// Whether there is a pooler.
    #[serde(default = "yes")]
    pub pooler: bool,
    /// What stands before the names of a checkpoint.
    #[serde(default)]
    pub prefix: String,
    /// Whether the parameters of layer norms are called `gamma` and `beta`, as in the first checkpoints, which were TensorFlow's.
    #[serde(default)]
    pub gamma_beta: bool,
}

fn types() -> usize {
    2
}

fn eps() -> f64 {
    1e-12
}

fn activation() -> Activation {
    Activation::Gelu
}

fn yes() -> bool {
    true
}

impl Bert {
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let check = Check("bert");
        check.counts(&[
            ("vocabulary", self.vocabulary),
            ("positions", self.positions),
            ("types", self.types),
            ("width", self.width),
            ("inner", self.inner),
            ("layers", self.layers),
            ("heads", self.heads),
        ])?;
        check.divides("heads", self.heads, "width", self.width)?;
        check.eps(self.eps)
    }

    pub(crate) fn check_length(&self, length: usize) -> Result<(), ModelError> {
        Check("bert").at_most("positions", self.positions, "a sequence", length)
    }

    /// Inputs `input_ids`, `attention_mask`, `token_type_ids` `[B,S]`; outputs `last_hidden_state`, `sentence_embedding` and, with a pooler,
    /// `pooler_output`.
    pub(crate) fn forward(&self, g: &mut GraphBuilder<'_>, shape: [usize; 2]) {
        let [batch, sequence] = shape;
        let width = self.width;
        let ids = g.input("input_ids", Type::new(DType::I64, shape));
        let types = g.input("token_type_ids", Type::new(DType::I64, shape));
        let mask = key_mask(g, shape);
        g.scope(self.prefix.as_str(), |g| {
            let mut x = g.scope("embeddings", |g| self.embed(g, ids, types, shape));
            for layer in 0..self.layers {
                x = g.scope(format!("encoder.layer.{layer}"), |g| self.block(g, x, mask, shape));
            }
            g.output("last_hidden_state", x);
            if self.pooler {
                let first = g.slice(x, 1, 0, 1);
                let first = g.reshape(first, &[batch, width]);
                let pooled = linear(g, first, "pooler.dense", [width, width], true);
                let pooled = g.unary(UnaryKind::Tanh, pooled);
                g.output("pooler_output", pooled);
            }
            let weights = g.reshape(mask, &[batch, sequence, 1]);
            let embedding = self.sentence(g, x, weights, shape);
            g.output("sentence_embedding", embedding);
        });
    }

    fn embed(&self, g: &mut GraphBuilder<'_>, ids: Value, types: Value, shape: [usize; 2]) -> Value {
        let [batch, sequence] = shape;
        let table = |g: &mut GraphBuilder<'_>, name: &str, rows: usize| {
            g.param(&format!("{name}.weight"), &[rows, self.width], STD)
        };
        let words = table(g, "word_embeddings", self.vocabulary);
        let words = g.embedding(ids, words);
        let kinds = table(g, "token_type_embeddings", self.types);
        let kinds = g.embedding(types, kinds);
        let places = table(g, "position_embeddings", self.positions);
        let places = g.slice(places, 0, 0, sequence);
        let places = g.reshape(places, &[1, sequence, self.width]);
        let places = g.broadcast(places, &[batch, sequence, self.width]);
        let x = g.add(words, kinds);
        let x = g.add(x, places);
        self.norm(g, x, "LayerNorm")
    }

    fn norm(&self, g: &mut GraphBuilder<'_>, x: Value, name: &str) -> Value {
        let [weight, bias] = if self.gamma_beta { ["gamma", "beta"] } else { ["weight", "bias"] };
        g.scope(name, |g| {
            let weight = g.param(weight, &[self.width], ONE);
            let bias = g.param(bias, &[self.width], ZERO);
            g.layer_norm(x, weight, Some(bias), self.eps)
        })
    }

    fn block(&self, g: &mut GraphBuilder<'_>, x: Value, mask: Value, shape: [usize; 2]) -> Value {
        let width = self.width;
        let head = [self.heads, width / self.heads];
        let attended = g.scope("attention", |g| {
            let parts = ["query", "key", "value"].map(|name| {
                let y = linear(g, x, &format!("self.{name}"), [width, width], true);
                split_heads(g, y, shape, head)
            });
            let scale = 1.0 / (head[1] as f64).sqrt();
            let options = AttentionOptions { scale, causal: false, mask: Some(mask), position: None };
            let attended = g.attention(parts, options);
            let attended = join_heads(g, attended, shape, head);
            let y = linear(g, attended, "output.dense", [width, width], true);
            let y = g.add(x, y);
            self.norm(g, y, "output.LayerNorm")
        });
        let inner = linear(g, attended, "intermediate.dense", [width, self.inner], true);
        let inner = self.activation.apply(g, inner);
        let y = linear(g, inner, "output.dense", [self.inner, width], true);
        let y = g.add(attended, y);
        self.norm(g, y, "output.LayerNorm")
    }

    /// Mean over the tokens that count, scaled to Euclidean length 1.
    fn sentence(
        &self,
        g: &mut GraphBuilder<'_>,
        x: Value,
        weights: Value,
        [batch, sequence]: [usize; 2],
    ) -> Value {
        let width = self.width;
        let weights = g.cast(weights, g.dtype());
        let counts = g.sum(weights, &[1]);
        let counts = g.reshape(counts, &[batch, 1]);
        let counts = g.broadcast(counts, &[batch, width]);
        let weights = g.broadcast(weights, &[batch, sequence, width]);
        let weighted = g.mul(x, weights);
        let sum = g.sum(weighted, &[1]);
        let sum = g.reshape(sum, &[batch, width]);
        let mean = g.div(sum, counts);
        let square = g.mul(mean, mean);
        let norm = g.sum(square, &[1]);
        let norm = g.unary(UnaryKind::Sqrt, norm);
        let norm = g.broadcast(norm, &[batch, width]);
        g.div(mean, norm)
    }
}
