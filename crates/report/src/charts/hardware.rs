//! What hardware allows: peaks of the catalogue, or those that kernels of the same platform reached.

use portbench_catalog::Accelerator;
use portbench_measure::{Metric, Numerics, Unit};

use super::study::{Shown, Study};
use crate::efficiency::precision;

/// Peaks of a platform for one number format.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Peaks {
    /// Operations a second.
    pub(super) flops: f64,
    /// Bytes a second.
    pub(super) bandwidth: f64,
    /// Whose, and where they come from.
    pub(super) label: String,
    /// Whether kernels of this report reached them; else the catalogue has them.
    pub(super) measured: bool,
}

impl Peaks {
    /// The least seconds for some work.
    pub(super) fn seconds(&self, flops: f64, bytes: f64) -> f64 {
        (flops / self.flops).max(bytes / self.bandwidth)
    }
}

/// Peaks of a platform: those of the catalogue's accelerator; for other hardware what the fastest cells of the report reached there, in operations and in bytes a second.
pub(super) fn peaks(study: &Study<'_>, platform: usize, numerics: Numerics) -> Option<Peaks> {
    let known = study.accelerator(platform).and_then(|accelerator| catalogued(accelerator, numerics));
    known.or_else(|| reached(study, platform, numerics))
}

/// Peaks of one accelerator of the catalogue.
pub(super) fn catalogued(accelerator: &Accelerator, numerics: Numerics) -> Option<Peaks> {
    let flops = accelerator.peak(precision(numerics)).ok()?;
    let bandwidth = accelerator.bytes_per_second().ok()?;
    let estimate = accelerator.peak_dense_tflops.as_ref().is_some_and(|p| p.estimate);
    let mark = if estimate { ", estimate" } else { "" };
    Some(Peaks {
        flops,
        bandwidth,
        label: format!("{} {numerics} peak{mark}", accelerator.title),
        measured: false,
    })
}

fn reached(study: &Study<'_>, platform: usize, numerics: Numerics) -> Option<Peaks> {
    let of_platform = |c: &&Shown| c.platform == platform && c.head.cell.replicas == 1;
    let cells = || study.all().iter().filter(of_platform);
    let best = |values: &mut dyn Iterator<Item = f64>| values.filter(|v| v.is_finite()).reduce(f64::max);
    let flops = best(
        &mut cells()
            .filter(|c| c.head.cell.numerics == numerics)
            .filter_map(|c| c.estimate(Metric::FlopRate))
            .map(|[value, ..]| value),
    )?;
    let bandwidth = best(&mut cells().filter_map(bytes_per_second))?;
    let label = format!("{} {numerics}: most reached by any cell", study.platforms().label(platform));
    Some(Peaks { flops, bandwidth, label, measured: true })
}

/// Bytes that have to move a second: those of an execution at the rate of executions.
fn bytes_per_second(cell: &Shown) -> Option<f64> {
    let problem = &cell.head.problem;
    let executions = if problem.unit == Unit::Executions {
        cell.estimate(Metric::Throughput)?[0]
    } else {
        // The rate of operations over those of one execution.
        cell.estimate(Metric::FlopRate).filter(|_| problem.flops > 0)?[0] / problem.flops as f64
    };
    Some(executions * problem.bytes as f64)
}
