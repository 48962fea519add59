//! Numbers for people: three significant digits, and a unit that keeps them short.

/// `value` with three significant digits and no exponent below a million.
#[must_use]
pub fn plain(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return "not finite".to_owned();
    }
    // Of the rounded value: 9.999 becomes 10.0 and not 10.00.
    let rounded = format!("{value:.2e}");
    let magnitude: i32 = rounded.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    if !(-4..6).contains(&magnitude) {
        return rounded;
    }
    format!("{value:.*}", (2 - magnitude).max(0) as usize)
}

/// A time in seconds, in the unit that suits it.
#[must_use]
pub fn seconds(value: f64) -> String {
    let (factor, unit) = time_unit(value);
    format!("{} {unit}", plain(value * factor))
}

/// A time and its interval in one unit: `12.3 ms [12.1, 12.6]`.
#[must_use]
pub fn seconds_with(value: f64, low: f64, high: f64) -> String {
    let (factor, unit) = time_unit(value);
    let (value, ends) = interval(value * factor, low * factor, high * factor);
    format!("{value} {unit} {ends}")
}

/// A number and its interval: `12.3 [12.1, 12.6]`.
#[must_use]
pub fn plain_with(value: f64, low: f64, high: f64) -> String {
    let (value, ends) = interval(value, low, high);
    format!("{value} {ends}")
}

/// Most decimals beyond those of [`plain`].
const MORE: usize = 6;

/// The value, and both ends of its interval in brackets: with the decimals of [`plain`], or as many more as it takes to tell the ends apart.
fn interval(value: f64, low: f64, high: f64) -> (String, String) {
    let short = plain(value);
    let exponent = short.contains('e');
    let fewest = short.split_once('.').map_or(0, |(_, d)| d.split('e').next().unwrap_or(d).len());
    let text = |v: f64, d: usize| if exponent { format!("{v:.d$e}") } else { format!("{v:.d$}") };
    let apart = |d: &usize| text(low, *d) != text(high, *d);
    let decimals = (fewest..=fewest + MORE).find(apart).unwrap_or(fewest);
    let value = if decimals == fewest { short } else { text(value, decimals) };
    (value, format!("[{}, {}]", text(low, decimals), text(high, decimals)))
}

/// Factor and name of the unit in which a time has one to three digits before the point.
#[must_use]
pub fn time_unit(value: f64) -> (f64, &'static str) {
    match value.abs() {
        v if v >= 1.0 || v == 0.0 => (1.0, "s"),
        v if v >= 1e-3 => (1e3, "ms"),
        v if v >= 1e-6 => (1e6, "µs"),
        _ => (1e9, "ns"),
    }
}

/// Bytes in binary units.
#[must_use]
pub fn bytes(value: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = value;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", plain(value), UNITS[unit])
}

/// A round value on a scale: `plain` without closing zeros.
#[must_use]
pub fn tick(value: f64) -> String {
    let text = plain(value);
    match text.split_once('e') {
        Some((digits, exponent)) => format!("{}e{exponent}", without_zeros(digits)),
        None => without_zeros(&text).to_owned(),
    }
}

/// Factor and letter of the decimal prefix in which a value has one to three digits before the point.
fn prefix(value: f64) -> (f64, &'static str) {
    match value.abs() {
        v if v >= 1e15 => (1e-15, "P"),
        v if v >= 1e12 => (1e-12, "T"),
        v if v >= 1e9 => (1e-9, "G"),
        v if v >= 1e6 => (1e-6, "M"),
        v if v >= 1e3 => (1e-3, "k"),
        _ => (1.0, ""),
    }
}

/// A value with a decimal prefix, ready for its unit: `12.3 G`.
#[must_use]
pub fn scaled(value: f64) -> String {
    let (factor, letter) = prefix(value);
    format!("{} {letter}", plain(value * factor))
}

/// A value as [`plain`] has it while it is short, else with a decimal prefix: `9470`, `12.3 M`.
#[must_use]
pub fn short(value: f64) -> String {
    if value.abs() < 1e5 { plain(value) } else { scaled(value) }
}

/// A round value on a scale, with a decimal prefix where it is long.
#[must_use]
pub fn tick_short(value: f64) -> String {
    if value.abs() < 1e4 {
        return tick(value);
    }
    let (factor, letter) = prefix(value);
    format!("{} {letter}", tick(value * factor))
}

/// A round time on a scale.
#[must_use]
pub fn tick_seconds(value: f64) -> String {
    let (factor, unit) = time_unit(value);
    format!("{} {unit}", tick(value * factor))
}

/// `1 line`, `3 lines`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn without_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests {
    use super::{bytes, plain, plain_with, seconds, seconds_with, tick, tick_seconds};

    #[test]
    fn three_digits() {
        let cases = [
            (0.0, "0"),
            (9.999, "10.0"),
            (0.000_123_4, "0.000123"),
            (1.0, "1.00"),
            (-42.0, "-42.0"),
            (15_320.4, "15320"),
            (1.0e7, "1.00e7"),
            (f64::NAN, "not finite"),
        ];
        for (value, text) in cases {
            assert_eq!(plain(value), text);
        }
    }

    #[test]
    fn units_and_intervals() {
        assert_eq!(seconds(0.000_25), "250 µs");
        assert_eq!(seconds_with(0.0123, 0.0121, 0.0126), "12.3 ms [12.1, 12.6]");
        assert_eq!(plain_with(100.0, 99.96, 100.04), "100.00 [99.96, 100.04]");
        assert_eq!(plain_with(129.2, 129.19, 129.23), "129.20 [129.19, 129.23]");
        assert_eq!(plain_with(2.5e7, 2.4999e7, 2.5001e7), "2.5000e7 [2.4999e7, 2.5001e7]");
        assert_eq!(plain_with(7.0, 7.0, 7.0), "7.00 [7.00, 7.00]");
        assert_eq!(plain_with(1e-4, 9.74e-5, 1.024e-4), "0.000100 [0.000097, 0.000102]");
        assert_eq!(bytes(1.5 * 1024.0 * 1024.0), "1.50 MiB");
        assert_eq!(
            (tick(50.0), tick(2.5e6), tick_seconds(0.01)),
            ("50".into(), "2.5e6".into(), "10 ms".into())
        );
    }
}
