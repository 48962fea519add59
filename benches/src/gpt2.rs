//! GPT-2 written by hand with candle, as a user of candle would: what the graph is compared with.

use std::collections::HashMap;

use candle_core::{D, DType, Device, IndexOp, Result, Tensor, Var};
use candle_nn::{Optimizer, ops};

/// Dimensions.
#[derive(Clone, Copy, Debug)]
pub struct Dimensions {
    /// Layers.
    pub layers: usize,
    /// Heads.
    pub heads: usize,
    /// Width.
    pub width: usize,
}

/// One layer's parameters.
#[derive(Debug)]
struct Layer {
    ln_1: (Tensor, Tensor),
    c_attn: (Tensor, Tensor),
    attn_proj: (Tensor, Tensor),
    ln_2: (Tensor, Tensor),
    c_fc: (Tensor, Tensor),
    mlp_proj: (Tensor, Tensor),
}

/// The model, its weights under the checkpoint's names.
#[derive(Debug)]
pub struct Gpt2 {
    dimensions: Dimensions,
    wte: Tensor,
    wpe: Tensor,
    layers: Vec<Layer>,
    ln_f: (Tensor, Tensor),
    /// Keys and values of each layer, `[1, heads, capacity, width / heads]`.
    caches: Vec<(Tensor, Tensor)>,
    training: bool,
}

const EPS: f32 = 1e-5;

impl Gpt2 {
    /// Model over these tensors. With `training`, operations without a backward pass are avoided.
    ///
    /// # Errors
    /// A missing tensor.
    pub fn new(
        dimensions: Dimensions,
        weights: &HashMap<String, Tensor>,
        capacity: usize,
        training: bool,
    ) -> Result<Self> {
        let get = |name: &str| {
            let found = weights.get(name).or_else(|| weights.get(&format!("transformer.{name}")));
            found.cloned().ok_or_else(|| candle_core::Error::Msg(format!("no tensor {name}")))
        };
        let pair = |name: &str| -> Result<_> {
            Ok((get(&format!("{name}.weight"))?, get(&format!("{name}.bias"))?))
        };
        let layer = |i: usize| {
            Ok(Layer {
                ln_1: pair(&format!("h.{i}.ln_1"))?,
                c_attn: pair(&format!("h.{i}.attn.c_attn"))?,
                attn_proj: pair(&format!("h.{i}.attn.c_proj"))?,
                ln_2: pair(&format!("h.{i}.ln_2"))?,
                c_fc: pair(&format!("h.{i}.mlp.c_fc"))?,
                mlp_proj: pair(&format!("h.{i}.mlp.c_proj"))?,
            })
        };
        let wte = get("wte.weight")?;
        let cache = || {
            let shape = (1, dimensions.heads, capacity, dimensions.width / dimensions.heads);
            Tensor::zeros(shape, wte.dtype(), wte.device())
        };
        Ok(Self {
            dimensions,
            wte: wte.clone(),
            wpe: get("wpe.weight")?,
            layers: (0..dimensions.layers).map(layer).collect::<Result<_>>()?,
            ln_f: pair("ln_f")?,
            caches: (0..dimensions.layers).map(|_| Ok((cache()?, cache()?))).collect::<Result<_>>()?,
            training,
        })
    }

    fn norm(&self, x: &Tensor, (weight, bias): &(Tensor, Tensor)) -> Result<Tensor> {
        if self.training {
            ops::layer_norm_slow(x, weight, bias, EPS)
        } else {
            ops::layer_norm(x, weight, bias, EPS)
        }
    }

    fn heads(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, length, width) = x.dims3()?;
        let heads = self.dimensions.heads;
        x.reshape((batch, length, heads, width / heads))?.transpose(1, 2)?.contiguous()
    }

    fn attention(
        &self,
        qkv: &Tensor,
        keys_values: impl FnOnce(Tensor, Tensor) -> Result<(Tensor, Tensor)>,
    ) -> Result<Tensor> {
        let (batch, length, _) = qkv.dims3()?;
        let width = self.dimensions.width;
        let part = |i: usize| self.heads(&qkv.narrow(D::Minus1, i * width, width)?);
        let (k, v) = keys_values(part(1)?, part(2)?)?;
        let scale = 1.0 / ((width / self.dimensions.heads) as f64).sqrt();
        let mut scores = (part(0)?.matmul(&k.t()?)? * scale)?;
        let total = k.dim(2)?;
        if length > 1 {
            let allowed: Vec<u8> = (0..length)
                .flat_map(|row| (0..total).map(move |column| u8::from(column <= row + total - length)))
                .collect();
            let allowed = Tensor::from_vec(allowed, (length, total), qkv.device())?;
            let lowest = Tensor::full(f32::MIN, scores.shape(), qkv.device())?.to_dtype(scores.dtype())?;
            scores = allowed.broadcast_as(scores.shape())?.where_cond(&scores, &lowest)?;
        }
        let weights =
            if self.training { ops::softmax(&scores, D::Minus1)? } else { ops::softmax_last_dim(&scores)? };
        weights.matmul(&v)?.transpose(1, 2)?.reshape((batch, length, width))
    }

    fn finish_layer(&self, layer: &Layer, x: &Tensor, attended: &Tensor) -> Result<Tensor> {
        let x = (x + conv1d(attended, &layer.attn_proj)?)?;
        let hidden = conv1d(&self.norm(&x, &layer.ln_2)?, &layer.c_fc)?.gelu()?;
        x + conv1d(&hidden, &layer.mlp_proj)?
    }

    fn embed(&self, ids: &Tensor, position: usize) -> Result<Tensor> {
        let (batch, length) = ids.dims2()?;
        let tokens =
            self.wte.index_select(&ids.flatten_all()?, 0)?.reshape((batch, length, self.dimensions.width))?;
        tokens.broadcast_add(&self.wpe.narrow(0, position, length)?)
    }

    fn head(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, length, width) = x.dims3()?;
        let x = self.norm(x, &self.ln_f)?.reshape((batch * length, width))?;
        x.matmul(&self.wte.t()?)
    }

    /// Reads `ids [1,S]` at this position of the cache; the logits `[1,V]` of the last position.
    ///
    /// # Errors
    /// candle's.
    pub fn step(&self, ids: &Tensor, position: usize) -> Result<Tensor> {
        let mut x = self.embed(ids, position)?;
        let total = position + ids.dim(1)?;
        for (layer, (keys, values)) in self.layers.iter().zip(&self.caches) {
            let qkv = conv1d(&self.norm(&x, &layer.ln_1)?, &layer.c_attn)?;
            let attended = self.attention(&qkv, |k, v| {
                keys.slice_set(&k, 2, position)?;
                values.slice_set(&v, 2, position)?;
                Ok((keys.narrow(2, 0, total)?, values.narrow(2, 0, total)?))
            })?;
            x = self.finish_layer(layer, &x, &attended)?;
        }
        let last = x.dim(1)? - 1;
        self.head(&x.i((.., last..=last, ..))?.contiguous()?)
    }

    /// Mean cross-entropy of `labels [B,S]` under the logits of `ids [B,S]`.
    ///
    /// # Errors
    /// candle's.
    pub fn loss(&self, ids: &Tensor, labels: &Tensor) -> Result<Tensor> {
        let mut x = self.embed(ids, 0)?;
        for layer in &self.layers {
            let qkv = conv1d(&self.norm(&x, &layer.ln_1)?, &layer.c_attn)?;
            let attended = self.attention(&qkv, |k, v| Ok((k, v)))?;
            x = self.finish_layer(layer, &x, &attended)?;
        }
        candle_nn::loss::cross_entropy(&self.head(&x)?, &labels.flatten_all()?)
    }
}

/// GPT-2's linear layer: its weight is `[in, out]`.
fn conv1d(x: &Tensor, (weight, bias): &(Tensor, Tensor)) -> Result<Tensor> {
    let (batch, length, width) = x.dims3()?;
    let out = weight.dim(1)?;
    let y = x.reshape((batch * length, width))?.matmul(weight)?.broadcast_add(bias)?;
    y.reshape((batch, length, out))
}

/// A training loop by hand: candle-nn's AdamW over [`Gpt2::loss`].
pub struct Trainer {
    model: Gpt2,
    optimizer: candle_nn::AdamW,
}

impl Trainer {
    /// Trainer of these weights.
    ///
    /// # Errors
    /// candle's.
    pub fn new(dimensions: Dimensions, weights: &HashMap<String, Tensor>, rate: f64) -> Result<Self> {
        let variables: HashMap<&String, Var> =
            weights.iter().map(|(name, w)| Ok((name, Var::from_tensor(w)?))).collect::<Result<_>>()?;
        let tensors = variables.iter().map(|(name, v)| ((*name).clone(), v.as_tensor().clone())).collect();
        let parameters = candle_nn::ParamsAdamW { lr: rate, ..Default::default() };
        let optimizer = candle_nn::AdamW::new(variables.into_values().collect(), parameters)?;
        Ok(Self { model: Gpt2::new(dimensions, &tensors, 1, true)?, optimizer })
    }

    /// One step; the loss before it.
    ///
    /// # Errors
    /// candle's.
    pub fn step(&mut self, ids: &Tensor, labels: &Tensor) -> Result<f32> {
        let loss = self.model.loss(ids, labels)?;
        self.optimizer.backward_step(&loss)?;
        loss.to_dtype(DType::F32)?.to_scalar()
    }
}

/// Token ids as candle takes them.
///
/// # Errors
/// candle's.
pub fn ids(values: &[i64], shape: (usize, usize)) -> Result<Tensor> {
    Tensor::from_slice(values, shape, &Device::Cpu)
}
