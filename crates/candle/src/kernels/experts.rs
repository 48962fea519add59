//! Mixture of experts: only the rows that an expert has a weight for.

use candle_core::{DType, Result, Tensor};

/// `(x [T,H], weights [T,E], gate, up, down of each expert)`.
pub(super) fn run(args: &[&Tensor]) -> Result<Tensor> {
    let (x, weights) = (args[0], args[1]);
    let (rows, _) = x.dims2()?;
    let host = weights.to_dtype(DType::F32)?.to_vec2::<f32>()?;
    let mut sum: Option<Tensor> = None;
    for (e, expert) in args[2..].chunks_exact(3).enumerate() {
        let mine: Vec<u32> = (0..rows).filter(|&r| host[r][e] != 0.0).map(|r| r as u32).collect();
        if mine.is_empty() {
            continue;
        }
        let weight = weights.narrow(1, e, 1)?;
        sum = Some(if mine.len() == rows {
            let part = forward(x, expert)?.broadcast_mul(&weight)?;
            match sum {
                Some(s) => s.add(&part)?,
                None => part,
            }
        } else {
            let ids = Tensor::new(mine, x.device())?;
            let weight = weight.contiguous()?.index_select(&ids, 0)?;
            let part = forward(&x.contiguous()?.index_select(&ids, 0)?, expert)?.broadcast_mul(&weight)?;
            let base = match sum {
                Some(s) => s,
                None => x.zeros_like()?,
            };
            base.index_add(&ids, &part, 0)?
        });
    }
    match sum {
        Some(s) => Ok(s),
        None => x.zeros_like(),
    }
}

fn forward(x: &Tensor, expert: &[&Tensor]) -> Result<Tensor> {
    let gate = super::activation::silu(&x.matmul(&expert[0].t()?)?)?;
    let up = x.matmul(&expert[1].t()?)?;
    gate.mul(&up)?.matmul(&expert[2].t()?)
}
