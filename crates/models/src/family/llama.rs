//! Llama (Touvron et al. 2023; Llama 3, Grattafiori et al. 2024) and its relatives: Mistral, Qwen2 and Qwen3 by options, Mixtral (Jiang
//! et al. 2024) by experts.

use portbench_graph::{DType, GraphBuilder, Type, UnaryKind, Value};
use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::decoder::{Context, Decoder};
use crate::error::ModelError;
use crate::parts::{Activation, ONE, STD, join_heads, linear, split_heads};

/// Dimensions of a Llama.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Llama {
    /// Number of token ids.
    pub vocabulary: usize,
    /// Longest sequence.
    pub positions: usize,
    /// Width of the hidden states.
    pub width: usize,
    /// Width inside the feed-forward part, or of each expert.
    pub inner: usize,
    /// Layers.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads, which divide the query heads.
    pub kv_heads: usize,
    /// Width of a head; `width / heads` if not given.
    #[serde(default)]
    pub head_dim: Option<usize>,
    /// Added to mean squares.
    #[serde(default = "eps")]
    pub eps: f64,
    /// Base of the rotary frequencies.
    #[serde(default = "theta")]
    pub rope_theta: f64,
    /// Llama-3 scaling of the rotary frequencies.
    #[serde(default)]
    pub rope_scaling: Option<RopeScaling>,
    /// Whether the output head is the token table.
    #[serde(default)]
    pub tied: bool,
    /// Whether the query, key and value projections have biases (Qwen2).
    #[serde(default)]
    pub qkv_bias: bool,
    /// Whether the output projection of attention has a bias.
    #[serde(default)]
    pub output_bias: bool,
    /// Whether the feed-forward projections have biases.
    #[serde(default)]
    pub mlp_bias: bool,
    /// Whether queries and keys are normalised per head (Qwen3).
    #[serde(default)]
    pub qk_norm: bool,
    /// Keys that a query sees at most, itself included (early Mistral models).
    #[serde(default)]
    pub window: Option<usize>,
    /// Activation of the gate.
    #[serde(default = "activation")]
    pub activation: Activation,
    /// A mixture of experts in place of each feed-forward part (Mixtral).
    #[serde(default)]
    pub experts: Option<Experts>,
    /// What stands before the names of a checkpoint, but for the output head's.
    #[serde(default = "prefix")]
    pub prefix: String,
}

/// Llama-3 scaling of rotary frequencies: wavelengths above `original-positions / low-freq-factor` are divided by `factor`,
/// those under `original-positions / high-freq-factor` stay, and between the two it goes over smoothly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RopeScaling {
    /// Divisor of low frequencies.
    pub factor: f64,
    /// See above.
    pub low_freq_factor: f64,
    /// See above.
    pub high_freq_factor: f64,
    /// Context length before scaling.
    pub original_positions: usize,
}

/// A mixture of experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Experts {
    /// How many there are.
    pub count: usize,
    /// How many each token goes through.
    pub active: usize,
}

fn eps() -> f64 {
    1e-5
}

fn theta() -> f64 {
    10_000.0
}

fn activation() -> Activation {
    Activation::Silu
}

fn prefix() -> String {
    "model".to_owned()
}

impl Llama {
    /// Width of a head.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.head_dim.unwrap_or(self.width / self.heads.max(1))
    }

    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let check = Check(self.name());
        check.counts(&[
            ("vocabulary", self.vocabulary),
            ("positions", self.positions),
            ("width", self.width),
            ("inner", self.inner),
            ("layers", self.layers),
            ("heads", self.heads),
            ("kv-heads", self.kv_heads),
            ("window", self.window.unwrap_or(1)),
        ])?;
        check.divides("kv-heads", self.kv_heads, "heads", self.heads)?;
        if self.head_dim.is_none() {
            check.divides("heads", self.heads, "width", self.width)?;
        }
        check.counts(&[("head-dim", self.head_dim())])?;
        if !self.head_dim().is_multiple_of(2) {
            let message = format!("is {}; rotary positions need an even one", self.head_dim());
            return Err(ModelError::Invalid { model: self.name(), field: "head-dim", message });
        }
        check.eps(self.eps)?;
        check.number("rope-theta", self.rope_theta)?;
        if let Some(scaling) = &self.rope_scaling {
            check.number("rope-scaling.factor", scaling.factor)?;
            check.number("rope-scaling.low-freq-factor", scaling.low_freq_factor)?;
            check.number(
                "rope-scaling.high-freq-factor",
                scaling.high_freq_factor - scaling.low_freq_factor,
            )?;
            check.counts(&[("rope-scaling.original-positions", scaling.original_positions)])?;
        }
        if let Some(experts) = &self.experts {
            check.counts(&[("experts", experts.count), ("experts.active", experts.active)])?;
            check.at_most("experts", experts.count, "a choice", experts.active)?;
        }
        Ok(())
    }

    pub(crate) fn name(&self) -> &'static str {
        if self.experts.is_some() { "mixtral" } else { "llama" }
    }

    /// A sequence must fit the positions, and the window if there is one: a cache that forgets is not built.
    pub(crate) fn check_length(&self, length: usize) -> Result<(), ModelError> {
        let check = Check(self.name());
        check.at_most("positions", self.positions, "a sequence", length)?;
        self.window.map_or(Ok(()), |window| check.at_most("window", window, "a sequence", length))
    }

    /// Rotary frequencies, one a pair of a head's elements. Rounded to `f32` in the order in which transformers rounds them.
    fn frequencies(&self) -> Vec<f64> {
        let half = self.head_dim() / 2;
        let frequency = |i: usize| {
            let exponent = (2 * i) as f32 / self.head_dim() as f32;
            let frequency = 1.0 / (self.rope_theta as f32).powf(exponent);
            f64::from(self.rope_scaling.map_or(frequency, |s| s.scale(frequency)))
        };
        (0..half).map(frequency).collect()
    }

    /// Cosines and sines `[S, D/2]` of the positions' angles, computed in `f32`.
    fn rotary_tables(&self, g: &mut GraphBuilder<'_>, context: &Context) -> [Value; 2] {
        let [_, sequence] = context.shape;
        let half = self.head_dim() / 2;
        let wide = if g.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
        let frequencies = g.literal(&self.frequencies(), Type::new(wide, [1, half]));
        let frequencies = g.broadcast(frequencies, &[sequence, half]);
        let positions = context.positions(g);
        let positions = g.cast(positions, wide);
        let positions = g.reshape(positions, &[sequence, 1]);
        let positions = g.broadcast(positions, &[sequence, half]);
        let angles = g.mul(positions, frequencies);
        [UnaryKind::Cos, UnaryKind::Sin].map(|kind| {
            let table = g.unary(kind, angles);
            if g.dtype() == wide { table } else { g.cast(table, g.dtype()) }
        })
    }

    fn norm(&self, g: &mut GraphBuilder<'_>, x: Value, name: &str, width: usize) -> Value {
        let weight = g.param(&format!("{name}.weight"), &[width], ONE);
        g.rms_norm(x, weight, self.eps)
    }

    fn attend(
        &self,
        g: &mut GraphBuilder<'_>,
        layer: usize,
        x: Value,
        [cos, sin]: [Value; 2],
        context: &Context,
    ) -> Value {
        let (width, dim) = (self.width, self.head_dim());
        let project = |g: &mut GraphBuilder<'_>, name: &str, heads: usize| {
            let y = linear(g, x, name, [width, heads * dim], self.qkv_bias);
            split_heads(g, y, context.shape, [heads, dim])
        };
        let mut q = project(g, "q_proj", self.heads);
        let mut k = project(g, "k_proj", self.kv_heads);
        let v = project(g, "v_proj", self.kv_heads);
        if self.qk_norm {
            q = self.norm(g, q, "q_norm", dim);
            k = self.norm(g, k, "k_norm", dim);
        }
        let q = g.rotary(q, cos, sin);
        let k = g.rotary(k, cos, sin);
        let attended = context.attention(g, layer, [q, k, v], 1.0 / (dim as f64).sqrt());
        let attended = join_heads(g, attended, context.shape, [self.heads, dim]);
        linear(g, attended, "o_proj", [self.heads * dim, width], self.output_bias)
    }

    fn feed_forward(&self, g: &mut GraphBuilder<'_>, x: Value) -> Value {
        let sizes = [self.width, self.inner];
        let gate = linear(g, x, "gate_proj", sizes, self.mlp_bias);
        let gate = self.activation.apply(g, gate);
        let up = linear(g, x, "up_proj", sizes, self.mlp_bias);
        let inner = g.mul(gate, up);
        linear(g, inner, "down_proj", [self.inner, self.width], self.mlp_bias)
    }

    fn mixture(
        &self,
        g: &mut GraphBuilder<'_>,
        x: Value,
        [batch, sequence]: [usize; 2],
        experts: Experts,
    ) -> Value {
        let (width, inner) = (self.width, self.inner);
        let rows = g.reshape(x, &[batch * sequence, width]);
        let logits = linear(g, rows, "gate", [width, experts.count], false);
        let routing = g.top_k_routing(logits, experts.active, true);
        let weights: Vec<[Value; 3]> = (0..experts.count)
            .map(|e| {
                g.scope(format!("experts.{e}"), |g| {
                    let gate = g.param("w1.weight", &[inner, width], STD);
                    let up = g.param("w3.weight", &[inner, width], STD);
                    let down = g.param("w2.weight", &[width, inner], STD);
                    [gate, up, down]
                })
            })
            .collect();
        let mixed = g.experts(rows, routing, &weights, experts.active);
        g.reshape(mixed, &[batch, sequence, width])
    }

    fn token_table(&self, g: &mut GraphBuilder<'_>) -> Value {
        g.scope(self.prefix.as_str(), |g| g.param("embed_tokens.weight", &[self.vocabulary, self.width], STD))
    }
}

impl RopeScaling {
    fn scale(&self, frequency: f32) -> f32 {
        let wavelength = 2.0 * std::f32::consts::PI / frequency;
        let original = self.original_positions as f32;
        let (low, high) = (self.low_freq_factor as f32, self.high_freq_factor as f32);
        let divided = frequency / self.factor as f32;
        if wavelength > original / low {
            divided
        } else if wavelength < original / high {
            frequency
        } else {
            let smooth = (original / wavelength - low) / (high - low);
            (1.0 - smooth) * divided + smooth * frequency
        }
    }
}

impl Decoder for Llama {
    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn width(&self) -> usize {
        self.width
    }

    fn hidden(&self, g: &mut GraphBuilder<'_>, ids: Value, context: &mut Context) -> Value {
        let table = self.token_table(g);
        let mut x = g.embedding(ids, table);
        let tables = self.rotary_tables(g, context);
        g.scope(self.prefix.as_str(), |g| {
            for layer in 0..self.layers {
                x = g.scope(format!("layers.{layer}"), |g| {
                    let normed = self.norm(g, x, "input_layernorm", self.width);
                    let attended = g.scope("self_attn", |g| self.attend(g, layer, normed, tables, context));
                    let x = g.add(x, attended);
                    let normed = self.norm(g, x, "post_attention_layernorm", self.width);
                    let fed = match self.experts {
                        None => g.scope("mlp", |g| self.feed_forward(g, normed)),
                        Some(experts) => {
                            g.scope("block_sparse_moe", |g| self.mixture(g, normed, context.shape, experts))
                        }
                    };
                    g.add(x, fed)
                });
            }
            self.norm(g, x, "norm", self.width)
        })
    }

    fn head(&self, g: &mut GraphBuilder<'_>, x: Value) -> Value {
        if self.tied {
            let table = self.token_table(g);
            g.linear(x, table, None)
        } else {
            linear(g, x, "lm_head", [self.width, self.vocabulary], false)
        }
    }
}
