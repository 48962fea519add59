//! The result type of every operator, and the rules its operands must obey.

use crate::op::{AttentionAttrs, Conv2dAttrs, Op, Pool2dAttrs, UnaryKind};
use crate::types::{DType, Shape, Type};

/// Result type of `op` on operands of these types. Parameters and states have no rule here: their type stands in the program.
pub(crate) fn result_type(op: &Op, args: &[&Type]) -> Result<Type, String> {
    let ty = rule(op, args).map_err(|m| {
        let shown: Vec<String> = args.iter().map(|t| t.to_string()).collect();
        format!("{}({}): {m}", op.name(), shown.join(", "))
    })?;
    check_size(&ty).map_err(|m| format!("{}: {m}", op.name()))?;
    Ok(ty)
}

/// Refuses tensors that cannot exist: a zero dimension, or more than [`crate::MAX_ELEMENTS`] elements.
pub(crate) fn check_size(ty: &Type) -> Result<(), String> {
    if ty.dims().contains(&0) {
        return Err(format!("{ty} has a dimension of size 0"));
    }
    match ty.shape.checked_elements() {
        Some(_) => Ok(()),
        None => Err(format!("{ty} has more than 2^40 elements")),
    }
}

fn count(args: &[&Type], expected: std::ops::RangeInclusive<usize>) -> Result<(), String> {
    if expected.contains(&args.len()) {
        Ok(())
    } else if expected.start() == expected.end() {
        Err(format!("takes {} operand(s), got {}", expected.start(), args.len()))
    } else {
        Err(format!("takes {} to {} operands, got {}", expected.start(), expected.end(), args.len()))
    }
}

fn float(ty: &Type) -> Result<(), String> {
    if ty.dtype.is_float() { Ok(()) } else { Err(format!("needs a float, got {ty}")) }
}

fn finite(value: f64, what: &str) -> Result<(), String> {
    if value.is_finite() { Ok(()) } else { Err(format!("{what} must be finite, got {value}")) }
}

fn positive(value: f64, what: &str) -> Result<(), String> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(format!("{what} must be above 0, got {value}"))
    }
}

fn axis_in(ty: &Type, axis: usize) -> Result<(), String> {
    if axis < ty.shape.rank() { Ok(()) } else { Err(format!("axis {axis} is outside the rank of {ty}")) }
}

fn same(a: &Type, b: &Type) -> Result<(), String> {
    if a == b { Ok(()) } else { Err("operands must have one type; broadcast or cast explicitly".into()) }
}

fn rank(ty: &Type, n: usize, what: &str) -> Result<(), String> {
    if ty.shape.rank() == n { Ok(()) } else { Err(format!("{what} must have rank {n}, got {ty}")) }
}

fn is(ty: &Type, dtype: DType, dims: &[usize], what: &str) -> Result<(), String> {
    if ty.dtype == dtype && ty.dims() == dims {
        Ok(())
    } else {
        Err(format!("{what} must be {}, got {ty}", Type::new(dtype, dims)))
    }
}

fn last(ty: &Type) -> Result<usize, String> {
    ty.dims().last().copied().ok_or_else(|| "needs rank 1 or more".to_owned())
}

fn rule(op: &Op, args: &[&Type]) -> Result<Type, String> {
    match op {
        Op::Input { ty, .. } => count(args, 0..=0).map(|()| ty.clone()),
        Op::Param { .. } | Op::State { .. } => Err("is declared in the program".into()),
        Op::Constant { value, ty } => {
            count(args, 0..=0)?;
            finite(*value, "the value")?;
            Ok(ty.clone())
        }
        Op::Literal { values, ty } => {
            count(args, 0..=0)?;
            if values.len() > Op::MAX_LITERAL {
                return Err(format!("at most {} values, got {}", Op::MAX_LITERAL, values.len()));
            }
            if values.len() != ty.shape.elements() {
                return Err(format!("{} values do not fill {ty}", values.len()));
            }
            values.iter().try_for_each(|v| finite(*v, "a value"))?;
            Ok(ty.clone())
        }
        Op::Iota { axis, ty } => {
            count(args, 0..=0)?;
            axis_in(ty, *axis)?;
            if ty.dtype == DType::Bool {
                return Err("cannot count in bool".into());
            }
            Ok(ty.clone())
        }
        Op::Module { digest, output, ty } => {
            if digest.len() != 64 || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err("the digest of a module is 64 hexadecimal digits".into());
            }
            if output.is_none() && *ty != Type::new(DType::I64, []) {
                return Err("the number of tensors that a module returns is an i64 scalar".into());
            }
            Ok(ty.clone())
        }
        Op::Unary { kind } => {
            count(args, 1..=1)?;
            match kind {
                UnaryKind::Neg | UnaryKind::Abs if args[0].dtype == DType::I64 => {}
                _ => float(args[0])?,
            }
            Ok(args[0].clone())
        }
        Op::Affine { mul, add } => {
            count(args, 1..=1)?;
            float(args[0])?;
            finite(*mul, "the factor")?;
            finite(*add, "the summand")?;
            Ok(args[0].clone())
        }
        Op::Binary { kind } => {
            count(args, 2..=2)?;
            same(args[0], args[1])?;
            use crate::op::BinaryKind::{Div, Pow};
            if matches!(kind, Div | Pow) {
                float(args[0])?;
            } else if args[0].dtype == DType::Bool {
                return Err("needs numbers, got bool".into());
            }
            Ok(args[0].clone())
        }
        Op::Compare { .. } => {
            count(args, 2..=2)?;
            same(args[0], args[1])?;
            Ok(Type::new(DType::Bool, args[0].shape.clone()))
        }
        Op::Select => {
            count(args, 3..=3)?;
            same(args[1], args[2])?;
            is(args[0], DType::Bool, args[1].dims(), "the condition")?;
            Ok(args[1].clone())
        }
        Op::Cast { to } => {
            count(args, 1..=1)?;
            Ok(Type::new(*to, args[0].shape.clone()))
        }
        Op::Reduce { axes, .. } => {
            count(args, 1..=1)?;
            if args[0].dtype == DType::Bool {
                return Err("needs numbers, got bool".into());
            }
            if axes.is_empty() || !axes.windows(2).all(|w| w[0] < w[1]) {
                return Err(format!("axes must be ascending, distinct and not empty, got {axes:?}"));
            }
            let mut shape = args[0].shape.clone();
            for &a in axes {
                axis_in(args[0], a)?;
                shape = shape.with(a, 1);
            }
            Ok(Type::new(args[0].dtype, shape))
        }
        Op::ArgMax { axis } => {
            count(args, 1..=1)?;
            float(args[0])?;
            axis_in(args[0], *axis)?;
            Ok(Type::new(DType::I64, args[0].shape.with(*axis, 1)))
        }
        Op::Reshape { shape } => {
            count(args, 1..=1)?;
            if shape.checked_elements() != args[0].shape.checked_elements() {
                return Err(format!("{shape} has another number of elements"));
            }
            Ok(Type::new(args[0].dtype, shape.clone()))
        }
        Op::Permute { axes } => {
            count(args, 1..=1)?;
            let mut seen = axes.clone();
            seen.sort_unstable();
            if seen != (0..args[0].shape.rank()).collect::<Vec<_>>() {
                return Err(format!("{axes:?} is not a permutation of its axes"));
            }
            let dims: Vec<usize> = axes.iter().map(|&a| args[0].shape[a]).collect();
            Ok(Type::new(args[0].dtype, Shape::new(&dims)))
        }
        Op::Broadcast { shape } => {
            count(args, 1..=1)?;
            let fits = shape.rank() == args[0].shape.rank()
                && args[0].dims().iter().zip(shape.dims()).all(|(&a, &b)| a == b || a == 1);
            if !fits {
                return Err(format!(
                    "does not broadcast to {shape}: ranks must agree and only size-1 axes repeat"
                ));
            }
            Ok(Type::new(args[0].dtype, shape.clone()))
        }
        Op::Slice { axis, start, len, step } => {
            count(args, 1..=1)?;
            axis_in(args[0], *axis)?;
            if *len == 0 || *step == 0 {
                return Err("length and step must be at least 1".into());
            }
            let end = (len - 1).checked_mul(*step).and_then(|n| n.checked_add(*start));
            if end.is_none_or(|e| e >= args[0].shape[*axis]) {
                return Err(format!(
                    "start {start}, length {len}, step {step} leave axis {axis} of size {}",
                    args[0].shape[*axis]
                ));
            }
            Ok(Type::new(args[0].dtype, args[0].shape.with(*axis, *len)))
        }
        Op::Concat { axis } => {
            let first = args.first().ok_or("takes at least one operand")?;
            axis_in(first, *axis)?;
            let mut total = 0usize;
            for a in args {
                let same_but_axis = a.dtype == first.dtype
                    && a.shape.rank() == first.shape.rank()
                    && a.shape.with(*axis, 1) == first.shape.with(*axis, 1);
                if !same_but_axis {
                    return Err(format!("operands must agree in all but axis {axis}"));
                }
                total = total.saturating_add(a.shape[*axis]);
            }
            Ok(Type::new(first.dtype, first.shape.with(*axis, total)))
        }
        Op::Pad { axis, before, after, value } => {
            count(args, 1..=1)?;
            axis_in(args[0], *axis)?;
            finite(*value, "the fill value")?;
            let size = args[0].shape[*axis].saturating_add(*before).saturating_add(*after);
            Ok(Type::new(args[0].dtype, args[0].shape.with(*axis, size)))
        }
        Op::MatMul => matmul(args),
        Op::Conv2d(attrs) => conv2d(attrs, args),
        Op::MaxPool2d(attrs) | Op::AvgPool2d(attrs) => pool2d(attrs, args),
        Op::Gather { axis } => {
            count(args, 2..=2)?;
            axis_in(args[0], *axis)?;
            ids(args[1])?;
            let mut dims = args[0].dims()[..*axis].to_vec();
            dims.extend_from_slice(args[1].dims());
            dims.extend_from_slice(&args[0].dims()[axis + 1..]);
            Ok(Type::new(args[0].dtype, Shape::new(&dims)))
        }
        Op::GatherAlong { axis } => {
            count(args, 2..=2)?;
            axis_in(args[0], *axis)?;
            ids(args[1])?;
            if args[1].shape.rank() != args[0].shape.rank()
                || args[1].shape.with(*axis, 1) != args[0].shape.with(*axis, 1)
            {
                return Err(format!("ids must agree with x in all but axis {axis}"));
            }
            Ok(Type::new(args[0].dtype, args[1].shape.clone()))
        }
        Op::UpdateSlice { axis } => {
            count(args, 3..=3)?;
            axis_in(args[0], *axis)?;
            is(args[2], DType::I64, &[], "the start")?;
            let agree = args[1].dtype == args[0].dtype
                && args[1].shape.rank() == args[0].shape.rank()
                && args[1].shape.with(*axis, 1) == args[0].shape.with(*axis, 1)
                && args[1].shape[*axis] <= args[0].shape[*axis];
            if !agree {
                return Err(format!("the update must fit into the base along axis {axis}"));
            }
            Ok(args[0].clone())
        }
        Op::Linear { in_out } => {
            count(args, 2..=3)?;
            float(args[0])?;
            let k = last(args[0])?;
            rank(args[1], 2, "the weight")?;
            let (wk, n) = if *in_out {
                (args[1].shape[0], args[1].shape[1])
            } else {
                (args[1].shape[1], args[1].shape[0])
            };
            if wk != k || args[1].dtype != args[0].dtype {
                return Err(format!("the weight must take {k} features of {}", args[0].dtype));
            }
            if let Some(b) = args.get(2) {
                is(b, args[0].dtype, &[n], "the bias")?;
            }
            Ok(Type::new(args[0].dtype, args[0].shape.with(args[0].shape.rank() - 1, n)))
        }
        Op::Embedding => {
            count(args, 2..=2)?;
            ids(args[0])?;
            rank(args[1], 2, "the table")?;
            let mut dims = args[0].dims().to_vec();
            dims.push(args[1].shape[1]);
            Ok(Type::new(args[1].dtype, Shape::new(&dims)))
        }
        Op::Softmax | Op::LogSoftmax => {
            count(args, 1..=1)?;
            float(args[0])?;
            last(args[0])?;
            Ok(args[0].clone())
        }
        Op::LayerNorm { eps } => {
            count(args, 2..=3)?;
            norm(args, *eps)
        }
        Op::RmsNorm { eps } => {
            count(args, 2..=2)?;
            norm(args, *eps)
        }
        Op::BatchNorm { eps } => {
            count(args, 5..=5)?;
            float(args[0])?;
            positive(*eps, "eps")?;
            if args[0].shape.rank() < 2 {
                return Err("needs [N, C, ...]".into());
            }
            for (a, what) in args[1..].iter().zip(["the weight", "the bias", "the mean", "the variance"]) {
                is(a, args[0].dtype, &[args[0].shape[1]], what)?;
            }
            Ok(args[0].clone())
        }
        Op::Gelu { .. } | Op::Silu | Op::Relu => {
            count(args, 1..=1)?;
            float(args[0])?;
            Ok(args[0].clone())
        }
        Op::Rotary => {
            count(args, 3..=3)?;
            float(args[0])?;
            rank(args[0], 4, "x")?;
            let (s, d) = (args[0].shape[2], args[0].shape[3]);
            if d % 2 != 0 {
                return Err(format!("the head dimension must be even, got {d}"));
            }
            is(args[1], args[0].dtype, &[s, d / 2], "cos")?;
            is(args[2], args[0].dtype, &[s, d / 2], "sin")?;
            Ok(args[0].clone())
        }
        Op::Attention(attrs) => attention(attrs, args),
        Op::CrossEntropy => {
            count(args, 2..=2)?;
            float(args[0])?;
            rank(args[0], 2, "logits")?;
            is(args[1], DType::I64, &args[0].dims()[..1], "targets")?;
            Ok(Type::scalar(args[0].dtype.accumulator()))
        }
        Op::TopKRouting { k, .. } => {
            count(args, 1..=1)?;
            float(args[0])?;
            rank(args[0], 2, "logits")?;
            if *k == 0 || *k > args[0].shape[1] {
                return Err(format!("k must be between 1 and the {} experts, got {k}", args[0].shape[1]));
            }
            Ok(args[0].clone())
        }
        Op::Experts { experts, active } => {
            if *experts == 0 || *active == 0 || active > experts {
                return Err(format!(
                    "active experts must be between 1 and the {experts} experts, got {active}"
                ));
            }
            let n = experts.checked_mul(3).and_then(|n| n.checked_add(2)).ok_or("too many experts")?;
            count(args, n..=n)?;
            float(args[0])?;
            rank(args[0], 2, "x")?;
            let (t, h) = (args[0].shape[0], args[0].shape[1]);
            is(args[1], args[0].dtype, &[t, *experts], "the routing weights")?;
            rank(args[2], 2, "the gate of expert 0")?;
            let f = args[2].shape[0];
            for (e, w) in args[2..].chunks_exact(3).enumerate() {
                is(w[0], args[0].dtype, &[f, h], &format!("the gate of expert {e}"))?;
                is(w[1], args[0].dtype, &[f, h], &format!("the up projection of expert {e}"))?;
                is(w[2], args[0].dtype, &[h, f], &format!("the down projection of expert {e}"))?;
            }
            Ok(args[0].clone())
        }
    }
}

fn ids(ty: &Type) -> Result<(), String> {
    if ty.dtype == DType::I64 { Ok(()) } else { Err(format!("ids must be i64, got {ty}")) }
}

fn norm(args: &[&Type], eps: f64) -> Result<Type, String> {
    float(args[0])?;
    positive(eps, "eps")?;
    let h = last(args[0])?;
    is(args[1], args[0].dtype, &[h], "the weight")?;
    if let Some(b) = args.get(2) {
        is(b, args[0].dtype, &[h], "the bias")?;
    }
    Ok(args[0].clone())
}

fn matmul(args: &[&Type]) -> Result<Type, String> {
    count(args, 2..=2)?;
    let (a, b) = (args[0], args[1]);
    float(a)?;
    let r = a.shape.rank();
    if r < 2 || b.shape.rank() != r || a.dtype != b.dtype {
        return Err("operands must have one element type and one rank of at least 2".into());
    }
    if a.dims()[..r - 2] != b.dims()[..r - 2] {
        return Err("leading dimensions must agree".into());
    }
    if a.shape[r - 1] != b.shape[r - 2] {
        return Err(format!("inner dimensions {} and {} differ", a.shape[r - 1], b.shape[r - 2]));
    }
    Ok(Type::new(a.dtype, a.shape.with(r - 1, b.shape[r - 1])))
}

fn window(size: usize, kernel: usize, stride: usize, padding: usize, what: &str) -> Result<usize, String> {
    if kernel == 0 || stride == 0 {
        return Err(format!("kernel and stride in {what} must be at least 1"));
    }
    let padded = padding.checked_mul(2).and_then(|p| p.checked_add(size));
    let padded = padded.ok_or("padding overflows")?;
    if kernel > padded {
        return Err(format!("a kernel of {kernel} does not fit into the padded {what} {padded}"));
    }
    Ok((padded - kernel) / stride + 1)
}

fn conv2d(attrs: &Conv2dAttrs, args: &[&Type]) -> Result<Type, String> {
    count(args, 2..=3)?;
    let (x, w) = (args[0], args[1]);
    float(x)?;
    rank(x, 4, "x")?;
    rank(w, 4, "the weight")?;
    let (channels, out) = (x.shape[1], w.shape[0]);
    if attrs.groups == 0 || channels % attrs.groups != 0 || out % attrs.groups != 0 {
        return Err(format!("{} groups do not divide {channels} and {out} channels", attrs.groups));
    }
    if w.dtype != x.dtype || w.shape[1] != channels / attrs.groups {
        return Err(format!("the weight must take {} channels of {}", channels / attrs.groups, x.dtype));
    }
    if let Some(b) = args.get(2) {
        is(b, x.dtype, &[out], "the bias")?;
    }
    let h = window(x.shape[2], w.shape[2], attrs.stride[0], attrs.padding[0], "height")?;
    let w = window(x.shape[3], w.shape[3], attrs.stride[1], attrs.padding[1], "width")?;
    Ok(Type::new(x.dtype, [x.shape[0], out, h, w]))
}

fn pool2d(attrs: &Pool2dAttrs, args: &[&Type]) -> Result<Type, String> {
    count(args, 1..=1)?;
    let x = args[0];
    float(x)?;
    rank(x, 4, "x")?;
    if attrs.padding[0] >= attrs.kernel[0].max(1) || attrs.padding[1] >= attrs.kernel[1].max(1) {
        return Err("padding must be smaller than the kernel".into());
    }
    let h = window(x.shape[2], attrs.kernel[0], attrs.stride[0], attrs.padding[0], "height")?;
    let w = window(x.shape[3], attrs.kernel[1], attrs.stride[1], attrs.padding[1], "width")?;
    Ok(Type::new(x.dtype, [x.shape[0], x.shape[1], h, w]))
}

fn attention(attrs: &AttentionAttrs, args: &[&Type]) -> Result<Type, String> {
    let n = 3 + usize::from(attrs.mask) + usize::from(attrs.position);
    count(args, n..=n)?;
    positive(attrs.scale, "the scale")?;
    let (q, k, v) = (args[0], args[1], args[2]);
    float(q)?;
    for (t, what) in [(q, "q"), (k, "k"), (v, "v")] {
        rank(t, 4, what)?;
        if t.dtype != q.dtype {
            return Err("q, k and v must have one element type".into());
        }
    }
    let (b, hq, s, d) = (q.shape[0], q.shape[1], q.shape[2], q.shape[3]);
    let (hkv, t) = (k.shape[1], k.shape[2]);
    if k.shape[0] != b || k.shape[3] != d || v.dims()[..3] != k.dims()[..3] {
        return Err("k must be [B,Hkv,T,D] and v [B,Hkv,T,Dv] for q [B,Hq,S,D]".into());
    }
    if hkv == 0 || hq % hkv != 0 {
        return Err(format!("{hkv} key heads do not divide {hq} query heads"));
    }
    if attrs.causal && !attrs.position && t < s {
        return Err(format!("causal attention of {s} queries needs at least as many keys, got {t}"));
    }
    if attrs.mask {
        let m = args[3];
        let fits = m.dtype == DType::Bool
            && m.shape.rank() == 4
            && (m.shape[0] == b || m.shape[0] == 1)
            && (m.shape[1] == hq || m.shape[1] == 1)
            && (m.shape[2] == s || m.shape[2] == 1)
            && m.shape[3] == t;
        if !fits {
            return Err(format!("the mask must be bool[{b}|1,{hq}|1,{s}|1,{t}], got {m}"));
        }
    }
    if attrs.position {
        if !attrs.causal {
            return Err("a position needs causal attention".into());
        }
        is(args[n - 1], DType::I64, &[], "the position")?;
    }
    Ok(Type::new(q.dtype, q.shape.with(3, v.shape[3])))
}
