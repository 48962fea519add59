//! Composites by their direct formulas: written from the definitions in [`Op`], not from the decompositions, so that either can be
//! wrong without the other. All are in `f64` and for [`Precision::Exact`], but for those that [`rounds_alike`] names.

use portbench_graph::{AttentionAttrs, DType, GeluKind, Op, Type};
use rayon::prelude::*;

use crate::eval::elementwise::arg_max_of;
use crate::eval::layout;
use crate::eval::product::{Right, Sizes};
use crate::precision::Precision;
use crate::tensor::Tensor;

/// Whether the direct formula rounds exactly where the decomposition does, so that [`Precision::Rounded`] may use it. These also have
/// gradient rules of their own: they hold the large matrices, which a decomposition would copy.
pub(crate) const fn rounds_alike(op: &Op) -> bool {
    matches!(op, Op::Linear { .. } | Op::Embedding)
}

/// Result of a composite.
pub(crate) fn evaluate(precision: Precision, op: &Op, args: &[&Tensor], ty: &Type) -> Result<Tensor, String> {
    let x = args[0];
    Ok(match op {
        Op::Linear { in_out } => linear(precision, args, *in_out, ty),
        Op::Embedding => return layout::gather(args[1], x, 0, ty),
        Op::Softmax => rows(x, ty, softmax),
        Op::LogSoftmax => rows(x, ty, |row| {
            let (top, log_total) = log_sum_exp(row);
            row.iter_mut().for_each(|v| *v = *v - top - log_total);
        }),
        Op::LayerNorm { eps } => rows(x, ty, |row| layer_norm(row, args[1], args.get(2).copied(), *eps)),
        Op::RmsNorm { eps } => rows(x, ty, |row| {
            let mean_square = row.iter().map(|v| v * v).sum::<f64>() / row.len() as f64;
            let root = (mean_square + eps).sqrt();
            row.iter_mut().zip(args[1].floats()).for_each(|(v, w)| *v = *v / root * w);
        }),
        Op::BatchNorm { eps } => batch_norm(args, *eps, ty),
        Op::Gelu { kind } => each(x, ty, |v| gelu(v, *kind)),
        Op::Silu => each(x, ty, silu),
        Op::Relu => each(x, ty, |v| if v < 0.0 { 0.0 } else { v }),
        Op::Rotary => rotary(args, ty),
        Op::Attention(attrs) => attention(attrs, args, ty),
        Op::CrossEntropy => return cross_entropy(x, args[1], ty),
        Op::TopKRouting { k, renormalize } => rows(x, ty, |row| route(row, *k, *renormalize)),
        Op::Experts { .. } => experts(args, ty),
        _ => unreachable!("only composites come here"),
    })
}

fn each(x: &Tensor, ty: &Type, f: impl Fn(f64) -> f64 + Sync) -> Tensor {
    Tensor::float(ty.clone(), x.floats().par_iter().map(|&v| f(v)).collect())
}

/// Applies `f` to each row of the last axis.
fn rows(x: &Tensor, ty: &Type, f: impl Fn(&mut [f64]) + Send + Sync) -> Tensor {
    let width = x.dims()[x.dims().len() - 1];
    let mut out = x.floats().to_vec();
    out.par_chunks_mut(width).for_each(f);
    Tensor::float(ty.clone(), out)
}

fn largest(row: &[f64]) -> f64 {
    row[arg_max_of(row.len(), |i| row[i])]
}

fn softmax(row: &mut [f64]) {
    let top = largest(row);
    row.iter_mut().for_each(|v| *v = (*v - top).exp());
    let total: f64 = row.iter().sum();
    row.iter_mut().for_each(|v| *v /= total);
}

/// The largest value, and the logarithm of the sum of exponentials relative to it: apart, so that large logits lose nothing.
fn log_sum_exp(row: &[f64]) -> (f64, f64) {
    let top = largest(row);
    (top, row.iter().map(|v| (v - top).exp()).sum::<f64>().ln())
}

fn layer_norm(row: &mut [f64], weight: &Tensor, bias: Option<&Tensor>, eps: f64) {
    let n = row.len() as f64;
    let mean = row.iter().sum::<f64>() / n;
    let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    let root = (variance + eps).sqrt();
    row.iter_mut().zip(weight.floats()).for_each(|(v, w)| *v = (*v - mean) / root * w);
    if let Some(bias) = bias {
        row.iter_mut().zip(bias.floats()).for_each(|(v, b)| *v += b);
    }
}

fn batch_norm(args: &[&Tensor], eps: f64, ty: &Type) -> Tensor {
    let [weight, bias, mean, variance] = [1, 2, 3, 4].map(|i| args[i].floats());
    let plane: usize = ty.dims()[2..].iter().product();
    let mut out = args[0].floats().to_vec();
    for (i, values) in out.chunks_mut(plane).enumerate() {
        let c = i % weight.len();
        let root = (variance[c] + eps).sqrt();
        values.iter_mut().for_each(|v| *v = (*v - mean[c]) / root * weight[c] + bias[c]);
    }
    Tensor::float(ty.clone(), out)
}

fn gelu(x: f64, kind: GeluKind) -> f64 {
    let inner = match kind {
        GeluKind::Erf => libm::erf(x / std::f64::consts::SQRT_2),
        GeluKind::Tanh => ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh(),
    };
    x / 2.0 * (1.0 + inner)
}

fn silu(x: f64) -> f64 {
    x / (1.0 + (-x).exp())
}

fn linear(precision: Precision, args: &[&Tensor], in_out: bool, ty: &Type) -> Tensor {
    let (x, w) = (args[0], args[1]);
    let n = ty.dims()[ty.dims().len() - 1];
    let s = Sizes { m: ty.shape.elements() / n, k: x.dims()[x.dims().len() - 1], n };
    let right = if in_out { Right::KxN } else { Right::NxK };
    let out = precision.product(ty.dtype, x.floats(), w.floats(), s, right);
    let mut out = precision.round(ty.dtype, out);
    if let Some(bias) = args.get(2) {
        for row in out.chunks_mut(n) {
            row.iter_mut().zip(bias.floats()).for_each(|(v, b)| *v += b);
        }
    }
    Tensor::float(ty.clone(), precision.round(ty.dtype, out))
}

fn rotary(args: &[&Tensor], ty: &Type) -> Tensor {
    let (s, d) = (ty.dims()[2], ty.dims()[3]);
    let (cos, sin) = (args[1].floats(), args[2].floats());
    let half = d / 2;
    let mut out = args[0].floats().to_vec();
    for (i, head) in out.chunks_mut(d).enumerate() {
        let angles = i % s * half;
        for j in 0..half {
            let (a, b) = (head[j], head[j + half]);
            let (c, s) = (cos[angles + j], sin[angles + j]);
            head[j] = a * c - b * s;
            head[j + half] = b * c + a * s;
        }
    }
    Tensor::float(ty.clone(), out)
}

fn attention(attrs: &AttentionAttrs, args: &[&Tensor], ty: &Type) -> Tensor {
    let (q, k, v) = (args[0], args[1], args[2]);
    let [_, heads, s, d] = [0, 1, 2, 3].map(|i| q.dims()[i]);
    let (key_heads, t, width) = (k.dims()[1], k.dims()[2], v.dims()[3]);
    let mask = attrs.mask.then(|| args[3]);
    let offset = match attrs.position {
        true => args[args.len() - 1].ints()[0],
        false => t as i64 - s as i64,
    };
    let hidden = q.ty.dtype.accumulator().lowest();
    let mut out = vec![0.0; ty.shape.elements()];
    out.par_chunks_mut(width).enumerate().for_each(|(row, out)| {
        let (i, h, b) = (row % s, row / s % heads, row / s / heads);
        let key_head = b * key_heads + h / (heads / key_heads);
        let query = &q.floats()[row * d..][..d];
        let mut weights: Vec<f64> = (0..t)
            .map(|j| {
                let causal = !attrs.causal || j as i64 <= (i as i64).saturating_add(offset);
                if !causal || mask.is_some_and(|m| !allowed(m, [b, h, i, j])) {
                    return hidden;
                }
                let key = &k.floats()[(key_head * t + j) * d..][..d];
                query.iter().zip(key).map(|(a, b)| a * b).sum::<f64>() * attrs.scale
            })
            .collect();
        softmax(&mut weights);
        for (j, w) in weights.iter().enumerate() {
            let value = &v.floats()[(key_head * t + j) * width..][..width];
            out.iter_mut().zip(value).for_each(|(o, v)| *o += w * v);
        }
    });
    Tensor::float(ty.clone(), out)
}

/// The mask at an index of `[B,H,S,T]`; axes of size 1 repeat.
fn allowed(mask: &Tensor, at: [usize; 4]) -> bool {
    let position =
        mask.dims().iter().zip(at).fold(0, |p, (&size, i)| p * size + if size == 1 { 0 } else { i });
    mask.bools()[position]
}

fn cross_entropy(logits: &Tensor, targets: &Tensor, ty: &Type) -> Result<Tensor, String> {
    let classes = logits.dims()[1];
    let mut total = 0.0;
    for (row, &target) in logits.floats().chunks(classes).zip(targets.ints()) {
        let (top, log_total) = log_sum_exp(row);
        total += log_total - (row[layout::index(target, classes)?] - top);
    }
    Ok(Tensor::float(ty.clone(), vec![total / logits.dims()[0] as f64]))
}

fn route(row: &mut [f64], k: usize, renormalize: bool) {
    softmax(row);
    let mut order: Vec<usize> = (0..row.len()).collect();
    // A stable sort: the lowest index stays first among equals.
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    for &dropped in &order[k..] {
        row[dropped] = 0.0;
    }
    if renormalize {
        let total: f64 = order[..k].iter().map(|&e| row[e]).sum();
        row.iter_mut().for_each(|w| *w /= total);
    }
}

fn experts(args: &[&Tensor], ty: &Type) -> Tensor {
    let (x, routing) = (args[0], args[1]);
    let [t, h] = [ty.dims()[0], ty.dims()[1]];
    let experts = routing.dims()[1];
    let mut out = vec![0.0; t * h];
    for (e, w) in args[2..].chunks_exact(3).enumerate() {
        let chosen: Vec<usize> = (0..t).filter(|r| routing.floats()[r * experts + e] != 0.0).collect();
        if chosen.is_empty() {
            continue;
        }
        let f = w[0].dims()[0];
        let rows: Vec<f64> = chosen.iter().flat_map(|r| &x.floats()[r * h..][..h]).copied().collect();
        let project = |x: &[f64], w: &Tensor, k: usize, n: usize| {
            let s = Sizes { m: chosen.len(), k, n };
            Precision::Exact.product(DType::F64, x, w.floats(), s, Right::NxK)
        };
        let gate = project(&rows, w[0], h, f);
        let up = project(&rows, w[1], h, f);
        let hidden: Vec<f64> = gate.iter().zip(&up).map(|(&g, u)| silu(g) * u).collect();
        let down = project(&hidden, w[2], f, h);
        for (row, &r) in down.chunks(h).zip(&chosen) {
            let weight = routing.floats()[r * experts + e];
            out[r * h..][..h].iter_mut().zip(row).for_each(|(o, v)| *o += weight * v);
        }
    }
    Tensor::float(ty.clone(), out)
}
