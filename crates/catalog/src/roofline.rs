//! The time that a program cannot beat on an accelerator, op by op.
//!
//! An op takes at least `max(flops / peak, bytes / bandwidth)`: the roofline (Williams, Waterman, Patterson, CACM 52(4), 2009). Ops follow each other, and each moves
//! its operands and result through device memory once, as [`portbench_graph::Work`] counts them; so fusion and caches may beat the sum, and nothing else can. Every op counts against the
//! peak of the matrix units, also those that run on slower ones: what comes out is a bound, not an estimate.

use std::collections::BTreeMap;

use portbench_graph::{Graph, Work};

use crate::accelerator::{Accelerator, Precision};
use crate::error::{CatalogError, positive, share};

/// A roofline: the two slopes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Roofline {
    flops_per_second: f64,
    bytes_per_second: f64,
}

/// What an op waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// Arithmetic.
    Compute,
    /// Device memory.
    Memory,
}

impl Limit {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Memory => "memory",
        }
    }
}

impl Roofline {
    /// Roofline of a peak in operations a second and a bandwidth in bytes a second.
    ///
    /// # Errors
    /// [`CatalogError::Parameter`] unless both are above 0.
    pub fn new(flops_per_second: f64, bytes_per_second: f64) -> Result<Self, CatalogError> {
        Ok(Self {
            flops_per_second: positive("the peak", flops_per_second)?,
            bytes_per_second: positive("the bandwidth", bytes_per_second)?,
        })
    }

    /// Roofline of an accelerator at its dense peak for a number format.
    ///
    /// # Errors
    /// [`CatalogError::NoFigure`] where the catalogue does not know the peak or the bandwidth.
    pub fn of(accelerator: &Accelerator, precision: Precision) -> Result<Self, CatalogError> {
        Self::new(accelerator.peak(precision)?, accelerator.bytes_per_second()?)
    }

    /// Attainable operations a second at an arithmetic intensity in operations a byte: `min(peak, intensity x bandwidth)`.
    #[must_use]
    pub fn attainable(&self, intensity: f64) -> f64 {
        self.flops_per_second.min(intensity * self.bytes_per_second)
    }

    /// The least time for some work, in seconds, and what it is spent on.
    #[must_use]
    pub fn time(&self, work: Work) -> (f64, Limit) {
        let compute = work.flops as f64 / self.flops_per_second;
        let memory = work.bytes() as f64 / self.bytes_per_second;
        if compute > memory { (compute, Limit::Compute) } else { (memory, Limit::Memory) }
    }
}

/// Bound of all ops of one name that wait for the same thing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OpBound {
    /// Executions.
    pub executions: u64,
    /// Their work.
    pub work: Work,
    /// The least time for them, in seconds.
    pub seconds: f64,
}

/// The least time for some executions of graphs.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    roofline: Roofline,
    ops: BTreeMap<(&'static str, Limit), OpBound>,
    seconds: f64,
}

impl Bound {
    /// Nothing yet.
    #[must_use]
    pub const fn new(roofline: Roofline) -> Self {
        Self { roofline, ops: BTreeMap::new(), seconds: 0.0 }
    }

    /// Adds one execution of a graph, with the position of attention as in [`Graph::node_work`].
    pub fn add(&mut self, graph: &Graph, position: Option<usize>) {
        for node in &graph.nodes {
            let work = graph.node_work(node, position);
            let (seconds, limit) = self.roofline.time(work);
            if seconds > 0.0 {
                let op = self.ops.entry((node.op.name(), limit)).or_default();
                op.executions += 1;
                op.work = op.work + work;
                op.seconds += seconds;
                self.seconds += seconds;
            }
        }
    }

    /// The least time in seconds.
    #[must_use]
    pub const fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Share of that time that waits for memory.
    #[must_use]
    pub fn memory_share(&self) -> f64 {
        let memory: f64 =
            self.ops.iter().filter(|((_, l), _)| *l == Limit::Memory).map(|(_, o)| o.seconds).sum();
        if self.seconds > 0.0 { memory / self.seconds } else { 0.0 }
    }

    /// The ops by name and limit, the slowest first.
    #[must_use]
    pub fn ops(&self) -> Vec<(&'static str, Limit, OpBound)> {
        let mut ops: Vec<_> = self.ops.iter().map(|((name, limit), op)| (*name, *limit, *op)).collect();
        ops.sort_by(|a, b| b.2.seconds.total_cmp(&a.2.seconds).then(a.0.cmp(b.0)));
        ops
    }

    /// Architectural efficiency of a measured time: the bound over it.
    ///
    /// # Errors
    /// [`CatalogError::Parameter`] for a time that is not above 0, and for one below the bound: then what was measured is not this work, or not on that
    /// accelerator.
    pub fn efficiency(&self, measured_seconds: f64) -> Result<f64, CatalogError> {
        share(
            "the measured share of the roofline",
            self.seconds / positive("the measured time", measured_seconds)?,
        )
    }

    /// Time at a share of the roofline, in seconds.
    ///
    /// # Errors
    /// [`CatalogError::Parameter`] unless `efficiency` is above 0 and at most 1.
    pub fn at(&self, efficiency: f64) -> Result<f64, CatalogError> {
        Ok(self.seconds / share("the efficiency", efficiency)?)
    }
}
