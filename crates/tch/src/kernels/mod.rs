//! The kernels: one prepared libtorch call each.

mod attention;
mod index;
mod rotary;
mod routing;

use portbench_backend::Use;
use portbench_graph::{
    BinaryKind, CompareKind, Conv2dAttrs, DType, GeluKind, Op, Pool2dAttrs, ReduceKind, Type, UnaryKind,
};
use tch::{Device, Kind, Reduction, TchError, Tensor};

use attention::Masks;
use rotary::{Tables, rotary};

use crate::convert::{from_f64, kind, sizes};

type Result<T> = std::result::Result<T, TchError>;

/// What kernels of one entry share.
#[derive(Default)]
pub(crate) struct Shared {
    masks: Masks,
    tables: Tables,
}

impl Shared {
    /// Forgets what depends on the values of an execution.
    pub(crate) fn begin(&mut self) {
        self.tables.clear();
    }
}

/// What runs: operands, the host value of the operand that positions the kernel, and what kernels share.
type Call = Box<dyn Fn(&[&Tensor], Option<i64>, &mut Shared) -> Result<Tensor> + Send>;

/// A prepared kernel.
pub(crate) struct Kernel {
    call: Call,
    /// Position of the scalar operand that it wants on the host.
    host_operand: Option<usize>,
}

impl Kernel {
    fn new(call: impl Fn(&[&Tensor]) -> Result<Tensor> + Send + 'static) -> Self {
        Self { call: Box::new(move |args, _, _| call(args)), host_operand: None }
    }

    fn positioned(
        operand: usize,
        call: impl Fn(&[&Tensor], Option<i64>, &mut Shared) -> Result<Tensor> + Send + 'static,
    ) -> Self {
        Self { call: Box::new(call), host_operand: Some(operand) }
    }

    pub(crate) fn run(&self, args: &[&Tensor], scalar: Option<i64>, shared: &mut Shared) -> Result<Tensor> {
        (self.call)(args, scalar, shared)
    }

    pub(crate) fn host_operand(&self) -> Option<usize> {
        self.host_operand
    }
}

/// Value of a scalar operand: known on the host, or read from the device.
fn host_value(known: Option<i64>, operand: &Tensor) -> Result<i64> {
    known.map_or_else(|| operand.f_int64_value(&[]), Ok)
}

/// Prepares the kernel of a node whose operands and result have these types. `in_place` says that an update may write into its base.
pub(crate) fn prepare(
    op: &Op,
    args: &[&Type],
    result: &Type,
    use_: Use,
    in_place: bool,
    device: Device,
) -> Result<Kernel> {
    let training = use_ == Use::Training;
    Ok(match op.clone() {
        Op::Unary { kind } => unary(kind),
        Op::Affine { mul, add } => affine(mul, add, args[0].dtype),
        Op::Binary { kind } => binary(kind),
        Op::Compare { kind } => compare(kind),
        Op::Select => Kernel::new(|a| a[1].f_where_self(a[0], a[2])),
        Op::Cast { to } => {
            let to = kind(to);
            Kernel::new(move |a| a[0].f_to_dtype(to, false, false))
        }
        Op::Reduce { kind: how, axes } => {
            let axes = sizes(&axes);
            match how {
                ReduceKind::Sum => {
                    Kernel::new(move |a| a[0].f_sum_dim_intlist(&axes[..], true, None::<Kind>))
                }
                ReduceKind::Max => Kernel::new(move |a| a[0].f_amax(&axes[..], true)),
            }
        }
        Op::ArgMax { axis } => Kernel::new(move |a| a[0].f_argmax(axis as i64, true)),
        Op::Reshape { shape } => {
            let shape = sizes(shape.dims());
            Kernel::new(move |a| a[0].f_reshape(&shape[..]))
        }
        Op::Permute { axes } => {
            let axes = sizes(&axes);
            Kernel::new(move |a| a[0].f_permute(&axes[..]))
        }
        Op::Broadcast { shape } => {
            let shape = sizes(shape.dims());
            Kernel::new(move |a| a[0].f_expand(&shape[..], false))
        }
        Op::Slice { axis, start, len, step: 1 } => {
            Kernel::new(move |a| a[0].f_narrow(axis as i64, start as i64, len as i64))
        }
        Op::Slice { axis, start, len, step } => {
            let end = (start + (len - 1) * step + 1) as i64;
            Kernel::new(move |a| a[0].f_slice(axis as i64, start as i64, end, step as i64))
        }
        Op::Concat { axis } => Kernel::new(move |a| Tensor::f_cat(a, axis as i64)),
        Op::Pad { axis, before, after, value } => pad(axis, before, after, value, result),
        Op::MatMul => Kernel::new(|a| a[0].f_matmul(a[1])),
        Op::Conv2d(attrs) => conv2d(attrs),
        Op::MaxPool2d(attrs) => max_pool2d(attrs),
        Op::AvgPool2d(attrs) => avg_pool2d(attrs),
        Op::Gather { axis } => Kernel::new(move |a| index::gather(a[0], a[1], axis)),
        Op::GatherAlong { axis } => Kernel::new(move |a| a[0].f_gather(axis as i64, a[1], false)),
        Op::UpdateSlice { axis } => index::update(axis, args, in_place && !training),
        Op::Linear { in_out } => linear(in_out, args, result),
        Op::Embedding => Kernel::new(|a| Tensor::f_embedding(a[1], a[0], -1, false, false)),
        Op::Softmax => Kernel::new(|a| a[0].f_softmax(-1, None::<Kind>)),
        Op::LogSoftmax => Kernel::new(|a| a[0].f_log_softmax(-1, None::<Kind>)),
        Op::LayerNorm { eps } => {
            let width = last(args[0]);
            Kernel::new(move |a| a[0].f_layer_norm(&width[..], Some(a[1]), a.get(2).copied(), eps, true))
        }
        Op::RmsNorm { eps } => {
            let width = last(args[0]);
            Kernel::new(move |a| a[0].f_rms_norm(&width[..], Some(a[1]), eps))
        }
        Op::BatchNorm { eps } => Kernel::new(move |a| {
            a[0].f_batch_norm(Some(a[1]), Some(a[2]), Some(a[3]), Some(a[4]), false, 0.0, eps, true)
        }),
        Op::Gelu { kind: GeluKind::Erf } => Kernel::new(|a| a[0].f_gelu("none")),
        Op::Gelu { kind: GeluKind::Tanh } => Kernel::new(|a| a[0].f_gelu("tanh")),
        Op::Silu => Kernel::new(|a| a[0].f_silu()),
        Op::Relu => Kernel::new(|a| a[0].f_relu()),
        Op::Rotary => {
            Kernel { call: Box::new(|a, _, shared| rotary(a, &mut shared.tables)), host_operand: None }
        }
        Op::Attention(attrs) => attention::prepare(attrs, args, device),
        Op::CrossEntropy => cross_entropy(result.dtype),
        Op::TopKRouting { k, renormalize } => {
            Kernel::new(move |a| routing::top_k(a[0], k as i64, renormalize))
        }
        Op::Experts { .. } => Kernel::new(routing::experts),
        other => return Err(TchError::Convert(format!("`{}` has no kernel", other.name()))),
    })
}

/// The tensor of a node that needs no operands: constants, literals, counting sequences.
pub(crate) fn constant(op: &Op, device: Device) -> Result<Option<Tensor>> {
    Ok(match op {
        Op::Constant { value, ty } => {
            let one = from_f64(&Type::scalar(ty.dtype), &[*value], device)?;
            Some(one.f_expand(&sizes(ty.dims())[..], false)?)
        }
        Op::Literal { values, ty } => Some(from_f64(ty, values, device)?),
        Op::Iota { axis, ty } => {
            let n = ty.shape[*axis];
            let counted: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let line = from_f64(&Type::new(ty.dtype, [n]), &counted, device)?;
            let mut dims = vec![1; ty.shape.rank()];
            dims[*axis] = n as i64;
            Some(line.f_reshape(&dims[..])?.f_expand(&sizes(ty.dims())[..], false)?.f_contiguous()?)
        }
        _ => None,
    })
}

/// Size of the last axis, as the normalised shape of a norm.
fn last(x: &Type) -> [i64; 1] {
    [x.dims().last().copied().unwrap_or(1) as i64]
}

fn unary(kind: UnaryKind) -> Kernel {
    let call = match kind {
        UnaryKind::Neg => Tensor::f_neg,
        UnaryKind::Abs => Tensor::f_abs,
        UnaryKind::Exp => Tensor::f_exp,
        UnaryKind::Log => Tensor::f_log,
        UnaryKind::Sqrt => Tensor::f_sqrt,
        UnaryKind::Recip => Tensor::f_reciprocal,
        UnaryKind::Tanh => Tensor::f_tanh,
        UnaryKind::Erf => Tensor::f_erf,
        UnaryKind::Sin => Tensor::f_sin,
        UnaryKind::Cos => Tensor::f_cos,
        UnaryKind::Floor => Tensor::f_floor,
    };
    Kernel::new(move |a| call(a[0]))
}

fn binary(kind: BinaryKind) -> Kernel {
    let call = match kind {
        BinaryKind::Add => Tensor::f_add,
        BinaryKind::Sub => Tensor::f_sub,
        BinaryKind::Mul => Tensor::f_mul,
        BinaryKind::Div => Tensor::f_div,
        BinaryKind::Pow => Tensor::f_pow,
        BinaryKind::Maximum => Tensor::f_maximum,
        BinaryKind::Minimum => Tensor::f_minimum,
    };
    Kernel::new(move |a| call(a[0], a[1]))
}

fn compare(kind: CompareKind) -> Kernel {
    let call = match kind {
        CompareKind::Eq => Tensor::f_eq_tensor,
        CompareKind::Ne => Tensor::f_ne_tensor,
        CompareKind::Lt => Tensor::f_lt_tensor,
        CompareKind::Le => Tensor::f_le_tensor,
        CompareKind::Gt => Tensor::f_gt_tensor,
        CompareKind::Ge => Tensor::f_ge_tensor,
    };
    Kernel::new(move |a| call(a[0], a[1]))
}

/// `mul x + add`, rounded once.
fn affine(mul: f64, add: f64, dtype: DType) -> Kernel {
    let half = matches!(dtype, DType::Bf16 | DType::F16);
    let own = kind(dtype);
    if add == 0.0 {
        return Kernel::new(move |a| a[0].f_mul_scalar(mul));
    }
    if mul == 1.0 {
        return Kernel::new(move |a| a[0].f_add_scalar(add));
    }
    Kernel::new(move |a| {
        if half {
            let wide = a[0].f_to_dtype(Kind::Float, false, false)?;
            return wide.f_mul_scalar(mul)?.f_add_scalar(add)?.f_to_dtype(own, false, false);
        }
        a[0].f_mul_scalar(mul)?.f_add_scalar(add)
    })
}

fn pad(axis: usize, before: usize, after: usize, value: f64, result: &Type) -> Kernel {
    // Widths go from the last axis to the first.
    let mut widths = vec![0; 2 * (result.shape.rank() - 1 - axis)];
    widths.extend([before as i64, after as i64]);
    Kernel::new(move |a| a[0].f_pad(&widths[..], "constant", value))
}

fn conv2d(attrs: Conv2dAttrs) -> Kernel {
    let [stride, padding] = [attrs.stride, attrs.padding].map(|p| sizes(&p));
    let groups = attrs.groups as i64;
    Kernel::new(move |a| {
        a[0].f_conv2d(a[1], a.get(2).copied(), &stride[..], &padding[..], &[1i64, 1][..], groups)
    })
}

/// A pooling's window in libtorch's terms. Padding over half a window, which libtorch refuses, is made explicit beforehand.
struct Window {
    kernel: Vec<i64>,
    stride: Vec<i64>,
    padding: Vec<i64>,
    wide: Option<[i64; 2]>,
}

impl Window {
    fn new(attrs: Pool2dAttrs) -> Self {
        let wide = (0..2).any(|i| 2 * attrs.padding[i] > attrs.kernel[i]);
        let [h, w] = attrs.padding.map(|p| p as i64);
        Self {
            kernel: sizes(&attrs.kernel),
            stride: sizes(&attrs.stride),
            padding: if wide { vec![0, 0] } else { vec![h, w] },
            wide: wide.then_some([h, w]),
        }
    }

    /// The operand with its explicit padding, where it needs one.
    fn padded(&self, x: &Tensor, fill: f64) -> Result<Tensor> {
        let Some([h, w]) = self.wide else { return Ok(x.shallow_clone()) };
        x.f_pad(&[w, w, h, h][..], "constant", fill)
    }
}

fn max_pool2d(attrs: Pool2dAttrs) -> Kernel {
    let window = Window::new(attrs);
    Kernel::new(move |a| {
        window.padded(a[0], f64::NEG_INFINITY)?.f_max_pool2d(
            &window.kernel[..],
            &window.stride[..],
            &window.padding[..],
            &[1i64, 1][..],
            false,
        )
    })
}

fn avg_pool2d(attrs: Pool2dAttrs) -> Kernel {
    let window = Window::new(attrs);
    Kernel::new(move |a| {
        window.padded(a[0], 0.0)?.f_avg_pool2d(
            &window.kernel[..],
            &window.stride[..],
            &window.padding[..],
            false,
            true,
            None::<i64>,
        )
    })
}

/// One product over all rows of `x`; the weight is `[K,N]` when `in_out`, else `[N,K]`.
fn linear(in_out: bool, args: &[&Type], result: &Type) -> Kernel {
    if !in_out {
        return Kernel::new(|a| a[0].f_linear(a[1], a.get(2).copied()));
    }
    let k = last(args[0])[0];
    let out = sizes(result.dims());
    let flat = args[0].shape.rank() == 2;
    Kernel::new(move |a| {
        let reshaped;
        let rows = if flat {
            a[0]
        } else {
            reshaped = a[0].f_reshape(&[-1, k][..])?;
            &reshaped
        };
        let y = match a.get(2) {
            Some(bias) => bias.f_addmm(rows, a[1])?,
            None => rows.f_mm(a[1])?,
        };
        if flat { Ok(y) } else { y.f_view(&out[..]) }
    })
}

/// Mean negative log-likelihood in the result's type. No target is ignored: libtorch's own -100 is out of range here as everywhere.
fn cross_entropy(result: DType) -> Kernel {
    let wide = kind(result);
    Kernel::new(move |a| {
        let logits = a[0].f_to_dtype(wide, false, false)?;
        logits.f_cross_entropy_loss(a[1], None::<Tensor>, Reduction::Mean, i64::MIN, 0.0)
    })
}
