//! The gate.

use std::collections::BTreeMap;

use portbench_backend::HostTensor;
use portbench_measure::Numerics;
use portbench_records::OutputParity;
use portbench_stats::{StatsError, logits, parity};

/// Tensors by name.
pub type Tensors = BTreeMap<String, HostTensor>;

/// Largest ratio `R` of errors that another order of accumulation explains; see [`portbench_stats::parity::RatioBand`].
pub const RATIO_LIMIT: f64 = 3.0;

/// Relative error (the norm of the difference over the norm of the golden value) that passes whatever `R` is: what a whole model loses to rounding in this
/// element type, far above the unit tolerance of one op and far below what a wrong formula does.
#[must_use]
pub const fn tolerance(numerics: Numerics) -> f64 {
    match numerics {
        Numerics::F64 => 1e-10,
        Numerics::F32 => 1e-4,
        Numerics::Tf32 => 2e-3,
        Numerics::F16 => 5e-3,
        Numerics::Bf16 => 4e-2,
    }
}

/// Compares every output with the `f64` golden and with the same element type on the CPU.
///
/// A float output passes if all of it is finite and either `R` is at most [`RATIO_LIMIT`] or the relative error is at most [`tolerance`]. An integer output passes
/// if it is equal; a token `<prefix>next` may differ where the two golden logits concerned, those of `<prefix>logits`, are no further apart than twice the
/// largest error of the target's logits, so that rounding alone can exchange them. An output that is missing, of another shape, or not expected fails.
/// Outputs called `logits` are also described by top-1 agreement and KL divergence, which decide nothing.
#[must_use]
pub fn judge(
    target: &Tensors,
    same_dtype: &Tensors,
    golden: &Tensors,
    numerics: Numerics,
) -> Vec<OutputParity> {
    let mut outputs: Vec<OutputParity> = golden
        .iter()
        .map(|(name, expected)| match target.get(name) {
            Some(actual) if actual.dims() == expected.dims() => {
                let context = Context { name, target, golden, numerics };
                if expected.ty().dtype.is_float() {
                    floats(&context, actual, same_dtype.get(name), expected)
                } else {
                    integers(&context, actual, expected)
                }
            }
            _ => failed(name, expected),
        })
        .collect();
    outputs.extend(target.iter().filter(|(name, _)| !golden.contains_key(*name)).map(|(n, t)| failed(n, t)));
    outputs
}

struct Context<'a> {
    name: &'a str,
    target: &'a Tensors,
    golden: &'a Tensors,
    numerics: Numerics,
}

/// An output about which nothing can be said.
fn failed(name: &str, tensor: &HostTensor) -> OutputParity {
    OutputParity {
        name: name.to_owned(),
        elements: tensor.ty().shape.elements() as u64,
        non_finite: 0,
        error: None,
        same_dtype_error: None,
        ratio: None,
        max_abs: None,
        cosine: None,
        top1_agreement: None,
        kl: None,
        passed: false,
    }
}

fn floats(
    context: &Context<'_>,
    actual: &HostTensor,
    same_dtype: Option<&HostTensor>,
    expected: &HostTensor,
) -> OutputParity {
    let mut output = failed(context.name, expected);
    let (actual, golden) = (actual.to_f64(), expected.to_f64());
    output.non_finite = parity::liveness(&actual).non_finite as u64;
    // A golden value that is not finite leaves nothing to compare with: the output fails.
    let Ok(errors) = parity::errors(&actual, &golden) else { return output };
    (output.error, output.max_abs, output.cosine) =
        (finite(errors.normalised), finite(errors.max_abs), finite(errors.cosine));
    if let Some(same) = same_dtype.map(HostTensor::to_f64)
        && let Ok(three) = parity::three_way(&actual, &same, &golden)
    {
        (output.ratio, output.same_dtype_error) = (finite(three.ratio), finite(three.same_dtype_error));
    }
    if is_called(context.name, "logits")
        && let Some(&classes) = expected.dims().last()
    {
        let agreement = logits::top1_agreement(&golden, &actual, classes, 0.95).ok();
        output.top1_agreement = agreement.map(|a| a.agree as f64 / a.rows as f64);
        output.kl = mean_kl(&golden, &actual, classes).ok().and_then(finite);
    }
    output.passed = output.ratio.is_some_and(|r| r <= RATIO_LIMIT)
        || output.error.is_some_and(|e| e <= tolerance(context.numerics));
    output
}

fn mean_kl(golden: &[f64], actual: &[f64], classes: usize) -> Result<f64, StatsError> {
    let rows: Vec<f64> = logits::kl_rows(golden, actual, classes)?.collect::<Result<_, _>>()?;
    if rows.is_empty() { Err(StatsError::Empty) } else { Ok(rows.iter().sum::<f64>() / rows.len() as f64) }
}

fn integers(context: &Context<'_>, actual: &HostTensor, expected: &HostTensor) -> OutputParity {
    let mut output = failed(context.name, expected);
    if actual.ty().dtype != expected.ty().dtype {
        return output;
    }
    let (actual, golden) = (actual.to_i64(), expected.to_i64());
    let equal = actual.iter().zip(&golden).filter(|(a, g)| a == g).count();
    if !golden.is_empty() {
        output.top1_agreement = Some(equal as f64 / golden.len() as f64);
    }
    let near_tie = near_tie(context, golden.len());
    output.passed = actual
        .iter()
        .zip(&golden)
        .enumerate()
        .all(|(row, (&a, &g))| a == g || near_tie.as_ref().is_some_and(|near| near.explains(row, a, g)));
    output
}

/// Golden logits of the last position of each row, and how far apart two may be and still be exchanged by the target's error.
struct NearTie {
    logits: Vec<f64>,
    classes: usize,
    reach: f64,
}

impl NearTie {
    fn explains(&self, row: usize, token: i64, golden: i64) -> bool {
        let logit = |token: i64| {
            let token = usize::try_from(token).ok().filter(|&t| t < self.classes)?;
            self.logits.get(row * self.classes + token).copied()
        };
        matches!((logit(token), logit(golden)), (Some(a), Some(g)) if (g - a).abs() <= self.reach)
    }
}

/// The logits beside a token output of that many rows, if both sides have them.
fn near_tie(context: &Context<'_>, rows: usize) -> Option<NearTie> {
    let prefix = context.name.strip_suffix("next")?;
    let name = format!("{prefix}logits");
    let (target, golden) = (context.target.get(&name)?, context.golden.get(&name)?);
    let classes = *golden.dims().last()?;
    if golden.dims().first() != Some(&rows) || target.dims() != golden.dims() || classes == 0 {
        return None;
    }
    let (target, golden) = (target.to_f64(), golden.to_f64());
    let max_abs = parity::errors(&target, &golden).ok()?.max_abs;
    let positions = golden.len() / (rows * classes).max(1);
    let last = |row: usize| {
        let start = (row * positions + positions - 1) * classes;
        golden[start..start + classes].iter().copied()
    };
    Some(NearTie { logits: (0..rows).flat_map(last).collect(), classes, reach: 2.0 * max_abs })
}

/// Whether the last part of a dotted output name is this word.
fn is_called(name: &str, word: &str) -> bool {
    name.rsplit('.').next() == Some(word)
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
