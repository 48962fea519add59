//! Core ops over element types and shapes.

use portbench_graph::{
    BinaryKind, CompareKind, Conv2dAttrs, DType, Op, Pool2dAttrs, ReduceKind, Type, UnaryKind,
};

use crate::conformance::case::{Case, FLOATS, around_zero, booleans, dot, floats, integers, tensor};
use crate::tensor::HostTensor;

const SHAPES: [&[usize]; 6] = [&[], &[1], &[7], &[3, 5], &[2, 3, 4], &[2, 1, 3, 2, 2]];

/// One correctly rounded operation.
const ROUNDED: f64 = 2.0;
/// One call into a mathematical library.
const FUNCTION: f64 = 8.0;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for dtype in FLOATS {
        elementwise(&mut cases, dtype);
        reductions(&mut cases, dtype);
        windows(&mut cases, dtype);
        products(&mut cases, dtype);
        special_values(&mut cases, dtype);
    }
    for dtype in DType::ALL {
        sources(&mut cases, dtype);
        layout(&mut cases, dtype);
        indexing(&mut cases, dtype);
        for to in DType::ALL {
            casts(&mut cases, dtype, to);
        }
    }
    whole_numbers(&mut cases);
    cases
}

/// Values of any element type.
fn any(seed: u64, dtype: DType, shape: &[usize]) -> HostTensor {
    match dtype {
        DType::I64 => integers(seed, shape, -9, 10),
        DType::Bool => booleans(seed, shape),
        _ => around_zero(seed, dtype, shape),
    }
}

fn elementwise(cases: &mut Vec<Case>, dtype: DType) {
    for shape in SHAPES {
        for kind in UnaryKind::ALL {
            let (steps, low, high) = match kind {
                UnaryKind::Neg | UnaryKind::Abs | UnaryKind::Floor => (0.0, -3.0, 3.0),
                UnaryKind::Sqrt | UnaryKind::Recip => (ROUNDED, 0.25, 4.0),
                UnaryKind::Log => (FUNCTION, 0.25, 4.0),
                _ => (FUNCTION, -3.0, 3.0),
            };
            let x = floats(1, dtype, shape, low, high);
            cases.push(Case::new(kind.name(), dtype, steps, vec![x], |g, x| g.unary(kind, x[0])));
        }
        for kind in BinaryKind::ALL {
            let (steps, low) = match kind {
                BinaryKind::Maximum | BinaryKind::Minimum => (0.0, -2.0),
                BinaryKind::Pow => (FUNCTION, 0.25),
                _ => (ROUNDED, -2.0),
            };
            let b_low = if kind == BinaryKind::Div { 0.5 } else { -2.0 };
            let args = vec![floats(2, dtype, shape, low, 2.0), floats(3, dtype, shape, b_low, 2.0)];
            cases.push(Case::new(kind.name(), dtype, steps, args, |g, x| g.binary(kind, x[0], x[1])));
        }
        for kind in CompareKind::ALL {
            // Few distinct values, so that equality happens.
            let args = vec![integers(4, shape, 0, 3).cast(dtype), integers(5, shape, 0, 3).cast(dtype)];
            cases.push(Case::new(kind.name(), dtype, 0.0, args, |g, x| g.compare(kind, x[0], x[1])));
        }
        let x = around_zero(6, dtype, shape);
        cases.push(Case::new("affine", dtype, 4.0, vec![x], |g, x| g.affine(x[0], 0.5, -0.75)));
    }
}

fn reductions(cases: &mut Vec<Case>, dtype: DType) {
    let grid: [(&[usize], &[usize]); 8] = [
        (&[7], &[0]),
        (&[3, 5], &[0]),
        (&[3, 5], &[1]),
        (&[3, 5], &[0, 1]),
        (&[2, 3, 4], &[1]),
        (&[2, 3, 4], &[0, 2]),
        (&[1, 300], &[1]),
        (&[2, 2, 3, 1, 2], &[1, 2, 4]),
    ];
    for (shape, axes) in grid {
        for kind in [ReduceKind::Sum, ReduceKind::Max] {
            let n: usize = axes.iter().map(|&a| shape[a]).product();
            let steps = if kind == ReduceKind::Max { 0.0 } else { dot(dtype, n) };
            let op = Op::Reduce { kind, axes: axes.to_vec() };
            let x = floats(7, dtype, shape, -1.0, 2.0);
            let name = format!("{} over {axes:?}", op.name());
            cases.push(Case::new(&name, dtype, steps, vec![x], |g, x| g.op(op, &[x[0]])));
        }
        for &axis in axes {
            let x = around_zero(8, dtype, shape);
            let name = format!("arg-max over {axis}");
            cases.push(Case::new(&name, dtype, 0.0, vec![x], |g, x| g.arg_max(x[0], axis)));
        }
    }
    // In 16 bits a running sum of ones would stop growing long before 3000.
    let ones = tensor(dtype, &[2, 3000], &[1.0; 6000]);
    cases.push(Case::new("reduce-sum of ones", dtype, ROUNDED, vec![ones.clone()], |g, x| g.sum(x[0], &[1])));
    cases.push(Case::new("matmul of ones", dtype, ROUNDED, vec![ones], |g, x| {
        let turned = g.permute(x[0], &[1, 0]);
        g.matmul(x[0], turned)
    }));
    let ties = tensor(dtype, &[2, 5], &[0., 3., 1., 3., 2., -1., -1., -1., -1., -1.]);
    cases.push(Case::new("arg-max among equals", dtype, 0.0, vec![ties], |g, x| g.arg_max(x[0], 1)));
}

fn products(cases: &mut Vec<Case>, dtype: DType) {
    let grid: [(&[usize], usize, usize, usize); 6] = [
        (&[], 1, 1, 1),
        (&[], 3, 5, 4),
        (&[], 1, 33, 17),
        (&[2], 4, 8, 3),
        (&[2, 3], 5, 7, 2),
        (&[1], 65, 129, 66),
    ];
    for (lead, m, k, n) in grid {
        let a = around_zero(9, dtype, &[lead, &[m, k]].concat());
        let b = around_zero(10, dtype, &[lead, &[k, n]].concat());
        cases.push(Case::new("matmul", dtype, dot(dtype, k), vec![a, b], |g, x| g.matmul(x[0], x[1])));
    }
    let a = around_zero(9, dtype, &[2, 3, 4, 5]);
    let b = around_zero(10, dtype, &[2, 3, 6, 5]);
    cases.push(Case::new("matmul by a transposed operand", dtype, dot(dtype, 5), vec![a, b], |g, x| {
        let b = g.permute(x[1], &[0, 1, 3, 2]);
        g.matmul(x[0], b)
    }));
    let a = around_zero(9, dtype, &[2, 4, 3, 5]);
    let b = around_zero(10, dtype, &[1, 5, 6]);
    cases.push(Case::new(
        "matmul of permuted and broadcast operands",
        dtype,
        dot(dtype, 5),
        vec![a, b],
        |g, x| {
            let a = g.permute(x[0], &[0, 2, 1, 3]);
            let b = g.reshape(x[1], &[1, 1, 5, 6]);
            let b = g.broadcast(b, &[2, 3, 5, 6]);
            g.matmul(a, b)
        },
    ));
}

fn windows(cases: &mut Vec<Case>, dtype: DType) {
    let attrs = |stride, padding, groups| Conv2dAttrs { stride, padding, groups };
    let grid: [(&[usize], &[usize], Conv2dAttrs); 6] = [
        (&[1, 1, 3, 3], &[1, 1, 1, 1], attrs([1, 1], [0, 0], 1)),
        (&[2, 3, 7, 6], &[4, 3, 3, 3], attrs([1, 1], [1, 1], 1)),
        (&[1, 3, 8, 8], &[5, 3, 3, 3], attrs([2, 2], [1, 1], 1)),
        (&[1, 2, 6, 9], &[3, 2, 2, 3], attrs([2, 3], [0, 1], 1)),
        (&[2, 4, 5, 5], &[6, 2, 3, 3], attrs([1, 1], [1, 1], 2)),
        (&[1, 4, 5, 5], &[4, 1, 3, 3], attrs([1, 1], [1, 1], 4)),
    ];
    for (x, w, attrs) in grid {
        let name =
            format!("conv2d stride {:?} padding {:?} groups {}", attrs.stride, attrs.padding, attrs.groups);
        let args = vec![around_zero(11, dtype, x), around_zero(12, dtype, w)];
        let steps = dot(dtype, w[1] * w[2] * w[3]);
        cases.push(Case::new(&name, dtype, steps, args.clone(), |g, x| g.conv2d(x[0], x[1], None, attrs)));
        let args = [args, vec![around_zero(13, dtype, &w[..1])]].concat();
        cases.push(Case::new(&name, dtype, steps, args, |g, x| g.conv2d(x[0], x[1], Some(x[2]), attrs)));
    }
    let pools = [
        ([2, 2], [2, 2], [0, 0]),
        ([3, 3], [2, 2], [1, 1]),
        ([3, 2], [1, 2], [0, 0]),
        ([1, 1], [1, 1], [0, 0]),
    ];
    for (kernel, stride, padding) in pools {
        let attrs = Pool2dAttrs { kernel, stride, padding };
        let tail = format!("kernel {kernel:?} stride {stride:?} padding {padding:?}");
        // All negative: padding must not win a maximum.
        let x = floats(14, dtype, &[2, 3, 7, 6], -3.0, -1.0);
        let name = format!("max-pool2d {tail}");
        cases.push(Case::new(&name, dtype, 0.0, vec![x.clone()], |g, x| g.max_pool2d(x[0], attrs)));
        let name = format!("avg-pool2d {tail}");
        cases.push(Case::new(&name, dtype, 16.0, vec![x], |g, x| g.avg_pool2d(x[0], attrs)));
    }
}

fn special_values(cases: &mut Vec<Case>, dtype: DType) {
    let inf = f64::INFINITY;
    let x = tensor(dtype, &[5], &[0.0, inf, -inf, 1.0, -1.0]);
    for kind in [UnaryKind::Exp, UnaryKind::Abs, UnaryKind::Neg, UnaryKind::Tanh, UnaryKind::Erf] {
        let name = format!("{} of infinities", kind.name());
        cases.push(Case::new(&name, dtype, FUNCTION, vec![x.clone()], |g, x| g.unary(kind, x[0])));
    }
    let nan = tensor(dtype, &[4], &[f64::NAN, 1.0, f64::NAN, -2.0]);
    let other = tensor(dtype, &[4], &[1.0, f64::NAN, f64::NAN, 3.0]);
    for kind in [BinaryKind::Add, BinaryKind::Mul] {
        let args = vec![nan.clone(), other.clone()];
        let name = format!("{} of NaN", kind.name());
        cases.push(Case::new(&name, dtype, ROUNDED, args, |g, x| g.binary(kind, x[0], x[1])));
    }
    for kind in CompareKind::ALL {
        let args = vec![nan.clone(), other.clone()];
        let name = format!("{} of NaN", kind.name());
        cases.push(Case::new(&name, dtype, 0.0, args, |g, x| g.compare(kind, x[0], x[1])));
    }
    cases.push(Case::new("reduce-sum of NaN", dtype, ROUNDED, vec![nan], |g, x| g.sum(x[0], &[0])));
}

fn sources(cases: &mut Vec<Case>, dtype: DType) {
    for shape in SHAPES {
        let ty = Type::new(dtype, shape);
        let x = any(15, dtype, shape);
        // The input takes part so that nothing can be folded away before execution.
        let with_input = |g: &mut portbench_graph::GraphBuilder<'_>, x, made| {
            let same = g.compare(CompareKind::Eq, x, x);
            g.select(same, made, x)
        };
        let steps = if dtype.is_float() { ROUNDED } else { 0.0 };
        let value = if dtype == DType::Bool { 1.0 } else { 3.25 };
        let inputs = vec![x.clone()];
        cases.push(Case::new("constant", dtype, steps, inputs, |g, x| {
            let made = g.constant(value, ty.clone());
            with_input(g, x[0], made)
        }));
        let values: Vec<f64> = (0..ty.shape.elements()).map(|i| (i % 2) as f64).collect();
        let inputs = vec![x.clone()];
        cases.push(Case::new("literal", dtype, steps, inputs, |g, x| {
            let made = g.literal(&values, ty.clone());
            with_input(g, x[0], made)
        }));
        for axis in 0..if dtype == DType::Bool { 0 } else { shape.len() } {
            let name = format!("iota along {axis}");
            cases.push(Case::new(&name, dtype, 0.0, vec![x.clone()], |g, x| {
                let made = g.iota(axis, ty.clone());
                with_input(g, x[0], made)
            }));
        }
        let args = vec![booleans(16, shape), x.clone(), any(17, dtype, shape)];
        cases.push(Case::new("select", dtype, 0.0, args, |g, x| g.select(x[0], x[1], x[2])));
    }
}

fn layout(cases: &mut Vec<Case>, dtype: DType) {
    let x = any(18, dtype, &[2, 3, 4]);
    let mut push = |name: &str,
                    args: Vec<HostTensor>,
                    build: &dyn Fn(
        &mut portbench_graph::GraphBuilder<'_>,
        &[portbench_graph::Value],
    ) -> portbench_graph::Value| {
        cases.push(Case::new(name, dtype, 0.0, args, build));
    };
    for shape in [&[24][..], &[6, 4], &[1, 2, 3, 2, 2]] {
        push(&format!("reshape to {shape:?}"), vec![x.clone()], &|g, x| g.reshape(x[0], shape));
    }
    for axes in [[0, 2, 1], [1, 0, 2], [2, 0, 1], [2, 1, 0]] {
        push(&format!("permute {axes:?}"), vec![x.clone()], &|g, x| g.permute(x[0], &axes));
        push(&format!("reshape after permute {axes:?}"), vec![x.clone()], &|g, x| {
            let y = g.permute(x[0], &axes);
            g.reshape(y, &[4, 6])
        });
    }
    push("permute of rank 4", vec![any(18, dtype, &[2, 3, 4, 2])], &|g, x| g.permute(x[0], &[0, 2, 1, 3]));
    for (from, to) in [
        (&[1, 3][..], &[2, 3][..]),
        (&[2, 1], &[2, 3]),
        (&[1, 3, 1], &[2, 3, 4]),
        (&[1], &[5]),
        (&[2, 1, 3, 1], &[2, 4, 3, 2]),
    ] {
        push(&format!("broadcast to {to:?}"), vec![any(19, dtype, from)], &|g, x| g.broadcast(x[0], to));
    }
    push("reshape after broadcast", vec![any(19, dtype, &[2, 1, 3])], &|g, x| {
        let y = g.broadcast(x[0], &[2, 4, 3]);
        g.reshape(y, &[8, 3])
    });
    for (axis, start, len, step) in [(0, 1, 1, 1), (1, 0, 2, 1), (1, 0, 2, 2), (2, 1, 3, 1), (2, 0, 2, 3)] {
        let name = format!("slice of axis {axis} from {start}, {len} by {step}");
        push(&name, vec![x.clone()], &|g, x| g.op(Op::Slice { axis, start, len, step }, &[x[0]]));
    }
    for axis in 0..3 {
        push(&format!("concat along {axis}"), vec![x.clone(), any(20, dtype, &[2, 3, 4])], &|g, x| {
            let part = g.slice(x[1], axis, 1, 1);
            g.concat(&[x[0], part, x[1]], axis)
        });
        push(&format!("concat of permuted along {axis}"), vec![x.clone()], &|g, x| {
            let a = g.permute(x[0], &[1, 0, 2]);
            g.concat(&[a, a], axis)
        });
        let value = if dtype == DType::Bool { 1.0 } else { -1.5 };
        for (before, after) in [(1, 2), (0, 1), (2, 0), (0, 0)] {
            let value = if dtype == DType::I64 { -3.0 } else { value };
            push(&format!("pad axis {axis} by {before} and {after}"), vec![x.clone()], &|g, x| {
                g.op(Op::Pad { axis, before, after, value }, &[x[0]])
            });
        }
    }
    push("concat of one", vec![x.clone()], &|g, x| g.concat(&[x[0]], 1));
}

fn indexing(cases: &mut Vec<Case>, dtype: DType) {
    for (shape, axis) in [(&[5][..], 0), (&[4, 3], 0), (&[3, 4], 1), (&[2, 4, 3], 1)] {
        for ids in [&[][..], &[3], &[2, 2]] {
            let args = vec![any(21, dtype, shape), integers(22, ids, 0, shape[axis] as i64)];
            let name = format!("gather on axis {axis}");
            cases.push(Case::new(&name, dtype, 0.0, args, |g, x| g.gather(x[0], x[1], axis)));
        }
        let mut ids = shape.to_vec();
        ids[axis] = 2;
        let args = vec![any(21, dtype, shape), integers(23, &ids, 0, shape[axis] as i64)];
        let name = format!("gather-along axis {axis}");
        cases.push(Case::new(&name, dtype, 0.0, args, |g, x| g.gather_along(x[0], x[1], axis)));
        for start in [0, shape[axis] - 2] {
            let args =
                vec![any(24, dtype, shape), any(25, dtype, &ids), HostTensor::scalar_i64(start as i64)];
            let name = format!("update-slice of axis {axis} at {start}");
            cases.push(Case::new(&name, dtype, 0.0, args, |g, x| g.update_slice(x[0], x[1], x[2], axis)));
        }
    }
    let args = vec![any(21, dtype, &[3, 4]), integers(22, &[2], 0, 3)];
    cases.push(Case::new("gather from a permuted operand", dtype, 0.0, args, |g, x| {
        let t = g.permute(x[0], &[1, 0]);
        g.gather(t, x[1], 1)
    }));
}

fn casts(cases: &mut Vec<Case>, from: DType, to: DType) {
    if from == to {
        return;
    }
    let x = match from {
        DType::I64 => integers(26, &[3, 4], -200, 200),
        DType::Bool => booleans(26, &[3, 4]),
        _ => {
            // Fractions of either sign, and a zero for the way to bool.
            let mut values = around_zero(26, from, &[12]).to_f64();
            values[5] = 0.0;
            values[7] = -1.75;
            tensor(from, &[3, 4], &values)
        }
    };
    // The tolerance is that of the narrower side; whole numbers and what widens stay as they are.
    let exact = !to.is_float() || !from.is_float() || from.size() < to.size();
    let steps = if exact && to != DType::Bf16 { 0.0 } else { ROUNDED };
    let name = format!("cast to {to}");
    cases.push(Case::new(&name, to, steps, vec![x], |g, x| g.cast(x[0], to)));
}

fn whole_numbers(cases: &mut Vec<Case>) {
    let dtype = DType::I64;
    for shape in SHAPES {
        for kind in BinaryKind::ALL {
            if matches!(kind, BinaryKind::Div | BinaryKind::Pow) {
                continue;
            }
            let args = vec![integers(27, shape, -50, 50), integers(28, shape, -50, 50)];
            cases.push(Case::new(kind.name(), dtype, 0.0, args, |g, x| g.binary(kind, x[0], x[1])));
        }
        for kind in CompareKind::ALL {
            let args = vec![integers(27, shape, 0, 3), integers(28, shape, 0, 3)];
            cases.push(Case::new(kind.name(), dtype, 0.0, args, |g, x| g.compare(kind, x[0], x[1])));
            let args = vec![booleans(27, shape), booleans(28, shape)];
            cases.push(Case::new(kind.name(), DType::Bool, 0.0, args, |g, x| g.compare(kind, x[0], x[1])));
        }
        for kind in [UnaryKind::Neg, UnaryKind::Abs] {
            let x = integers(29, shape, -50, 50);
            cases.push(Case::new(kind.name(), dtype, 0.0, vec![x], |g, x| g.unary(kind, x[0])));
        }
    }
    for (kind, axes) in
        [(ReduceKind::Sum, vec![1]), (ReduceKind::Max, vec![0]), (ReduceKind::Sum, vec![0, 1])]
    {
        let op = Op::Reduce { kind, axes };
        let x = integers(30, &[3, 4], -50, 50);
        cases.push(Case::new(op.name(), dtype, 0.0, vec![x], |g, x| g.op(op, &[x[0]])));
    }
    // Beyond what f64 holds exactly: integer arithmetic done in floats shows here.
    let big = 1i64 << 53;
    let name = "add beyond 2^53";
    let one = tensor(dtype, &[2], &[1.0, -3.0]);
    let base = tensor(dtype, &[2], &[big as f64, -(big as f64)]);
    cases.push(Case::new(name, dtype, 0.0, vec![base, one], |g, x| {
        let sum = g.add(x[0], x[1]);
        let base = g.constant(big as f64, Type::new(dtype, [2]));
        g.sub(sum, base)
    }));
}
