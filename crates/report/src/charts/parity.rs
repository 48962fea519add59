//! How right the results are: the worst `R` of each workload on each platform.

use std::collections::BTreeSet;

use portbench_chart::{Chart, kind};

use super::outcomes::rows;
use super::study::{Selection, Shown, Study};
use super::{ChartKind, LINES, left_out, name, of};

pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Option<Chart> {
    let cells: Vec<&Shown> = study.cells(selection).into_iter().filter(|c| c.head.parity.is_some()).collect();
    let platforms: Vec<usize> =
        cells.iter().map(|c| c.platform).collect::<BTreeSet<_>>().into_iter().collect();
    let label = |c: &Shown| format!("{} {}{}", c.head.cell.workload, c.head.cell.numerics, c.apart());
    let labels = rows(&cells, label);
    let mut map = kind::ParityMap {
        columns: platforms.iter().map(|p| study.platforms().label(*p).to_owned()).collect(),
        rows: Vec::new(),
    };
    for row in labels.iter().take(LINES) {
        let field = |platform: &usize| {
            let of_row = cells.iter().filter(|c| c.platform == *platform && label(c) == *row);
            of_row.filter_map(|c| field(c)).reduce(worse)
        };
        map.rows.push((row.clone(), platforms.iter().map(field).collect()));
    }
    let mut notes = study.notes(&cells);
    notes.extend(left_out(labels.len(), LINES));
    map.chart(kind::Head {
        name: name(ChartKind::Parity, selection),
        title: format!("Parity{}", of(selection)),
        subtitle: "R: error against the f64 oracle over that of the same element type on a CPU; the worst output of \
                   each cell, checked in one trial (n = 1). 1: as good as can be expected; above 3 it fails unless the error is within tolerance."
            .into(),
        notes,
    })
}

fn field(cell: &Shown) -> Option<kind::ParityField> {
    let parity = cell.head.parity.as_ref()?;
    let ratio = parity.outputs.iter().filter_map(|o| o.ratio).reduce(f64::max);
    Some(kind::ParityField { ratio, passed: parity.passed, reduced: parity.reduced.clone() })
}

fn worse(a: kind::ParityField, b: kind::ParityField) -> kind::ParityField {
    let ratio = match (a.ratio, b.ratio) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (one, other) => one.or(other),
    };
    kind::ParityField { ratio, passed: a.passed && b.passed, reduced: a.reduced.or(b.reduced) }
}
