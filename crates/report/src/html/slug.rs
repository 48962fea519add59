//! Names as parts of file names and addresses.

use std::collections::HashSet;

/// Most characters of a slug.
const MOST: usize = 80;

/// A name made of `a-z0-9-.` alone, not empty, at most 80 characters, beginning and ending with neither dot nor dash.
pub(crate) fn slug(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' | '.' => text.push(c),
            _ if text.ends_with('-') => {}
            _ => text.push('-'),
        }
        if text.len() == MOST {
            break;
        }
    }
    let text = text.trim_matches(['-', '.']);
    if text.is_empty() { "unnamed".to_owned() } else { text.to_owned() }
}

/// Gives no slug out twice.
#[derive(Debug, Default)]
pub(crate) struct Slugs(HashSet<String>);

impl Slugs {
    /// The slug of a name; one that is taken gets a number.
    pub(crate) fn of(&mut self, name: &str) -> String {
        let plain = slug(name);
        let mut found = plain.clone();
        let mut number = 1;
        while !self.0.insert(found.clone()) {
            number += 1;
            found = format!("{plain}-{number}");
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{Slugs, slug};

    #[test]
    fn slugs_are_safe_and_short() {
        for (name, wanted) in [
            ("gpt2-124m", "gpt2-124m"),
            ("../../etc/passwd", "etc-passwd"),
            ("<script>", "script"),
            ("GPT 2  (bf16)", "gpt-2-bf16"),
            ("日本", "unnamed"),
            ("", "unnamed"),
        ] {
            assert_eq!(slug(name), wanted);
        }
        assert_eq!(slug(&"a".repeat(500)).len(), 80);
    }

    #[test]
    fn no_slug_is_given_out_twice() {
        let mut slugs = Slugs::default();
        assert_eq!(["a b", "a-b", "a-b-2", "A B"].map(|n| slugs.of(n)), ["a-b", "a-b-2", "a-b-2-2", "a-b-3"]);
    }
}
