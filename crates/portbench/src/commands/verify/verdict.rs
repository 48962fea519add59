//! What the outputs are worth.

use std::io;

use portbench_backend::HostTensor;
use portbench_graph::{DType, Type};
use portbench_measure::Numerics;
use portbench_records::OutputParity;
use portbench_runner::{Tensors, judge, tolerance};

use super::subject::Subject;
use crate::args::VerifyArgs;
use crate::failure::{Failure, SOME_CELL};
use crate::progress;
use crate::table::Table;

/// Outputs that have a value of each token.
const OF_TOKENS: [&str; 2] = ["logits", "last_hidden_state"];

/// What was computed, where nothing is expected.
pub(super) fn describe(args: &VerifyArgs, outputs: &Tensors) -> Result<u8, Failure> {
    let mut table = Table::new(&["tensor", "type", "smallest", "largest", "not finite"]);
    let mut not_finite = Vec::new();
    for (name, tensor) in outputs {
        let values = tensor.to_f64();
        let bad = values.iter().filter(|v| !v.is_finite()).count();
        if bad > 0 {
            not_finite.push(name.as_str());
        }
        let [low, high] = range(values.iter().copied().filter(|v| v.is_finite()))
            .map_or_else(Default::default, |(low, high)| [number(low), number(high)]);
        table.row([name.clone(), tensor.ty().to_string(), low, high, bad.to_string()]);
    }
    table.write(args.format.format, &mut io::stdout().lock())?;
    progress::say("nothing to compare with: give --expected to have errors and a verdict");
    if not_finite.is_empty() {
        return Ok(0);
    }
    progress::say(&format!("{} on {}: not every value is finite", not_finite.join(", "), args.backend));
    Ok(SOME_CELL)
}

pub(super) fn compare(
    subject: &Subject<'_>,
    mut outputs: Tensors,
    expected: &Tensors,
) -> Result<u8, Failure> {
    let args = subject.args;
    outputs.retain(|name, _| expected.contains_key(name));
    let mut expected = expected.clone();
    let padded = leave_padding_out(subject, &mut outputs, &mut expected);
    let numerics = coarser(subject.numerics, &expected);
    let rows = judge(&outputs, &Tensors::new(), &expected, numerics);
    let mut table = Table::new(&[
        "tensor",
        "elements",
        "error",
        "max abs",
        "max abs / range",
        "cosine",
        "top-1",
        "verdict",
    ]);
    for row in &rows {
        table.row(cells_of(row, &outputs, &expected));
    }
    table.write(args.format.format, &mut io::stdout().lock())?;
    let failed = rows.iter().filter(|row| !row.passed).count();
    let because =
        if numerics == subject.numerics { "" } else { ", as which the expected values are stored," };
    progress::say(&format!(
        "error is |got - expected| / |expected| (Euclidean); {numerics}{because} passes up to {:e}, integers when equal",
        tolerance(numerics)
    ));
    if padded > 0 {
        progress::say(&format!("{padded} tokens that attention_mask leaves out are not compared"));
    }
    if failed == 0 {
        let all = if rows.len() == 1 { "the tensor agrees" } else { "all tensors agree" };
        progress::say(&format!("{all} on {}", args.backend));
        return Ok(0);
    }
    progress::say(&format!("{failed} of {} tensors differ on {}", rows.len(), args.backend));
    Ok(SOME_CELL)
}

/// Drops the rows of padding tokens, for which every implementation computes something else and nobody reads it. Returns how many tokens that are.
fn leave_padding_out(subject: &Subject<'_>, outputs: &mut Tensors, expected: &mut Tensors) -> usize {
    let Some(mask) = subject.inputs.get("attention_mask") else { return 0 };
    let counts: Vec<bool> = mask.to_f64().iter().map(|v| *v != 0.0).collect();
    let left_out = counts.iter().filter(|counts| !**counts).count();
    if left_out > 0 {
        for tensors in [outputs, expected] {
            for name in OF_TOKENS {
                if let Some(kept) = tensors.get(name).and_then(|t| rows(t, mask.dims(), &counts)) {
                    tensors.insert(name.to_owned(), kept);
                }
            }
        }
    }
    left_out
}

/// The rows that are wanted of a tensor `[batch, tokens, width]`; `None` for one of another shape.
fn rows(tensor: &HostTensor, leading: &[usize], wanted: &[bool]) -> Option<HostTensor> {
    let [batch, tokens, width] = *tensor.dims() else { return None };
    if leading != [batch, tokens] {
        return None;
    }
    let values = tensor.to_f64();
    let kept: Vec<f64> = values
        .chunks(width.max(1))
        .zip(wanted)
        .filter(|(_, wanted)| **wanted)
        .flat_map(|(row, _)| row.iter().copied())
        .collect();
    let ty = Type::new(tensor.ty().dtype, [kept.len() / width.max(1), width]);
    HostTensor::from_f64(ty, &kept).ok()
}

/// The coarser of the numerics asked for and the element type in which values are expected: no computation agrees better with a value than it was stored.
fn coarser(numerics: Numerics, expected: &Tensors) -> Numerics {
    let stored = expected.values().filter_map(|tensor| match tensor.ty().dtype {
        DType::F32 => Some(Numerics::F32),
        DType::Bf16 => Some(Numerics::Bf16),
        DType::F16 => Some(Numerics::F16),
        DType::F64 | DType::I64 | DType::Bool => None,
    });
    stored.chain([numerics]).max_by(|a, b| tolerance(*a).total_cmp(&tolerance(*b))).unwrap_or(numerics)
}

fn cells_of(row: &OutputParity, outputs: &Tensors, expected: &Tensors) -> [String; 8] {
    let optional = |value: Option<f64>| value.map(number).unwrap_or_default();
    let spread = expected.get(&row.name).map(HostTensor::to_f64).and_then(|v| range(v.into_iter()));
    let spread = spread.map(|(low, high)| high - low);
    let relative =
        row.max_abs.zip(spread).filter(|(_, spread)| *spread > 0.0).map(|(max, spread)| max / spread);
    let verdict = match (row.passed, outputs.contains_key(&row.name)) {
        (true, _) => "agrees",
        (false, false) => "not computed",
        (false, true) => "differs",
    };
    [
        row.name.clone(),
        row.elements.to_string(),
        optional(row.error),
        optional(row.max_abs),
        optional(relative),
        row.cosine.map(|c| format!("{c:.9}")).unwrap_or_default(),
        row.top1_agreement.map(|t| format!("{:.2} %", 100.0 * t)).unwrap_or_default(),
        verdict.to_owned(),
    ]
}

/// Smallest and largest; `None` of no values.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, v| {
        let (low, high) = range.unwrap_or((v, v));
        Some((low.min(v), high.max(v)))
    })
}

fn number(value: f64) -> String {
    if value == 0.0 || (1e-3..1e6).contains(&value.abs()) {
        format!("{value:.6}")
    } else {
        format!("{value:.3e}")
    }
}
