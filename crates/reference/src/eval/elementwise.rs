//! Ops on one element at a time, reductions and pooling.

use portbench_graph::{BinaryKind, CompareKind, DType, Pool2dAttrs, ReduceKind, Type, UnaryKind};

use crate::precision::Precision;
use crate::tensor::{Along, Data, Tensor};

pub(crate) fn unary(kind: UnaryKind, x: f64) -> f64 {
    match kind {
        UnaryKind::Neg => -x,
        UnaryKind::Abs => x.abs(),
        UnaryKind::Exp => x.exp(),
        UnaryKind::Log => x.ln(),
        UnaryKind::Sqrt => x.sqrt(),
        UnaryKind::Recip => 1.0 / x,
        UnaryKind::Tanh => x.tanh(),
        UnaryKind::Erf => libm::erf(x),
        UnaryKind::Sin => x.sin(),
        UnaryKind::Cos => x.cos(),
        UnaryKind::Floor => x.floor(),
    }
}

pub(crate) fn unary_int(kind: UnaryKind, x: i64) -> i64 {
    match kind {
        UnaryKind::Neg => x.wrapping_neg(),
        UnaryKind::Abs => x.wrapping_abs(),
        _ => unreachable!("a verified graph applies only neg and abs to i64"),
    }
}

/// The larger; NaN when either is NaN.
pub(crate) fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

fn smaller(a: f64, b: f64) -> f64 {
    if a.is_nan() || a < b { a } else { b }
}

pub(crate) fn binary(kind: BinaryKind, a: f64, b: f64) -> f64 {
    match kind {
        BinaryKind::Add => a + b,
        BinaryKind::Sub => a - b,
        BinaryKind::Mul => a * b,
        BinaryKind::Div => a / b,
        BinaryKind::Pow => a.powf(b),
        BinaryKind::Maximum => larger(a, b),
        BinaryKind::Minimum => smaller(a, b),
    }
}

pub(crate) fn binary_int(kind: BinaryKind, a: i64, b: i64) -> i64 {
    match kind {
        BinaryKind::Add => a.wrapping_add(b),
        BinaryKind::Sub => a.wrapping_sub(b),
        BinaryKind::Mul => a.wrapping_mul(b),
        BinaryKind::Maximum => a.max(b),
        BinaryKind::Minimum => a.min(b),
        BinaryKind::Div | BinaryKind::Pow => unreachable!("a verified graph divides floats only"),
    }
}

fn compare_elements<T: PartialOrd>(kind: CompareKind, a: &[T], b: &[T]) -> Vec<bool> {
    let holds = |(a, b): (&T, &T)| match kind {
        CompareKind::Eq => a == b,
        CompareKind::Ne => a != b,
        CompareKind::Lt => a < b,
        CompareKind::Le => a <= b,
        CompareKind::Gt => a > b,
        CompareKind::Ge => a >= b,
    };
    a.iter().zip(b).map(holds).collect()
}

pub(crate) fn compare(kind: CompareKind, a: &Tensor, b: &Tensor) -> Data {
    Data::Bool(match (&*a.data, &*b.data) {
        (Data::Float(a), Data::Float(b)) => compare_elements(kind, a, b),
        (Data::Int(a), Data::Int(b)) => compare_elements(kind, a, b),
        (Data::Bool(a), Data::Bool(b)) => compare_elements(kind, a, b),
        _ => unreachable!("a verified graph compares one element type"),
    })
}

pub(crate) fn select(condition: &Tensor, a: &Tensor, b: &Tensor) -> Data {
    fn pick<T: Copy>(condition: &[bool], a: &[T], b: &[T]) -> Vec<T> {
        condition.iter().zip(a.iter().zip(b)).map(|(&c, (&a, &b))| if c { a } else { b }).collect()
    }
    let c = condition.bools();
    match (&*a.data, &*b.data) {
        (Data::Float(a), Data::Float(b)) => Data::Float(pick(c, a, b)),
        (Data::Int(a), Data::Int(b)) => Data::Int(pick(c, a, b)),
        (Data::Bool(a), Data::Bool(b)) => Data::Bool(pick(c, a, b)),
        _ => unreachable!("a verified graph selects from one element type"),
    }
}

pub(crate) fn cast(precision: Precision, x: &Tensor, to: DType) -> Tensor {
    let data = match (&*x.data, to) {
        (Data::Float(v), DType::I64) => Data::Int(v.iter().map(|&v| v as i64).collect()),
        (Data::Float(v), DType::Bool) => Data::Bool(v.iter().map(|&v| v != 0.0).collect()),
        (Data::Float(v), _) => Data::Float(precision.round(to, v.clone())),
        (Data::Int(v), DType::I64) => Data::Int(v.clone()),
        (Data::Int(v), DType::Bool) => Data::Bool(v.iter().map(|&v| v != 0).collect()),
        (Data::Int(v), _) => Data::Float(precision.round(to, v.iter().map(|&v| v as f64).collect())),
        (Data::Bool(v), DType::I64) => Data::Int(v.iter().map(|&v| i64::from(v)).collect()),
        (Data::Bool(v), DType::Bool) => Data::Bool(v.clone()),
        (Data::Bool(v), _) => Data::Float(v.iter().map(|&v| f64::from(v)).collect()),
    };
    Tensor::new(Type::new(to, x.ty.shape.clone()), data)
}

/// Folds one axis away (to size 1), in order of its index.
fn fold<T: Copy>(x: &[T], a: Along, combine: impl Fn(T, T) -> T) -> Vec<T> {
    let mut out = Vec::with_capacity(a.outer * a.inner);
    for block in x.chunks(a.size * a.inner) {
        let start = out.len();
        out.extend_from_slice(&block[..a.inner]);
        for row in block[a.inner..].chunks(a.inner) {
            for (total, &v) in out[start..].iter_mut().zip(row) {
                *total = combine(*total, v);
            }
        }
    }
    out
}

pub(crate) fn reduce(precision: Precision, kind: ReduceKind, x: &Tensor, axes: &[usize]) -> Tensor {
    let mut shape = x.ty.shape.clone();
    let mut data = (*x.data).clone();
    for &axis in axes {
        let a = Along::of(shape.dims(), axis);
        data = match (data, kind) {
            (Data::Float(v), ReduceKind::Sum) if precision.sums_in_f32(x.ty.dtype) => {
                Data::Float(fold(&v, a, |s, v| f64::from(s as f32 + v as f32)))
            }
            (Data::Float(v), ReduceKind::Sum) => Data::Float(fold(&v, a, |s, v| s + v)),
            (Data::Float(v), ReduceKind::Max) => Data::Float(fold(&v, a, larger)),
            (Data::Int(v), ReduceKind::Sum) => Data::Int(fold(&v, a, i64::wrapping_add)),
            (Data::Int(v), ReduceKind::Max) => Data::Int(fold(&v, a, i64::max)),
            (Data::Bool(_), _) => unreachable!("a verified graph reduces numbers"),
        };
        shape = shape.with(axis, 1);
    }
    let ty = Type::new(x.ty.dtype, shape);
    match data {
        Data::Float(v) => Tensor::float(ty, precision.round(x.ty.dtype, v)),
        other => Tensor::new(ty, other),
    }
}

/// Index of the largest of `n` values; the lowest among equals, and the first NaN before all.
pub(crate) fn arg_max_of(n: usize, at: impl Fn(usize) -> f64) -> usize {
    (1..n).fold(0, |best, i| {
        let (b, v) = (at(best), at(i));
        if !b.is_nan() && (v.is_nan() || v > b) { i } else { best }
    })
}

pub(crate) fn arg_max(x: &Tensor, axis: usize, ty: &Type) -> Tensor {
    let a = Along::of(x.dims(), axis);
    let v = x.floats();
    let indices = (0..a.outer * a.inner)
        .map(|i| {
            let first = i / a.inner * a.size * a.inner + i % a.inner;
            arg_max_of(a.size, |j| v[first + j * a.inner]) as i64
        })
        .collect();
    Tensor::new(ty.clone(), Data::Int(indices))
}

/// Calls `visit(output index, input indices of its window)` for every window of a pooling.
pub(crate) fn each_window(
    attrs: &Pool2dAttrs,
    x: &[usize],
    out: &[usize],
    mut visit: impl FnMut(usize, &[usize]),
) {
    let mut window = Vec::with_capacity(attrs.kernel[0] * attrs.kernel[1]);
    let mut index = 0;
    for plane in 0..x[0] * x[1] {
        for y in 0..out[2] {
            for z in 0..out[3] {
                window.clear();
                for i in 0..attrs.kernel[0] {
                    let row = (y * attrs.stride[0] + i).checked_sub(attrs.padding[0]);
                    let Some(row) = row.filter(|&r| r < x[2]) else { continue };
                    for j in 0..attrs.kernel[1] {
                        let column = (z * attrs.stride[1] + j).checked_sub(attrs.padding[1]);
                        let Some(column) = column.filter(|&c| c < x[3]) else { continue };
                        window.push((plane * x[2] + row) * x[3] + column);
                    }
                }
                visit(index, &window);
                index += 1;
            }
        }
    }
}

/// Position in the window of its maximum.
pub(crate) fn window_max(x: &[f64], window: &[usize]) -> usize {
    window[arg_max_of(window.len(), |i| x[window[i]])]
}

pub(crate) fn max_pool2d(attrs: &Pool2dAttrs, x: &Tensor, ty: &Type) -> Tensor {
    let v = x.floats();
    let mut out = vec![0.0; ty.shape.elements()];
    each_window(attrs, x.dims(), ty.dims(), |o, window| out[o] = v[window_max(v, window)]);
    Tensor::float(ty.clone(), out)
}

pub(crate) fn avg_pool2d(precision: Precision, attrs: &Pool2dAttrs, x: &Tensor, ty: &Type) -> Tensor {
    let v = x.floats();
    let cells = (attrs.kernel[0] * attrs.kernel[1]) as f64;
    let narrow = precision.sums_in_f32(ty.dtype);
    let mut out = vec![0.0; ty.shape.elements()];
    each_window(attrs, x.dims(), ty.dims(), |o, window| {
        let sum = if narrow {
            f64::from(window.iter().fold(0f32, |s, &i| s + v[i] as f32))
        } else {
            window.iter().fold(0f64, |s, &i| s + v[i])
        };
        out[o] = sum / cells;
    });
    Tensor::float(ty.clone(), precision.round(ty.dtype, out))
}
