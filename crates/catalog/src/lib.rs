//! Accelerators, instances and prices, and what follows from them: what work costs, what owning costs, what a roofline allows.
//!
//! Every figure of the catalogue has a source with its date; what no vendor states is marked as an estimate. Whatever is not known is a
//! [`CatalogError`] with the way out, never a zero.

mod accelerator;
mod catalog;
pub mod cost;
mod dated;
mod document;
mod error;
mod instance;
pub mod own;
mod price;
pub mod published;
pub mod roofline;
pub mod utilisation;

pub use accelerator::{
    Accelerator, Bandwidth, Cores, Interconnect, Kind, Measured, Memory, PeakSparse, Peaks, Power, Precision,
    PublishedOwnership, Purchase,
};
pub use catalog::{Catalog, nearest};
pub use cost::Amount;
pub use dated::{Dated, Day};
pub use error::{CatalogError, positive};
pub use instance::{Instance, Quoted, Source, SourceDate, System};
pub use price::{Basis, EVERYWHERE, Price, PriceQuery, UNSTATED, choose};
