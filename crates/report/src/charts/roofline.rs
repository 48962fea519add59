//! How near cells come to what their hardware allows.

use std::collections::BTreeSet;

use portbench_chart::{Chart, Provenance, kind};
use portbench_measure::{Metric, Numerics};

use super::hardware::peaks;
use super::study::{Selection, Shown, Study};
use super::{CURVES, ChartKind, left_out, name, of, trials};

pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Option<Chart> {
    let one_device = |c: &&Shown| c.head.cell.replicas == 1 && c.estimate(Metric::FlopRate).is_some();
    let all: Vec<&Shown> = study.cells(selection).into_iter().filter(one_device).collect();
    let cells = &all[..all.len().min(CURVES)];
    let mut roofline = kind::Roofline::default();
    let mut notes = study.notes(cells);
    let wanted: BTreeSet<(usize, Numerics)> =
        cells.iter().map(|c| (c.platform, c.head.cell.numerics)).collect();
    for (platform, numerics) in wanted {
        match peaks(study, platform, numerics) {
            Some(peaks) => {
                let roof = kind::Roof {
                    label: peaks.label,
                    flops: peaks.flops,
                    bandwidth: peaks.bandwidth,
                    series: peaks.measured.then(|| study.platforms().series(platform)),
                };
                if !roofline.roofs.contains(&roof) {
                    roofline.roofs.push(roof);
                }
            }
            None => notes.push(format!(
                "No roof of {} at {numerics}: neither the catalogue nor a cell knows its peaks.",
                study.platforms().label(platform)
            )),
        }
    }
    for cell in cells {
        let [rate, low, high] = cell.estimate(Metric::FlopRate)?;
        let problem = &cell.head.problem;
        let platform = study.platforms().label(cell.platform);
        let (what, setting) = study.words(cell, selection);
        let label = format!("{what}, {setting}");
        roofline.points.push(kind::RooflinePoint {
            platform: platform.to_owned(),
            label,
            series: study.series(cell),
            provenance: Provenance::Measured,
            intensity: if problem.bytes > 0 { problem.flops as f64 / problem.bytes as f64 } else { f64::NAN },
            rate,
            interval: Some((low, high)),
        });
    }
    notes.extend(left_out(all.len(), CURVES));
    roofline.chart(kind::Head {
        name: name(ChartKind::Roofline, selection),
        title: format!("Roofline{}", of(selection)),
        subtitle: format!(
            "Marks: operations a second, measured, 95 % intervals, {}. Dashed: published dense peaks; full: the most that any \
             cell of these runs reached, where no peaks are published. Work is counted by the program's graph, each operand once.",
            trials(study)
        ),
        notes,
    })
}
