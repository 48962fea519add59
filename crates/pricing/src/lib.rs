//! Stored records priced: what the work of a cell costs on an instance or on owned hardware.
//!
//! A [`Work`] is what pricing needs of a record, a [`Platform`] is hardware with the price of an hour, [`price`] puts them together, and [`Priced`] answers: per count of each
//! unit, at an offered load, and as a bill with its start-up. The interval of the throughput and that of the price go along. What has no cost says why ([`NoCost`]), and is never a zero.
//!
//! Formulas: [`portbench_catalog::cost`] and [`portbench_catalog::own`].

mod exchange;
mod hardware;
mod no_cost;
mod platform;
mod priced;
mod row;
mod unit;
mod work;

pub use exchange::{Exchange, Side, exchange};
pub use hardware::{Ran, accelerators_used, cores_joined, is_product, product_words};
pub use no_cost::NoCost;
pub use platform::{Assumptions, Interruption, Platform, Rent, Stated, Tariff};
pub use priced::{Bill, Priced, Share, Terms, price};
pub use row::{CostRow, Per, Wanted, cost_rows};
pub use unit::WorkUnit;
pub use work::{Labels, Origin, Publication, Rate, TrainingRun, Work};
