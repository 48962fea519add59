//! Dates for people.

use portbench_records::utc_day;

/// The day, in UTC, of seconds since 1970-01-01.
pub(crate) fn date(seconds: u64) -> String {
    let (year, month, day) = utc_day(seconds);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The same with the time of day, to the minute.
pub(crate) fn moment(seconds: u64) -> String {
    format!("{} {:02}:{:02}", date(seconds), seconds / 3600 % 24, seconds / 60 % 60)
}
