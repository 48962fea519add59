//! Parity of distributions over classes: what two sets of logits say about the next token.
//!
//! Inputs are rows over the last axis, `classes` long. A logit of minus infinity is a masked class and allowed; NaN and
//! plus infinity are not.

use crate::error::{StatsError, check_open_unit, check_same_length};
use crate::estimate::Estimate;
use crate::parity::wilson;
use serde::{Deserialize, Serialize};

/// Kullback-Leibler divergence `sum p ln(p/q)` of two probability vectors, in nats. Infinite where `q` is 0 and `p` is
/// not; classes with `p = 0` add nothing. The vectors are taken as they are, not normalised.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::Empty`], [`StatsError::Parameter`] for an entry outside 0 to 1.
pub fn kl_of_probabilities(p: &[f64], q: &[f64]) -> Result<f64, StatsError> {
    check_same_length(p, q)?;
    if p.is_empty() {
        return Err(StatsError::Empty);
    }
    if let Some(&value) = p.iter().chain(q).find(|x| !(0.0..=1.0).contains(*x)) {
        return Err(StatsError::Parameter { name: "probability", value, wanted: "0 to 1" });
    }
    Ok(p.iter().zip(q).filter(|(p, _)| **p > 0.0).map(|(p, q)| p * (p / q).ln()).sum())
}

/// KL(reference || device) of one row of logits, in nats, by log-softmax in f64. Never below 0.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::Empty`], [`StatsError::NotFinite`] for NaN, plus infinity, or a row
/// that is masked throughout.
pub fn kl_of_logits(reference: &[f64], device: &[f64]) -> Result<f64, StatsError> {
    check_same_length(reference, device)?;
    let reference_norm = log_sum_exp(reference)?;
    let device_norm = log_sum_exp(device)?;
    let mut sum = 0.0;
    for (r, d) in reference.iter().zip(device) {
        let log_p = r - reference_norm;
        let p = log_p.exp();
        if p > 0.0 {
            sum += p * (log_p - (d - device_norm));
        }
    }
    Ok(sum.max(0.0))
}

/// `ln sum exp(x)` about the largest element.
fn log_sum_exp(row: &[f64]) -> Result<f64, StatsError> {
    if row.is_empty() {
        return Err(StatsError::Empty);
    }
    let bad = row.iter().position(|x| x.is_nan() || *x == f64::INFINITY);
    let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if let Some(index) = bad.or((max == f64::NEG_INFINITY).then_some(0)) {
        return Err(StatsError::NotFinite { index, value: row[index] });
    }
    Ok(max + row.iter().map(|x| (x - max).exp()).sum::<f64>().ln())
}

/// KL(reference || device) of every row, in order: collect them into a [`crate::Sample`] for p50, p95 and the
/// maximum. (A row's divergence may be infinite where the device masks a class that the reference does not.)
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::NotRows`] for inputs that are no whole rows. Each item may be an
/// error of [`kl_of_logits`], its index counted inside the row.
pub fn kl_rows<'a>(
    reference: &'a [f64],
    device: &'a [f64],
    classes: usize,
) -> Result<impl Iterator<Item = Result<f64, StatsError>> + 'a, StatsError> {
    check_rows(reference, device, classes)?;
    let rows = reference.chunks_exact(classes).zip(device.chunks_exact(classes));
    Ok(rows.map(|(reference, device)| kl_of_logits(reference, device)))
}

/// How often two sets of rows name the same best class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Rows that agree.
    pub agree: u64,
    /// Rows in all.
    pub rows: u64,
    /// Share that agrees, with Wilson's interval.
    pub share: Estimate,
}

/// Top-1 agreement over rows. Of equal largest logits the first counts, on both sides. A row with a NaN on either side
/// does not agree.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::NotRows`], [`StatsError::Empty`] for no rows,
/// [`StatsError::Parameter`] for a confidence outside (0, 1).
pub fn top1_agreement(
    reference: &[f64],
    device: &[f64],
    classes: usize,
    confidence: f64,
) -> Result<Agreement, StatsError> {
    check_open_unit("confidence", confidence)?;
    check_rows(reference, device, classes)?;
    let rows = reference.chunks_exact(classes).zip(device.chunks_exact(classes));
    let (mut agree, mut total) = (0, 0);
    for (r, d) in rows {
        total += 1;
        agree += u64::from(best(r).is_some_and(|class| best(d) == Some(class)));
    }
    Ok(Agreement { agree, rows: total, share: wilson(agree, total, confidence)? })
}

/// Index of the first largest value, or `None` with a NaN.
fn best(row: &[f64]) -> Option<usize> {
    let mut best = 0;
    for (index, value) in row.iter().enumerate() {
        if value.is_nan() {
            return None;
        }
        if *value > row[best] {
            best = index;
        }
    }
    Some(best)
}

/// Mean over rows of the share of the `k` best classes that both sides name, 0 to 1. Equal logits rank by index.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::NotRows`], [`StatsError::Empty`] for no rows,
/// [`StatsError::Parameter`] unless `1 <= k <= classes`.
pub fn top_k_overlap(reference: &[f64], device: &[f64], classes: usize, k: usize) -> Result<f64, StatsError> {
    check_rows(reference, device, classes)?;
    if !(1..=classes).contains(&k) {
        return Err(StatsError::Parameter {
            name: "k",
            value: k as f64,
            wanted: "1 to the number of classes",
        });
    }
    if reference.is_empty() {
        return Err(StatsError::Empty);
    }
    let (mut left, mut right) = (Vec::with_capacity(k + 1), Vec::with_capacity(k + 1));
    let mut common = 0;
    for (r, d) in reference.chunks_exact(classes).zip(device.chunks_exact(classes)) {
        top(r, k, &mut left);
        top(d, k, &mut right);
        common += left.iter().filter(|class| right.contains(class)).count();
    }
    Ok(common as f64 / ((reference.len() / classes) * k) as f64)
}

/// Indices of the `k` largest values, best first.
fn top(row: &[f64], k: usize, into: &mut Vec<usize>) {
    into.clear();
    for (index, value) in row.iter().enumerate() {
        let place = into.partition_point(|&kept| row[kept].total_cmp(value).is_ge());
        if place < k {
            into.truncate(k - 1);
            into.insert(place, index);
        }
    }
}

fn check_rows(reference: &[f64], device: &[f64], classes: usize) -> Result<(), StatsError> {
    check_same_length(reference, device)?;
    if classes == 0 || !reference.len().is_multiple_of(classes) {
        return Err(StatsError::NotRows { len: reference.len(), axis: classes });
    }
    Ok(())
}
