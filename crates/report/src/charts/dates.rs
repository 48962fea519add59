//! Places and words of a time axis, in UTC.

use crate::html::{date, moment};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Steps of a time axis, seconds.
const STEPS: [u64; 17] = [
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    56 * DAY,
    112 * DAY,
    364 * DAY,
];

/// Title of the axis from the first to the last time, and at most `most` round times on it with their words. Seconds since 1970-01-01.
pub(super) fn axis(first: u64, last: u64, most: u64) -> (String, Vec<(u64, String)>) {
    let fits = |step: &&u64| (last - first) / **step < most;
    let step = STEPS.iter().find(fits).copied().unwrap_or((last - first) / most.max(1) + 1);
    let times = (first.div_ceil(step)..=last / step).map(|n| n * step);
    let one_day = date(first) == date(last);
    let words = |at: u64| match (step % DAY == 0, one_day) {
        (true, _) => date(at),
        (false, true) => moment(at).split_off(11),
        (false, false) => moment(at).split_off(5),
    };
    let title = if one_day { format!("time on {}, UTC", date(first)) } else { "date, UTC".to_owned() };
    (title, times.map(|at| (at, words(at))).collect())
}

#[cfg(test)]
mod tests {
    use super::{DAY, axis};

    /// 2026-10-01 02:00 UTC.
    const NIGHT: u64 = 1_790_820_000;

    fn words(first: u64, last: u64) -> (String, Vec<String>) {
        let (title, ticks) = axis(first, last, 9);
        (title, ticks.into_iter().map(|(_, words)| words).collect())
    }

    #[test]
    fn times_are_round() {
        let (title, ticks) = words(NIGHT, NIGHT + 1000);
        assert_eq!(title, "time on 2026-10-01, UTC");
        assert_eq!(ticks[..3], ["02:00", "02:02", "02:04"]);
        let (title, ticks) = words(NIGHT, NIGHT + 6 * DAY);
        assert_eq!((title.as_str(), ticks[0].as_str(), ticks.len()), ("date, UTC", "2026-10-02", 6));
        assert_eq!(words(NIGHT, NIGHT + DAY).1[..2], ["10-01 03:00", "10-01 06:00"]);
        for days in [20, 100, 700, 5000, 50_000] {
            let ticks = words(NIGHT, NIGHT + days * DAY).1;
            assert!((2..=9).contains(&ticks.len()), "{days}: {ticks:?}");
        }
        assert!(words(NIGHT + 1, NIGHT + 1).1.is_empty());
    }
}
