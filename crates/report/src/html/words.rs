//! Counts and dates for people.

use portbench_records::utc_day;

/// `1 cell`, `3 cells`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// The day, in UTC, of seconds since 1970-01-01.
pub(crate) fn date(seconds: u64) -> String {
    let (year, month, day) = utc_day(seconds);
    format!("{year:04}-{month:02}-{day:02}")
}
