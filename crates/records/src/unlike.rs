//! Whether two records are about the same work.

use std::collections::BTreeSet;

use crate::record::Problem;

/// What two problems do not share, one line each, for people; empty where their numbers may be compared. Boundary and numerics are no part of a problem.
#[must_use]
pub fn unlike(a: &Problem, b: &Problem) -> Vec<String> {
    let mut found = Vec::new();
    if a.fingerprint != b.fingerprint {
        if a.model != b.model {
            found.push(format!("models {} and {}", a.model, b.model));
        }
        found.push(format!(
            "programs {} and {} (fingerprints)",
            short(&a.fingerprint),
            short(&b.fingerprint)
        ));
    }
    let words: BTreeSet<&String> = a.shape.keys().chain(b.shape.keys()).collect();
    for word in words {
        let (x, y) = (a.shape.get(word), b.shape.get(word));
        if x != y {
            let number = |n: Option<&u64>| n.map_or_else(|| "none".to_owned(), ToString::to_string);
            found.push(format!("{word} {} and {}", number(x), number(y)));
        }
    }
    if a.unit != b.unit {
        found.push(format!("counted in {} and {}", a.unit, b.unit));
    }
    found
}

/// The beginning of a fingerprint, enough to tell two apart.
fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}
