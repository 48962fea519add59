//! How much of an accelerator's peaks a record reached.

use portbench_catalog::utilisation::{mbu, mfu};
use portbench_catalog::{Accelerator, Amount, CatalogError, Precision, cost};
use portbench_chart::number::plain;
use portbench_measure::{FigureValue, Metric, Numerics, Task, Unit};
use portbench_pricing::{Ran, accelerators_used, cores_joined};
use portbench_records::{Cell, Outcome, Record};
use thiserror::Error;

use crate::cost::amount;

/// Shares of the peaks of the hardware that a record ran on. Its peaks are those of one accelerator of the catalogue times [`Efficiency::accelerators`].
#[derive(Clone, Debug, PartialEq)]
pub struct Efficiency {
    /// Accelerators' worth of hardware: replicas over the devices that one accelerator shows.
    pub accelerators: f64,
    /// Number format whose dense peak counts.
    pub precision: Precision,
    /// Floating-point operations a second that the program needs, each counted once by the graph's work rule; attention without a discount for causal masks.
    pub flops_per_second: Amount,
    /// Bytes a second that have to move, each operand and result once.
    pub bytes_per_second: Amount,
    /// Model FLOPs utilisation.
    pub mfu: f64,
    /// Model bandwidth utilisation.
    pub mbu: f64,
    /// Architectural efficiency: the rate over `min(peak, intensity x bandwidth)`, which is the larger of the two.
    pub roofline: f64,
    /// MBU of decoding alone: what its steps have to move over their median time. Only of generate.
    pub decode_mbu: Option<f64>,
    /// Energy of a unit of work, joules, as the accelerator measured it.
    pub joules_per_unit: Option<Amount>,
    /// The same at the accelerator's thermal design power: an estimate.
    pub joules_per_unit_at_tdp: Option<f64>,
}

/// Why a record has no efficiency.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NoEfficiency {
    /// The cell did not end as measured.
    #[error("{0}")]
    NotMeasured(Outcome),
    /// It ran on something else.
    #[error("ran on {ran}, which is no {accelerator}")]
    OtherHardware {
        /// The product, instance or device.
        ran: String,
        /// The accelerator asked for.
        accelerator: String,
    },
    /// Neither a rate of operations nor one of executions.
    #[error("has no rate of operations or executions")]
    NoRate,
    /// The catalogue lacks a figure, or the rate is above the peak: then it was other work or another accelerator.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// The peak against which numerics count.
#[must_use]
pub const fn precision(numerics: Numerics) -> Precision {
    match numerics {
        Numerics::F64 => Precision::Fp64,
        Numerics::F32 => Precision::Fp32,
        Numerics::Tf32 => Precision::Tf32,
        Numerics::Bf16 => Precision::Bf16,
        Numerics::F16 => Precision::Fp16,
    }
}

/// Holds a record against the peaks of the accelerator that it ran on.
///
/// # Errors
/// [`NoEfficiency`].
pub fn efficiency(record: &Record, accelerator: &Accelerator) -> Result<Efficiency, NoEfficiency> {
    if record.outcome != Outcome::Measured {
        return Err(NoEfficiency::NotMeasured(record.outcome));
    }
    if let Some(ran) = Ran::from(record).other_than(accelerator) {
        return Err(NoEfficiency::OtherHardware { ran, accelerator: accelerator.name.clone() });
    }
    let precision = precision(record.cell.numerics);
    let joined = record.backend.as_ref().and_then(|b| cores_joined(&b.settings));
    let accelerators = accelerators_used(&record.cell, accelerator, joined);
    let peak = accelerator.peak(precision)? * accelerators;
    let bandwidth = accelerator.bytes_per_second()? * accelerators;
    let executions = executions_per_second(record).ok_or(NoEfficiency::NoRate)?;
    let flops_per_second = executions.times(record.problem.flops as f64);
    let bytes_per_second = executions.times(record.problem.bytes as f64);
    let (mfu, mbu) = (mfu(flops_per_second.value, peak)?, mbu(bytes_per_second.value, bandwidth)?);
    let throughput = estimate(record, Metric::Throughput);
    let tdp = accelerator.power.as_ref().map(|power| power.tdp_w * 1e-3 * accelerators);
    Ok(Efficiency {
        accelerators,
        precision,
        flops_per_second,
        bytes_per_second,
        mfu,
        mbu,
        roofline: mfu.max(mbu),
        decode_mbu: decode_mbu(record, bandwidth)?,
        joules_per_unit: estimate(record, Metric::EnergyPerUnit),
        joules_per_unit_at_tdp: match (tdp, throughput) {
            (Some(kw), Some(rate)) => Some(cost::joules_per_unit(kw, rate.value)?),
            _ => None,
        },
    })
}

/// A figure with its interval, whose lower end cannot lie below 0.
fn estimate(record: &Record, metric: Metric) -> Option<Amount> {
    match record.figures.iter().find(|f| f.metric == metric)?.value {
        FigureValue::Estimated { value, low, high, .. } => Some(Amount { value, low: low.max(0.0), high }),
        FigureValue::NotEstimable { .. } => None,
    }
}

/// Executions of the task a second, over all replicas.
fn executions_per_second(record: &Record) -> Option<Amount> {
    if record.problem.flops > 0
        && let Some(rate) = estimate(record, Metric::FlopRate)
    {
        return Some(rate.times(1.0 / record.problem.flops as f64));
    }
    estimate(record, Metric::Throughput).filter(|_| record.problem.unit == Unit::Executions)
}

/// MBU of decoding: the bytes of a request less those of its prefill, over its further tokens, over the median time of one.
fn decode_mbu(record: &Record, bandwidth: f64) -> Result<Option<f64>, CatalogError> {
    let Task::Generate { prefill, new_tokens, .. } = &record.spec.task else { return Ok(None) };
    let (Some(further), Some(tpot), Some(lowering)) =
        (new_tokens.checked_sub(1).filter(|n| *n > 0), estimate(record, Metric::TpotP50), &record.lowering)
    else {
        return Ok(None);
    };
    let read: u64 = lowering.ops.iter().filter(|op| op.entry == *prefill).map(|op| op.bytes).sum();
    let step = record.problem.bytes.saturating_sub(read) as f64 / further as f64;
    let replicas = record.cell.replicas.max(1) as f64;
    mbu(step / tpot.value * replicas, bandwidth).map(Some)
}

/// Heads of the columns of efficiencies.
pub const EFFICIENCY_COLUMNS: [&str; 13] = [
    "workload",
    "scenario",
    "backend",
    "numerics",
    "accelerators",
    "TFLOP/s",
    "MFU",
    "GB/s",
    "MBU",
    "MBU of decoding",
    "of roofline",
    "J/unit",
    "J/unit at TDP (estimate)",
];

/// Which of them hold numbers, which people read from the right.
pub const EFFICIENCY_NUMERIC: [&str; 9] = [
    "accelerators",
    "TFLOP/s",
    "MFU",
    "GB/s",
    "MBU",
    "MBU of decoding",
    "of roofline",
    "J/unit",
    "J/unit at TDP (estimate)",
];

/// The cells of a record's efficiency, as many as [`EFFICIENCY_COLUMNS`].
#[must_use]
pub fn efficiency_cells(cell: &Cell, found: &Efficiency) -> [String; 13] {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let scaled = |rate: Amount, factor: f64| amount(rate.times(factor));
    [
        cell.workload.clone(),
        cell.scenario.to_string(),
        cell.target(),
        cell.numerics.to_string(),
        found.accelerators.to_string(),
        scaled(found.flops_per_second, 1e-12),
        percent(found.mfu),
        scaled(found.bytes_per_second, 1e-9),
        percent(found.mbu),
        found.decode_mbu.map(percent).unwrap_or_default(),
        percent(found.roofline),
        found.joules_per_unit.map(amount).unwrap_or_default(),
        found.joules_per_unit_at_tdp.map(plain).unwrap_or_default(),
    ]
}
