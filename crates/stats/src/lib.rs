//! Pure functions on samples and histories.
