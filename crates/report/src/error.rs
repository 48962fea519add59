//! Errors of this crate.

use std::path::PathBuf;

use portbench_catalog::CatalogError;
use portbench_chart::ChartError;
use portbench_records::StoreError;
use thiserror::Error;

/// Why a report cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The run cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be written.
    #[error("cannot write {}: {}", path.display(), way_out(source))]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The catalogue cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A folder cannot be listed.
    #[error("cannot list {}; check that it is a directory and its permissions", path.display())]
    ReadFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The folder of a site holds something else.
    #[error(
        "{} holds files that are no site of portbench: {files}; nothing was written; choose another directory, or move them",
        path.display()
    )]
    OthersFiles {
        /// The folder.
        path: PathBuf,
        /// Some of them.
        files: String,
    },
    /// A chart cannot be drawn.
    #[error(transparent)]
    Chart(#[from] ChartError),
}

/// What to do about a file that cannot be written.
fn way_out(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::{AlreadyExists, IsADirectory, NotADirectory};
    match error.kind() {
        AlreadyExists | NotADirectory => "a file is in the way where a directory is needed; name another",
        IsADirectory => "it is a directory; name a file",
        _ => "check the directory's permissions and free space",
    }
}
