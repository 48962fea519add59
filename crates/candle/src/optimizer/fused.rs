//! Updates on the CPU: one pass over parameter, gradient and moments, in place.

use std::sync::Mutex;

use candle_core::{CpuStorage, DType, Error, InplaceOp2, Layout, Result, Tensor, Var, WithDType};
use half::{bf16, f16};
use rayon::prelude::*;

use super::Update;

/// Moments in host memory.
pub(super) enum Moments {
    F32(Pair<f32>),
    F64(Pair<f64>),
}

/// First and second moment; empty until they are needed, zero then.
#[derive(Default)]
pub(super) struct Pair<A> {
    first: Vec<A>,
    second: Vec<A>,
}

impl Moments {
    pub(super) fn new(parameter: &Var) -> Self {
        match parameter.dtype() {
            DType::F64 => Self::F64(Pair::default()),
            _ => Self::F32(Pair::default()),
        }
    }

    pub(super) fn update(
        &mut self,
        parameter: &Var,
        gradient: &Tensor,
        scale: f64,
        update: Update,
    ) -> Result<()> {
        let op = Pass { moments: Mutex::new(self), scale, update };
        parameter.as_tensor().inplace_op2(&gradient.contiguous()?, &op)
    }
}

/// One update. The lock is never contended: it lends the moments to a method that borrows the op.
struct Pass<'a> {
    moments: Mutex<&'a mut Moments>,
    scale: f64,
    update: Update,
}

impl InplaceOp2 for Pass<'_> {
    fn name(&self) -> &'static str {
        "optimizer-update"
    }

    fn cpu_fwd(
        &self,
        p: &mut CpuStorage,
        p_layout: &Layout,
        g: &CpuStorage,
        g_layout: &Layout,
    ) -> Result<()> {
        use CpuStorage as C;
        let Ok(mut moments) = self.moments.lock() else {
            candle_core::bail!("an earlier update panicked");
        };
        let layouts = [p_layout, g_layout];
        match (p, g, &mut **moments) {
            (C::F64(p), C::F64(g), Moments::F64(m)) => self.pass(p, g, layouts, m, |v| v, |v| v),
            (C::F32(p), C::F32(g), Moments::F32(m)) => self.pass(p, g, layouts, m, |v| v, |v| v),
            (C::BF16(p), C::BF16(g), Moments::F32(m)) => {
                self.pass(p, g, layouts, m, bf16::to_f32, bf16::from_f32)
            }
            (C::F16(p), C::F16(g), Moments::F32(m)) => {
                self.pass(p, g, layouts, m, f16::to_f32, f16::from_f32)
            }
            _ => candle_core::bail!("parameter and gradient are floats of different types"),
        }
    }
}

/// Elements that one thread updates at a time.
const BLOCK: usize = 1 << 15;

impl Pass<'_> {
    fn pass<T: WithDType, A: WithDType + Root>(
        &self,
        p: &mut [T],
        g: &[T],
        [p_layout, g_layout]: [&Layout; 2],
        moments: &mut Pair<A>,
        widen: impl Fn(T) -> A + Sync,
        narrow: impl Fn(A) -> T + Sync,
    ) -> Result<()> {
        let (Some((p0, p1)), Some((g0, g1))) = (p_layout.contiguous_offsets(), g_layout.contiguous_offsets())
        else {
            return Err(Error::RequiresContiguous { op: "optimizer-update" });
        };
        let (p, g) = (&mut p[p0..p1], &g[g0..g1]);
        if p.len() != g.len() {
            candle_core::bail!("a gradient of {} elements for a parameter of {}", g.len(), p.len());
        }
        let blocks = p.par_chunks_mut(BLOCK).zip(g.par_chunks(BLOCK));
        let scale = A::from_f64(self.scale);
        match self.update {
            Update::Sgd { rate, momentum: 0.0 } => {
                let rate = A::from_f64(rate);
                blocks.for_each(|(p, g)| {
                    for (p, g) in p.iter_mut().zip(g) {
                        *p = narrow(widen(*p) - rate * (widen(*g) * scale));
                    }
                });
            }
            Update::Sgd { rate, momentum } => {
                let [rate, momentum] = [rate, momentum].map(A::from_f64);
                moments.first.resize(p1 - p0, A::zero());
                blocks.zip(moments.first.par_chunks_mut(BLOCK)).for_each(|((p, g), v)| {
                    for ((p, g), v) in p.iter_mut().zip(g).zip(v) {
                        *v = momentum * *v + widen(*g) * scale;
                        *p = narrow(widen(*p) - rate * *v);
                    }
                });
            }
            Update::AdamW { keep, beta1, beta2, rate, root, eps } => {
                let [fresh1, fresh2] = [beta1, beta2].map(|b| A::from_f64(1.0 - b));
                let [keep, beta1, beta2, rate, root, eps] =
                    [keep, beta1, beta2, rate, root, eps].map(A::from_f64);
                moments.first.resize(p1 - p0, A::zero());
                moments.second.resize(p1 - p0, A::zero());
                let moments = moments.first.par_chunks_mut(BLOCK).zip(moments.second.par_chunks_mut(BLOCK));
                blocks.zip(moments).for_each(|((p, g), (m, v))| {
                    for ((p, g), (m, v)) in p.iter_mut().zip(g).zip(m.iter_mut().zip(v)) {
                        let g = widen(*g) * scale;
                        *m = beta1 * *m + fresh1 * g;
                        *v = beta2 * *v + fresh2 * (g * g);
                        *p = narrow(widen(*p) * keep - rate * *m / (v.root() * root + eps));
                    }
                });
            }
        }
        Ok(())
    }
}

/// Square root of the two types of arithmetic.
trait Root {
    fn root(self) -> Self;
}

impl Root for f32 {
    fn root(self) -> Self {
        self.sqrt()
    }
}

impl Root for f64 {
    fn root(self) -> Self {
        self.sqrt()
    }
}
