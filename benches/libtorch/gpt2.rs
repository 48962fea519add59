//! GPT-2 written by hand with tch, as a user of libtorch would: what the graph on the tch back end is compared with.

use std::collections::HashMap;

use tch::nn::{self, OptimizerConfig};
use tch::{Kind, Reduction, Tensor};

/// Dimensions.
#[derive(Clone, Copy, Debug)]
pub struct Dimensions {
    /// Layers.
    pub layers: usize,
    /// Heads.
    pub heads: i64,
    /// Width.
    pub width: i64,
}

/// Weight and bias.
type Pair = (Tensor, Tensor);

/// One layer's parameters.
struct Layer {
    ln_1: Pair,
    c_attn: Pair,
    attn_proj: Pair,
    ln_2: Pair,
    c_fc: Pair,
    mlp_proj: Pair,
}

/// The model, its weights under the checkpoint's names.
pub struct Gpt2 {
    dimensions: Dimensions,
    wte: Tensor,
    wpe: Tensor,
    layers: Vec<Layer>,
    ln_f: Pair,
    /// Keys and values of each layer, `[1, heads, capacity, width / heads]`.
    caches: Vec<Pair>,
}

impl Gpt2 {
    /// Model over these tensors; `None` where one is missing.
    #[must_use]
    pub fn new(dimensions: Dimensions, weights: &HashMap<String, Tensor>, capacity: i64) -> Option<Self> {
        let get = |name: &str| {
            let found = weights.get(name).or_else(|| weights.get(&format!("transformer.{name}")));
            found.map(Tensor::shallow_clone)
        };
        let pair = |name: &str| Some((get(&format!("{name}.weight"))?, get(&format!("{name}.bias"))?));
        let layer = |i: usize| {
            Some(Layer {
                ln_1: pair(&format!("h.{i}.ln_1"))?,
                c_attn: pair(&format!("h.{i}.attn.c_attn"))?,
                attn_proj: pair(&format!("h.{i}.attn.c_proj"))?,
                ln_2: pair(&format!("h.{i}.ln_2"))?,
                c_fc: pair(&format!("h.{i}.mlp.c_fc"))?,
                mlp_proj: pair(&format!("h.{i}.mlp.c_proj"))?,
            })
        };
        let wte = get("wte.weight")?;
        let Dimensions { heads, width, .. } = dimensions;
        let cache = || Tensor::zeros([1, heads, capacity, width / heads], (wte.kind(), wte.device()));
        Some(Self {
            dimensions,
            wpe: get("wpe.weight")?,
            layers: (0..dimensions.layers).map(layer).collect::<Option<_>>()?,
            ln_f: pair("ln_f")?,
            caches: (0..dimensions.layers).map(|_| (cache(), cache())).collect(),
            wte,
        })
    }

    fn norm(&self, x: &Tensor, (weight, bias): &Pair) -> Tensor {
        x.layer_norm([self.dimensions.width], Some(weight), Some(bias), 1e-5, true)
    }

    /// Queries, keys and values, `[B, heads, S, width / heads]` each.
    fn parts(&self, x: &Tensor, layer: &Layer) -> [Tensor; 3] {
        let Dimensions { heads, width, .. } = self.dimensions;
        let (batch, length, _) = dims3(x);
        let qkv = conv1d(&self.norm(x, &layer.ln_1), &layer.c_attn);
        [0, 1, 2].map(|i| {
            qkv.narrow(2, i * width, width).view([batch, length, heads, width / heads]).transpose(1, 2)
        })
    }

    fn finish_layer(&self, layer: &Layer, x: &Tensor, attended: &Tensor) -> Tensor {
        let attended = attended.transpose(1, 2).reshape(x.size());
        let x = x + conv1d(&attended, &layer.attn_proj);
        let hidden = conv1d(&self.norm(&x, &layer.ln_2), &layer.c_fc).gelu("tanh");
        x + conv1d(&hidden, &layer.mlp_proj)
    }

    fn embed(&self, ids: &Tensor, position: i64) -> Tensor {
        let length = ids.size()[1];
        Tensor::embedding(&self.wte, ids, -1, false, false) + self.wpe.narrow(0, position, length)
    }

    /// Reads `ids [1,S]` at this position of the cache; the logits `[1,V]` of the last position.
    pub fn step(&self, ids: &Tensor, position: i64) -> Tensor {
        let _guard = tch::no_grad_guard();
        let mut x = self.embed(ids, position);
        let length = ids.size()[1];
        let total = position + length;
        for (layer, (keys, values)) in self.layers.iter().zip(&self.caches) {
            let [q, k, v] = self.parts(&x, layer);
            keys.narrow(2, position, length).copy_(&k);
            values.narrow(2, position, length).copy_(&v);
            let (k, v) = (keys.narrow(2, 0, total), values.narrow(2, 0, total));
            x = self.finish_layer(layer, &x, &attention(&q, &k, &v, length > 1));
        }
        self.norm(&x.narrow(1, length - 1, 1), &self.ln_f).linear(&self.wte, None::<&Tensor>).squeeze_dim(1)
    }

    /// Mean cross-entropy of `labels [B,S]` under the logits of `ids [B,S]`.
    fn loss(&self, ids: &Tensor, labels: &Tensor) -> Tensor {
        let mut x = self.embed(ids, 0);
        for layer in &self.layers {
            let [q, k, v] = self.parts(&x, layer);
            x = self.finish_layer(layer, &x, &attention(&q, &k, &v, true));
        }
        let logits = self.norm(&x, &self.ln_f).linear(&self.wte, None::<&Tensor>);
        let rows = logits.view([-1, self.wte.size()[0]]);
        rows.cross_entropy_loss(&labels.view([-1]), None::<&Tensor>, Reduction::Mean, -100, 0.0)
    }
}

fn attention(q: &Tensor, k: &Tensor, v: &Tensor, causal: bool) -> Tensor {
    Tensor::scaled_dot_product_attention(q, k, v, None::<&Tensor>, 0.0, causal, None::<f64>, false)
}

/// GPT-2's linear layer: its weight is `[in, out]`.
fn conv1d(x: &Tensor, (weight, bias): &Pair) -> Tensor {
    let (batch, length, width) = dims3(x);
    bias.addmm(&x.reshape([-1, width]), weight).view([batch, length, weight.size()[1]])
}

fn dims3(x: &Tensor) -> (i64, i64, i64) {
    let size = x.size();
    (size[0], size[1], size[2])
}

/// A training loop by hand: tch's AdamW over the model.
pub struct Trainer {
    model: Gpt2,
    optimizer: nn::Optimizer,
}

impl Trainer {
    /// Trainer of these weights; `None` where one is missing or libtorch makes no optimiser.
    #[must_use]
    pub fn new(dimensions: Dimensions, weights: &HashMap<String, Tensor>, rate: f64) -> Option<Self> {
        let store = nn::VarStore::new(tch::Device::Cpu);
        let variable = |(name, w): (&String, &Tensor)| {
            // A store takes no dots in names.
            (name.clone(), store.root().var_copy(&name.replace('.', "_"), w))
        };
        let weights = weights.iter().map(variable).collect();
        let optimizer = nn::AdamW { wd: 0.01, ..nn::AdamW::default() }.build(&store, rate).ok()?;
        Some(Self { model: Gpt2::new(dimensions, &weights, 1)?, optimizer })
    }

    /// One step; the loss before it.
    pub fn step(&mut self, ids: &Tensor, labels: &Tensor) -> f64 {
        let loss = self.model.loss(ids, labels);
        self.optimizer.backward_step(&loss);
        loss.to_kind(Kind::Double).double_value(&[])
    }
}
