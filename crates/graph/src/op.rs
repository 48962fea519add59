//! The operators: core ops, and composites that decompose into them.

use serde::{Deserialize, Serialize};

use crate::types::{DType, Shape, Type};

/// Element-wise functions of one tensor. All but `neg`, `abs` and `floor` need a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnaryKind {
    /// `-x`
    Neg,
    /// `|x|`
    Abs,
    /// `e^x`
    Exp,
    /// Natural logarithm.
    Log,
    /// Square root.
    Sqrt,
    /// `1/x`
    Recip,
    /// Hyperbolic tangent.
    Tanh,
    /// Gauss error function.
    Erf,
    /// Sine, radians.
    Sin,
    /// Cosine, radians.
    Cos,
    /// Largest integer not above `x`.
    Floor,
}

impl UnaryKind {
    /// Every unary function.
    pub const ALL: [Self; 11] = [
        Self::Neg,
        Self::Abs,
        Self::Exp,
        Self::Log,
        Self::Sqrt,
        Self::Recip,
        Self::Tanh,
        Self::Erf,
        Self::Sin,
        Self::Cos,
        Self::Floor,
    ];

    /// Name in the text form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Neg => "neg",
            Self::Abs => "abs",
            Self::Exp => "exp",
            Self::Log => "log",
            Self::Sqrt => "sqrt",
            Self::Recip => "recip",
            Self::Tanh => "tanh",
            Self::Erf => "erf",
            Self::Sin => "sin",
            Self::Cos => "cos",
            Self::Floor => "floor",
        }
    }
}

/// Element-wise functions of two tensors of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BinaryKind {
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a * b`
    Mul,
    /// `a / b`, floats only.
    Div,
    /// `a ^ b`, floats only.
    Pow,
    /// The larger.
    Maximum,
    /// The smaller.
    Minimum,
}

impl BinaryKind {
    /// Every binary function.
    pub const ALL: [Self; 7] =
        [Self::Add, Self::Sub, Self::Mul, Self::Div, Self::Pow, Self::Maximum, Self::Minimum];

    /// Name in the text form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::Pow => "pow",
            Self::Maximum => "maximum",
            Self::Minimum => "minimum",
        }
    }
}

/// Element-wise comparisons of two tensors of one type; the result is `bool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CompareKind {
    /// `a == b`
    Eq,
    /// `a != b`
    Ne,
    /// `a < b`
    Lt,
    /// `a <= b`
    Le,
    /// `a > b`
    Gt,
    /// `a >= b`
    Ge,
}

impl CompareKind {
    /// Every comparison.
    pub const ALL: [Self; 6] = [Self::Eq, Self::Ne, Self::Lt, Self::Le, Self::Gt, Self::Ge];

    /// Name in the text form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Gt => "gt",
            Self::Ge => "ge",
        }
    }
}

/// Reductions; the reduced axes stay, with size 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReduceKind {
    /// Sum; 16-bit floats accumulate in `f32`.
    Sum,
    /// Maximum.
    Max,
}

impl ReduceKind {
    /// Name in the text form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Max => "max",
        }
    }
}

/// Which GELU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GeluKind {
    /// `x/2 (1 + erf(x/sqrt 2))`
    Erf,
    /// `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`
    Tanh,
}

/// Attributes of a 2-D convolution over `[N,C,H,W]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2dAttrs {
    /// Step in height and width.
    pub stride: [usize; 2],
    /// Zeros added on both sides of height and width.
    pub padding: [usize; 2],
    /// Channel groups; input and output channels are divisible by it.
    pub groups: usize,
}

/// Attributes of a 2-D pooling over `[N,C,H,W]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool2dAttrs {
    /// Window height and width.
    pub kernel: [usize; 2],
    /// Step in height and width.
    pub stride: [usize; 2],
    /// Padding on both sides: never the maximum of a max pooling, counted as zeros by an average pooling.
    pub padding: [usize; 2],
}

/// Attributes of [`Op::Attention`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttentionAttrs {
    /// Factor applied to the scores before masking.
    pub scale: f64,
    /// Query row `i` sees key `j` only if `j <= i + offset`; the offset is the `position` operand when there is one and
    /// `T - S` otherwise (bottom-right alignment).
    pub causal: bool,
    /// A `bool` mask operand follows `v`: `[B or 1, Hq or 1, S or 1, T]`, true where attention is allowed.
    pub mask: bool,
    /// An `i64` scalar operand follows (after the mask): absolute position of query row 0 in the key axis. Keys at and
    /// after `position + S` are never seen, so a backend may leave them out.
    pub position: bool,
}

/// An operator. Operand and result types are checked by the rule each variant states; `f` stands for any float type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Op {
    /// A tensor bound before execution.
    Input {
        /// Name, unique in the graph.
        name: String,
        /// Its type.
        ty: Type,
    },
    /// A parameter of the program.
    Param {
        /// Name of a [`crate::ParamSpec`].
        name: String,
    },
    /// The current value of a state of the program, as it was before this execution.
    State {
        /// Name of a [`crate::StateSpec`].
        name: String,
    },
    /// A tensor filled with one value.
    Constant {
        /// The finite value, converted to the element type.
        value: f64,
        /// Result type.
        ty: Type,
    },
    /// A small tensor written out in the graph (at most [`Op::MAX_LITERAL`] elements).
    Literal {
        /// Row-major finite values, converted to the element type.
        values: Vec<f64>,
        /// Result type.
        ty: Type,
    },
    /// `0, 1, 2, ...` along one axis, repeated over the others.
    Iota {
        /// The counting axis.
        axis: usize,
        /// Result type.
        ty: Type,
    },
    /// A tensor that a module returns whose inside the graph does not know, such as a TorchScript file: `(all its inputs, in their order)`. For back ends that load
    /// such files; nothing decomposes or differentiates it. Every op of one digest is one execution of the module.
    Module {
        /// BLAKE3 of the file, in hexadecimal.
        digest: String,
        /// Which of the tensors that it returns, nested ones counted through in order; absent for an `i64` scalar with their number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<usize>,
        /// Result type.
        ty: Type,
    },
    /// Element-wise function of one tensor.
    Unary {
        /// Which.
        kind: UnaryKind,
    },
    /// `mul * x + add`.
    Affine {
        /// Finite factor.
        mul: f64,
        /// Finite summand.
        add: f64,
    },
    /// Element-wise function of two tensors of the same type.
    Binary {
        /// Which.
        kind: BinaryKind,
    },
    /// Element-wise comparison of two tensors of the same type.
    Compare {
        /// Which.
        kind: CompareKind,
    },
    /// `(condition: bool, a, b)`: `a` where true, else `b`; one shape.
    Select,
    /// Conversion; to integers toward zero; to `bool` by `x != 0`.
    Cast {
        /// Result element type.
        to: DType,
    },
    /// Reduction over ascending distinct axes, which stay with size 1.
    Reduce {
        /// Which.
        kind: ReduceKind,
        /// Reduced axes.
        axes: Vec<usize>,
    },
    /// Index of the largest value along `axis`, which stays with size 1; the lowest index among equals. `i64`.
    ArgMax {
        /// Reduced axis.
        axis: usize,
    },
    /// The same elements in row-major order under another shape.
    Reshape {
        /// Result shape.
        shape: Shape,
    },
    /// Axis `i` of the result is axis `axes[i]` of the operand.
    Permute {
        /// A permutation of the axes.
        axes: Vec<usize>,
    },
    /// Repeats axes of size 1; rank stays.
    Broadcast {
        /// Result shape.
        shape: Shape,
    },
    /// `len` elements of `axis` from `start`, every `step`-th.
    Slice {
        /// Sliced axis.
        axis: usize,
        /// First index.
        start: usize,
        /// Number of elements taken.
        len: usize,
        /// Distance between them, at least 1.
        step: usize,
    },
    /// Joins one or more tensors along an axis.
    Concat {
        /// Joined axis.
        axis: usize,
    },
    /// Adds `value` before and after along an axis.
    Pad {
        /// Padded axis.
        axis: usize,
        /// Elements before.
        before: usize,
        /// Elements after.
        after: usize,
        /// Fill value.
        value: f64,
    },
    /// `[..., M, K] x [..., K, N] -> [..., M, N]`, same leading dimensions, floats; 16-bit floats accumulate in `f32`.
    #[serde(rename = "matmul")]
    MatMul,
    /// `(x [N,C,H,W], w [O,C/groups,KH,KW], optional bias [O]) -> [N,O,H',W']`, cross-correlation.
    Conv2d(Conv2dAttrs),
    /// `[N,C,H,W] -> [N,C,H',W']`, window maximum.
    MaxPool2d(Pool2dAttrs),
    /// `[N,C,H,W] -> [N,C,H',W']`, window mean (padding counted as zeros).
    AvgPool2d(Pool2dAttrs),
    /// `(x, ids: i64)`: replaces `axis` of `x` by the shape of `ids`. Ids outside `0..size` are an execution error.
    Gather {
        /// Indexed axis of `x`.
        axis: usize,
    },
    /// `(x, ids: i64)` of equal rank: `out[.., i, ..] = x[.., ids[.., i, ..], ..]` along `axis`; the other axes agree.
    GatherAlong {
        /// Indexed axis.
        axis: usize,
    },
    /// `(base, update, start: i64 scalar)`: `base` with `update` written at `start` along `axis`. A start that does not fit
    /// is an execution error. When the result updates the state that `base` reads, backends write in place.
    UpdateSlice {
        /// Written axis.
        axis: usize,
    },

    /// Composite. `(x [..., K], w, optional bias [N]) -> [..., N]`; `w` is `[N, K]`, or `[K, N]` when `in_out`.
    /// Decomposes to reshape, matmul, broadcast, add.
    Linear {
        /// Weight layout is `[in, out]` (GPT-2's checkpoints) instead of `[out, in]`.
        in_out: bool,
    },
    /// Composite. `(ids: i64 [...], table [V, H]) -> [..., H]`. Decomposes to gather on axis 0.
    Embedding,
    /// Composite. Softmax over the last axis, evaluated in the accumulator type.
    Softmax,
    /// Composite. Logarithm of softmax over the last axis, evaluated in the accumulator type.
    LogSoftmax,
    /// Composite. `(x [..., H], weight [H], optional bias [H])`: `(x - mean) / sqrt(var + eps) * weight + bias` over the last
    /// axis, biased variance, evaluated in the accumulator type.
    LayerNorm {
        /// Added to the variance.
        eps: f64,
    },
    /// Composite. `(x [..., H], weight [H])`: `x / sqrt(mean(x^2) + eps) * weight`, evaluated in the accumulator type; the
    /// normalised value is rounded to the result type before the weight is applied.
    RmsNorm {
        /// Added to the mean square.
        eps: f64,
    },
    /// Composite. `(x [N,C,...], weight [C], bias [C], mean [C], var [C])`: inference form with running statistics.
    BatchNorm {
        /// Added to the variance.
        eps: f64,
    },
    /// Composite. Gaussian error linear unit.
    Gelu {
        /// Exact or approximate form.
        kind: GeluKind,
    },
    /// Composite. `x / (1 + e^-x)`.
    Silu,
    /// Composite. `maximum(x, 0)`.
    Relu,
    /// Composite. `(x [B,H,S,D], cos [S,D/2], sin [S,D/2])`: rotates the pair `(x[i], x[i + D/2])` by the angle of its
    /// position (half-split layout).
    Rotary,
    /// Composite. `(q [B,Hq,S,D], k [B,Hkv,T,D], v [B,Hkv,T,Dv], ...) -> [B,Hq,S,Dv]`: scaled dot-product attention; query
    /// head `h` reads key head `h / (Hq/Hkv)`. Scores are masked with the lowest finite value and normalised by
    /// softmax in the accumulator type. Every query row must see at least one key.
    Attention(AttentionAttrs),
    /// Composite. `(logits [N,V], targets: i64 [N]) -> scalar`: mean negative log-likelihood, in the accumulator type.
    CrossEntropy,
    /// Composite. `(logits [T,E]) -> [T,E]`: softmax over the experts, all but the `k` largest weights set to 0 (lowest index
    /// wins ties), the rest divided by their sum when `renormalize`.
    TopKRouting {
        /// Experts kept a row.
        k: usize,
        /// Whether the kept weights are scaled to sum to 1.
        renormalize: bool,
    },
    /// Composite. `(x [T,H], weights [T,E], then gate [F,H], up [F,H], down [H,F] of each expert) -> [T,H]`:
    /// `sum_e weights[:,e] * down_e(silu(gate_e x) * up_e x)`. The decomposition evaluates every expert on every row; a native
    /// form may leave out rows whose weight is 0.
    Experts {
        /// Number of experts.
        experts: usize,
        /// Experts with a non-zero weight in each row; what the work rule counts.
        active: usize,
    },
}

impl Op {
    /// Most elements an [`Op::Literal`] may have.
    pub const MAX_LITERAL: usize = 4096;

    /// Name in the text form, in lowering reports and in error messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input { .. } => "input",
            Self::Param { .. } => "param",
            Self::State { .. } => "state",
            Self::Constant { .. } => "constant",
            Self::Literal { .. } => "literal",
            Self::Iota { .. } => "iota",
            Self::Module { .. } => "module",
            Self::Unary { kind } => kind.name(),
            Self::Affine { .. } => "affine",
            Self::Binary { kind } => kind.name(),
            Self::Compare { kind } => kind.name(),
            Self::Select => "select",
            Self::Cast { .. } => "cast",
            Self::Reduce { kind: ReduceKind::Sum, .. } => "reduce-sum",
            Self::Reduce { kind: ReduceKind::Max, .. } => "reduce-max",
            Self::ArgMax { .. } => "arg-max",
            Self::Reshape { .. } => "reshape",
            Self::Permute { .. } => "permute",
            Self::Broadcast { .. } => "broadcast",
            Self::Slice { .. } => "slice",
            Self::Concat { .. } => "concat",
            Self::Pad { .. } => "pad",
            Self::MatMul => "matmul",
            Self::Conv2d(_) => "conv2d",
            Self::MaxPool2d(_) => "max-pool2d",
            Self::AvgPool2d(_) => "avg-pool2d",
            Self::Gather { .. } => "gather",
            Self::GatherAlong { .. } => "gather-along",
            Self::UpdateSlice { .. } => "update-slice",
            Self::Linear { .. } => "linear",
            Self::Embedding => "embedding",
            Self::Softmax => "softmax",
            Self::LogSoftmax => "log-softmax",
            Self::LayerNorm { .. } => "layer-norm",
            Self::RmsNorm { .. } => "rms-norm",
            Self::BatchNorm { .. } => "batch-norm",
            Self::Gelu { .. } => "gelu",
            Self::Silu => "silu",
            Self::Relu => "relu",
            Self::Rotary => "rotary",
            Self::Attention(_) => "attention",
            Self::CrossEntropy => "cross-entropy",
            Self::TopKRouting { .. } => "top-k-routing",
            Self::Experts { .. } => "experts",
        }
    }

    /// Whether the op has a decomposition into core ops.
    #[must_use]
    pub const fn is_composite(&self) -> bool {
        matches!(
            self,
            Self::Linear { .. }
                | Self::Embedding
                | Self::Softmax
                | Self::LogSoftmax
                | Self::LayerNorm { .. }
                | Self::RmsNorm { .. }
                | Self::BatchNorm { .. }
                | Self::Gelu { .. }
                | Self::Silu
                | Self::Relu
                | Self::Rotary
                | Self::Attention(_)
                | Self::CrossEntropy
                | Self::TopKRouting { .. }
                | Self::Experts { .. }
        )
    }

    /// Whether the op only names a tensor that exists before execution (input, parameter, state).
    #[must_use]
    pub const fn is_source(&self) -> bool {
        matches!(self, Self::Input { .. } | Self::Param { .. } | Self::State { .. })
    }

    /// Whether the op only relabels its operand's elements (reshape, permute, broadcast, slice): no arithmetic, and no copy
    /// where a backend has strided views.
    #[must_use]
    pub const fn is_view(&self) -> bool {
        matches!(
            self,
            Self::Reshape { .. } | Self::Permute { .. } | Self::Broadcast { .. } | Self::Slice { .. }
        )
    }
}
