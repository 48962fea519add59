//! Element types, shapes and tensor types.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Largest number of elements a tensor may have (2^40); larger shapes are refused before anything allocates.
pub const MAX_ELEMENTS: u64 = 1 << 40;

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// IEEE binary64.
    F64,
    /// IEEE binary32.
    F32,
    /// bfloat16: binary32 with 8 bits of precision.
    Bf16,
    /// IEEE binary16.
    F16,
    /// 64-bit signed integer: token ids, indices, positions.
    I64,
    /// One byte, 0 or 1: masks and results of comparisons.
    Bool,
}

impl DType {
    /// Every element type.
    pub const ALL: [Self; 6] = [Self::F64, Self::F32, Self::Bf16, Self::F16, Self::I64, Self::Bool];

    /// Bytes an element takes in memory.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 => 4,
            Self::Bf16 | Self::F16 => 2,
            Self::Bool => 1,
        }
    }

    /// Whether this is one of the four floating-point types.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::Bf16 | Self::F16)
    }

    /// The type in which reductions and normalisations of this type are evaluated: `f32` for the 16-bit floats,
    /// itself otherwise.
    #[must_use]
    pub const fn accumulator(self) -> Self {
        match self {
            Self::Bf16 | Self::F16 => Self::F32,
            other => other,
        }
    }

    /// Most negative finite value, as an `f64`; 0 for `bool`.
    #[must_use]
    pub fn lowest(self) -> f64 {
        match self {
            Self::F64 => f64::MIN,
            Self::F32 => f64::from(f32::MIN),
            Self::Bf16 => half::bf16::MIN.to_f64(),
            Self::F16 => half::f16::MIN.to_f64(),
            Self::I64 => -9_223_372_036_854_775_808.0,
            Self::Bool => 0.0,
        }
    }

    /// Name as written in files, on the command line and in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::I64 => "i64",
            Self::Bool => "bool",
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for DType {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|d| d.name() == s)
            .ok_or_else(|| format!("unknown element type `{s}`; known: f64, f32, bf16, f16, i64, bool"))
    }
}

/// Dimensions of a tensor, outermost first. Rank 0 is a scalar.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shape(SmallVec<[usize; 5]>);

impl Shape {
    /// Shape with these dimensions.
    #[must_use]
    pub fn new(dims: &[usize]) -> Self {
        Self(SmallVec::from_slice(dims))
    }

    /// Dimensions, outermost first.
    #[must_use]
    pub fn dims(&self) -> &[usize] {
        &self.0
    }

    /// Number of dimensions.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Number of elements; `None` when it exceeds [`MAX_ELEMENTS`].
    #[must_use]
    pub fn checked_elements(&self) -> Option<u64> {
        let mut product: u64 = 1;
        for &d in &self.0 {
            product = product.checked_mul(d as u64).filter(|&p| p <= MAX_ELEMENTS)?;
        }
        Some(product)
    }

    /// Number of elements. Shapes inside a verified program never exceed [`MAX_ELEMENTS`]; others saturate.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.0.iter().fold(1usize, |a, &d| a.saturating_mul(d))
    }

    /// The same shape with dimension `axis` replaced by `size`. Out-of-range axes are ignored.
    #[must_use]
    pub fn with(&self, axis: usize, size: usize) -> Self {
        let mut out = self.clone();
        if let Some(d) = out.0.get_mut(axis) {
            *d = size;
        }
        out
    }

    /// Row-major strides in elements.
    #[must_use]
    pub fn strides(&self) -> SmallVec<[usize; 5]> {
        let mut strides = SmallVec::from_elem(1, self.rank());
        for i in (1..self.rank()).rev() {
            strides[i - 1] = strides[i] * self.0[i];
        }
        strides
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Self {
        Self::new(dims)
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(dims: [usize; N]) -> Self {
        Self::new(&dims)
    }
}

impl std::ops::Index<usize> for Shape {
    type Output = usize;

    fn index(&self, axis: usize) -> &usize {
        &self.0[axis]
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, d) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{d}")?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Element type and shape: all that is known of a tensor before it has values.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Type {
    /// Element type.
    pub dtype: DType,
    /// Dimensions.
    pub shape: Shape,
}

impl Type {
    /// Tensor type of this element type and shape.
    #[must_use]
    pub fn new(dtype: DType, shape: impl Into<Shape>) -> Self {
        Self { dtype, shape: shape.into() }
    }

    /// Type of a scalar.
    #[must_use]
    pub fn scalar(dtype: DType) -> Self {
        Self { dtype, shape: Shape::default() }
    }

    /// Dimensions, outermost first.
    #[must_use]
    pub fn dims(&self) -> &[usize] {
        self.shape.dims()
    }

    /// Bytes the tensor takes in memory.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (self.shape.elements() as u64).saturating_mul(self.dtype.size() as u64)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Type {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (dtype, dims) = s
            .split_once('[')
            .and_then(|(d, rest)| rest.strip_suffix(']').map(|r| (d, r)))
            .ok_or_else(|| format!("`{s}` is not a type; write for example f32[2,3]"))?;
        let dims = if dims.is_empty() {
            Vec::new()
        } else {
            dims.split(',')
                .map(|d| d.parse::<usize>().map_err(|_| format!("`{d}` is not a dimension in `{s}`")))
                .collect::<Result<Vec<_>, _>>()?
        };
        Ok(Self::new(dtype.parse()?, Shape::new(&dims)))
    }
}
