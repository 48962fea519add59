//! `a ^ b` with a gradient. candle's own `pow` is `exp(b * log(a))`, which has no value for negative bases.

use candle_core::{CpuStorage, CustomOp2, Error, Layout, Result, Shape, Tensor, WithDType};
use half::{bf16, f16};

pub(super) fn pow(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    a.contiguous()?.apply_op2(&b.contiguous()?, Power)
}

struct Power;

impl CustomOp2 for Power {
    fn name(&self) -> &'static str {
        "power"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        use CpuStorage as C;
        let shape = a_layout.shape().clone();
        let storage = match (a, b) {
            (C::F64(a), C::F64(b)) => map(a, a_layout, b, b_layout, f64::powf)?,
            (C::F32(a), C::F32(b)) => map(a, a_layout, b, b_layout, f32::powf)?,
            (C::BF16(a), C::BF16(b)) => {
                map(a, a_layout, b, b_layout, |x, y| bf16::from_f32(x.to_f32().powf(y.to_f32())))?
            }
            (C::F16(a), C::F16(b)) => {
                map(a, a_layout, b, b_layout, |x, y| f16::from_f32(x.to_f32().powf(y.to_f32())))?
            }
            _ => candle_core::bail!("power needs two floats of one type"),
        };
        Ok((storage, shape))
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let by_a = grad.mul(b)?.mul(&pow(a, &b.affine(1.0, -1.0)?)?)?;
        let by_b = grad.mul(y)?.mul(&a.log()?)?;
        // The exponent's gradient exists for positive bases only; zero elsewhere keeps a constant exponent from spreading NaN.
        let by_b = a.gt(&a.zeros_like()?)?.where_cond(&by_b, &by_b.zeros_like()?)?;
        Ok((Some(by_a), Some(by_b)))
    }
}

fn map<T: WithDType>(
    a: &[T],
    a_layout: &Layout,
    b: &[T],
    b_layout: &Layout,
    f: impl Fn(T, T) -> T,
) -> Result<CpuStorage> {
    let (Some((a0, a1)), Some((b0, b1))) = (a_layout.contiguous_offsets(), b_layout.contiguous_offsets())
    else {
        return Err(Error::RequiresContiguous { op: "power" });
    };
    let values: Vec<T> = a[a0..a1].iter().zip(&b[b0..b1]).map(|(x, y)| f(*x, *y)).collect();
    Ok(T::to_cpu_storage_owned(values))
}
