//! Vision Transformer for image classification (Dosovitskiy et al. 2020).

use portbench_graph::{AttentionOptions, Conv2dAttrs, GraphBuilder, Type, Value};
use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::error::ModelError;
use crate::parts::{Activation, STD, ZERO, join_heads, layer_norm, linear, split_heads};

/// Dimensions of a ViT.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Vit {
    /// Height and width of an image.
    pub image: usize,
    /// Height and width of a patch, which divide the image's.
    pub patch: usize,
    /// Colour channels.
    #[serde(default = "channels")]
    pub channels: usize,
    /// Width of the hidden states.
    pub width: usize,
    /// Width inside the feed-forward part.
    pub inner: usize,
    /// Layers.
    pub layers: usize,
    /// Attention heads, which divide the width.
    pub heads: usize,
    /// Classes.
    pub classes: usize,
    /// Added to variances.
    #[serde(default = "eps")]
    pub eps: f64,
    /// Whether the query, key and value projections have biases.
    #[serde(default = "yes")]
    pub qkv_bias: bool,
    /// Activation of the feed-forward part.
    #[serde(default = "activation")]
    pub activation: Activation,
    /// What stands before the names of a checkpoint, but for the classifier's.
    #[serde(default = "prefix")]
    pub prefix: String,
}

fn channels() -> usize {
    3
}

fn eps() -> f64 {
    1e-12
}

fn yes() -> bool {
    true
}

fn activation() -> Activation {
    Activation::Gelu
}

fn prefix() -> String {
    "vit".to_owned()
}

impl Vit {
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let check = Check("vit");
        check.counts(&[
            ("image", self.image),
            ("patch", self.patch),
            ("channels", self.channels),
            ("width", self.width),
            ("inner", self.inner),
            ("layers", self.layers),
            ("heads", self.heads),
            ("classes", self.classes),
        ])?;
        check.divides("patch", self.patch, "image", self.image)?;
        check.divides("heads", self.heads, "width", self.width)?;
        check.eps(self.eps)
    }

    /// Logits `[B,classes]` and hidden states `[B,1 + patches,width]` of images.
    pub(crate) fn logits(&self, g: &mut GraphBuilder<'_>, batch: usize) -> (Value, Value) {
        let width = self.width;
        let side = self.image / self.patch;
        let sequence = 1 + side * side;
        let shape = [batch, sequence];
        let pixels =
            g.input("pixel_values", Type::new(g.dtype(), [batch, self.channels, self.image, self.image]));
        let hidden = g.scope(self.prefix.as_str(), |g| {
            let mut x = g.scope("embeddings", |g| {
                let patches = g.scope("patch_embeddings.projection", |g| {
                    let weight = g.param("weight", &[width, self.channels, self.patch, self.patch], STD);
                    let bias = g.param("bias", &[width], ZERO);
                    let attrs = Conv2dAttrs { stride: [self.patch; 2], padding: [0; 2], groups: 1 };
                    g.conv2d(pixels, weight, Some(bias), attrs)
                });
                let patches = g.reshape(patches, &[batch, width, side * side]);
                let patches = g.permute(patches, &[0, 2, 1]);
                let class = g.param("cls_token", &[1, 1, width], STD);
                let class = g.broadcast(class, &[batch, 1, width]);
                let x = g.concat(&[class, patches], 1);
                let places = g.param("position_embeddings", &[1, sequence, width], STD);
                let places = g.broadcast(places, &[batch, sequence, width]);
                g.add(x, places)
            });
            for layer in 0..self.layers {
                x = g.scope(format!("encoder.layer.{layer}"), |g| self.block(g, x, shape));
            }
            layer_norm(g, x, "layernorm", width, self.eps, true)
        });
        let first = g.slice(hidden, 1, 0, 1);
        let first = g.reshape(first, &[batch, width]);
        (linear(g, first, "classifier", [width, self.classes], true), hidden)
    }

    fn block(&self, g: &mut GraphBuilder<'_>, x: Value, shape: [usize; 2]) -> Value {
        let width = self.width;
        let head = [self.heads, width / self.heads];
        let normed = layer_norm(g, x, "layernorm_before", width, self.eps, true);
        let attended = g.scope("attention", |g| {
            let parts = ["query", "key", "value"].map(|name| {
                let y = linear(g, normed, &format!("attention.{name}"), [width, width], self.qkv_bias);
                split_heads(g, y, shape, head)
            });
            let scale = 1.0 / (head[1] as f64).sqrt();
            let options = AttentionOptions { scale, causal: false, mask: None, position: None };
            let attended = g.attention(parts, options);
            let attended = join_heads(g, attended, shape, head);
            linear(g, attended, "output.dense", [width, width], true)
        });
        let x = g.add(x, attended);
        let normed = layer_norm(g, x, "layernorm_after", width, self.eps, true);
        let inner = linear(g, normed, "intermediate.dense", [width, self.inner], true);
        let inner = self.activation.apply(g, inner);
        let fed = linear(g, inner, "output.dense", [self.inner, width], true);
        g.add(x, fed)
    }
}
