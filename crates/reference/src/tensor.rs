//! Values inside the interpreter: row-major, always contiguous, shared until written.

use std::sync::Arc;

use portbench_backend::{BackendError, HostTensor};
use portbench_graph::{DType, Shape, Type};

use crate::precision::Precision;

/// Elements. Floats of every width are held as `f64`.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    Float(Vec<f64>),
    Int(Vec<i64>),
    Bool(Vec<bool>),
}

/// Applies one expression to the elements, whatever their type, and wraps the result in the same variant.
macro_rules! on_data {
    ($data:expr, $v:ident => $body:expr) => {
        match $data {
            $crate::tensor::Data::Float($v) => $crate::tensor::Data::Float($body),
            $crate::tensor::Data::Int($v) => $crate::tensor::Data::Int($body),
            $crate::tensor::Data::Bool($v) => $crate::tensor::Data::Bool($body),
        }
    };
}
pub(crate) use on_data;

/// A tensor. The declared element type is kept beside the data: `Exact` holds `f64` values whatever it says.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub(crate) ty: Type,
    pub(crate) data: Arc<Data>,
}

impl Tensor {
    pub(crate) fn new(ty: Type, data: Data) -> Self {
        Self { ty, data: Arc::new(data) }
    }

    pub(crate) fn float(ty: Type, values: Vec<f64>) -> Self {
        Self::new(ty, Data::Float(values))
    }

    /// Filled with one value.
    pub(crate) fn full(ty: Type, value: f64) -> Self {
        let n = ty.shape.elements();
        let data = match ty.dtype {
            DType::I64 => Data::Int(vec![value as i64; n]),
            DType::Bool => Data::Bool(vec![value != 0.0; n]),
            _ => Data::Float(vec![value; n]),
        };
        Self::new(ty, data)
    }

    pub(crate) fn from_host(host: &HostTensor) -> Self {
        let data = match host.ty().dtype {
            DType::I64 => Data::Int(host.to_i64()),
            DType::Bool => Data::Bool(host.to_i64().into_iter().map(|v| v != 0).collect()),
            _ => Data::Float(host.to_f64()),
        };
        Self::new(host.ty().clone(), data)
    }

    /// The tensor for the host: in its declared type when values are rounded to it, floats as `f64` when they are not.
    pub(crate) fn to_host(&self, precision: Precision) -> Result<HostTensor, BackendError> {
        let shape = self.ty.shape.clone();
        match &*self.data {
            Data::Int(v) => HostTensor::from_i64(shape.dims(), v),
            Data::Bool(v) => {
                let bytes = v.iter().map(|&b| u8::from(b)).collect();
                HostTensor::new(Type::new(DType::Bool, shape), bytes)
            }
            Data::Float(v) => {
                let dtype = match precision {
                    Precision::Exact => DType::F64,
                    Precision::Rounded | Precision::NarrowProducts(_) | Precision::Narrow(_) => self.ty.dtype,
                };
                HostTensor::from_f64(Type::new(dtype, shape), v)
            }
        }
    }

    pub(crate) fn dims(&self) -> &[usize] {
        self.ty.dims()
    }

    /// The same elements under another shape; shares them.
    pub(crate) fn reshaped(&self, shape: impl Into<Shape>) -> Self {
        Self { ty: Type::new(self.ty.dtype, shape), data: Arc::clone(&self.data) }
    }

    /// Elements of a tensor that the graph's type rules make a float.
    pub(crate) fn floats(&self) -> &[f64] {
        match &*self.data {
            Data::Float(v) => v,
            Data::Int(_) | Data::Bool(_) => unreachable!("a verified graph has a float here"),
        }
    }

    /// The same elements to write on; copied first if anything else holds them.
    pub(crate) fn floats_mut(&mut self) -> &mut [f64] {
        match Arc::make_mut(&mut self.data) {
            Data::Float(v) => v,
            Data::Int(_) | Data::Bool(_) => unreachable!("a verified graph has a float here"),
        }
    }

    /// Elements of a tensor that the graph's type rules make `i64`.
    pub(crate) fn ints(&self) -> &[i64] {
        match &*self.data {
            Data::Int(v) => v,
            Data::Float(_) | Data::Bool(_) => unreachable!("a verified graph has i64 here"),
        }
    }

    /// Elements of a tensor that the graph's type rules make `bool`.
    pub(crate) fn bools(&self) -> &[bool] {
        match &*self.data {
            Data::Bool(v) => v,
            Data::Float(_) | Data::Int(_) => unreachable!("a verified graph has bool here"),
        }
    }
}

/// A shape seen from one axis: `outer` blocks of `size` rows of `inner` elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Along {
    pub(crate) outer: usize,
    pub(crate) size: usize,
    pub(crate) inner: usize,
}

impl Along {
    pub(crate) fn of(dims: &[usize], axis: usize) -> Self {
        Self {
            outer: dims[..axis].iter().product(),
            size: dims[axis],
            inner: dims[axis + 1..].iter().product(),
        }
    }
}
