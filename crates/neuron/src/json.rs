//! Reading the tools' JSON: fields may be missing, null, or a number written as text, and come back as `None` rather than as an error.

use serde_json::Value;

/// The member of an object; `None` also where it is null.
pub(crate) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).filter(|v| !v.is_null())
}

/// A number, also one written as text.
pub(crate) fn number(value: &Value, name: &str) -> Option<f64> {
    let number = match member(value, name)? {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    };
    number.filter(|n| n.is_finite())
}

/// A count: a whole number that is not negative.
pub(crate) fn count(value: &Value, name: &str) -> Option<u64> {
    match member(value, name)? {
        Value::Number(n) => n.as_u64(),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    }
}

/// A count that fits an index.
pub(crate) fn index(value: &Value, name: &str) -> Option<u32> {
    count(value, name).and_then(|n| u32::try_from(n).ok())
}

/// A text that says something.
pub(crate) fn text(value: &Value, name: &str) -> Option<String> {
    let text = member(value, name)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The elements of a list; none where it is missing or null.
pub(crate) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    member(value, name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The members of an object; none where it is missing or null.
pub(crate) fn members<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = (&'v str, &'v Value)> {
    member(value, name).and_then(Value::as_object).into_iter().flatten().map(|(k, v)| (k.as_str(), v))
}

/// The list as indices; what is none is left out.
pub(crate) fn indices(value: &Value, name: &str) -> Vec<u32> {
    list(value, name).iter().filter_map(|v| v.as_u64().and_then(|n| u32::try_from(n).ok())).collect()
}
