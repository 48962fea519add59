//! Single kernels. Entry `forward`, output `out`.

use portbench_graph::{AttentionOptions, Conv2dAttrs, DType, GraphBuilder, Type, Value};
use serde::{Deserialize, Serialize};

use crate::check::{Check, MAX_COUNT};
use crate::error::ModelError;
use crate::parts::{ONE, STD, ZERO};

/// A kernel and its dimensions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Kernel {
    /// `[m,k] x [k,n]`.
    Gemm {
        /// Rows of the result.
        m: usize,
        /// Columns of the result.
        n: usize,
        /// Length of the dot products.
        k: usize,
        /// Products in a batch.
        #[serde(default = "one")]
        batch: usize,
    },
    /// Causal attention of a whole sequence over itself.
    AttentionPrefill {
        /// Rows.
        batch: usize,
        /// Query heads.
        heads: usize,
        /// Key and value heads, which divide the query heads.
        kv_heads: usize,
        /// Tokens.
        sequence: usize,
        /// Width of a head.
        head_dim: usize,
    },
    /// Attention of one token over a cache.
    AttentionDecode {
        /// Rows.
        batch: usize,
        /// Query heads.
        heads: usize,
        /// Key and value heads, which divide the query heads.
        kv_heads: usize,
        /// Positions in the cache, all of them seen.
        cache: usize,
        /// Width of a head.
        head_dim: usize,
    },
    /// Layer norm of each row.
    LayerNorm {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },
    /// Root-mean-square norm of each row.
    RmsNorm {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },
    /// Softmax of each row.
    Softmax {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },
    /// `a + 3 b`, element by element: the triad of McCalpin's STREAM, limited by memory bandwidth.
    Stream {
        /// Elements of each operand.
        elements: usize,
    },
    /// Rows of a table, picked by index.
    EmbeddingGather {
        /// Rows picked.
        rows: usize,
        /// Rows of the table.
        vocab: usize,
        /// Columns.
        columns: usize,
    },
    /// Two-dimensional convolution with a square kernel.
    Conv2d {
        /// Images.
        batch: usize,
        /// Channels in.
        channels: usize,
        /// Channels out.
        filters: usize,
        /// Height of an image.
        height: usize,
        /// Width of an image.
        width: usize,
        /// Height and width of the kernel.
        kernel: usize,
        /// Step.
        #[serde(default = "one")]
        stride: usize,
        /// Zeros around the image.
        #[serde(default)]
        padding: usize,
    },
}

fn one() -> usize {
    1
}

/// Most elements of a streamed operand: 2^32.
const MAX_STREAM: usize = 1 << 32;

impl Kernel {
    /// Names of the kernels.
    pub const NAMES: [&'static str; 9] = [
        "gemm",
        "attention-prefill",
        "attention-decode",
        "layer-norm",
        "rms-norm",
        "softmax",
        "stream",
        "embedding-gather",
        "conv2d",
    ];

    /// The kernel's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Gemm { .. } => "gemm",
            Self::AttentionPrefill { .. } => "attention-prefill",
            Self::AttentionDecode { .. } => "attention-decode",
            Self::LayerNorm { .. } => "layer-norm",
            Self::RmsNorm { .. } => "rms-norm",
            Self::Softmax { .. } => "softmax",
            Self::Stream { .. } => "stream",
            Self::EmbeddingGather { .. } => "embedding-gather",
            Self::Conv2d { .. } => "conv2d",
        }
    }

    /// Dimensions by name.
    #[must_use]
    pub fn dimensions(&self) -> Vec<(&'static str, usize)> {
        match *self {
            Self::Gemm { m, n, k, batch } => vec![("m", m), ("n", n), ("k", k), ("batch", batch)],
            Self::AttentionPrefill { batch, heads, kv_heads, sequence, head_dim } => vec![
                ("batch", batch),
                ("heads", heads),
                ("kv-heads", kv_heads),
                ("sequence", sequence),
                ("head-dim", head_dim),
            ],
            Self::AttentionDecode { batch, heads, kv_heads, cache, head_dim } => vec![
                ("batch", batch),
                ("heads", heads),
                ("kv-heads", kv_heads),
                ("cache", cache),
                ("head-dim", head_dim),
            ],
            Self::LayerNorm { rows, columns }
            | Self::RmsNorm { rows, columns }
            | Self::Softmax { rows, columns } => vec![("rows", rows), ("columns", columns)],
            Self::Stream { elements } => vec![("elements", elements)],
            Self::EmbeddingGather { rows, vocab, columns } => {
                vec![("rows", rows), ("vocab", vocab), ("columns", columns)]
            }
            Self::Conv2d { batch, channels, filters, height, width, kernel, stride, padding } => vec![
                ("batch", batch),
                ("channels", channels),
                ("filters", filters),
                ("height", height),
                ("width", width),
                ("kernel", kernel),
                ("stride", stride),
                ("padding", padding),
            ],
        }
    }

    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let check = Check(self.name());
        for (field, count) in self.dimensions() {
            match field {
                "elements" if count > MAX_COUNT => {
                    check.at_most("elements", MAX_STREAM, "a stream", count)?;
                }
                "padding" => check.at_most("padding", MAX_COUNT, "padding", count)?,
                _ => check.counts(&[(field, count)])?,
            }
        }
        match *self {
            Self::AttentionPrefill { heads, kv_heads, .. }
            | Self::AttentionDecode { heads, kv_heads, .. } => {
                check.divides("kv-heads", kv_heads, "heads", heads)
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn forward(&self, g: &mut GraphBuilder<'_>) {
        let out = match *self {
            Self::Gemm { m, n, k, batch } => {
                let shape = |rows, columns| {
                    if batch == 1 { vec![rows, columns] } else { vec![batch, rows, columns] }
                };
                let a = floats(g, "a", &shape(m, k));
                let b = floats(g, "b", &shape(k, n));
                g.matmul(a, b)
            }
            Self::AttentionPrefill { batch, heads, kv_heads, sequence, head_dim } => {
                attention(g, [batch, heads, kv_heads, head_dim], [sequence, sequence], true)
            }
            Self::AttentionDecode { batch, heads, kv_heads, cache, head_dim } => {
                attention(g, [batch, heads, kv_heads, head_dim], [1, cache], false)
            }
            Self::LayerNorm { rows, columns } => {
                let x = floats(g, "x", &[rows, columns]);
                let weight = g.param("weight", &[columns], ONE);
                let bias = g.param("bias", &[columns], ZERO);
                g.layer_norm(x, weight, Some(bias), 1e-5)
            }
            Self::RmsNorm { rows, columns } => {
                let x = floats(g, "x", &[rows, columns]);
                let weight = g.param("weight", &[columns], ONE);
                g.rms_norm(x, weight, 1e-5)
            }
            Self::Softmax { rows, columns } => {
                let x = floats(g, "x", &[rows, columns]);
                g.softmax(x)
            }
            Self::Stream { elements } => {
                let a = floats(g, "a", &[elements]);
                let b = floats(g, "b", &[elements]);
                let scaled = g.affine(b, 3.0, 0.0);
                g.add(a, scaled)
            }
            Self::EmbeddingGather { rows, vocab, columns } => {
                let ids = g.input("input_ids", Type::new(DType::I64, [rows]));
                let table = g.param("weight", &[vocab, columns], STD);
                g.embedding(ids, table)
            }
            Self::Conv2d { batch, channels, filters, height, width, kernel, stride, padding } => {
                let x = floats(g, "x", &[batch, channels, height, width]);
                let weight = g.param("weight", &[filters, channels, kernel, kernel], STD);
                let attrs = Conv2dAttrs { stride: [stride; 2], padding: [padding; 2], groups: 1 };
                g.conv2d(x, weight, None, attrs)
            }
        };
        g.output("out", out);
    }
}

fn floats(g: &mut GraphBuilder<'_>, name: &str, shape: &[usize]) -> Value {
    let ty = Type::new(g.dtype(), shape);
    g.input(name, ty)
}

fn attention(
    g: &mut GraphBuilder<'_>,
    [batch, heads, kv_heads, dim]: [usize; 4],
    [queries, keys]: [usize; 2],
    causal: bool,
) -> Value {
    let q = floats(g, "q", &[batch, heads, queries, dim]);
    let k = floats(g, "k", &[batch, kv_heads, keys, dim]);
    let v = floats(g, "v", &[batch, kv_heads, keys, dim]);
    let scale = 1.0 / (dim as f64).sqrt();
    g.attention([q, k, v], AttentionOptions { scale, causal, mask: None, position: None })
}
