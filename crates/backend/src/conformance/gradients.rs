//! Gradients of every differentiable op.

use portbench_graph::{
    AttentionOptions, BinaryKind, CompareKind, Conv2dAttrs, DType, GeluKind, GraphBuilder, Init, Op,
    Optimizer, Pool2dAttrs, Program, ProgramBuilder, Schedule, TrainSpec, Type, UnaryKind, Value,
};

use crate::causes::with_causes;
use crate::conformance::case::{booleans, close, compile, guarded, integers, roundoff, tensor};
use crate::conformance::chains;
use crate::conformance::report::{CaseReport, Verdict};
use crate::contract::{Backend, CompileOptions, EntryId, Executable};
use crate::error::BackendError;
use crate::tensor::HostTensor;

/// Half width of the generated parameters.
const BOUND: f64 = 2.0;

/// A program whose training step shows gradients: entries `train` and `forward` compute the same scalar `loss` from parameters `p0, p1, ...`,
/// each shifted by an input `d0, d1, ...` of the same shape, and a step of plain gradient descent at rate 1 takes the gradient from each
/// parameter. Moving an input by a little tells what the gradient has to be.
#[derive(Debug)]
pub struct GradientCase {
    /// Op and operand types.
    pub name: String,
    /// The program.
    pub program: Program,
    /// Every input of both entries; the shifts are zero.
    pub inputs: Vec<(String, HostTensor)>,
    /// Names of the parameters.
    pub params: Vec<String>,
    /// Element type computed in; parameters are `f32` where this is a 16-bit float.
    pub dtype: DType,
    /// Roundings granted.
    steps: f64,
}

type Build<'f> = dyn Fn(&mut GraphBuilder<'_>, &[Value], &[Value]) -> Value + 'f;

/// The cases, or what the suite's own builder refused.
struct Cases {
    dtype: DType,
    steps: f64,
    list: Vec<Result<GradientCase, CaseReport>>,
}

impl Cases {
    /// A case over parameters of these shapes and further inputs.
    fn push(&mut self, name: &str, shapes: &[&[usize]], inputs: Vec<HostTensor>, build: &Build<'_>) {
        let shown: Vec<String> = shapes.iter().map(|s| Type::new(self.dtype, *s).to_string()).collect();
        let name = format!("gradient of {name} ({})", shown.join(", "));
        let case = program_of(self.dtype, shapes, &inputs, build);
        self.list.push(match case {
            Ok(program) => {
                let shifts = shapes.iter().map(|s| HostTensor::zeros(Type::new(self.dtype, *s)));
                let shifts = shifts.enumerate().map(|(i, t)| (format!("d{i}"), t));
                let inputs = inputs.into_iter().enumerate().map(|(i, t)| (format!("x{i}"), t));
                let params = (0..shapes.len()).map(|i| format!("p{i}")).collect();
                let inputs = shifts.chain(inputs).collect();
                Ok(GradientCase { name, program, inputs, params, dtype: self.dtype, steps: self.steps })
            }
            Err(m) => Err(CaseReport {
                name,
                verdict: Verdict::Failed { reason: format!("the suite is wrong: {m}") },
            }),
        });
    }
}

fn storage(dtype: DType) -> DType {
    if dtype == DType::F64 { DType::F64 } else { DType::F32 }
}

fn program_of(
    dtype: DType,
    shapes: &[&[usize]],
    inputs: &[HostTensor],
    build: &Build<'_>,
) -> Result<Program, portbench_graph::GraphError> {
    let mut p = ProgramBuilder::mixed("gradient", storage(dtype), dtype);
    for entry in ["train", "forward"] {
        p.entry(entry, |g| {
            let params: Vec<Value> = shapes
                .iter()
                .enumerate()
                .map(|(i, shape)| {
                    let p = g.param(&format!("p{i}"), shape, Init::Uniform { bound: BOUND });
                    let d = g.input(&format!("d{i}"), Type::new(dtype, *shape));
                    g.add(p, d)
                })
                .collect();
            let inputs: Vec<Value> =
                inputs.iter().enumerate().map(|(i, t)| g.input(&format!("x{i}"), t.ty().clone())).collect();
            let y = build(g, &params, &inputs);
            let loss = weighted_sum(g, y);
            g.output("loss", loss);
        });
    }
    p.training(TrainSpec {
        entry: "train".into(),
        loss: "loss".into(),
        optimizer: Optimizer::Sgd { momentum: 0.0 },
        schedule: Schedule::Constant { rate: 1.0 },
        clip_norm: None,
    });
    p.finish()
}

/// A scalar that every element of `y` moves differently, summed in the accumulator type.
fn weighted_sum(g: &mut GraphBuilder<'_>, y: Value) -> Value {
    let y = g.cast(y, g.ty(y).dtype.accumulator());
    let ty = g.ty(y);
    let n = ty.shape.elements();
    let weights: Vec<f64> = (0..n).map(|i| ((i * 5 + 3) % 11) as f64 / 8.0 - 0.5).collect();
    let y = g.reshape(y, &[n]);
    let w = g.literal(&weights, Type::new(ty.dtype, [n]));
    let product = g.mul(y, w);
    let total = g.sum(product, &[0]);
    g.reshape(total, &[])
}

/// The values moved apart, so that no rounding changes their order or sign.
fn spread(g: &mut GraphBuilder<'_>, x: Value, gap: f64) -> Value {
    let ty = g.ty(x);
    let n = ty.shape.elements();
    let ramp: Vec<f64> = (0..n).map(|i| gap * ((i * 7 % n) as f64 - n as f64 / 2.0 + 0.25)).collect();
    let ramp = g.literal(&ramp, ty);
    let x = g.affine(x, 0.1 * gap, 0.0);
    g.add(x, ramp)
}

/// The cases of one element type.
#[must_use]
pub fn cases(dtype: DType) -> Vec<GradientCase> {
    list(dtype).into_iter().filter_map(Result::ok).collect()
}

fn list(dtype: DType) -> Vec<Result<GradientCase, CaseReport>> {
    let mut c = Cases { dtype, steps: 64.0, list: Vec::new() };
    elementwise(&mut c);
    moves(&mut c);
    sums(&mut c);
    composites(&mut c);
    attention(&mut c);
    if dtype.accumulator() == dtype {
        c.steps = chains::STEPS;
        for seed in 0..chains::PROGRAMS {
            let name = format!("random program {seed}");
            c.push(&name, &[&chains::START, &chains::START], vec![], &|g, p, _| chains::grow(g, seed, p));
        }
    }
    c.list
}

fn elementwise(c: &mut Cases) {
    let shape: &[usize] = &[3, 4];
    for kind in UnaryKind::ALL.into_iter().filter(|k| *k != UnaryKind::Floor) {
        c.push(kind.name(), &[shape], vec![], &|g, p, _| {
            let x = match kind {
                UnaryKind::Log | UnaryKind::Sqrt | UnaryKind::Recip => g.affine(p[0], 0.5, 2.0),
                UnaryKind::Abs => spread(g, p[0], 1.0),
                _ => p[0],
            };
            g.unary(kind, x)
        });
    }
    for kind in BinaryKind::ALL {
        c.push(kind.name(), &[shape, shape], vec![], &|g, p, _| {
            let (a, b) = match kind {
                BinaryKind::Div => (p[0], g.affine(p[1], 0.5, 2.0)),
                BinaryKind::Pow => (g.affine(p[0], 0.5, 2.0), p[1]),
                BinaryKind::Maximum | BinaryKind::Minimum => {
                    let b = spread(g, p[1], 1.0);
                    (g.affine(p[0], 0.05, 0.0), b)
                }
                _ => (p[0], p[1]),
            };
            g.binary(kind, a, b)
        });
    }
    c.push("affine", &[shape], vec![], &|g, p, _| g.affine(p[0], -1.5, 0.5));
    c.push("a scalar", &[&[]], vec![], &|g, p, _| g.unary(UnaryKind::Exp, p[0]));
    c.push("select", &[shape, shape], vec![booleans(70, shape)], &|g, p, x| g.select(x[0], p[0], p[1]));
    c.push("cast", &[shape], vec![], &|g, p, _| {
        let other = if g.dtype() == DType::F32 { DType::F64 } else { DType::F32 };
        let wide = g.cast(p[0], other);
        let square = g.mul(wide, wide);
        g.cast(square, g.dtype())
    });
    c.push("a value used three times", &[shape], vec![], &|g, p, _| {
        let square = g.mul(p[0], p[0]);
        g.add(square, p[0])
    });
    // Comparisons and indices pass nothing on; the gradient of the rest has to stay right.
    c.push("a value also compared", &[shape], vec![], &|g, p, _| {
        let x = spread(g, p[0], 1.0);
        let zero = g.constant(0.0, g.ty(x));
        let positive = g.compare(CompareKind::Gt, x, zero);
        let doubled = g.affine(x, 2.0, 0.0);
        g.select(positive, doubled, x)
    });
}

fn moves(c: &mut Cases) {
    let shape: &[usize] = &[2, 3, 4];
    c.push("reshape", &[shape], vec![], &|g, p, _| g.reshape(p[0], &[6, 4]));
    c.push("permute", &[shape], vec![], &|g, p, _| g.permute(p[0], &[2, 0, 1]));
    c.push("reshape of permuted", &[shape], vec![], &|g, p, _| {
        let y = g.permute(p[0], &[2, 0, 1]);
        g.reshape(y, &[3, 8])
    });
    c.push("broadcast", &[&[2, 1, 3, 1]], vec![], &|g, p, _| g.broadcast(p[0], &[2, 4, 3, 2]));
    for (axis, start, len, step) in [(0, 1, 1, 1), (1, 0, 2, 2), (2, 1, 3, 1)] {
        let op = Op::Slice { axis, start, len, step };
        let name = format!("slice of axis {axis} by {step}");
        c.push(&name, &[shape], vec![], &|g, p, _| g.op(op.clone(), &[p[0]]));
    }
    for axis in 0..3 {
        let name = format!("concat along {axis}");
        c.push(&name, &[shape, shape], vec![], &|g, p, _| g.concat(&[p[0], p[1], p[0]], axis));
        let name = format!("pad axis {axis}");
        let op = Op::Pad { axis, before: 1, after: 2, value: 0.5 };
        c.push(&name, &[shape], vec![], &|g, p, _| g.op(op.clone(), &[p[0]]));
    }
    // Indices repeat: their gradients add up.
    for (axis, size) in [(0, 2), (1, 3), (2, 4)] {
        let ids = tensor(DType::I64, &[2, 2], &[0.0, 1.0, 1.0, (size - 1) as f64]);
        let name = format!("gather on axis {axis}");
        c.push(&name, &[shape], vec![ids], &|g, p, x| g.gather(p[0], x[0], axis));
        let mut along = shape.to_vec();
        along[axis] = 2;
        let name = format!("gather-along axis {axis}");
        let ids = integers(71, &along, 0, size);
        c.push(&name, &[shape], vec![ids], &|g, p, x| g.gather_along(p[0], x[0], axis));
        let name = format!("update-slice of axis {axis}");
        let mut part = shape.to_vec();
        part[axis] = 1;
        c.push(&name, &[shape, &part], vec![HostTensor::scalar_i64(1)], &|g, p, x| {
            g.update_slice(p[0], p[1], x[0], axis)
        });
    }
}

fn sums(c: &mut Cases) {
    for axes in [&[0][..], &[1], &[0, 2], &[0, 1, 2]] {
        let name = format!("reduce-sum over {axes:?}");
        c.push(&name, &[&[2, 3, 4]], vec![], &|g, p, _| g.sum(p[0], axes));
        let name = format!("reduce-max over {axes:?}");
        c.push(&name, &[&[2, 3, 4]], vec![], &|g, p, _| {
            let x = spread(g, p[0], 0.5);
            g.max(x, axes)
        });
    }
    c.push("matmul", &[&[3, 5], &[5, 4]], vec![], &|g, p, _| g.matmul(p[0], p[1]));
    c.push("matmul", &[&[2, 2, 3, 5], &[2, 2, 5, 4]], vec![], &|g, p, _| g.matmul(p[0], p[1]));
    c.push("matmul of broadcast and permuted operands", &[&[2, 3, 4], &[1, 5, 3]], vec![], &|g, p, _| {
        let a = g.permute(p[0], &[0, 2, 1]);
        let b = g.permute(p[1], &[0, 2, 1]);
        let b = g.broadcast(b, &[2, 3, 5]);
        g.matmul(a, b)
    });
    let convs: [(&[usize], &[usize], Conv2dAttrs); 4] = [
        (&[1, 2, 4, 4], &[3, 2, 3, 3], Conv2dAttrs { stride: [1, 1], padding: [0, 0], groups: 1 }),
        (&[2, 2, 5, 5], &[3, 2, 3, 3], Conv2dAttrs { stride: [2, 2], padding: [1, 1], groups: 1 }),
        (&[1, 2, 6, 6], &[2, 2, 2, 2], Conv2dAttrs { stride: [2, 2], padding: [0, 0], groups: 1 }),
        (&[1, 4, 4, 4], &[4, 2, 3, 3], Conv2dAttrs { stride: [1, 1], padding: [1, 1], groups: 2 }),
    ];
    for (x, w, attrs) in convs {
        let name =
            format!("conv2d stride {:?} padding {:?} groups {}", attrs.stride, attrs.padding, attrs.groups);
        let bias = &w[..1];
        c.push(&name, &[x, w, bias], vec![], &|g, p, _| g.conv2d(p[0], p[1], Some(p[2]), attrs));
    }
    for (kernel, stride, padding) in [([2, 2], [2, 2], [0, 0]), ([3, 3], [2, 2], [1, 1])] {
        let attrs = Pool2dAttrs { kernel, stride, padding };
        let tail = format!("kernel {kernel:?} stride {stride:?} padding {padding:?}");
        c.push(&format!("max-pool2d {tail}"), &[&[1, 2, 5, 4]], vec![], &|g, p, _| {
            let x = spread(g, p[0], 0.25);
            g.max_pool2d(x, attrs)
        });
        c.push(&format!("avg-pool2d {tail}"), &[&[1, 2, 5, 4]], vec![], &|g, p, _| g.avg_pool2d(p[0], attrs));
    }
}

fn composites(c: &mut Cases) {
    c.push("linear", &[&[2, 3, 5], &[4, 5], &[4]], vec![], &|g, p, _| g.linear(p[0], p[1], Some(p[2])));
    c.push("linear", &[&[3, 5], &[4, 5]], vec![], &|g, p, _| g.linear(p[0], p[1], None));
    c.push("linear in-out", &[&[3, 5], &[5, 4], &[4]], vec![], &|g, p, _| {
        g.linear_in_out(p[0], p[1], Some(p[2]))
    });
    let ids = tensor(DType::I64, &[2, 3], &[0., 4., 2., 2., 4., 4.]);
    c.push("embedding", &[&[5, 3]], vec![ids], &|g, p, x| g.embedding(x[0], p[0]));
    c.push("softmax", &[&[2, 3, 4]], vec![], &|g, p, _| g.softmax(p[0]));
    c.push("log-softmax", &[&[3, 5]], vec![], &|g, p, _| g.log_softmax(p[0]));
    let row: &[usize] = &[6];
    c.push("layer-norm", &[&[3, 6], row, row], vec![], &|g, p, _| g.layer_norm(p[0], p[1], Some(p[2]), 1e-3));
    c.push("layer-norm", &[&[2, 2, 6], row], vec![], &|g, p, _| g.layer_norm(p[0], p[1], None, 1e-3));
    c.push("rms-norm", &[&[3, 6], row], vec![], &|g, p, _| g.rms_norm(p[0], p[1], 1e-3));
    let three: &[usize] = &[3];
    c.push("batch-norm", &[&[2, 3, 2, 2], three, three, three, three], vec![], &|g, p, _| {
        let variance = g.affine(p[4], 0.25, 1.0);
        g.batch_norm(p[0], [p[1], p[2], p[3], variance], 1e-3)
    });
    let flat: &[usize] = &[3, 4];
    c.push("gelu erf", &[flat], vec![], &|g, p, _| g.gelu(p[0], GeluKind::Erf));
    c.push("gelu tanh", &[flat], vec![], &|g, p, _| g.gelu(p[0], GeluKind::Tanh));
    c.push("silu", &[flat], vec![], &|g, p, _| g.silu(p[0]));
    c.push("relu", &[flat], vec![], &|g, p, _| {
        let x = spread(g, p[0], 1.0);
        g.relu(x)
    });
    c.push("rotary", &[&[1, 2, 3, 4], &[3, 2], &[3, 2]], vec![], &|g, p, _| g.rotary(p[0], p[1], p[2]));
    let targets = tensor(DType::I64, &[4], &[0., 2., 5., 2.]);
    c.push("cross-entropy", &[&[4, 6]], vec![targets], &|g, p, x| g.cross_entropy(p[0], x[0]));
    for renormalize in [false, true] {
        let name = if renormalize { "top-2-routing renormalised" } else { "top-2-routing" };
        c.push(name, &[&[3, 5]], vec![], &|g, p, _| {
            let x = spread(g, p[0], 0.25);
            g.top_k_routing(x, 2, renormalize)
        });
    }
    let (up, down): (&[usize], &[usize]) = (&[3, 4], &[4, 3]);
    c.push("experts", &[&[3, 4], &[3, 2], up, up, down, up, up, down], vec![], &|g, p, _| {
        g.experts(p[0], p[1], &[[p[2], p[3], p[4]], [p[5], p[6], p[7]]], 2)
    });
}

fn attention(c: &mut Cases) {
    let grid: [(&str, [&[usize]; 3]); 2] = [
        ("attention", [&[2, 2, 3, 4], &[2, 2, 3, 4], &[2, 2, 3, 4]]),
        ("attention with shared key heads", [&[1, 4, 2, 4], &[1, 2, 5, 4], &[1, 2, 5, 3]]),
    ];
    for (name, shapes) in grid {
        let (s, t) = (shapes[0][2], shapes[1][2]);
        for causal in [false, true] {
            let name = if causal { format!("{name}, causal") } else { name.to_owned() };
            c.push(&name, &shapes, vec![], &|g, p, _| {
                let options = AttentionOptions { scale: 0.5, causal, mask: None, position: None };
                g.attention([p[0], p[1], p[2]], options)
            });
        }
        let mut visible = booleans(72, &[1, 1, s, t]).to_f64();
        visible.iter_mut().step_by(t).for_each(|v| *v = 1.0);
        let mask = tensor(DType::Bool, &[1, 1, s, t], &visible);
        c.push(&format!("{name}, masked"), &shapes, vec![mask], &|g, p, x| {
            let options = AttentionOptions { scale: 0.5, causal: false, mask: Some(x[0]), position: None };
            g.attention([p[0], p[1], p[2]], options)
        });
        let position = HostTensor::scalar_i64((t - s) as i64);
        c.push(&format!("{name}, at a position"), &shapes, vec![position], &|g, p, x| {
            let options = AttentionOptions { scale: 0.5, causal: true, mask: None, position: Some(x[0]) };
            g.attention([p[0], p[1], p[2]], options)
        });
    }
}

impl GradientCase {
    /// What one training step takes from each parameter: the gradients. The inner error is why the backend does not run the program.
    ///
    /// # Errors
    /// What went wrong, for people.
    pub fn gradients(&self, backend: &mut dyn Backend) -> Result<Result<Vec<HostTensor>, String>, String> {
        let mut executable = match compile(&self.program, backend, &CompileOptions::default())? {
            Ok(executable) => executable,
            Err(reason) => return Ok(Err(reason)),
        };
        self.step(&mut *executable).map(Ok).map_err(|e| with_causes(&e))
    }

    fn step(&self, executable: &mut dyn Executable) -> Result<Vec<HostTensor>, BackendError> {
        let values = |e: &mut dyn Executable| -> Result<Vec<HostTensor>, BackendError> {
            self.params.iter().map(|p| e.fetch_param(p)).collect()
        };
        let before = values(executable)?;
        let inputs: Vec<(&str, &HostTensor)> = self.inputs.iter().map(|(n, t)| (n.as_str(), t)).collect();
        executable.bind(EntryId(0), &inputs)?;
        executable.execute(EntryId(0))?;
        executable.synchronize()?;
        let after = values(executable)?;
        before
            .iter()
            .zip(&after)
            .map(|(b, a)| {
                let taken: Vec<f64> = b.to_f64().iter().zip(a.to_f64()).map(|(b, a)| b - a).collect();
                HostTensor::from_f64(Type::new(DType::F64, b.ty().shape.clone()), &taken)
            })
            .collect()
    }

    fn check(&self, backend: &mut dyn Backend, oracle: &mut dyn Backend) -> Result<Verdict, String> {
        let expected = self.gradients(oracle)?.map_err(|r| format!("the oracle cannot: {r}"))?;
        let got = match self.gradients(backend)? {
            Ok(got) => got,
            Err(reason) => return Ok(Verdict::Unsupported { reason }),
        };
        // A parameter is rounded where it lies before the step and after it, and so is the difference.
        let stored = 4.0 * BOUND * roundoff(storage(self.dtype));
        let nodes = self.program.entries.iter().flat_map(|g| &g.nodes);
        let coarsest = nodes.map(|n| roundoff(n.ty.dtype)).fold(0.0, f64::max);
        for ((name, g), e) in self.params.iter().zip(&got).zip(&expected) {
            close(g, e, self.steps * coarsest, stored).map_err(|m| format!("by `{name}`: {m}"))?;
        }
        Ok(Verdict::Passed)
    }
}

pub(super) fn check(
    backend: &mut dyn Backend,
    oracle: &mut dyn Backend,
    dtypes: &[DType],
) -> Vec<CaseReport> {
    let mut reports = Vec::new();
    for case in dtypes.iter().copied().flat_map(list) {
        reports.push(match case {
            Ok(case) => guarded(&case.name, || case.check(backend, oracle)),
            Err(report) => report,
        });
    }
    reports
}
