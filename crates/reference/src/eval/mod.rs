//! One op at a time: operands in, result out.

pub(crate) mod composite;
pub(crate) mod elementwise;
pub(crate) mod layout;
pub(crate) mod product;

use portbench_graph::{DType, Op, Type};
use rayon::prelude::*;

use crate::eval::product::Right;
use crate::precision::Precision;
use crate::tensor::{Along, Data, Tensor};

/// Result of an op that is no source.
///
/// # Errors
/// A message when a value breaks the op's rule: an index out of range, a slice that does not fit.
pub(crate) fn evaluate(precision: Precision, op: &Op, args: &[&Tensor], ty: &Type) -> Result<Tensor, String> {
    let float = |values: Vec<f64>| Tensor::float(ty.clone(), precision.round(ty.dtype, values));
    let data = |data: Data| Tensor::new(ty.clone(), data);
    Ok(match op {
        Op::Input { .. } | Op::Param { .. } | Op::State { .. } => {
            unreachable!("sources have values before execution")
        }
        Op::Module { .. } => unreachable!("modules are unsupported here"),
        Op::Constant { value, .. } => full(precision, ty, *value),
        Op::Literal { values, .. } => match ty.dtype {
            DType::I64 => data(Data::Int(values.iter().map(|&v| v as i64).collect())),
            DType::Bool => data(Data::Bool(values.iter().map(|&v| v != 0.0).collect())),
            _ => float(values.clone()),
        },
        Op::Iota { axis, .. } => {
            let a = Along::of(ty.dims(), *axis);
            let counts = (0..ty.shape.elements()).map(|i| i / a.inner % a.size);
            match ty.dtype {
                DType::I64 => data(Data::Int(counts.map(|c| c as i64).collect())),
                _ => float(counts.map(|c| c as f64).collect()),
            }
        }
        Op::Unary { kind } => match &*args[0].data {
            Data::Int(x) => data(Data::Int(x.iter().map(|&x| elementwise::unary_int(*kind, x)).collect())),
            _ => float(args[0].floats().par_iter().map(|&x| elementwise::unary(*kind, x)).collect()),
        },
        Op::Affine { mul, add } => float(args[0].floats().iter().map(|x| mul * x + add).collect()),
        Op::Binary { kind } => match (&*args[0].data, &*args[1].data) {
            (Data::Int(a), Data::Int(b)) => {
                let pairs = a.iter().zip(b);
                data(Data::Int(pairs.map(|(&a, &b)| elementwise::binary_int(*kind, a, b)).collect()))
            }
            _ => {
                let pairs = args[0].floats().iter().zip(args[1].floats());
                float(pairs.map(|(&a, &b)| elementwise::binary(*kind, a, b)).collect())
            }
        },
        Op::Compare { kind } => data(elementwise::compare(*kind, args[0], args[1])),
        Op::Select => data(elementwise::select(args[0], args[1], args[2])),
        Op::Cast { to } => elementwise::cast(precision, args[0], *to),
        Op::Reduce { kind, axes } => elementwise::reduce(precision, *kind, args[0], axes),
        Op::ArgMax { axis } => elementwise::arg_max(args[0], *axis, ty),
        Op::Reshape { shape } => args[0].reshaped(shape.clone()),
        Op::Permute { axes } => layout::permute(args[0], axes),
        Op::Broadcast { shape } => layout::broadcast(args[0], shape.dims()),
        Op::Slice { axis, start, len, step } => layout::slice(args[0], *axis, *start, *len, *step),
        Op::Concat { axis } => layout::concat(args, *axis, ty),
        Op::Pad { axis, before, value, .. } => {
            let value = precision.round_one(ty.dtype, *value);
            layout::pad(args[0], *axis, *before, value, ty)
        }
        Op::MatMul => product::matmul(precision, args[0], args[1], Right::KxN, ty),
        Op::Conv2d(attrs) => product::conv2d(precision, attrs, args, ty),
        Op::MaxPool2d(attrs) => elementwise::max_pool2d(attrs, args[0], ty),
        Op::AvgPool2d(attrs) => elementwise::avg_pool2d(precision, attrs, args[0], ty),
        Op::Gather { axis } => layout::gather(args[0], args[1], *axis, ty)?,
        Op::GatherAlong { axis } => layout::gather_along(args[0], args[1], *axis, ty)?,
        Op::UpdateSlice { axis } => layout::update_slice(args[0].clone(), args[1], args[2], *axis)?,
        op => composite::evaluate(precision, op, args, ty)?,
    })
}

/// Filled with one value, rounded to the element type.
pub(crate) fn full(precision: Precision, ty: &Type, value: f64) -> Tensor {
    Tensor::full(ty.clone(), precision.round_one(ty.dtype, value))
}
