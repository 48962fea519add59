//! ResNet with bottleneck blocks (He et al. 2015), the stride in the 3 x 3 convolution as torchvision and Hugging Face have it.

use portbench_graph::{Conv2dAttrs, GraphBuilder, Init, Pool2dAttrs, Type, Value};
use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::error::ModelError;
use crate::parts::{ONE, ZERO, linear};

/// Dimensions of a ResNet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Resnet {
    /// Height and width of an image.
    #[serde(default = "image")]
    pub image: usize,
    /// Colour channels.
    #[serde(default = "channels")]
    pub channels: usize,
    /// Channels of the stem.
    pub stem: usize,
    /// Channels that each stage gives, multiples of 4.
    pub widths: Vec<usize>,
    /// Blocks of each stage.
    pub depths: Vec<usize>,
    /// Classes.
    pub classes: usize,
    /// What stands before the names of a checkpoint, but for the classifier's.
    #[serde(default = "prefix")]
    pub prefix: String,
}

fn image() -> usize {
    224
}

fn channels() -> usize {
    3
}

fn prefix() -> String {
    "resnet".to_owned()
}

/// Added to variances: PyTorch's default, which no configuration changes.
const EPS: f64 = 1e-5;

/// A convolution's sizes: channels in and out, kernel, stride.
struct Conv {
    from: usize,
    to: usize,
    kernel: usize,
    stride: usize,
}

impl Resnet {
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let check = Check("resnet");
        check.counts(&[
            ("image", self.image),
            ("channels", self.channels),
            ("stem", self.stem),
            ("classes", self.classes),
            ("depths", self.depths.len()),
        ])?;
        if self.widths.len() != self.depths.len() {
            let message = format!("has {} stages, but depths has {}", self.widths.len(), self.depths.len());
            return Err(ModelError::Invalid { model: "resnet", field: "widths", message });
        }
        for (&width, &depth) in self.widths.iter().zip(&self.depths) {
            check.counts(&[("widths", width), ("depths", depth)])?;
            check.divides("widths", 4, "a stage's width", width)?;
        }
        Ok(())
    }

    /// Logits `[B,classes]` and the last feature map of images.
    pub(crate) fn logits(&self, g: &mut GraphBuilder<'_>, batch: usize) -> (Value, Value) {
        let pixels =
            g.input("pixel_values", Type::new(g.dtype(), [batch, self.channels, self.image, self.image]));
        let features = g.scope(self.prefix.as_str(), |g| {
            let stem = Conv { from: self.channels, to: self.stem, kernel: 7, stride: 2 };
            let x = g.scope("embedder.embedder", |g| conv(g, pixels, &stem));
            let x = g.relu(x);
            let pool = Pool2dAttrs { kernel: [3; 2], stride: [2; 2], padding: [1; 2] };
            let mut x = g.max_pool2d(x, pool);
            let mut from = self.stem;
            for (stage, (&to, &depth)) in self.widths.iter().zip(&self.depths).enumerate() {
                for block in 0..depth {
                    let stride = if block == 0 && stage > 0 { 2 } else { 1 };
                    let scope = format!("encoder.stages.{stage}.layers.{block}");
                    x = g.scope(scope, |g| bottleneck(g, x, from, to, stride));
                    from = to;
                }
            }
            x
        });
        let last = self.widths.last().copied().unwrap_or(self.stem);
        let pooled = g.mean(features, &[2, 3]);
        let pooled = g.reshape(pooled, &[batch, last]);
        (linear(g, pooled, "classifier.1", [last, self.classes], true), features)
    }
}

fn bottleneck(g: &mut GraphBuilder<'_>, x: Value, from: usize, to: usize, stride: usize) -> Value {
    let narrow = to / 4;
    let shortcut = if from == to && stride == 1 {
        x
    } else {
        g.scope("shortcut", |g| conv(g, x, &Conv { from, to, kernel: 1, stride }))
    };
    let convolutions = [
        Conv { from, to: narrow, kernel: 1, stride: 1 },
        Conv { from: narrow, to: narrow, kernel: 3, stride },
        Conv { from: narrow, to, kernel: 1, stride: 1 },
    ];
    let mut y = x;
    for (i, sizes) in convolutions.iter().enumerate() {
        y = g.scope(format!("layer.{i}"), |g| conv(g, y, sizes));
        if i < 2 {
            y = g.relu(y);
        }
    }
    let y = g.add(y, shortcut);
    g.relu(y)
}

/// Convolution that keeps the size but for its stride, and batch norm with running statistics.
fn conv(g: &mut GraphBuilder<'_>, x: Value, sizes: &Conv) -> Value {
    let Conv { from, to, kernel, stride } = *sizes;
    // He et al. 2015, "Delving deep into rectifiers", as torchvision starts its convolutions (fan out).
    let std = (2.0 / (to * kernel * kernel) as f64).sqrt();
    let weight = g.param("convolution.weight", &[to, from, kernel, kernel], Init::Normal { std });
    let attrs = Conv2dAttrs { stride: [stride; 2], padding: [kernel / 2; 2], groups: 1 };
    let y = g.conv2d(x, weight, None, attrs);
    let stats = g.scope("normalization", |g| {
        let weight = g.param("weight", &[to], ONE);
        let bias = g.param("bias", &[to], ZERO);
        let mean = g.frozen_param("running_mean", &[to], ZERO);
        let variance = g.frozen_param("running_var", &[to], ONE);
        [weight, bias, mean, variance]
    });
    g.batch_norm(y, stats, EPS)
}
