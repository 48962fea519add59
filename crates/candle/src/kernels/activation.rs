//! Activations, in the accumulator type: candle evaluates each step of a 16-bit activation in 16 bits.

use candle_core::{Result, Tensor};
use portbench_graph::GeluKind;

use super::in_f32;

pub(super) fn gelu(x: &Tensor, kind: GeluKind) -> Result<Tensor> {
    match kind {
        GeluKind::Tanh => in_f32(x, Tensor::gelu),
        GeluKind::Erf => in_f32(x, Tensor::gelu_erf),
    }
}

pub(super) fn silu(x: &Tensor) -> Result<Tensor> {
    in_f32(x, Tensor::silu)
}
