//! Two-dimensional pooling.

use candle_core::{Device, Result, Tensor};
use portbench_graph::{Op, Pool2dAttrs, Type};

use super::{in_f32, index, shape};

/// A prepared pooling.
pub(crate) struct Pool {
    max: bool,
    attrs: Pool2dAttrs,
    /// Fill on both sides of the rows, then of the columns.
    fill: [Option<Tensor>; 2],
    /// Row and column indices of each window position; empty where candle's own kernel runs.
    windows: Vec<[Tensor; 2]>,
}

impl Pool {
    /// Pooling of `x` into `result`. With `windows` it is built from shifted copies of `x`, which autograd can follow for every
    /// kernel and stride.
    pub(super) fn new(
        op: &Op,
        attrs: &Pool2dAttrs,
        x: &Type,
        result: &Type,
        windows: bool,
        device: &Device,
    ) -> Result<Self> {
        let max = matches!(op, Op::MaxPool2d(_));
        let value = if max { x.dtype.lowest() } else { 0.0 };
        let [ph, pw] = attrs.padding;
        let padded_rows = Type::new(x.dtype, x.shape.with(2, x.shape[2] + 2 * ph));
        let fill = [shape::fill(x, 2, ph, value, device)?, shape::fill(&padded_rows, 3, pw, value, device)?];
        let mut at = Vec::new();
        if windows {
            for i in 0..attrs.kernel[0] {
                for j in 0..attrs.kernel[1] {
                    let rows = index::every(i, result.shape[2], attrs.stride[0], device)?;
                    let columns = index::every(j, result.shape[3], attrs.stride[1], device)?;
                    at.push([rows, columns]);
                }
            }
        }
        Ok(Self { max, attrs: *attrs, fill, windows: at })
    }

    pub(super) fn run(&self, x: &Tensor) -> Result<Tensor> {
        let x = shape::pad(x, 2, self.fill[0].as_ref(), self.fill[0].as_ref())?;
        let x = shape::pad(&x, 3, self.fill[1].as_ref(), self.fill[1].as_ref())?;
        if !self.windows.is_empty() {
            return if self.max { self.shifted(&x) } else { in_f32(&x, |x| self.shifted(x)) };
        }
        let [kernel, stride] = [self.attrs.kernel, self.attrs.stride].map(|[h, w]| (h, w));
        if self.max {
            x.max_pool2d_with_stride(kernel, stride)
        } else {
            in_f32(&x, |x| x.avg_pool2d_with_stride(kernel, stride))
        }
    }

    fn shifted(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.contiguous()?;
        let mut total: Option<Tensor> = None;
        for [rows, columns] in &self.windows {
            let window = x.index_select(rows, 2)?.index_select(columns, 3)?;
            total = Some(match total {
                None => window,
                Some(t) if self.max => t.maximum(&window)?,
                Some(t) => t.add(&window)?,
            });
        }
        match total {
            Some(t) if self.max => Ok(t),
            Some(t) => t.affine(1.0 / self.windows.len() as f64, 0.0),
            None => Ok(x),
        }
    }
}
