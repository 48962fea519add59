//! A multilayer perceptron that classifies.

use portbench_graph::{GraphBuilder, Init, Type, Value};
use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::error::ModelError;
use crate::parts::{Activation, ZERO};

/// Dimensions of a multilayer perceptron.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Mlp {
    /// Features of an input.
    pub features: usize,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Classes.
    pub classes: usize,
    /// Activation after each hidden layer.
    #[serde(default = "activation")]
    pub activation: Activation,
}

fn activation() -> Activation {
    Activation::Relu
}

impl Mlp {
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let check = Check("mlp");
        let layers = self.hidden.len() + 1;
        check.counts(&[("features", self.features), ("classes", self.classes), ("layers", layers)])?;
        self.hidden.iter().try_for_each(|&width| check.counts(&[("hidden", width)]))
    }

    /// Logits `[B,classes]` of `features [B,features]`.
    pub(crate) fn logits(&self, g: &mut GraphBuilder<'_>, batch: usize) -> Value {
        let mut x = g.input("features", Type::new(g.dtype(), [batch, self.features]));
        let mut from = self.features;
        let widths = self.hidden.iter().copied().chain([self.classes]);
        for (layer, to) in widths.enumerate() {
            if layer > 0 {
                x = self.activation.apply(g, x);
            }
            x = g.scope(format!("layers.{layer}"), |g| {
                let bound = 1.0 / (from as f64).sqrt();
                let weight = g.param("weight", &[to, from], Init::Uniform { bound });
                let bias = g.param("bias", &[to], ZERO);
                g.linear(x, weight, Some(bias))
            });
            from = to;
        }
        x
    }
}
