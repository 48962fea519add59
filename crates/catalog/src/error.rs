//! The crate's one error type.

use std::path::PathBuf;

use crate::price::Basis;

/// Why the catalogue, or a sum made with it, cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file was read and is wrong.
    #[error("{file}:{line}:{column}: {message}")]
    Mistake {
        /// The file as it was named; `built-in NAME` for one that is part of the program.
        file: String,
        /// Line, counted from 1.
        line: usize,
        /// Column in characters, counted from 1.
        column: usize,
        /// Which key, what is wrong with it, and what would be right.
        message: String,
    },
    /// Nothing has that name.
    #[error("no {kind} is named `{name}`: {}", guesses(nearest))]
    Unknown {
        /// `accelerator`, `instance` or `system`.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// The names nearest to it, the nearest first.
        nearest: Vec<String>,
    },
    /// The instance has no price of that kind.
    #[error("{instance} has no {basis} price{wanted}: {known}")]
    NoPrice {
        /// Instance.
        instance: String,
        /// Basis asked for.
        basis: Basis,
        /// Region and date asked for, as ` in REGION by DATE`; empty if none were.
        wanted: String,
        /// What prices there are, and the way out.
        known: String,
    },
    /// The price depends on the region, and none was given.
    #[error("the {basis} price of {instance} depends on the region: {regions}; name one (--region)")]
    Regions {
        /// Instance.
        instance: String,
        /// Basis asked for.
        basis: Basis,
        /// The regions with their prices.
        regions: String,
    },
    /// The catalogue does not know a figure that a sum needs.
    #[error("{name} has no {figure} in the catalogue: {help}")]
    NoFigure {
        /// Accelerator, instance or system.
        name: String,
        /// Which figure.
        figure: String,
        /// What there is, or how to give one.
        help: String,
    },
    /// A number lies outside the range in which the formula holds.
    #[error("{name} is {value}; it must be {wanted}")]
    Parameter {
        /// Which.
        name: &'static str,
        /// What was passed.
        value: f64,
        /// The range that is accepted.
        wanted: &'static str,
    },
}

fn guesses(nearest: &[String]) -> String {
    if nearest.is_empty() {
        return "the catalogue lists what there is".to_owned();
    }
    let names: Vec<String> = nearest.iter().map(|n| format!("`{n}`")).collect();
    format!("did you mean {}?", names.join(", "))
}

/// `value`, if it is a number above 0; `name` is for the message.
///
/// # Errors
/// [`CatalogError::Parameter`].
pub fn positive(name: &'static str, value: f64) -> Result<f64, CatalogError> {
    within(name, value, value > 0.0, "a number above 0")
}

/// `value`, if it is a number of at least 0.
pub(crate) fn not_negative(name: &'static str, value: f64) -> Result<f64, CatalogError> {
    within(name, value, value >= 0.0, "a number of at least 0")
}

/// `value`, if it is a number above 0 and at most 1.
pub(crate) fn share(name: &'static str, value: f64) -> Result<f64, CatalogError> {
    within(name, value, value > 0.0 && value <= 1.0, "above 0 and at most 1")
}

fn within(name: &'static str, value: f64, holds: bool, wanted: &'static str) -> Result<f64, CatalogError> {
    if holds && value.is_finite() { Ok(value) } else { Err(CatalogError::Parameter { name, value, wanted }) }
}
