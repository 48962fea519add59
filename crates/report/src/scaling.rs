//! What several replicas do together, against one alone.

use std::collections::BTreeMap;

use portbench_measure::Metric;
use portbench_stats::{CompareOptions, Direction, Trials, compare};
use serde::Serialize;

use crate::row::Row;
use portbench_chart::number;

/// The throughput of several replicas against that of one alone in the same run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Scaling {
    /// Replicas.
    pub replicas: u64,
    /// Throughput of all over that of one alone.
    pub speedup: f64,
    /// Its interval, where there are trials enough.
    pub interval: Option<[f64; 2]>,
    /// Scaling efficiency: the speed-up over the number of replicas; 1 where they do not disturb each other.
    pub efficiency: f64,
}

impl Scaling {
    /// For people.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { replicas, speedup, interval, efficiency } = *self;
        let speedup = match interval {
            Some([low, high]) => number::plain_with(speedup, low, high),
            None => format!("{} (interval not estimable)", number::plain(speedup)),
        };
        format!(
            "{replicas} replicas do {speedup} times the work of one alone: scaling efficiency {efficiency:.3}"
        )
    }
}

/// Puts the scaling into the rows of several replicas, where the run has the same cell with one. The whole machine's throughput is the row's own.
pub fn judge_scaling(rows: &mut [Row]) {
    let trials = |row: &Row| row.figure(Metric::Throughput).map(|f| f.trials.clone());
    let alone: BTreeMap<String, Vec<f64>> = rows
        .iter()
        .filter(|row| row.replicas == 1)
        .filter_map(|row| Some((row.id.clone(), trials(row)?)))
        .collect();
    for row in rows.iter_mut().filter(|row| row.replicas > 1) {
        let one = row.id.strip_suffix(&format!(".x{}", row.replicas)).and_then(|id| alone.get(id));
        row.scaling = one.and_then(|one| against(&trials(row)?, one, row.replicas));
    }
}

fn against(all: &[f64], one: &[f64], replicas: u64) -> Option<Scaling> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    if all.is_empty() || one.is_empty() || mean(one) <= 0.0 {
        return None;
    }
    let nested = |values: &[f64]| Trials::from_nested(&values.iter().map(|v| [*v]).collect::<Vec<_>>()).ok();
    let options = CompareOptions::new(Direction::HigherIsBetter, 0.0);
    let found = compare(&nested(all)?, &nested(one)?, &options).ok().and_then(|found| found.ratio);
    let speedup = mean(all) / mean(one);
    Some(Scaling {
        replicas,
        speedup,
        interval: found.map(|ratio| [ratio.low, ratio.high]),
        efficiency: speedup / replicas as f64,
    })
}
