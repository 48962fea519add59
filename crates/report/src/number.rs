//! Numbers for people: three significant digits, and a unit that keeps them short.

/// `value` with three significant digits and no exponent below a million.
#[must_use]
pub(crate) fn plain(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return "not finite".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-4..6).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    format!("{value:.*}", (2 - magnitude).max(0) as usize)
}

/// A time in seconds, in the unit that suits it.
#[must_use]
pub(crate) fn seconds(value: f64) -> String {
    let (factor, unit) = time_unit(value);
    format!("{} {unit}", plain(value * factor))
}

/// A time and its interval in one unit: `12.3 ms [12.1, 12.6]`.
#[must_use]
pub(crate) fn seconds_with(value: f64, low: f64, high: f64) -> String {
    let (factor, unit) = time_unit(value);
    format!("{} {unit} {}", plain(value * factor), interval(value * factor, low * factor, high * factor))
}

/// A number and its interval: `12.3 [12.1, 12.6]`.
#[must_use]
pub(crate) fn plain_with(value: f64, low: f64, high: f64) -> String {
    format!("{} {}", plain(value), interval(value, low, high))
}

/// Both ends with as many decimals as the value has, and one more where they would look the same.
fn interval(value: f64, low: f64, high: f64) -> String {
    let decimals = |v: f64| plain(v).split_once('.').map_or(0, |(_, d)| d.len());
    let scientific = [value, low, high].iter().any(|v| plain(*v).contains('e'));
    if scientific {
        return format!("[{low:.2e}, {high:.2e}]");
    }
    let fewest = decimals(value);
    let text = |d: usize| (format!("{low:.d$}"), format!("{high:.d$}"));
    let (a, b) = text(fewest);
    let (a, b) = if a == b && low != high { text(fewest + 1) } else { (a, b) };
    format!("[{a}, {b}]")
}

/// Factor and name of the unit in which a time has one to three digits before the point.
#[must_use]
pub(crate) fn time_unit(value: f64) -> (f64, &'static str) {
    match value.abs() {
        v if v >= 1.0 || v == 0.0 => (1.0, "s"),
        v if v >= 1e-3 => (1e3, "ms"),
        v if v >= 1e-6 => (1e6, "us"),
        _ => (1e9, "ns"),
    }
}

/// Bytes in binary units.
#[must_use]
pub(crate) fn bytes(value: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = value;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", plain(value), UNITS[unit])
}
