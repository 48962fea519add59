//! Dates as sources print them: a day, a month, a quarter, a year, or a range of those.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    /// Reads `YYYY-MM-DD`.
    ///
    /// # Errors
    /// What is wrong with the text, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        match bounds(text) {
            Some((first, last)) if first == last => Ok(first),
            _ => Err(format!("`{text}` is no day; write it as 2026-10-31")),
        }
    }

    /// Today in UTC, by the machine's clock.
    #[must_use]
    pub fn today() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::of_epoch(since.as_secs() / 86_400)
    }

    /// The day so many days after 1970-01-01.
    fn of_epoch(mut days_left: u64) -> Self {
        let mut year = 1970;
        while days_left >= days_of(year) {
            days_left -= days_of(year);
            year += 1;
        }
        let mut month = 1;
        while days_left >= u64::from(days(year, month)) {
            days_left -= u64::from(days(year, month));
            month += 1;
        }
        Self { year, month: month as u8, day: days_left as u8 + 1 }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// The time that a figure is about, as precise as its source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Dated {
    first: Day,
    last: Day,
    text: String,
}

impl Dated {
    /// The first day.
    #[must_use]
    pub const fn first(&self) -> Day {
        self.first
    }

    /// The last day.
    #[must_use]
    pub const fn last(&self) -> Day {
        self.last
    }

    /// Whether it is written as a period, `FIRST..LAST`; else it is when something was read, as precise as the source says it.
    #[must_use]
    pub fn is_period(&self) -> bool {
        self.text.contains("..")
    }
}

impl fmt::Display for Dated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl TryFrom<String> for Dated {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let range = match text.split_once("..") {
            None => bounds(&text),
            Some((from, to)) => bounds(from).zip(bounds(to)).map(|(from, to)| (from.0, to.1)),
        };
        match range {
            Some((first, last)) if first <= last => Ok(Self { first, last, text }),
            _ => Err(format!("`{text}` is no date; write 2026-10-31, 2026-10, 2026-Q4, 2026 or FIRST..LAST")),
        }
    }
}

/// First and last day of one date.
fn bounds(text: &str) -> Option<(Day, Day)> {
    let digits = |part: &str, count: usize| {
        (part.len() == count && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<u16>().ok())?
    };
    let parts: Vec<&str> = text.split('-').collect();
    let year = digits(parts.first()?, 4)?;
    let day = |month: u16, day: u16| Day { year, month: month as u8, day: day as u8 };
    match parts[1..] {
        [] => Some((day(1, 1), day(12, 31))),
        [quarter] if quarter.starts_with('Q') => {
            let quarter = digits(&quarter[1..], 1).filter(|q| (1..=4).contains(q))?;
            Some((day(3 * quarter - 2, 1), day(3 * quarter, days(year, 3 * quarter))))
        }
        [month] => {
            let month = digits(month, 2).filter(|m| (1..=12).contains(m))?;
            Some((day(month, 1), day(month, days(year, month))))
        }
        [month, d] => {
            let month = digits(month, 2).filter(|m| (1..=12).contains(m))?;
            let d = digits(d, 2).filter(|d| (1..=days(year, month)).contains(d))?;
            Some((day(month, d), day(month, d)))
        }
        _ => None,
    }
}

fn days_of(year: u16) -> u64 {
    (1..=12).map(|month| u64::from(days(year, month))).sum()
}

/// Days of a month of the Gregorian calendar.
fn days(year: u16, month: u16) -> u16 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u16::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::{Dated, Day};

    #[test]
    fn dates_have_first_and_last_days() {
        for (text, first, last) in [
            ("2026-07-20", "2026-07-20", "2026-07-20"),
            ("2024-02", "2024-02-01", "2024-02-29"),
            ("2024-Q4", "2024-10-01", "2024-12-31"),
            ("2026", "2026-01-01", "2026-12-31"),
            ("2025-11..2026-03", "2025-11-01", "2026-03-31"),
        ] {
            let dated = Dated::try_from(text.to_owned()).unwrap();
            assert_eq!((dated.first().to_string(), dated.last().to_string()), (first.into(), last.into()));
            assert_eq!(dated.to_string(), text);
        }
    }

    #[test]
    fn days_are_counted_from_1970() {
        let day = |n: u64| Day::of_epoch(n).to_string();
        assert_eq!(
            [day(0), day(59), day(11_016), day(20_783)],
            ["1970-01-01", "1970-03-01", "2000-02-29", "2026-11-26"]
        );
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in
            ["", "yesterday", "26-07-20", "2026-13", "2026-02-29", "2026-Q5", "2026-03..2026-01", "2026-7-2"]
        {
            assert!(Dated::try_from(text.to_owned()).unwrap_err().contains(&format!("`{text}`")));
        }
        assert!(Day::parse("2026-07").unwrap_err().contains("2026-10-31"));
    }
}
