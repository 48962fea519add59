//! Trials to a record.

use portbench_backend::{ParamSource, without_user};
use portbench_measure::{Gravity, MeasureSpec, Measurement, figures, findings};
use portbench_records::{
    Environment, Outcome, Parity, PartialTrial, PlanEntry, Problem, Provenance, Record, VERSION,
};

use crate::parity::{Arithmetic, RATIO_LIMIT, tolerance};
use crate::plan::PlannedCell;
use crate::work::task_work;

/// How a cell ended, as far as its trials do not say it.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) detail: Option<String>,
    pub(crate) backend: Option<portbench_backend::BackendInfo>,
    pub(crate) parity: Option<Parity>,
}

impl Ending {
    pub(crate) fn new(outcome: Outcome, detail: Option<String>) -> Self {
        Self { outcome, detail, backend: None, parity: None }
    }
}

/// The record of a cell that has ended, from its trials in order of number. Figures are made of measured cells alone; a cell that is not right keeps no times.
pub(crate) fn record(
    planned: &PlannedCell,
    entry: &PlanEntry,
    environment: &Environment,
    seed: u64,
    trials: &[PartialTrial],
    ending: Ending,
) -> Record {
    let resolved = &planned.resolved;
    let work = task_work(&resolved.program, &planned.spec.task);
    let kept = if ending.outcome == Outcome::Incorrect { &[] } else { trials };
    let measurements: Vec<&Measurement> = kept.iter().map(|t| &t.trial.measurement).collect();
    let figures = match ending.outcome {
        Outcome::Measured => figures(&planned.spec, &measurements, work.flops, seed),
        _ => Vec::new(),
    };
    Record {
        version: VERSION,
        cell: planned.cell.clone(),
        outcome: ending.outcome,
        // Texts of libraries have paths in them.
        detail: detail(ending.detail.map(|text| without_user(&text)), notes(&planned.spec, &measurements)),
        provenance: Provenance::Measured,
        problem: Problem {
            model: resolved.model.clone(),
            parameters: resolved.program.parameter_count(),
            parameter_bytes: resolved.program.parameter_bytes(),
            shape: resolved.shape.clone(),
            unit: resolved.unit,
            fingerprint: entry.fingerprint.clone(),
            flops: work.flops,
            bytes: work.bytes(),
            weights: weights(&resolved.params),
        },
        backend: ending.backend.or_else(|| trials.iter().find_map(|t| t.backend.clone())),
        lowering: kept.iter().find_map(|t| t.lowering.clone()),
        parity: ending.parity.or_else(|| trials.iter().find_map(|t| t.parity.clone())),
        figures,
        spec: planned.spec.clone(),
        trials: kept.iter().map(|t| t.trial.clone()).collect(),
        environment: environment.clone(),
    }
}

/// Why a cell ended as it did, and what a reader should know of its times.
fn detail(ending: Option<String>, notes: Option<String>) -> Option<String> {
    let all: Vec<String> = ending.into_iter().chain(notes).collect();
    (!all.is_empty()).then(|| all.join("\n"))
}

/// What a reader should know of measured times.
fn notes(spec: &MeasureSpec, measurements: &[&Measurement]) -> Option<String> {
    let found = findings(spec, measurements).ok()?;
    let notes: Vec<String> = found.iter().map(ToString::to_string).collect();
    (!notes.is_empty()).then(|| notes.join("\n"))
}

/// Why a trial's times cannot be what they claim, if so.
pub(crate) fn fault(spec: &MeasureSpec, measurement: &Measurement) -> Option<String> {
    match findings(spec, &[measurement]) {
        Ok(found) => found.into_iter().find(|f| f.gravity == Gravity::Fault).map(|f| f.text),
        Err(error) => Some(format!("the measurement contradicts itself: {error}")),
    }
}

fn weights(params: &ParamSource) -> String {
    match params {
        ParamSource::Generated { seed } => format!("generated (seed {seed})"),
        ParamSource::Module { file } => {
            format!("inside {}", file.file_name().unwrap_or_default().to_string_lossy())
        }
        ParamSource::Checkpoint { files } => {
            let names = files.iter().map(|f| f.file_name().unwrap_or_default().to_string_lossy());
            names.collect::<Vec<_>>().join(", ")
        }
    }
}

/// The rule of the parity gate, for people.
pub(crate) fn rule(arithmetic: Arithmetic) -> String {
    let leave = arithmetic.leave().map_or_else(String::new, |leave| format!("{leave}: "));
    format!(
        "{leave}floats: finite, and R at most {RATIO_LIMIT} or relative error at most {:e}; integers: equal, tokens up to near-ties",
        tolerance(arithmetic.judged())
    )
}

/// Which outputs fail, and by how much.
pub(crate) fn failures(parity: &Parity, arithmetic: Arithmetic) -> String {
    const SHOWN: usize = 5;
    let failing: Vec<_> = parity.outputs.iter().filter(|o| !o.passed).collect();
    let mut text = format!("{} of {} outputs are wrong", failing.len(), parity.outputs.len());
    for output in failing.iter().take(SHOWN) {
        let how = match (output.non_finite, output.error, output.top1_agreement) {
            (1.., ..) => format!("{} of {} elements are not finite", output.non_finite, output.elements),
            (_, Some(error), _) => {
                let ratio = output.ratio.map_or_else(String::new, |r| format!(", R {r:.3}"));
                format!(
                    "relative error {error:.3e}{ratio} (limits {:e} and {RATIO_LIMIT})",
                    tolerance(arithmetic.judged())
                )
            }
            (_, None, Some(equal)) => format!("{:.2} % of elements are equal", 100.0 * equal),
            _ => "is missing, not expected, or of another type or shape".to_owned(),
        };
        text.push_str(&format!("\n  `{}`: {how}", output.name));
    }
    if failing.len() > SHOWN {
        text.push_str(&format!("\n  and {} more", failing.len() - SHOWN));
    }
    text
}
