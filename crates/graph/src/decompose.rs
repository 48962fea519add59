//! Decompositions of the composites: their meaning, in core ops.

use crate::builder::{GraphBuilder, ProgramBuilder, Value};
use crate::error::GraphError;
use crate::op::{AttentionAttrs, BinaryKind, CompareKind, GeluKind, Op, UnaryKind};
use crate::program::{Graph, Node, Program};
use crate::types::{DType, Type};

/// The same program with every composite for which `keep` answers false replaced by its decomposition, repeatedly: composites
/// inside decompositions are asked about too.
///
/// # Errors
/// Those of [`Program::verify`] when `program` did not come from this crate's readers or builder.
pub fn rewrite(program: &Program, keep: &dyn Fn(&Graph, &Node) -> bool) -> Result<Program, GraphError> {
    let mut current = program.clone();
    loop {
        let done = current.entries.iter().all(|g| g.nodes.iter().all(|n| !n.op.is_composite() || keep(g, n)));
        if done {
            return Ok(current);
        }
        current = rewrite_once(&current, keep)?;
    }
}

fn rewrite_once(program: &Program, keep: &dyn Fn(&Graph, &Node) -> bool) -> Result<Program, GraphError> {
    let mut builder = ProgramBuilder::new(&program.name, DType::F32);
    builder.declare(&program.params, &program.state);
    for graph in &program.entries {
        builder.entry(&graph.name, |g| {
            let mut values: Vec<Value> = Vec::with_capacity(graph.nodes.len());
            for node in &graph.nodes {
                g.set_scope(&node.scope);
                let args: Vec<Value> = node.args.iter().map(|a| values[a.index()]).collect();
                let value = match &node.op {
                    op @ Op::Param { name } => g.source("param", op.clone(), name, node.ty.clone()),
                    op @ Op::State { name } => g.source("state", op.clone(), name, node.ty.clone()),
                    op if op.is_composite() && !keep(graph, node) => decompose(g, op, &args, &node.ty),
                    op => g.op(op.clone(), &args),
                };
                values.push(value);
            }
            g.set_scope("");
            for (name, v) in &graph.outputs {
                g.output(name, values[v.index()]);
            }
            for (name, v) in &graph.updates {
                g.update(name, values[v.index()]);
            }
        });
    }
    if let Some(t) = &program.training {
        builder.training(t.clone());
    }
    builder.finish()
}

fn decompose(g: &mut GraphBuilder<'_>, op: &Op, args: &[Value], ty: &Type) -> Value {
    match op {
        Op::Linear { in_out } => linear(g, args, *in_out, ty),
        Op::Embedding => g.gather(args[1], args[0], 0),
        Op::Softmax => in_accumulator(g, args[0], |g, x| {
            let e = shifted_exp(g, x).1;
            let s = sum_last(g, e);
            g.div(e, s)
        }),
        Op::LogSoftmax => in_accumulator(g, args[0], |g, x| {
            let (shifted, e) = shifted_exp(g, x);
            let s = sum_last(g, e);
            let log = g.unary(UnaryKind::Log, s);
            g.sub(shifted, log)
        }),
        Op::LayerNorm { eps } => layer_norm(g, args, *eps),
        Op::RmsNorm { eps } => {
            let x = in_accumulator(g, args[0], |g, x| {
                let square = g.mul(x, x);
                let r = inverse_root_mean(g, square, *eps);
                g.mul(x, r)
            });
            let w = g.broadcast_last(args[1], ty.dims());
            g.mul(x, w)
        }
        Op::BatchNorm { eps } => batch_norm(g, args, *eps),
        Op::Gelu { kind } => in_accumulator(g, args[0], |g, x| gelu(g, x, *kind)),
        Op::Silu => in_accumulator(g, args[0], |g, x| {
            let n = g.unary(UnaryKind::Neg, x);
            let e = g.unary(UnaryKind::Exp, n);
            let d = g.affine(e, 1.0, 1.0);
            g.div(x, d)
        }),
        Op::Relu => {
            let zero = g.constant(0.0, ty.clone());
            g.binary(BinaryKind::Maximum, args[0], zero)
        }
        Op::Rotary => rotary(g, args, ty),
        Op::Attention(attrs) => attention(g, attrs, args),
        Op::CrossEntropy => cross_entropy(g, args),
        Op::TopKRouting { k, renormalize } => top_k_routing(g, args[0], *k, *renormalize),
        Op::Experts { .. } => experts(g, args),
        core => g.op(core.clone(), args),
    }
}

/// Evaluates `f` on `x` in its accumulator type, and casts the result back.
fn in_accumulator(
    g: &mut GraphBuilder<'_>,
    x: Value,
    f: impl FnOnce(&mut GraphBuilder<'_>, Value) -> Value,
) -> Value {
    let dtype = g.ty(x).dtype;
    let x = g.cast(x, dtype.accumulator());
    let y = f(g, x);
    g.cast(y, dtype)
}

/// Sum over the last axis, repeated along it.
fn sum_last(g: &mut GraphBuilder<'_>, x: Value) -> Value {
    let dims = g.dims(x);
    let s = g.sum(x, &[dims.len() - 1]);
    g.broadcast(s, &dims)
}

/// `x - max(x)` over the last axis, and its exponential.
fn shifted_exp(g: &mut GraphBuilder<'_>, x: Value) -> (Value, Value) {
    let dims = g.dims(x);
    let m = g.max(x, &[dims.len() - 1]);
    let m = g.broadcast(m, &dims);
    let shifted = g.sub(x, m);
    (shifted, g.unary(UnaryKind::Exp, shifted))
}

/// `1 / sqrt(mean(square) + eps)` over the last axis, repeated along it.
fn inverse_root_mean(g: &mut GraphBuilder<'_>, square: Value, eps: f64) -> Value {
    let dims = g.dims(square);
    let m = g.mean(square, &[dims.len() - 1]);
    let m = g.affine(m, 1.0, eps);
    let r = g.unary(UnaryKind::Sqrt, m);
    let r = g.unary(UnaryKind::Recip, r);
    g.broadcast(r, &dims)
}

fn linear(g: &mut GraphBuilder<'_>, args: &[Value], in_out: bool, ty: &Type) -> Value {
    let dims = g.dims(args[0]);
    let k = dims.last().copied().unwrap_or(1);
    let rows = ty.shape.elements() / ty.dims().last().copied().unwrap_or(1);
    let x = g.reshape(args[0], &[rows, k]);
    let w = if in_out { args[1] } else { g.permute(args[1], &[1, 0]) };
    let y = g.matmul(x, w);
    let y = g.reshape(y, ty.dims());
    match args.get(2) {
        Some(b) => {
            let b = g.broadcast_last(*b, ty.dims());
            g.add(y, b)
        }
        None => y,
    }
}

fn layer_norm(g: &mut GraphBuilder<'_>, args: &[Value], eps: f64) -> Value {
    let dims = g.dims(args[0]);
    let (w, b) = (args[1], args.get(2).copied());
    in_accumulator(g, args[0], |g, x| {
        let acc = g.ty(x).dtype;
        let mean = g.mean(x, &[dims.len() - 1]);
        let mean = g.broadcast(mean, &dims);
        let centred = g.sub(x, mean);
        let square = g.mul(centred, centred);
        let r = inverse_root_mean(g, square, eps);
        let mut y = g.mul(centred, r);
        let w = g.cast(w, acc);
        let w = g.broadcast_last(w, &dims);
        y = g.mul(y, w);
        if let Some(b) = b {
            let b = g.cast(b, acc);
            let b = g.broadcast_last(b, &dims);
            y = g.add(y, b);
        }
        y
    })
}

fn batch_norm(g: &mut GraphBuilder<'_>, args: &[Value], eps: f64) -> Value {
    let dims = g.dims(args[0]);
    let stats: [Value; 4] = [args[1], args[2], args[3], args[4]];
    in_accumulator(g, args[0], |g, x| {
        let acc = g.ty(x).dtype;
        let [w, b, mean, var] = stats.map(|s| g.cast(s, acc));
        let var = g.affine(var, 1.0, eps);
        let root = g.unary(UnaryKind::Sqrt, var);
        let scale = g.div(w, root);
        let moved = g.mul(mean, scale);
        let shift = g.sub(b, moved);
        let mut per_channel = vec![1; dims.len()];
        per_channel[1] = dims[1];
        let [scale, shift] = [scale, shift].map(|v| {
            let v = g.reshape(v, &per_channel);
            g.broadcast(v, &dims)
        });
        let y = g.mul(x, scale);
        g.add(y, shift)
    })
}

fn gelu(g: &mut GraphBuilder<'_>, x: Value, kind: GeluKind) -> Value {
    let inner = match kind {
        GeluKind::Erf => {
            let scaled = g.affine(x, std::f64::consts::FRAC_1_SQRT_2, 0.0);
            g.unary(UnaryKind::Erf, scaled)
        }
        GeluKind::Tanh => {
            let square = g.mul(x, x);
            let cube = g.mul(square, x);
            let cube = g.affine(cube, 0.044_715, 0.0);
            let sum = g.add(x, cube);
            let scaled = g.affine(sum, (2.0 / std::f64::consts::PI).sqrt(), 0.0);
            g.unary(UnaryKind::Tanh, scaled)
        }
    };
    let factor = g.affine(inner, 0.5, 0.5);
    g.mul(x, factor)
}

fn rotary(g: &mut GraphBuilder<'_>, args: &[Value], ty: &Type) -> Value {
    let [b, h, s, d] = [ty.shape[0], ty.shape[1], ty.shape[2], ty.shape[3]];
    let half = [b, h, s, d / 2];
    let first = g.slice(args[0], 3, 0, d / 2);
    let second = g.slice(args[0], 3, d / 2, d / 2);
    let [cos, sin] = [args[1], args[2]].map(|t| {
        let t = g.reshape(t, &[1, 1, s, d / 2]);
        g.broadcast(t, &half)
    });
    let fc = g.mul(first, cos);
    let ss = g.mul(second, sin);
    let sc = g.mul(second, cos);
    let fs = g.mul(first, sin);
    let left = g.sub(fc, ss);
    let right = g.add(sc, fs);
    g.concat(&[left, right], 3)
}

/// `[B,Hkv,T,D] -> [B,Hkv*groups,T,D]`, each head `groups` times in a row.
fn repeat_heads(g: &mut GraphBuilder<'_>, x: Value, groups: usize) -> Value {
    if groups == 1 {
        return x;
    }
    let d = g.dims(x);
    let x = g.reshape(x, &[d[0], d[1], 1, d[2], d[3]]);
    let x = g.broadcast(x, &[d[0], d[1], groups, d[2], d[3]]);
    g.reshape(x, &[d[0], d[1] * groups, d[2], d[3]])
}

fn attention(g: &mut GraphBuilder<'_>, attrs: &AttentionAttrs, args: &[Value]) -> Value {
    let q_ty = g.ty(args[0]);
    let [b, hq, s] = [q_ty.shape[0], q_ty.shape[1], q_ty.shape[2]];
    let k_dims = g.dims(args[1]);
    let (groups, t) = (hq / k_dims[1], k_dims[2]);
    let k = repeat_heads(g, args[1], groups);
    let v = repeat_heads(g, args[2], groups);
    let k = g.permute(k, &[0, 1, 3, 2]);
    let scores = g.matmul(args[0], k);
    let scores = g.cast(scores, q_ty.dtype.accumulator());
    let mut scores = g.affine(scores, attrs.scale, 0.0);
    let full = [b, hq, s, t];
    if attrs.causal {
        let position = attrs.position.then(|| args[args.len() - 1]);
        let visible = causal_mask(g, s, t, position);
        let visible = g.reshape(visible, &[1, 1, s, t]);
        scores = masked(g, scores, visible, &full);
    }
    if attrs.mask {
        scores = masked(g, scores, args[3], &full);
    }
    let p = g.softmax(scores);
    let p = g.cast(p, q_ty.dtype);
    g.matmul(p, v)
}

/// `[S,T]` mask: key `j` is visible to query `i` if `j <= i + offset`.
fn causal_mask(g: &mut GraphBuilder<'_>, s: usize, t: usize, position: Option<Value>) -> Value {
    let grid = Type::new(DType::I64, [s, t]);
    let row = g.iota(0, grid.clone());
    let column = g.iota(1, grid.clone());
    let offset = match position {
        Some(p) => {
            let p = g.reshape(p, &[1, 1]);
            g.broadcast(p, &[s, t])
        }
        None => g.constant((t - s) as f64, grid),
    };
    let limit = g.add(row, offset);
    g.compare(CompareKind::Le, column, limit)
}

fn masked(g: &mut GraphBuilder<'_>, scores: Value, mask: Value, full: &[usize]) -> Value {
    let mask = g.broadcast(mask, full);
    let ty = g.ty(scores);
    let hidden = g.constant(ty.dtype.lowest(), ty);
    g.select(mask, scores, hidden)
}

fn cross_entropy(g: &mut GraphBuilder<'_>, args: &[Value]) -> Value {
    let dims = g.dims(args[0]);
    let acc = g.ty(args[0]).dtype.accumulator();
    let logits = g.cast(args[0], acc);
    let log_p = g.log_softmax(logits);
    let targets = g.reshape(args[1], &[dims[0], 1]);
    let picked = g.gather_along(log_p, targets, 1);
    let mean = g.mean(picked, &[0, 1]);
    let loss = g.unary(UnaryKind::Neg, mean);
    g.reshape(loss, &[])
}

fn top_k_routing(g: &mut GraphBuilder<'_>, logits: Value, k: usize, renormalize: bool) -> Value {
    let dims = g.dims(logits);
    in_accumulator(g, logits, |g, x| {
        let acc = g.ty(x);
        let p = g.softmax(x);
        let columns = g.iota(1, Type::new(DType::I64, acc.shape.clone()));
        let taken = g.constant(-1.0, acc.clone());
        let mut kept = g.constant(0.0, acc);
        let mut rest = p;
        for _ in 0..k {
            let best = g.arg_max(rest, 1);
            let best = g.broadcast(best, &dims);
            let hit = g.compare(CompareKind::Eq, columns, best);
            kept = g.select(hit, p, kept);
            rest = g.select(hit, taken, rest);
        }
        if renormalize {
            let total = sum_last(g, kept);
            kept = g.div(kept, total);
        }
        kept
    })
}

fn experts(g: &mut GraphBuilder<'_>, args: &[Value]) -> Value {
    let x = args[0];
    let ty = g.ty(x);
    let mut sum: Option<Value> = None;
    for (e, w) in args[2..].chunks_exact(3).enumerate() {
        let gate = g.linear(x, w[0], None);
        let gate = g.silu(gate);
        let up = g.linear(x, w[1], None);
        let hidden = g.mul(gate, up);
        let down = g.linear(hidden, w[2], None);
        let weight = g.slice(args[1], 1, e, 1);
        let weight = g.broadcast(weight, ty.dims());
        let part = g.mul(down, weight);
        sum = Some(match sum {
            Some(s) => g.add(s, part),
            None => part,
        });
    }
    sum.unwrap_or(x)
}
