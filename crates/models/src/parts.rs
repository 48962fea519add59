//! Layers that families share.

use portbench_graph::{GraphBuilder, Init, Value};
use serde::{Deserialize, Serialize};

/// Standard deviation of generated matrices: what the families here were published with.
pub(crate) const STD: Init = Init::Normal { std: 0.02 };
/// Generated biases.
pub(crate) const ZERO: Init = Init::Constant { value: 0.0 };
/// Generated norm weights.
pub(crate) const ONE: Init = Init::Constant { value: 1.0 };

/// Activation functions, by the names of Hugging Face configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// GELU by the error function.
    #[serde(rename = "gelu")]
    Gelu,
    /// GELU by the hyperbolic tangent.
    #[serde(rename = "gelu_new", alias = "gelu_pytorch_tanh", alias = "gelu_fast")]
    GeluTanh,
    /// `x / (1 + e^-x)`.
    #[serde(rename = "silu", alias = "swish")]
    Silu,
    /// `maximum(x, 0)`.
    #[serde(rename = "relu")]
    Relu,
}

impl Activation {
    pub(crate) fn apply(self, g: &mut GraphBuilder<'_>, x: Value) -> Value {
        use portbench_graph::GeluKind;
        match self {
            Self::Gelu => g.gelu(x, GeluKind::Erf),
            Self::GeluTanh => g.gelu(x, GeluKind::Tanh),
            Self::Silu => g.silu(x),
            Self::Relu => g.relu(x),
        }
    }
}

/// `[..., from] -> [..., to]` by `weight [to, from]` and, if it has one, `bias`, both below `name`.
pub(crate) fn linear(
    g: &mut GraphBuilder<'_>,
    x: Value,
    name: &str,
    [from, to]: [usize; 2],
    bias: bool,
) -> Value {
    g.scope(name, |g| {
        let weight = g.param("weight", &[to, from], STD);
        let bias = bias.then(|| g.param("bias", &[to], ZERO));
        g.linear(x, weight, bias)
    })
}

/// Layer norm over the last axis with the weights below `name`.
pub(crate) fn layer_norm(
    g: &mut GraphBuilder<'_>,
    x: Value,
    name: &str,
    width: usize,
    eps: f64,
    bias: bool,
) -> Value {
    g.scope(name, |g| {
        let weight = g.param("weight", &[width], ONE);
        let bias = bias.then(|| g.param("bias", &[width], ZERO));
        g.layer_norm(x, weight, bias, eps)
    })
}

/// `[B,S,heads * width] -> [B,heads,S,width]`.
pub(crate) fn split_heads(
    g: &mut GraphBuilder<'_>,
    x: Value,
    [batch, sequence]: [usize; 2],
    [heads, width]: [usize; 2],
) -> Value {
    let x = g.reshape(x, &[batch, sequence, heads, width]);
    g.permute(x, &[0, 2, 1, 3])
}

/// `[B,heads,S,width] -> [B,S,heads * width]`.
pub(crate) fn join_heads(
    g: &mut GraphBuilder<'_>,
    x: Value,
    [batch, sequence]: [usize; 2],
    [heads, width]: [usize; 2],
) -> Value {
    let x = g.permute(x, &[0, 2, 1, 3]);
    g.reshape(x, &[batch, sequence, heads * width])
}
