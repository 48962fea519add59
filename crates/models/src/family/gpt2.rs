//! GPT-2 (Radford et al. 2019), and nanoGPT's variant without biases.

use portbench_graph::{GraphBuilder, Init, Value};
use serde::{Deserialize, Serialize};

use crate::check::{Check, product};
use crate::decoder::{Context, Decoder};
use crate::error::ModelError;
use crate::parts::{Activation, ONE, STD, ZERO, join_heads, layer_norm, split_heads};

/// Dimensions of a GPT-2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Gpt2 {
    /// Number of token ids.
    pub vocabulary: usize,
    /// Longest sequence.
    pub positions: usize,
    /// Width of the hidden states.
    pub width: usize,
    /// Layers.
    pub layers: usize,
    /// Attention heads, which divide the width.
    pub heads: usize,
    /// Width inside the feed-forward part; four times the width if not given.
    #[serde(default)]
    pub inner: Option<usize>,
    /// Added to variances.
    #[serde(default = "eps")]
    pub eps: f64,
    /// Whether linear layers and norms have biases.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Activation of the feed-forward part.
    #[serde(default = "activation")]
    pub activation: Activation,
    /// What stands before the names of a checkpoint.
    #[serde(default = "prefix")]
    pub prefix: String,
}

fn eps() -> f64 {
    1e-5
}

fn yes() -> bool {
    true
}

fn activation() -> Activation {
    Activation::GeluTanh
}

fn prefix() -> String {
    "transformer".to_owned()
}

impl Gpt2 {
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let check = Check("gpt2");
        check.counts(&[
            ("vocabulary", self.vocabulary),
            ("positions", self.positions),
            ("width", self.width),
            ("layers", self.layers),
            ("heads", self.heads),
            ("inner", self.inner()),
        ])?;
        check.divides("heads", self.heads, "width", self.width)?;
        check.eps(self.eps)
    }

    pub(crate) fn check_length(&self, length: usize) -> Result<(), ModelError> {
        Check("gpt2").at_most("positions", self.positions, "a sequence", length)
    }

    fn inner(&self) -> usize {
        self.inner.unwrap_or(product(4, self.width))
    }

    fn block(&self, g: &mut GraphBuilder<'_>, layer: usize, x: Value, context: &Context) -> Value {
        let width = self.width;
        let head = [self.heads, width / self.heads];
        let residual = Init::Normal { std: 0.02 / (2.0 * self.layers as f64).sqrt() };
        let normed = layer_norm(g, x, "ln_1", width, self.eps, self.bias);
        let attended = g.scope("attn", |g| {
            let qkv = self.conv1d(g, normed, "c_attn", [width, 3 * width], STD);
            let parts = [0, 1, 2].map(|i| {
                let part = g.slice(qkv, 2, i * width, width);
                split_heads(g, part, context.shape, head)
            });
            let attended = context.attention(g, layer, parts, 1.0 / (head[1] as f64).sqrt());
            let attended = join_heads(g, attended, context.shape, head);
            self.conv1d(g, attended, "c_proj", [width, width], residual)
        });
        let x = g.add(x, attended);
        let normed = layer_norm(g, x, "ln_2", width, self.eps, self.bias);
        let fed = g.scope("mlp", |g| {
            let inner = self.conv1d(g, normed, "c_fc", [width, self.inner()], STD);
            let inner = self.activation.apply(g, inner);
            self.conv1d(g, inner, "c_proj", [self.inner(), width], residual)
        });
        g.add(x, fed)
    }

    /// A linear layer whose weight is `[in, out]`, as in the checkpoints.
    fn conv1d(
        &self,
        g: &mut GraphBuilder<'_>,
        x: Value,
        name: &str,
        [from, to]: [usize; 2],
        init: Init,
    ) -> Value {
        g.scope(name, |g| {
            let weight = g.param("weight", &[from, to], init);
            let bias = self.bias.then(|| g.param("bias", &[to], ZERO));
            g.linear_in_out(x, weight, bias)
        })
    }

    fn token_table(&self, g: &mut GraphBuilder<'_>) -> Value {
        g.scope(self.prefix.as_str(), |g| g.param("wte.weight", &[self.vocabulary, self.width], STD))
    }
}

impl Decoder for Gpt2 {
    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn width(&self) -> usize {
        self.width
    }

    fn hidden(&self, g: &mut GraphBuilder<'_>, ids: Value, context: &mut Context) -> Value {
        let [batch, sequence] = context.shape;
        let tokens = self.token_table(g);
        let tokens = g.embedding(ids, tokens);
        let positions = context.positions(g);
        g.scope(self.prefix.as_str(), |g| {
            let table = g.param("wpe.weight", &[self.positions, self.width], STD);
            let places = g.embedding(positions, table);
            let places = g.reshape(places, &[1, sequence, self.width]);
            let places = g.broadcast(places, &[batch, sequence, self.width]);
            let mut x = g.add(tokens, places);
            for layer in 0..self.layers {
                x = g.scope(format!("h.{layer}"), |g| self.block(g, layer, x, context));
            }
            g.scope("ln_f", |g| {
                let weight = g.param("weight", &[self.width], ONE);
                let bias = self.bias.then(|| g.param("bias", &[self.width], ZERO));
                g.layer_norm(x, weight, bias, self.eps)
            })
        })
    }

    fn head(&self, g: &mut GraphBuilder<'_>, x: Value) -> Value {
        let table = self.token_table(g);
        g.linear(x, table, None)
    }
}
