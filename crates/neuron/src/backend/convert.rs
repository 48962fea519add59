//! Tensors of the host as bytes of a NEFF's element types, and back.

use portbench_backend::{BackendError, HostTensor};
use portbench_graph::{DType, Type};

use crate::model::NeffType;

/// Whether a declared element type crosses to a NEFF's: floats as they are, whole numbers of any width that hold their values, booleans as bytes.
pub(super) fn crosses(dtype: DType, neff: NeffType) -> bool {
    use NeffType as N;
    match dtype {
        DType::F64 => false,
        DType::F32 => matches!(neff, N::F32 | N::F32R),
        DType::Bf16 => neff == N::Bf16,
        DType::F16 => neff == N::F16,
        DType::I64 => {
            matches!(neff, N::I64 | N::U64 | N::I32 | N::U32 | N::I16 | N::U16 | N::I8 | N::U8)
        }
        DType::Bool => matches!(neff, N::I8 | N::U8),
    }
}

/// The bytes of a tensor in a type that it [`crosses`] to.
///
/// # Errors
/// The value that the type does not hold, in words.
pub(super) fn encode(value: &HostTensor, neff: NeffType) -> Result<Vec<u8>, String> {
    if value.ty().dtype != DType::I64 {
        return Ok(value.bytes().to_vec());
    }
    let values = value.to_i64();
    match neff {
        NeffType::U64 => narrowed(&values, u64::to_le_bytes, neff),
        NeffType::I32 => narrowed(&values, i32::to_le_bytes, neff),
        NeffType::U32 => narrowed(&values, u32::to_le_bytes, neff),
        NeffType::I16 => narrowed(&values, i16::to_le_bytes, neff),
        NeffType::U16 => narrowed(&values, u16::to_le_bytes, neff),
        NeffType::I8 => narrowed(&values, i8::to_le_bytes, neff),
        NeffType::U8 => narrowed(&values, u8::to_le_bytes, neff),
        _ => narrowed(&values, i64::to_le_bytes, neff),
    }
}

fn narrowed<T: TryFrom<i64>, const N: usize>(
    values: &[i64],
    bytes: fn(T) -> [u8; N],
    neff: NeffType,
) -> Result<Vec<u8>, String> {
    let mut all = Vec::with_capacity(values.len() * N);
    for &value in values {
        let narrow = T::try_from(value).map_err(|_| format!("{value} is no {neff}, which the NEFF takes"))?;
        all.extend(bytes(narrow));
    }
    Ok(all)
}

/// The tensor of a declared type that these bytes are.
///
/// # Errors
/// [`BackendError::TensorSize`] where they do not fill it.
pub(super) fn decode(bytes: Vec<u8>, neff: NeffType, ty: &Type) -> Result<HostTensor, BackendError> {
    if ty.dtype != DType::I64 {
        return HostTensor::new(ty.clone(), bytes);
    }
    let values = match neff {
        // Beyond what the declared type holds the largest value stands.
        NeffType::U64 => widened(&bytes, |b| i64::try_from(u64::from_le_bytes(b)).unwrap_or(i64::MAX)),
        NeffType::I32 => widened(&bytes, |b| i32::from_le_bytes(b).into()),
        NeffType::U32 => widened(&bytes, |b| u32::from_le_bytes(b).into()),
        NeffType::I16 => widened(&bytes, |b| i16::from_le_bytes(b).into()),
        NeffType::U16 => widened(&bytes, |b| u16::from_le_bytes(b).into()),
        NeffType::I8 => widened(&bytes, |b| i8::from_le_bytes(b).into()),
        NeffType::U8 => widened(&bytes, |b| u8::from_le_bytes(b).into()),
        _ => widened(&bytes, i64::from_le_bytes),
    };
    HostTensor::from_i64(ty.dims(), &values)
}

fn widened<const N: usize>(bytes: &[u8], value: fn([u8; N]) -> i64) -> Vec<i64> {
    bytes.as_chunks().0.iter().map(|&chunk| value(chunk)).collect()
}
