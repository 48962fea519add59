//! Tensors between host memory and libtorch.

use portbench_backend::HostTensor;
use portbench_graph::{DType, Type};
use tch::{Device, Kind, TchError, Tensor};

/// libtorch's element type for ours.
pub(crate) const fn kind(dtype: DType) -> Kind {
    match dtype {
        DType::F64 => Kind::Double,
        DType::F32 => Kind::Float,
        DType::Bf16 => Kind::BFloat16,
        DType::F16 => Kind::Half,
        DType::I64 => Kind::Int64,
        DType::Bool => Kind::Bool,
    }
}

/// Sizes as libtorch takes them.
pub(crate) fn sizes(dims: &[usize]) -> Vec<i64> {
    dims.iter().map(|&d| d as i64).collect()
}

/// Copies a host tensor to the device.
pub(crate) fn to_device(value: &HostTensor, device: Device) -> Result<Tensor, TchError> {
    let host = Tensor::f_from_data_size(value.bytes(), &sizes(value.dims()), kind(value.ty().dtype))?;
    if device == Device::Cpu { Ok(host) } else { host.f_to_device(device) }
}

/// A tensor of these values on the device, rounded as [`HostTensor::from_f64`] rounds.
pub(crate) fn from_f64(ty: &Type, values: &[f64], device: Device) -> Result<Tensor, TchError> {
    let host = HostTensor::from_f64(ty.clone(), values).map_err(|e| TchError::Convert(e.to_string()))?;
    to_device(&host, device)
}

/// Copies a device tensor of this declared type to the host.
pub(crate) fn to_host(value: &Tensor, ty: &Type) -> Result<HostTensor, TchError> {
    let flat = value.f_to_device(Device::Cpu)?.f_contiguous()?;
    let count = ty.shape.elements();
    let mut bytes = vec![0; count * ty.dtype.size()];
    flat.f_copy_data_u8(&mut bytes, count)?;
    HostTensor::new(ty.clone(), bytes).map_err(|e| TchError::Convert(e.to_string()))
}
