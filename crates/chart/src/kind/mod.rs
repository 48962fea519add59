//! The kinds of charts, one a file: what of plain numbers goes where.

mod cascade;
mod coverage;
mod frontier;
mod lines;
mod loss;
mod outcomes;
mod parity;
mod quantiles;
mod roofline;
mod rows;
mod tornado;
mod trend;

pub use cascade::{CascadeApplication, CascadeStep, cascade};
pub use coverage::{Lowered, OpCoverage, OpShare, coverage};
pub use frontier::{Frontier, FrontierCurve, FrontierPoint};
pub use lines::{Coordinate, Line, LinePoint, Lines, Marks};
pub use loss::{Loss, LossCurve};
pub use outcomes::{OutcomeField, Outcomes};
pub use parity::{ParityField, ParityMap};
pub use quantiles::{Latencies, Quantiles};
pub use roofline::{Roof, Roofline, RooflinePoint};
pub use rows::rows;
pub use tornado::{TornadoLine, TornadoPanel, tornado};
pub use trend::{Trend, TrendPoint, TrendSeries, TrendShift, TrendSign};

use crate::chart::Key;
use crate::marker::Provenance;

/// What stands above and below a chart of any kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Its files' names without an ending, of `a-z0-9.-` alone.
    pub name: String,
    /// Title.
    pub title: String,
    /// What the marks mean: unit, number of trials, interval.
    pub subtitle: String,
    /// What stands below.
    pub notes: Vec<String>,
}

fn series_key(label: &str, series: usize, provenance: Provenance) -> Key {
    Key::Series { label: label.to_owned(), series, provenance }
}
