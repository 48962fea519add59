//! What is stored: records, their schema and the results store.
