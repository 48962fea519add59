//! What several replicas do together, against one alone.

use std::collections::BTreeMap;

use portbench_chart::{Chart, Format, Provenance, Scale, kind, number};
use portbench_records::{Outcome, RecordHead};

use super::study::{Selection, Shown, Study};
use super::{ChartKind, name, of, trials};
use crate::row::Row;
use crate::scaling::judge_scaling;

/// The same cell with one replica.
fn alone(head: &RecordHead) -> RecordHead {
    let mut head = head.clone();
    head.cell.replicas = 1;
    head
}

pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Option<Chart> {
    let cells: Vec<&Shown> =
        study.cells(selection).into_iter().filter(|c| c.head.outcome == Outcome::Measured).collect();
    let mut lines: BTreeMap<(usize, String), Vec<kind::LinePoint>> = BTreeMap::new();
    let mut drawn: Vec<&Shown> = Vec::new();
    let mut notes = Vec::new();
    // Cells of one platform in one run: only those are compared.
    let mut groups: BTreeMap<(usize, usize), Vec<&Shown>> = BTreeMap::new();
    for cell in cells {
        groups.entry((cell.platform, cell.run)).or_default().push(cell);
    }
    for ((platform, _), cells) in groups {
        let mut rows: Vec<Row> = cells.iter().map(|c| Row::from(c.head.clone())).collect();
        judge_scaling(&mut rows);
        for (row, cell) in rows.iter().zip(&cells) {
            let Some(scaling) = row.scaling else {
                if row.replicas > 1 {
                    notes
                        .push(format!("Not drawn: {}: the run has no measured cell of one replica.", row.id));
                }
                continue;
            };
            let n = scaling.replicas as f64;
            let cell_alone = Shown { head: alone(&cell.head), ..(*cell).clone() };
            let (what, setting) = study.words(&cell_alone, selection);
            let label = format!("{what}, {setting}");
            let line = lines.entry((platform, label)).or_insert_with(|| {
                // One alone is the measure.
                vec![kind::LinePoint { x: 1.0, y: 1.0, interval: None }]
            });
            line.push(kind::LinePoint {
                x: n,
                y: scaling.efficiency,
                interval: scaling.interval.map(|[low, high]| (low / n, high / n)),
            });
            drawn.push(cell);
        }
    }
    let line = |((platform, label), mut points): ((usize, String), Vec<kind::LinePoint>)| {
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        let series = study.platforms().series(platform);
        kind::Line { label, series, provenance: Provenance::Measured, marks: kind::Marks::All, points }
    };
    let lines = kind::Lines {
        x: kind::Coordinate {
            title: "replicas, each on a device or part of the CPUs of its own".into(),
            scale: Scale::Linear,
            format: Format::Plain,
            from_zero: true,
        },
        y: kind::Coordinate {
            title: "scaling efficiency: T(N) over N T(1)".into(),
            scale: Scale::Linear,
            format: Format::Percent,
            from_zero: true,
        },
        lines: lines.into_iter().map(line).collect(),
        across: vec![(1.0, "ideal".into())],
        along: Vec::new(),
    };
    let head = kind::Head {
        name: name(ChartKind::Scaling, selection),
        title: format!("Scaling{}", of(selection)),
        subtitle: format!(
            "Weak scaling: every replica does the same work. Measured; 95 % intervals, {}.",
            trials(study)
        ),
        notes: [study.notes(&drawn), notes].concat(),
    };
    lines.chart(ChartKind::Scaling.name(), head, |line| {
        let last = line.points.last()?;
        Some(format!("{} at {} replicas: {:.3}", line.label, number::plain(last.x), last.y))
    })
}
