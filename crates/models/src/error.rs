//! Errors of this crate.

use std::path::PathBuf;

use portbench_graph::GraphError;
use thiserror::Error;

/// Why a model cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// No family has that name.
    #[error("no model family `{family}`; there are {}", known.join(", "))]
    UnknownFamily {
        /// What was asked for.
        family: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// The family has no such preset.
    #[error("family `{family}` has no preset `{preset}`; there are {}", known.join(", "))]
    UnknownPreset {
        /// Family.
        family: String,
        /// What was asked for.
        preset: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// Dimensions that are missing, of another type, or not the family's.
    #[error("dimensions of `{family}`: {message}")]
    Dimensions {
        /// Family.
        family: String,
        /// What is wrong.
        message: String,
    },
    /// Dimensions or a request that make no model.
    #[error("{model}: `{field}` {message}")]
    Invalid {
        /// Family.
        model: &'static str,
        /// The dimension.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The model does not have that form.
    #[error("{model} has no {form} form{hint}")]
    NoForm {
        /// Family.
        model: &'static str,
        /// What was asked for.
        form: &'static str,
        /// The way out, or nothing.
        hint: &'static str,
    },
    /// A `config.json` that says something this code does not do.
    #[error("{}: `{key}` {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What is wrong with it and what would do.
        message: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {message}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What was expected of it.
        message: String,
        /// Why.
        #[source]
        source: Option<std::io::Error>,
    },
    /// The graph's builder refused the model.
    #[error("the program of {model} cannot be built")]
    Graph {
        /// Family.
        model: &'static str,
        /// Why.
        #[source]
        source: GraphError,
    },
}
