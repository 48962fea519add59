//! Why work has no cost.

use portbench_catalog::CatalogError;
use portbench_records::Outcome;
use thiserror::Error;

use crate::unit::{WorkUnit, significant};

/// Why there is no sum. The message stands where the sum would.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NoCost {
    /// The cell did not end as measured.
    #[error("{0}")]
    NotMeasured(Outcome),
    /// Too few samples or trials for a throughput.
    #[error("not estimable: {0}")]
    NotEstimable(String),
    /// A measured cell without a throughput.
    #[error("has no throughput")]
    NoThroughput,
    /// The record was made on something else than the platform has.
    #[error("ran on {ran}; {platform} has {has}")]
    OtherHardware {
        /// The device, or the product name that it gave.
        ran: String,
        /// Instance or system.
        platform: String,
        /// Its accelerator.
        has: String,
    },
    /// More devices measured together than the platform has.
    #[error("ran on {ran} devices together; {platform} has {has}")]
    MoreDevices {
        /// Devices of the record.
        ran: u64,
        /// Instance or system.
        platform: String,
        /// Devices that it has.
        has: u64,
    },
    /// A load above the throughput.
    #[error("more than it can serve")]
    Overload,
    /// More than was offered: the throughput is that of the scenario's arrivals.
    #[error("not known: the scenario offered {} {unit}/s", significant(*per_second))]
    Offered {
        /// Units a second that it served.
        per_second: f64,
        /// Of what.
        unit: WorkUnit,
    },
    /// No record says how long starting takes.
    #[error("the start-up is not known; give --startup SECONDS")]
    NoStartup,
    /// The two sides of a comparison did other work.
    #[error("not the same work: {}", .0.join("; "))]
    Unlike(Vec<String>),
    /// A number lies outside the range of its formula.
    #[error(transparent)]
    Sum(#[from] CatalogError),
}
