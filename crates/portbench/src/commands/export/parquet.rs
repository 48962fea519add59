//! Apache Parquet: a column a field of [`Line`], one row group, compressed with Snappy.

use std::sync::Arc;

use ::parquet::basic::Compression;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::record::RecordWriter;

use super::figures::Line;
use crate::failure::Failure;

/// The content of a Parquet file.
pub(super) fn file(lines: &[Line]) -> Result<Vec<u8>, Failure> {
    content(lines).map_err(|e| Failure::failed(format!("cannot write Parquet: {e}")))
}

fn content(lines: &[Line]) -> Result<Vec<u8>, ParquetError> {
    let started = "seconds since 1970-01-01 UTC".to_owned();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(format!("portbench {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(vec![KeyValue::new("started".to_owned(), started)]))
        .build();
    let mut file = SerializedFileWriter::new(Vec::new(), lines.schema()?, Arc::new(properties))?;
    let mut group = file.next_row_group()?;
    lines.write_to_row_group(&mut group)?;
    group.close()?;
    file.into_inner()
}
