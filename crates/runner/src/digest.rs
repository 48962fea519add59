//! Digests of settings.

use serde::Serialize;

/// BLAKE3 of the value's JSON form, in hexadecimal. Maps among settings are ordered, so that equal values have equal text.
pub(crate) fn digest<T: Serialize>(value: &T) -> String {
    let mut hasher = blake3::Hasher::new();
    match serde_json::to_writer(&mut hasher, value) {
        Ok(()) => hasher.finalize().to_hex().to_string(),
        // Only a map with keys that are no strings fails; no settings have one, and a constant would still be safe: fingerprints are compared as well.
        Err(_) => String::new(),
    }
}
