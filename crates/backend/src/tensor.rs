//! Tensors in host memory.

use std::thread;

use half::{bf16, f16};
use portbench_graph::{DType, Type};

use crate::error::BackendError;

/// A tensor in host memory: row-major, little-endian elements, `bool` as one byte 0 or 1.
#[derive(Clone, PartialEq, Eq)]
pub struct HostTensor {
    ty: Type,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for HostTensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostTensor({})", self.ty)
    }
}

impl HostTensor {
    /// Tensor of these bytes.
    ///
    /// # Errors
    /// [`BackendError::TensorSize`] when they do not fill the type.
    pub fn new(ty: Type, bytes: Vec<u8>) -> Result<Self, BackendError> {
        if bytes.len() as u64 == ty.bytes() {
            Ok(Self { ty, bytes })
        } else {
            Err(BackendError::TensorSize { expected: ty.bytes(), got: bytes.len() as u64, ty })
        }
    }

    /// Tensor of zeros.
    #[must_use]
    pub fn zeros(ty: Type) -> Self {
        let bytes = vec![0; ty.bytes() as usize];
        Self { ty, bytes }
    }

    /// Tensor of these values, each rounded to the element type (16-bit floats through `f32`; integers toward zero).
    ///
    /// # Errors
    /// [`BackendError::TensorSize`] when their number is another.
    pub fn from_f64(ty: Type, values: &[f64]) -> Result<Self, BackendError> {
        let mut bytes = Vec::with_capacity(ty.bytes() as usize);
        for &v in values {
            push(&mut bytes, ty.dtype, v);
        }
        Self::new(ty, bytes)
    }

    /// Tensor whose element `i` in row-major order is `value(i)`, rounded as [`HostTensor::from_f64`] rounds. Large ones are filled by
    /// every core.
    pub(crate) fn from_fn(ty: Type, value: impl Fn(u64) -> f64 + Sync) -> Self {
        let mut tensor = Self::zeros(ty);
        let size = tensor.ty.dtype.size();
        let elements = tensor.bytes.len() / size;
        let threads = thread::available_parallelism().map_or(1, usize::from).min(elements / FEW + 1);
        let share = elements.div_ceil(threads).max(1);
        let (dtype, value) = (tensor.ty.dtype, &value);
        thread::scope(|scope| {
            let mut parts = tensor.bytes.chunks_mut(share * size).zip(0u64..);
            let own = parts.next();
            for (part, i) in parts {
                scope.spawn(move || fill(part, dtype, i * share as u64, value));
            }
            if let Some((part, _)) = own {
                fill(part, dtype, 0, value);
            }
        });
        tensor
    }

    /// Tensor of `i64` values.
    ///
    /// # Errors
    /// [`BackendError::TensorSize`] when their number is another than the shape's.
    pub fn from_i64(shape: &[usize], values: &[i64]) -> Result<Self, BackendError> {
        Self::new(Type::new(DType::I64, shape), values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// Tensor of `f32` values.
    ///
    /// # Errors
    /// [`BackendError::TensorSize`] when their number is another than the shape's.
    pub fn from_f32(shape: &[usize], values: &[f32]) -> Result<Self, BackendError> {
        Self::new(Type::new(DType::F32, shape), values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// Scalar `i64`.
    #[must_use]
    pub fn scalar_i64(value: i64) -> Self {
        Self { ty: Type::scalar(DType::I64), bytes: value.to_le_bytes().to_vec() }
    }

    /// Element type and shape.
    #[must_use]
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// Dimensions, outermost first.
    #[must_use]
    pub fn dims(&self) -> &[usize] {
        self.ty.dims()
    }

    /// The elements' bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The elements' bytes, given up.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Every element as `f64`; exact but for `i64` beyond 2^53.
    #[must_use]
    pub fn to_f64(&self) -> Vec<f64> {
        let b = &self.bytes;
        match self.ty.dtype {
            DType::F64 => words(b).map(f64::from_le_bytes).collect(),
            DType::F32 => words(b).map(|w| f64::from(f32::from_le_bytes(w))).collect(),
            DType::Bf16 => words(b).map(|w| bf16::from_le_bytes(w).to_f64()).collect(),
            DType::F16 => words(b).map(|w| f16::from_le_bytes(w).to_f64()).collect(),
            DType::I64 => words(b).map(|w| i64::from_le_bytes(w) as f64).collect(),
            DType::Bool => b.iter().map(|&x| f64::from(x)).collect(),
        }
    }

    /// Every element as `i64`; floats toward zero.
    #[must_use]
    pub fn to_i64(&self) -> Vec<i64> {
        match self.ty.dtype {
            DType::I64 => words(&self.bytes).map(i64::from_le_bytes).collect(),
            DType::Bool => self.bytes.iter().map(|&x| i64::from(x)).collect(),
            _ => self.to_f64().into_iter().map(|x| x as i64).collect(),
        }
    }

    /// The same values in another element type, rounded as in [`HostTensor::from_f64`].
    #[must_use]
    pub fn cast(&self, dtype: DType) -> Self {
        if dtype == self.ty.dtype {
            return self.clone();
        }
        let ty = Type::new(dtype, self.ty.shape.clone());
        let mut bytes = Vec::with_capacity(ty.bytes() as usize);
        if dtype == DType::I64 {
            bytes.extend(self.to_i64().into_iter().flat_map(i64::to_le_bytes));
        } else {
            for v in self.to_f64() {
                push(&mut bytes, dtype, v);
            }
        }
        Self { ty, bytes }
    }

    /// The same elements under another shape.
    ///
    /// # Errors
    /// [`BackendError::TensorSize`] when the number of elements differs.
    pub fn reshape(self, shape: &[usize]) -> Result<Self, BackendError> {
        Self::new(Type::new(self.ty.dtype, shape), self.bytes)
    }
}

/// Elements that are not worth another thread.
const FEW: usize = 1 << 18;

/// Writes `value(start)`, `value(start + 1)`, ... over these bytes.
fn fill(bytes: &mut [u8], dtype: DType, start: u64, value: impl Fn(u64) -> f64) {
    fn each<const N: usize>(bytes: &mut [u8], start: u64, word: impl Fn(u64) -> [u8; N]) {
        for (w, i) in bytes.as_chunks_mut::<N>().0.iter_mut().zip(start..) {
            *w = word(i);
        }
    }
    match dtype {
        DType::F64 => each(bytes, start, |i| value(i).to_le_bytes()),
        DType::F32 => each(bytes, start, |i| (value(i) as f32).to_le_bytes()),
        DType::Bf16 => each(bytes, start, |i| bf16::from_f32(value(i) as f32).to_le_bytes()),
        DType::F16 => each(bytes, start, |i| f16::from_f32(value(i) as f32).to_le_bytes()),
        DType::I64 => each(bytes, start, |i| (value(i) as i64).to_le_bytes()),
        DType::Bool => each(bytes, start, |i| [u8::from(value(i) != 0.0)]),
    }
}

/// Appends one value, rounded to the element type.
fn push(bytes: &mut Vec<u8>, dtype: DType, v: f64) {
    match dtype {
        DType::F64 => bytes.extend(v.to_le_bytes()),
        DType::F32 => bytes.extend((v as f32).to_le_bytes()),
        DType::Bf16 => bytes.extend(bf16::from_f32(v as f32).to_le_bytes()),
        DType::F16 => bytes.extend(f16::from_f32(v as f32).to_le_bytes()),
        DType::I64 => bytes.extend((v as i64).to_le_bytes()),
        DType::Bool => bytes.push(u8::from(v != 0.0)),
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks::<N>().0.iter().copied()
}
