//! Random programs: what goes wrong between ops rather than in one (views of views, buffers used again too early, values that live long).

use portbench_graph::{DType, GraphBuilder, UnaryKind, Value};

use crate::conformance::case::{Case, around_zero};
use crate::generate::Stream;

/// Programs of each kind.
pub(super) const PROGRAMS: u64 = 24;
/// Roundings granted to a program.
pub(super) const STEPS: f64 = 4096.0;
/// Shape of the two tensors a program starts from.
pub(super) const START: [usize; 3] = [2, 3, 4];

const OPS: u64 = 16;
const LARGEST: usize = 200;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for dtype in [DType::F64, DType::F32] {
        for seed in 0..PROGRAMS {
            let args = vec![around_zero(200 + seed, dtype, &START), around_zero(300 + seed, dtype, &START)];
            let name = format!("random program {seed}");
            cases.push(Case::new(&name, dtype, STEPS, args, |g, x| grow(g, seed, x)));
        }
    }
    cases
}

/// Applies random smooth ops to random earlier values of rank 3. The result holds every value, so that each lives to the end of its own
/// uses.
pub(super) fn grow(g: &mut GraphBuilder<'_>, seed: u64, start: &[Value]) -> Value {
    let stream = Stream::new(seed, "random program");
    let mut values = start.to_vec();
    for i in 0..OPS {
        let pick = |part: u64, n: usize| stream.below(4 * i + part, n as u64) as usize;
        let a = values[pick(0, values.len())];
        let dims = g.dims(a);
        let axis = pick(1, 3);
        let alike: Vec<Value> = values.iter().copied().filter(|v| g.dims(*v) == dims).collect();
        let b = alike[pick(2, alike.len())];
        values.push(match pick(3, 13) {
            0 => g.unary(UnaryKind::Tanh, a),
            1 => g.unary(UnaryKind::Sin, a),
            2 => g.affine(a, 0.7, -0.1),
            3 => g.permute(a, [[1, 2, 0], [0, 2, 1], [2, 1, 0]][axis].as_slice()),
            4 => g.add(a, b),
            5 => {
                let product = g.mul(a, b);
                g.unary(UnaryKind::Sin, product)
            }
            6 => {
                let len = dims[axis].div_ceil(2);
                g.slice(a, axis, dims[axis] - len, len)
            }
            7 if 2 * dims.iter().product::<usize>() <= LARGEST => g.concat(&[a, b], axis),
            7 | 8 => {
                let mean = g.mean(a, &[axis]);
                g.broadcast(mean, &dims)
            }
            9 => g.softmax(a),
            10 => {
                let turned = g.permute(b, &[0, 2, 1]);
                let product = g.matmul(a, turned);
                g.unary(UnaryKind::Tanh, product)
            }
            11 => g.reshape(a, &[dims[1], 1, dims[0] * dims[2]]),
            _ => g.silu(a),
        });
    }
    let flat: Vec<Value> = values
        .into_iter()
        .map(|v| {
            let n = g.dims(v).iter().product();
            g.reshape(v, &[n])
        })
        .collect();
    g.concat(&flat, 0)
}
