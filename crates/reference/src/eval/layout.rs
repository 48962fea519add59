//! Ops that move elements: permute, broadcast, slice, concat, pad, gathers, slice updates.

use std::sync::Arc;

use portbench_graph::{DType, Type};

use crate::tensor::{Along, Data, Tensor, on_data};

/// Elements of `source` at the given strides from `offset`, in row-major order of `dims`.
fn strided<T: Copy>(source: &[T], dims: &[usize], strides: &[usize], offset: usize) -> Vec<T> {
    let mut out = Vec::with_capacity(dims.iter().product());
    fn walk<T: Copy>(out: &mut Vec<T>, source: &[T], dims: &[usize], strides: &[usize], at: usize) {
        match (dims, strides) {
            ([], _) | (_, []) => out.push(source[at]),
            ([n], [1]) => out.extend_from_slice(&source[at..at + n]),
            ([n], [s]) => out.extend((0..*n).map(|i| source[at + i * s])),
            ([n, dims @ ..], [s, strides @ ..]) => {
                for i in 0..*n {
                    walk(out, source, dims, strides, at + i * s);
                }
            }
        }
    }
    walk(&mut out, source, dims, strides, offset);
    out
}

pub(crate) fn permute(x: &Tensor, axes: &[usize]) -> Tensor {
    let from = x.ty.shape.strides();
    let dims: Vec<usize> = axes.iter().map(|&a| x.dims()[a]).collect();
    let strides: Vec<usize> = axes.iter().map(|&a| from[a]).collect();
    let data = on_data!(&*x.data, v => strided(v, &dims, &strides, 0));
    Tensor::new(Type::new(x.ty.dtype, dims.as_slice()), data)
}

pub(crate) fn broadcast(x: &Tensor, dims: &[usize]) -> Tensor {
    let strides: Vec<usize> =
        x.ty.shape
            .strides()
            .iter()
            .zip(x.dims())
            .map(|(&stride, &size)| if size == 1 { 0 } else { stride })
            .collect();
    let data = on_data!(&*x.data, v => strided(v, dims, &strides, 0));
    Tensor::new(Type::new(x.ty.dtype, dims), data)
}

pub(crate) fn slice(x: &Tensor, axis: usize, start: usize, len: usize, step: usize) -> Tensor {
    let mut strides = x.ty.shape.strides();
    let offset = start * strides[axis];
    strides[axis] *= step;
    let shape = x.ty.shape.with(axis, len);
    let data = on_data!(&*x.data, v => strided(v, shape.dims(), &strides, offset));
    Tensor::new(Type::new(x.ty.dtype, shape), data)
}

pub(crate) fn concat(parts: &[&Tensor], axis: usize, ty: &Type) -> Tensor {
    fn join<T: Copy>(parts: &[(&[T], usize)]) -> Vec<T> {
        let outer = parts.first().map_or(0, |(v, row)| v.len() / row);
        (0..outer)
            .flat_map(|o| parts.iter().flat_map(move |(v, row)| &v[o * row..][..*row]))
            .copied()
            .collect()
    }
    let rows: Vec<usize> = parts
        .iter()
        .map(|p| {
            let a = Along::of(p.dims(), axis);
            a.size * a.inner
        })
        .collect();
    let data = match ty.dtype {
        DType::I64 => {
            let views: Vec<_> = parts.iter().map(|p| p.ints()).zip(rows).collect();
            Data::Int(join(&views))
        }
        DType::Bool => {
            let views: Vec<_> = parts.iter().map(|p| p.bools()).zip(rows).collect();
            Data::Bool(join(&views))
        }
        _ => {
            let views: Vec<_> = parts.iter().map(|p| p.floats()).zip(rows).collect();
            Data::Float(join(&views))
        }
    };
    Tensor::new(ty.clone(), data)
}

/// `value` is already rounded to the element type where that matters.
pub(crate) fn pad(x: &Tensor, axis: usize, before: usize, value: f64, ty: &Type) -> Tensor {
    let mut out = Tensor::full(ty.clone(), value);
    write_rows(&mut out, x, axis, before);
    out
}

/// Overwrites the rows of `base` from `start` along `axis`; the rows fit.
fn write_rows(base: &mut Tensor, update: &Tensor, axis: usize, start: usize) {
    fn write<T: Copy>(base: &mut [T], update: &[T], b: Along, u: Along, start: usize) {
        let rows = u.size * u.inner;
        for o in 0..b.outer {
            base[(o * b.size + start) * b.inner..][..rows].copy_from_slice(&update[o * rows..][..rows]);
        }
    }
    let (b, u) = (Along::of(base.dims(), axis), Along::of(update.dims(), axis));
    match (Arc::make_mut(&mut base.data), &*update.data) {
        (Data::Float(base), Data::Float(update)) => write(base, update, b, u, start),
        (Data::Int(base), Data::Int(update)) => write(base, update, b, u, start),
        (Data::Bool(base), Data::Bool(update)) => write(base, update, b, u, start),
        _ => unreachable!("a verified graph has one element type here"),
    }
}

/// An index in range, or the message that it is not.
pub(crate) fn index(id: i64, size: usize) -> Result<usize, String> {
    usize::try_from(id)
        .ok()
        .filter(|&i| i < size)
        .ok_or_else(|| format!("the index {id} is outside 0..{size}"))
}

pub(crate) fn gather(x: &Tensor, ids: &Tensor, axis: usize, ty: &Type) -> Result<Tensor, String> {
    let a = Along::of(x.dims(), axis);
    let ids: Vec<usize> = ids.ints().iter().map(|&id| index(id, a.size)).collect::<Result<_, _>>()?;
    fn pick<T: Copy>(x: &[T], a: Along, ids: &[usize]) -> Vec<T> {
        let mut out = Vec::with_capacity(a.outer * ids.len() * a.inner);
        for o in 0..a.outer {
            for &id in ids {
                out.extend_from_slice(&x[(o * a.size + id) * a.inner..][..a.inner]);
            }
        }
        out
    }
    Ok(Tensor::new(ty.clone(), on_data!(&*x.data, v => pick(v, a, &ids))))
}

/// For each element of the result of a [`gather_along`], the position it is read from.
pub(crate) fn positions_along(x: &[usize], ids: &Tensor, axis: usize) -> Result<Vec<usize>, String> {
    let (from, to) = (Along::of(x, axis), Along::of(ids.dims(), axis));
    let row = to.size * to.inner;
    ids.ints()
        .iter()
        .enumerate()
        .map(|(i, &id)| Ok((i / row * from.size + index(id, from.size)?) * from.inner + i % to.inner))
        .collect()
}

pub(crate) fn gather_along(x: &Tensor, ids: &Tensor, axis: usize, ty: &Type) -> Result<Tensor, String> {
    let at = positions_along(x.dims(), ids, axis)?;
    Ok(Tensor::new(ty.clone(), on_data!(&*x.data, v => at.iter().map(|&i| v[i]).collect())))
}

/// First row of an [`update_slice`], checked to fit.
pub(crate) fn start_of(
    base: &[usize],
    update: &[usize],
    start: &Tensor,
    axis: usize,
) -> Result<usize, String> {
    let at = start.ints()[0];
    let last = base[axis] - update[axis];
    usize::try_from(at)
        .ok()
        .filter(|&s| s <= last)
        .ok_or_else(|| format!("{} rows at {at} do not fit into {}", update[axis], base[axis]))
}

/// `base` with the rows overwritten; in place when nothing else holds its elements.
pub(crate) fn update_slice(
    mut base: Tensor,
    update: &Tensor,
    start: &Tensor,
    axis: usize,
) -> Result<Tensor, String> {
    let start = start_of(base.dims(), update.dims(), start, axis)?;
    write_rows(&mut base, update, axis, start);
    Ok(base)
}
