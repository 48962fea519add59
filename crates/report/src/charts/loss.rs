//! Training loss of one workload on its platforms.

use portbench_chart::{Chart, kind};
use portbench_measure::{LossPoint, Mode, Samples, Task};
use portbench_records::Record;

use super::study::{Selection, Shown, Study};
use super::{ChartKind, name, of, trials};
use crate::error::ReportError;

pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Result<Option<Chart>, ReportError> {
    let mut loss = kind::Loss::default();
    let mut cells: Vec<&Shown> = Vec::new();
    for cell in study.cells(selection).into_iter().filter(|c| c.head.cell.mode == Mode::Training) {
        let Some(record) = study.record(cell)? else { continue };
        let Some((training, held_out, target)) = curve(&record) else { continue };
        let points = |points: &[LossPoint]| points.iter().map(|p| (p.step, p.loss)).collect();
        loss.target = loss.target.or(target);
        loss.curves.push(kind::LossCurve {
            label: label(study, cell, selection),
            series: study.series(cell),
            training: points(training),
            held_out: points(held_out),
        });
        cells.push(cell);
    }
    let head = kind::Head {
        name: name(ChartKind::Loss, selection),
        title: format!("Training loss{}", of(selection)),
        subtitle: format!(
            "First trial of each platform (n = 1 curve each, of {}). Thin: each training batch; marks: held-out text.",
            trials(study)
        ),
        notes: study.notes(&cells),
    };
    Ok(loss.chart(head))
}

/// The platform, with what else tells its curve from others.
fn label(study: &Study<'_>, cell: &Shown, selection: &Selection) -> String {
    let mut label = study.platforms().label(cell.platform).to_owned();
    if selection.workload.is_none() {
        label.push_str(&format!(", {}", cell.head.cell.workload));
    }
    if selection.numerics.is_none() {
        label.push_str(&format!(", {}", cell.head.cell.numerics));
    }
    label + &cell.apart()
}

/// The losses of the first trial that has any, and the target.
fn curve(record: &Record) -> Option<(&[LossPoint], &[LossPoint], Option<f64>)> {
    let Task::Train { steps: Some(_), evaluation, .. } = &record.spec.task else { return None };
    let target = evaluation.as_ref().and_then(|e| e.target);
    record.trials.iter().find_map(|trial| match &trial.measurement.samples {
        Samples::Training { losses, evaluations, .. } => {
            Some((losses.as_slice(), evaluations.as_slice(), target))
        }
        _ => None,
    })
}
