//! Reverse-mode differentiation of a lowered graph: one rule per op that is not decomposed in training.

use portbench_graph::{BinaryKind, Conv2dAttrs, Graph, Node, Op, ReduceKind, Type, UnaryKind, ValueId};

use crate::eval::elementwise::{each_window, reduce, window_max};
use crate::eval::layout;
use crate::eval::product::{Conv, Right, Sizes, matmul};
use crate::precision::Precision;
use crate::tensor::{Along, Tensor};

/// Gradients of a scalar, by node. Those of the sources that `wanted` names are kept; `None` where none arrives.
///
/// # Errors
/// The index of the node and the message when a value breaks its op's rule; the forward pass would have found it already.
pub(crate) fn backward(
    precision: Precision,
    graph: &Graph,
    values: &[Option<Tensor>],
    loss: ValueId,
    wanted: impl Fn(&Node) -> bool,
) -> Result<Vec<Option<Tensor>>, (usize, String)> {
    // Only what lies between a wanted source and the scalar is differentiated.
    let mut on_path: Vec<bool> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let passes = node.ty.dtype.is_float() && node.args.iter().any(|a| on_path[a.index()]);
        on_path.push(wanted(node) || passes);
    }
    let mut gradients: Vec<Option<Tensor>> = vec![None; graph.nodes.len()];
    if on_path[loss.index()] {
        gradients[loss.index()] = Some(Tensor::full(graph.node(loss).ty.clone(), 1.0));
    }
    for (i, node) in graph.nodes.iter().enumerate().rev() {
        if node.op.is_source() {
            continue;
        }
        let (Some(gradient), Some(result)) = (gradients[i].take(), &values[i]) else { continue };
        let args: Vec<&Tensor> = node.args.iter().filter_map(|a| values[a.index()].as_ref()).collect();
        let step = Step { precision, args, result, gradient: &gradient };
        for (operand, id) in node.args.iter().enumerate() {
            if !on_path[id.index()] {
                continue;
            }
            let Some(part) = step.by_operand(&node.op, operand).map_err(|m| (i, m))? else { continue };
            let slot = &mut gradients[id.index()];
            *slot = Some(match slot.take() {
                Some(sum) => step.pairs(&sum, &part, |a, b| a + b),
                None => part,
            });
        }
    }
    Ok(gradients)
}

/// One node on the way back: its operands, its result, and the gradient by its result.
struct Step<'a> {
    precision: Precision,
    args: Vec<&'a Tensor>,
    result: &'a Tensor,
    gradient: &'a Tensor,
}

impl Step<'_> {
    /// A float tensor of this type, rounded.
    fn tensor(&self, ty: &Type, values: Vec<f64>) -> Tensor {
        Tensor::float(ty.clone(), self.precision.round(ty.dtype, values))
    }

    fn pairs(&self, a: &Tensor, b: &Tensor, f: impl Fn(f64, f64) -> f64) -> Tensor {
        self.tensor(&a.ty, a.floats().iter().zip(b.floats()).map(|(&a, &b)| f(a, b)).collect())
    }

    /// `f(x, y, g)` of an operand, the result and the gradient.
    fn each(&self, x: &Tensor, f: impl Fn(f64, f64, f64) -> f64) -> Tensor {
        let triples = x.floats().iter().zip(self.result.floats().iter().zip(self.gradient.floats()));
        self.tensor(&x.ty, triples.map(|(&x, (&y, &g))| f(x, y, g)).collect())
    }

    fn sum(&self, axes: &[usize]) -> Tensor {
        reduce(self.precision, ReduceKind::Sum, self.gradient, axes)
    }

    /// Zeros like an operand, to which `add` adds.
    fn scattered(&self, x: &Tensor, add: impl FnOnce(&mut [f64], &[f64])) -> Tensor {
        let mut out = vec![0.0; x.ty.shape.elements()];
        add(&mut out, self.gradient.floats());
        self.tensor(&x.ty, out)
    }

    /// Gradient by one operand; `None` when the op has no derivative.
    fn by_operand(&self, op: &Op, operand: usize) -> Result<Option<Tensor>, String> {
        let (x, g) = (self.args[operand], self.gradient);
        Ok(Some(match op {
            Op::Unary { kind: UnaryKind::Floor } | Op::Compare { .. } | Op::ArgMax { .. } => return Ok(None),
            Op::Unary { kind } => self.each(x, |x, y, g| unary(*kind, x, y, g)),
            Op::Affine { mul, .. } => self.each(x, |_, _, g| mul * g),
            Op::Binary { kind } => {
                let (a, b) = (self.args[0].floats(), self.args[1].floats());
                let (y, g) = (self.result.floats(), g.floats());
                let by = |i: usize| binary(*kind, operand, [a[i], b[i]], y[i], g[i]);
                self.tensor(&x.ty, (0..g.len()).map(by).collect())
            }
            Op::Select => {
                let chosen = operand == 1;
                let picks = self.args[0].bools().iter().zip(g.floats());
                self.tensor(&x.ty, picks.map(|(&c, &g)| if c == chosen { g } else { 0.0 }).collect())
            }
            Op::Cast { .. } if x.ty.dtype.is_float() => self.tensor(&x.ty, g.floats().to_vec()),
            Op::Cast { .. } => return Ok(None),
            Op::Reduce { kind: ReduceKind::Sum, .. } => layout::broadcast(g, x.dims()),
            Op::Reduce { kind: ReduceKind::Max, axes } => {
                let top = layout::broadcast(self.result, x.dims());
                let hit = self.pairs(x, &top, |x, top| f64::from(x == top));
                let hits = reduce(Precision::Exact, ReduceKind::Sum, &hit, axes);
                let share = self.pairs(g, &hits, |g, n| g / n);
                self.pairs(&hit, &layout::broadcast(&share, x.dims()), |hit, g| hit * g)
            }
            Op::Reshape { .. } => g.reshaped(x.ty.shape.clone()),
            Op::Permute { axes } => {
                let mut back = vec![0; axes.len()];
                axes.iter().enumerate().for_each(|(to, &from)| back[from] = to);
                layout::permute(g, &back)
            }
            Op::Broadcast { .. } => {
                let repeated = |&a: &usize| x.dims()[a] != g.dims()[a];
                self.sum(&(0..x.dims().len()).filter(repeated).collect::<Vec<_>>())
            }
            Op::Slice { axis, start, step, .. } => {
                let (from, to) = (Along::of(x.dims(), *axis), Along::of(g.dims(), *axis));
                self.scattered(x, |out, g| {
                    for (row, g) in g.chunks(to.inner).enumerate() {
                        let at = row / to.size * from.size + start + row % to.size * step;
                        out[at * from.inner..][..from.inner].copy_from_slice(g);
                    }
                })
            }
            Op::Concat { axis } => {
                let start = self.args[..operand].iter().map(|p| p.dims()[*axis]).sum();
                layout::slice(g, *axis, start, x.dims()[*axis], 1)
            }
            Op::Pad { axis, before, .. } => layout::slice(g, *axis, *before, x.dims()[*axis], 1),
            Op::MatMul if operand == 0 => matmul(self.precision, g, self.args[1], Right::NxK, &x.ty),
            Op::MatMul => {
                let mut axes: Vec<usize> = (0..x.dims().len()).collect();
                axes.swap(x.dims().len() - 2, x.dims().len() - 1);
                let turned = layout::permute(self.args[0], &axes);
                matmul(self.precision, &turned, g, Right::KxN, &x.ty)
            }
            Op::Linear { in_out } => self.linear(*in_out, operand),
            Op::Embedding => self.gathered(x, self.args[0].ints(), 0)?,
            Op::Conv2d(_) if operand == 2 => self.sum(&[0, 2, 3]).reshaped(x.ty.shape.clone()),
            Op::Conv2d(attrs) => self.conv2d(attrs, operand),
            Op::MaxPool2d(attrs) => {
                let v = x.floats();
                self.scattered(x, |out, g| {
                    each_window(attrs, x.dims(), self.gradient.dims(), |o, window| {
                        out[window_max(v, window)] += g[o];
                    });
                })
            }
            Op::AvgPool2d(attrs) => {
                let cells = (attrs.kernel[0] * attrs.kernel[1]) as f64;
                self.scattered(x, |out, g| {
                    each_window(attrs, x.dims(), self.gradient.dims(), |o, window| {
                        window.iter().for_each(|&i| out[i] += g[o] / cells);
                    });
                })
            }
            Op::Gather { axis } => self.gathered(x, self.args[1].ints(), *axis)?,
            Op::GatherAlong { axis } => {
                let at = layout::positions_along(x.dims(), self.args[1], *axis)?;
                self.scattered(x, |out, g| at.iter().zip(g).for_each(|(&i, g)| out[i] += g))
            }
            Op::UpdateSlice { axis } => {
                let update = self.args[1];
                let start = layout::start_of(self.args[0].dims(), update.dims(), self.args[2], *axis)?;
                if operand == 1 {
                    layout::slice(g, *axis, start, x.dims()[*axis], 1)
                } else {
                    let nothing = Tensor::full(update.ty.clone(), 0.0);
                    layout::update_slice(g.clone(), &nothing, self.args[2], *axis)?
                }
            }
            op => unreachable!("{} has no gradient rule; it is decomposed in training", op.name()),
        }))
    }

    /// Gradient by the operand that `ids` picked rows of: those of one row add up.
    fn gathered(&self, x: &Tensor, ids: &[i64], axis: usize) -> Result<Tensor, String> {
        let a = Along::of(x.dims(), axis);
        let at: Vec<usize> = ids.iter().map(|&id| layout::index(id, a.size)).collect::<Result<_, _>>()?;
        Ok(self.scattered(x, |out, g| {
            for (row, g) in g.chunks(a.inner).enumerate() {
                let to = (row / at.len() * a.size + at[row % at.len()]) * a.inner;
                out[to..][..a.inner].iter_mut().zip(g).for_each(|(o, g)| *o += g);
            }
        }))
    }

    /// With `y = x w`: by `x` it is `g w^T`, by `w` it is `x^T g`, by the bias the sum of rows.
    fn linear(&self, in_out: bool, operand: usize) -> Tensor {
        let (x, w, g) = (self.args[0], self.args[1], self.gradient);
        let n = g.dims()[g.dims().len() - 1];
        let k = x.dims()[x.dims().len() - 1];
        let m = x.ty.shape.elements() / k;
        let product = |a: &[f64], b: &[f64], s, right| self.precision.product(g.ty.dtype, a, b, s, right);
        let values = match (operand, in_out) {
            (0, false) => product(g.floats(), w.floats(), Sizes { m, k: n, n: k }, Right::KxN),
            (0, true) => product(g.floats(), w.floats(), Sizes { m, k: n, n: k }, Right::NxK),
            (1, false) => {
                product(&transposed(g.floats(), m, n), x.floats(), Sizes { m: n, k: m, n: k }, Right::KxN)
            }
            (1, true) => {
                product(&transposed(x.floats(), m, k), g.floats(), Sizes { m: k, k: m, n }, Right::KxN)
            }
            _ => return reduce(self.precision, ReduceKind::Sum, &g.reshaped([m, n]), &[0]).reshaped([n]),
        };
        self.tensor(&self.args[operand].ty, values)
    }

    fn conv2d(&self, attrs: &Conv2dAttrs, operand: usize) -> Tensor {
        let (x, w, g) = (self.args[0], self.args[1], self.gradient);
        let conv = Conv::of(attrs, x.dims(), w.dims(), g.dims());
        let (filters, taps, pixels) = (conv.filters, conv.taps(), conv.pixels());
        let dtype = g.ty.dtype;
        let mut out = vec![0.0; self.args[operand].ty.shape.elements()];
        // Image by image, group by group, as the forward pass lays them out.
        for (i, g) in g.floats().chunks(filters * pixels).enumerate() {
            let group = i % attrs.groups;
            let weights = &w.floats()[group * filters * taps..][..filters * taps];
            if operand == 0 {
                let s = Sizes { m: taps, k: filters, n: pixels };
                let turned = transposed(weights, filters, taps);
                let columns = self.precision.product(dtype, &turned, g, s, Right::KxN);
                let image = &mut out[i * conv.input_size()..][..conv.input_size()];
                conv.each_tap(|from, to| image[to] += columns[from]);
            } else {
                let s = Sizes { m: filters, k: pixels, n: taps };
                let columns = conv.columns(&x.floats()[i * conv.input_size()..][..conv.input_size()]);
                let part = self.precision.product(dtype, g, &columns, s, Right::NxK);
                let to = &mut out[group * filters * taps..][..filters * taps];
                to.iter_mut().zip(part).for_each(|(o, p)| *o += p);
            }
        }
        self.tensor(&self.args[operand].ty, out)
    }
}

/// `[rows, columns]` to `[columns, rows]`.
fn transposed(values: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..columns).flat_map(|c| (0..rows).map(move |r| values[r * columns + c])).collect()
}

/// `g` times the derivative at `x`, where the function is `y`.
fn unary(kind: UnaryKind, x: f64, y: f64, g: f64) -> f64 {
    match kind {
        UnaryKind::Neg => -g,
        UnaryKind::Abs if x == 0.0 => 0.0,
        UnaryKind::Abs => g * x.signum(),
        UnaryKind::Exp => g * y,
        UnaryKind::Log => g / x,
        UnaryKind::Sqrt => g / (2.0 * y),
        UnaryKind::Recip => -g * y * y,
        UnaryKind::Tanh => g * (1.0 - y * y),
        UnaryKind::Erf => g * std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp(),
        UnaryKind::Sin => g * x.cos(),
        UnaryKind::Cos => -g * x.sin(),
        UnaryKind::Floor => unreachable!("floor passes no gradient on"),
    }
}

/// `g` times the derivative of `y = a op b` by one of the two.
fn binary(kind: BinaryKind, operand: usize, [a, b]: [f64; 2], y: f64, g: f64) -> f64 {
    let first = operand == 0;
    match kind {
        BinaryKind::Add => g,
        BinaryKind::Sub if first => g,
        BinaryKind::Sub => -g,
        BinaryKind::Mul if first => g * b,
        BinaryKind::Mul => g * a,
        BinaryKind::Div if first => g / b,
        BinaryKind::Div => -g * y / b,
        BinaryKind::Pow if b == 0.0 && first => 0.0,
        BinaryKind::Pow if first => g * b * a.powf(b - 1.0),
        BinaryKind::Pow if a == 0.0 && b >= 0.0 => 0.0,
        BinaryKind::Pow => g * y * a.ln(),
        BinaryKind::Maximum | BinaryKind::Minimum if a == b => g / 2.0,
        BinaryKind::Maximum => {
            if (a > b) == first {
                g
            } else {
                0.0
            }
        }
        BinaryKind::Minimum => {
            if (a < b) == first {
                g
            } else {
                0.0
            }
        }
    }
}
