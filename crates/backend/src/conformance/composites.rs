//! Composites over element types, shapes and attributes.

use portbench_graph::{AttentionOptions, DType, GeluKind, Value};

use crate::conformance::case::{Case, FLOATS, around_zero, booleans, dot, floats, integers, tensor};
use crate::tensor::HostTensor;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for dtype in FLOATS {
        linear(&mut cases, dtype);
        rows(&mut cases, dtype);
        activations(&mut cases, dtype);
        norms(&mut cases, dtype);
        attention(&mut cases, dtype);
        unwritten_keys(&mut cases, dtype);
        mixtures(&mut cases, dtype);
    }
    cases
}

fn linear(cases: &mut Vec<Case>, dtype: DType) {
    for (lead, k, n) in [(&[][..], 4, 3), (&[5], 8, 6), (&[2, 3], 16, 33), (&[1, 1, 2], 7, 1)] {
        let x = around_zero(31, dtype, &[lead, &[k]].concat());
        let bias = around_zero(33, dtype, &[n]);
        for in_out in [false, true] {
            let shape = if in_out { [k, n] } else { [n, k] };
            let w = around_zero(32, dtype, &shape);
            let name = if in_out { "linear in-out" } else { "linear" };
            let apply = move |g: &mut portbench_graph::GraphBuilder<'_>, x: &[Value]| match in_out {
                true => g.linear_in_out(x[0], x[1], x.get(2).copied()),
                false => g.linear(x[0], x[1], x.get(2).copied()),
            };
            let args = vec![x.clone(), w];
            cases.push(Case::new(name, dtype, dot(dtype, k), args.clone(), apply));
            cases.push(Case::new(name, dtype, dot(dtype, k), [args, vec![bias.clone()]].concat(), apply));
        }
    }
    let x = around_zero(31, dtype, &[2, 3, 4]);
    let w = around_zero(32, dtype, &[5, 3]);
    cases.push(Case::new("linear of a permuted operand", dtype, dot(dtype, 3), vec![x, w], |g, x| {
        let y = g.permute(x[0], &[0, 2, 1]);
        g.linear(y, x[1], None)
    }));
    for ids in [&[][..], &[4], &[2, 3]] {
        let args = vec![integers(34, ids, 0, 5), around_zero(35, dtype, &[5, 6])];
        cases.push(Case::new("embedding", dtype, 0.0, args, |g, x| g.embedding(x[0], x[1])));
    }
}

fn rows(cases: &mut Vec<Case>, dtype: DType) {
    for shape in [&[1][..], &[9], &[3, 5], &[2, 3, 17], &[1, 2, 2, 300]] {
        let x = floats(36, dtype, shape, -4.0, 4.0);
        cases.push(Case::new("softmax", dtype, 16.0, vec![x.clone()], |g, x| g.softmax(x[0])));
        cases.push(Case::new("log-softmax", dtype, 16.0, vec![x], |g, x| g.log_softmax(x[0])));
    }
    let large = tensor(dtype, &[2, 3], &[3e4, 3e4, -3e4, -3e4, -3e4, -3e4]);
    cases
        .push(Case::new("softmax of large logits", dtype, 16.0, vec![large.clone()], |g, x| g.softmax(x[0])));
    cases.push(Case::new("log-softmax of large logits", dtype, 16.0, vec![large.clone()], |g, x| {
        g.log_softmax(x[0])
    }));
    let args = vec![large, tensor(DType::I64, &[2], &[0.0, 2.0])];
    cases.push(Case::new("cross-entropy of large logits", dtype, 16.0, args, |g, x| {
        g.cross_entropy(x[0], x[1])
    }));
    let x = floats(36, dtype, &[3, 2, 5], -4.0, 4.0);
    cases.push(Case::new("softmax of a permuted operand", dtype, 16.0, vec![x], |g, x| {
        let y = g.permute(x[0], &[2, 1, 0]);
        g.softmax(y)
    }));
    for (n, v) in [(1, 2), (4, 7), (6, 40)] {
        let args = vec![floats(37, dtype, &[n, v], -4.0, 4.0), integers(38, &[n], 0, v as i64)];
        cases.push(Case::new("cross-entropy", dtype, 16.0, args, |g, x| g.cross_entropy(x[0], x[1])));
    }
}

fn activations(cases: &mut Vec<Case>, dtype: DType) {
    for shape in [&[][..], &[7], &[3, 5], &[2, 3, 4]] {
        let x = floats(39, dtype, shape, -4.0, 4.0);
        let mut push =
            |name: &str, steps, build: &dyn Fn(&mut portbench_graph::GraphBuilder<'_>, Value) -> Value| {
                cases.push(Case::new(name, dtype, steps, vec![x.clone()], |g, x| build(g, x[0])));
            };
        push("gelu erf", 16.0, &|g, x| g.gelu(x, GeluKind::Erf));
        push("gelu tanh", 16.0, &|g, x| g.gelu(x, GeluKind::Tanh));
        push("silu", 16.0, &|g, x| g.silu(x));
        push("relu", 0.0, &|g, x| g.relu(x));
    }
    let tails = tensor(dtype, &[4], &[-200.0, -20.0, 20.0, 200.0]);
    cases.push(Case::new("silu of tails", dtype, 16.0, vec![tails.clone()], |g, x| g.silu(x[0])));
    cases.push(Case::new("gelu of tails", dtype, 16.0, vec![tails], |g, x| g.gelu(x[0], GeluKind::Tanh)));
}

fn norms(cases: &mut Vec<Case>, dtype: DType) {
    for shape in [&[4][..], &[3, 8], &[2, 3, 33]] {
        let h = shape[shape.len() - 1];
        for (what, offset) in [("", 0.0), (" far from zero", 30.0)] {
            let x = floats(40, dtype, shape, offset - 2.0, offset + 2.0);
            let args = [x, floats(41, dtype, &[h], 0.5, 1.5), around_zero(42, dtype, &[h])];
            for n in [2, 3] {
                let name = format!("layer-norm{what}");
                // A mean of 30 takes five bits of the accumulator with it, which 16-bit types do not notice.
                let far = offset > 0.0 && dtype.accumulator() == dtype;
                let steps = if far { 512.0 } else { 24.0 };
                cases.push(Case::new(&name, dtype, steps, args[..n].to_vec(), |g, x| {
                    g.layer_norm(x[0], x[1], x.get(2).copied(), 1e-5)
                }));
            }
            let name = format!("rms-norm{what}");
            let args = args[..2].to_vec();
            cases.push(Case::new(&name, dtype, 24.0, args, |g, x| g.rms_norm(x[0], x[1], 1e-6)));
        }
    }
    for shape in [&[2, 3][..], &[2, 3, 4], &[1, 3, 4, 5]] {
        let channel = |seed, low, high| floats(seed, dtype, &[3], low, high);
        let args = vec![
            around_zero(43, dtype, shape),
            channel(44, 0.5, 1.5),
            channel(45, -1.0, 1.0),
            channel(46, -1.0, 1.0),
            channel(47, 0.5, 2.0),
        ];
        cases.push(Case::new("batch-norm", dtype, 24.0, args, |g, x| {
            g.batch_norm(x[0], [x[1], x[2], x[3], x[4]], 1e-5)
        }));
    }
    for shape in [[1, 1, 1, 2], [2, 3, 4, 6], [1, 2, 5, 8]] {
        let half = [shape[2], shape[3] / 2];
        let args = vec![
            around_zero(48, dtype, &shape),
            floats(49, dtype, &half, -1.0, 1.0),
            floats(50, dtype, &half, -1.0, 1.0),
        ];
        cases.push(Case::new("rotary", dtype, 8.0, args, |g, x| g.rotary(x[0], x[1], x[2])));
    }
}

struct Heads {
    batch: usize,
    query: usize,
    key: usize,
    s: usize,
    t: usize,
    d: usize,
    dv: usize,
}

fn attention(cases: &mut Vec<Case>, dtype: DType) {
    let grid = [
        Heads { batch: 1, query: 1, key: 1, s: 1, t: 1, d: 2, dv: 2 },
        Heads { batch: 2, query: 2, key: 2, s: 5, t: 5, d: 8, dv: 8 },
        Heads { batch: 1, query: 4, key: 2, s: 3, t: 7, d: 4, dv: 6 },
        Heads { batch: 2, query: 3, key: 1, s: 1, t: 9, d: 8, dv: 4 },
    ];
    for h in grid {
        let qkv = vec![
            around_zero(51, dtype, &[h.batch, h.query, h.s, h.d]),
            around_zero(52, dtype, &[h.batch, h.key, h.t, h.d]),
            around_zero(53, dtype, &[h.batch, h.key, h.t, h.dv]),
        ];
        let scale = 1.0 / (h.d as f64).sqrt();
        let mut push = |name: &str, more: Vec<HostTensor>, causal: bool, mask: bool, position: bool| {
            let args = [qkv.clone(), more].concat();
            cases.push(Case::new(name, dtype, 32.0, args, |g, x| {
                let options = AttentionOptions {
                    scale,
                    causal,
                    mask: mask.then(|| x[3]),
                    position: position.then(|| x[x.len() - 1]),
                };
                g.attention([x[0], x[1], x[2]], options)
            }));
        };
        push("attention", vec![], false, false, false);
        push("attention causal", vec![], true, false, false);
        for position in [0, (h.t - h.s) as i64 / 2, (h.t - h.s) as i64] {
            let name = format!("attention at position {position}");
            push(&name, vec![HostTensor::scalar_i64(position)], true, false, true);
        }
        for shape in [[h.batch, 1, 1, h.t], [1, 1, h.s, h.t], [h.batch, h.query, h.s, h.t]] {
            let mask = mask(&shape, h.t);
            push("attention masked", vec![mask.clone()], false, true, false);
            push("attention causal and masked", vec![mask.clone()], true, true, false);
            let position = HostTensor::scalar_i64((h.t - h.s) as i64);
            push("attention masked at the last position", vec![mask, position], true, true, true);
        }
    }
}

/// A cache of 8 keys of which 4 are written: what lies in the others must not matter, however large.
fn unwritten_keys(cases: &mut Vec<Case>, dtype: DType) {
    let stale = |seed| {
        let mut values = around_zero(seed, dtype, &[1, 1, 8, 4]).to_f64();
        values[16..].fill(1e4);
        tensor(dtype, &[1, 1, 8, 4], &values)
    };
    let args = vec![around_zero(57, dtype, &[1, 2, 2, 4]), stale(58), stale(59), HostTensor::scalar_i64(2)];
    cases.push(Case::new("attention before keys not yet written", dtype, 32.0, args, |g, x| {
        let options = AttentionOptions { scale: 0.5, causal: true, mask: None, position: Some(x[3]) };
        g.attention([x[0], x[1], x[2]], options)
    }));
}

/// A random mask in which key 0 is always visible: every row has to see one.
fn mask(shape: &[usize], t: usize) -> HostTensor {
    let mut values = booleans(54, shape).to_f64();
    values.iter_mut().step_by(t).for_each(|v| *v = 1.0);
    tensor(DType::Bool, shape, &values)
}

fn mixtures(cases: &mut Vec<Case>, dtype: DType) {
    for (t, e, k) in [(1, 1, 1), (4, 4, 2), (3, 8, 1), (5, 6, 6)] {
        for renormalize in [false, true] {
            let name = format!("top-{k}-routing{}", if renormalize { " renormalised" } else { "" });
            let x = floats(55, dtype, &[t, e], -3.0, 3.0);
            cases.push(Case::new(&name, dtype, 24.0, vec![x], |g, x| g.top_k_routing(x[0], k, renormalize)));
        }
    }
    let ties = tensor(dtype, &[2, 4], &[1., 1., 1., 1., 0., 2., 2., 2.]);
    cases.push(Case::new("top-2-routing of equals", dtype, 24.0, vec![ties], |g, x| {
        g.top_k_routing(x[0], 2, true)
    }));
    for (t, h, f, e) in [(1, 2, 3, 1), (4, 6, 5, 3)] {
        let mut args = vec![around_zero(56, dtype, &[t, h]), routing(dtype, t, e)];
        for i in 0..e as u64 {
            args.push(around_zero(60 + 3 * i, dtype, &[f, h]));
            args.push(around_zero(61 + 3 * i, dtype, &[f, h]));
            args.push(around_zero(62 + 3 * i, dtype, &[h, f]));
        }
        cases.push(Case::new("experts", dtype, 48.0, args, |g, x| {
            let weights: Vec<[Value; 3]> = x[2..].chunks_exact(3).map(|w| [w[0], w[1], w[2]]).collect();
            g.experts(x[0], x[1], &weights, 1)
        }));
    }
}

/// One expert a row, in turn; the others have weight 0.
fn routing(dtype: DType, rows: usize, experts: usize) -> HostTensor {
    let values: Vec<f64> =
        (0..rows * experts).map(|i| if i / experts % experts == i % experts { 0.75 } else { 0.0 }).collect();
    tensor(dtype, &[rows, experts], &values)
}
