//! Plan to cells to workers to records.
