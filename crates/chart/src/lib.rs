//! Charts as SVG and PNG, from plain data.
//!
//! A kind of chart is a struct of numbers and names ([`kind`]) that becomes a [`Chart`]: picture, words for those who do not see it, the points that are missing and why, and the
//! numbers as a table. The same input gives the same bytes. Values that are not finite, or that a logarithmic scale has no place for, are left out and named in the notes.
//!
//! Not in this crate: records, stores, back ends, prices: what of them is shown is decided by `portbench-report`.

mod axis;
mod canvas;
mod chart;
pub mod curve;
mod data;
mod error;
mod font;
mod form;
pub mod kind;
mod marker;
pub mod number;
mod png;
mod svg;
mod theme;

pub use axis::{Format, Scale, decades};
pub use chart::{Chart, Key};
pub use data::{Data, digits};
pub use error::ChartError;
pub use form::bars::{Bar, Interval, Panel};
pub use marker::Provenance;
pub use svg::escape;
pub use theme::{COLOURS, State, Theme};
