//! Matrix products and convolutions.
//!
//! Every element of a product is one sum, accumulated in order of the inner index; blocking only decides which sums are
//! computed side by side.

use std::ops::{AddAssign, Mul};

use portbench_graph::{Conv2dAttrs, DType, Type};
use rayon::prelude::*;

use crate::precision::Precision;
use crate::tensor::Tensor;

/// What the product is computed in.
trait Real: Copy + Default + Send + Sync + AddAssign + Mul<Output = Self> + Into<f64> {
    /// The value in this type. Operands of an `f32` product are rounded to at most `f32` already.
    fn of(value: f64) -> Self;
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as Self
    }
}

/// How the right operand lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// `[K, N]`
    KxN,
    /// `[N, K]`
    NxK,
}

/// Sizes of `[M, K] x [K, N]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) m: usize,
    pub(crate) k: usize,
    pub(crate) n: usize,
}

/// Rows and columns whose sums are held in registers together.
const ROWS: usize = 4;
const COLUMNS: usize = 4;

/// The right operand in panels of [`COLUMNS`] columns, each panel `K` rows, padded with zeros.
fn panels<T: Real>(b: &[f64], s: Sizes, right: Right) -> Vec<[T; COLUMNS]> {
    let mut out = vec![[T::default(); COLUMNS]; s.n.div_ceil(COLUMNS) * s.k];
    out.par_chunks_mut(s.k).enumerate().for_each(|(p, panel)| {
        let first = p * COLUMNS;
        let width = COLUMNS.min(s.n - first);
        match right {
            Right::KxN => {
                for (k, row) in panel.iter_mut().enumerate() {
                    row.iter_mut().zip(&b[k * s.n + first..][..width]).for_each(|(r, &x)| *r = T::of(x));
                }
            }
            Right::NxK => {
                for c in 0..width {
                    let column = &b[(first + c) * s.k..][..s.k];
                    for (row, &x) in panel.iter_mut().zip(column) {
                        row[c] = T::of(x);
                    }
                }
            }
        }
    });
    out
}

/// The sums of `R` rows against one panel.
fn block<T: Real, const R: usize>(rows: [&[T]; R], panel: &[[T; COLUMNS]]) -> [[T; COLUMNS]; R] {
    let mut sums = [[T::default(); COLUMNS]; R];
    let rows = rows.map(|r| &r[..panel.len()]);
    for (k, b) in panel.iter().enumerate() {
        for r in 0..R {
            let x = rows[r][k];
            for c in 0..COLUMNS {
                sums[r][c] += x * b[c];
            }
        }
    }
    sums
}

fn multiply<T: Real>(a: &[f64], b: &[f64], s: Sizes, right: Right) -> Vec<f64> {
    let a: Vec<T> = a.iter().map(|&x| T::of(x)).collect();
    if s.m < ROWS {
        return a.chunks(s.k).flat_map(|row| single(row, b, s, right)).map(Into::into).collect();
    }
    let panels = panels(b, s, right);
    let mut out = vec![0.0; s.m * s.n];
    let share = s.m.div_ceil(rayon::current_num_threads()).next_multiple_of(ROWS);
    out.par_chunks_mut(share * s.n).zip(a.par_chunks(share * s.k)).for_each(|(out, a)| {
        for (p, panel) in panels.chunks(s.k).enumerate() {
            let first = p * COLUMNS;
            let store = |out: &mut [f64], sums: [T; COLUMNS]| {
                out[first..].iter_mut().zip(sums).for_each(|(o, sum)| *o = sum.into());
            };
            for (out, a) in out.chunks_mut(ROWS * s.n).zip(a.chunks(ROWS * s.k)) {
                let row = |r: usize| &a[r * s.k..][..s.k];
                if a.len() == ROWS * s.k {
                    let sums = block([row(0), row(1), row(2), row(3)], panel);
                    out.chunks_mut(s.n).zip(sums).for_each(|(out, sums)| store(out, sums));
                } else {
                    for (r, out) in out.chunks_mut(s.n).enumerate() {
                        let [sums] = block([row(r)], panel);
                        store(out, sums);
                    }
                }
            }
        }
    });
    out
}

/// One row times the right operand, read once where it lies: packing it would cost more than the product.
fn single<T: Real>(row: &[T], b: &[f64], s: Sizes, right: Right) -> Vec<T> {
    let mut out = vec![T::default(); s.n];
    let share = s.n.div_ceil(rayon::current_num_threads());
    out.par_chunks_mut(share).enumerate().for_each(|(part, out)| {
        let first = part * share;
        match right {
            Right::KxN => {
                for (k, &x) in row.iter().enumerate() {
                    let b = &b[k * s.n + first..][..out.len()];
                    out.iter_mut().zip(b).for_each(|(o, &b)| *o += x * T::of(b));
                }
            }
            Right::NxK => {
                for (out, b) in out.chunks_mut(COLUMNS).zip(b[first * s.k..].chunks(COLUMNS * s.k)) {
                    // A few sums side by side: each alone would wait for its own last addition.
                    for k in 0..s.k {
                        for (c, o) in out.iter_mut().enumerate() {
                            *o += row[k] * T::of(b[c * s.k + k]);
                        }
                    }
                }
            }
        }
    });
    out
}

impl Precision {
    /// `a [M,K] x b`, not yet rounded to the result type.
    pub(crate) fn product(self, dtype: DType, a: &[f64], b: &[f64], s: Sizes, right: Right) -> Vec<f64> {
        if let Self::NarrowProducts(narrow) | Self::Narrow(narrow) = self
            && dtype == DType::F32
        {
            let [a, b] = [a, b].map(|values| values.par_iter().map(|&v| narrow.round(v)).collect::<Vec<_>>());
            multiply::<f32>(&a, &b, s, right)
        } else if self.sums_in_f32(dtype) {
            multiply::<f32>(a, b, s, right)
        } else {
            multiply::<f64>(a, b, s, right)
        }
    }
}

/// Product over the last two axes, for each index of the leading ones.
pub(crate) fn matmul(precision: Precision, a: &Tensor, b: &Tensor, right: Right, ty: &Type) -> Tensor {
    let r = a.ty.shape.rank();
    let s = Sizes { m: a.dims()[r - 2], k: a.dims()[r - 1], n: ty.dims()[r - 1] };
    let out: Vec<Vec<f64>> = a
        .floats()
        .par_chunks(s.m * s.k)
        .zip(b.floats().par_chunks(s.k * s.n))
        .map(|(a, b)| precision.product(ty.dtype, a, b, s, right))
        .collect();
    Tensor::float(ty.clone(), precision.round(ty.dtype, out.concat()))
}

/// Sizes of a convolution, shared by the forward and the backward pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conv {
    pub(crate) attrs: Conv2dAttrs,
    /// Input channels, output channels, both of one group.
    pub(crate) channels: usize,
    pub(crate) filters: usize,
    pub(crate) input: [usize; 2],
    pub(crate) kernel: [usize; 2],
    pub(crate) output: [usize; 2],
}

impl Conv {
    pub(crate) fn of(attrs: &Conv2dAttrs, x: &[usize], w: &[usize], out: &[usize]) -> Self {
        Self {
            attrs: *attrs,
            channels: w[1],
            filters: w[0] / attrs.groups,
            input: [x[2], x[3]],
            kernel: [w[2], w[3]],
            output: [out[2], out[3]],
        }
    }

    /// Input elements of one group of one image.
    pub(crate) fn input_size(&self) -> usize {
        self.channels * self.input[0] * self.input[1]
    }

    pub(crate) fn pixels(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Weights of one filter.
    pub(crate) fn taps(&self) -> usize {
        self.channels * self.kernel[0] * self.kernel[1]
    }

    /// Calls `visit(tap * pixels + pixel, input index)` for every tap of every output pixel that is not in the padding.
    pub(crate) fn each_tap(&self, mut visit: impl FnMut(usize, usize)) {
        let [kh, kw] = self.kernel;
        for c in 0..self.channels {
            for i in 0..kh {
                for j in 0..kw {
                    let tap = (c * kh + i) * kw + j;
                    for y in 0..self.output[0] {
                        let Some(row) = inside(y, i, 0, &self.attrs, self.input) else { continue };
                        for x in 0..self.output[1] {
                            let Some(column) = inside(x, j, 1, &self.attrs, self.input) else { continue };
                            let pixel = y * self.output[1] + x;
                            let from = (c * self.input[0] + row) * self.input[1] + column;
                            visit(tap * self.pixels() + pixel, from);
                        }
                    }
                }
            }
        }
    }

    /// `[taps, pixels]`: what each tap of the kernel sees at each output pixel.
    pub(crate) fn columns(&self, x: &[f64]) -> Vec<f64> {
        let mut columns = vec![0.0; self.taps() * self.pixels()];
        self.each_tap(|to, from| columns[to] = x[from]);
        columns
    }
}

/// Input coordinate of a kernel tap at an output coordinate; `None` in the padding.
fn inside(out: usize, tap: usize, axis: usize, attrs: &Conv2dAttrs, input: [usize; 2]) -> Option<usize> {
    (out * attrs.stride[axis] + tap).checked_sub(attrs.padding[axis]).filter(|&i| i < input[axis])
}

pub(crate) fn conv2d(precision: Precision, attrs: &Conv2dAttrs, args: &[&Tensor], ty: &Type) -> Tensor {
    let (x, w, bias) = (args[0], args[1], args.get(2));
    let conv = Conv::of(attrs, x.dims(), w.dims(), ty.dims());
    let s = Sizes { m: conv.filters, k: conv.taps(), n: conv.pixels() };
    let parts: Vec<Vec<f64>> = x
        .floats()
        .par_chunks(conv.input_size())
        .enumerate()
        .map(|(i, x)| {
            let group = i % attrs.groups;
            let weights = &w.floats()[group * s.m * s.k..][..s.m * s.k];
            precision.product(ty.dtype, weights, &conv.columns(x), s, Right::KxN)
        })
        .collect();
    let mut out = parts.concat();
    if let Some(bias) = bias {
        let per_filter = out.chunks_mut(conv.pixels());
        for (pixels, &b) in per_filter.zip(bias.floats().iter().cycle()) {
            pixels.iter_mut().for_each(|p| *p += b);
        }
    }
    Tensor::float(ty.clone(), precision.round(ty.dtype, out))
}
