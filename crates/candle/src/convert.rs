//! Tensors between host memory and candle.

use candle_core::{DType as CandleType, Device, Result, Tensor};
use half::{bf16, f16};
use portbench_backend::{BackendError, HostTensor};
use portbench_graph::{DType, Type};

/// candle's element type for ours; `bool` is a byte.
pub(crate) const fn candle_type(dtype: DType) -> CandleType {
    match dtype {
        DType::F64 => CandleType::F64,
        DType::F32 => CandleType::F32,
        DType::Bf16 => CandleType::BF16,
        DType::F16 => CandleType::F16,
        DType::I64 => CandleType::I64,
        DType::Bool => CandleType::U8,
    }
}

/// Copies a host tensor to the device.
pub(crate) fn to_device(value: &HostTensor, device: &Device) -> Result<Tensor> {
    Tensor::from_raw_buffer(value.bytes(), candle_type(value.ty().dtype), value.dims(), device)
}

/// A tensor of these values on the device, rounded as [`HostTensor::from_f64`] rounds.
pub(crate) fn from_f64(ty: &Type, values: &[f64], device: &Device) -> Result<Tensor> {
    let host = HostTensor::from_f64(ty.clone(), values).map_err(candle_core::Error::wrap)?;
    to_device(&host, device)
}

/// Copies a device tensor of this declared type to the host.
pub(crate) fn to_host(value: &Tensor, ty: &Type) -> Result<HostTensor> {
    let flat = value.contiguous()?.flatten_all()?;
    let bytes = match ty.dtype {
        DType::F64 => bytes_of(flat.to_vec1::<f64>()?, f64::to_le_bytes),
        DType::F32 => bytes_of(flat.to_vec1::<f32>()?, f32::to_le_bytes),
        DType::Bf16 => bytes_of(flat.to_vec1::<bf16>()?, bf16::to_le_bytes),
        DType::F16 => bytes_of(flat.to_vec1::<f16>()?, f16::to_le_bytes),
        DType::I64 => bytes_of(flat.to_vec1::<i64>()?, i64::to_le_bytes),
        DType::Bool => flat.to_vec1::<u8>()?,
    };
    HostTensor::new(ty.clone(), bytes).map_err(|e: BackendError| candle_core::Error::wrap(e))
}

fn bytes_of<T, const N: usize>(values: Vec<T>, to: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.len() * N);
    for v in values {
        bytes.extend_from_slice(&to(v));
    }
    bytes
}
