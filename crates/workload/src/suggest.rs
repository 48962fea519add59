//! The known word that was probably meant.

/// Edits (insertions, deletions, replacements, swaps of neighbours) that lead from one word to the other: the optimal string
/// alignment distance (Damerau, CACM 7(3), 1964, restricted).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = last;
        last = row;
    }
    last[b.len()]
}

/// The candidate nearest to `word`, if it is near enough to have been meant: a third of the word wrong, or one holds the other.
pub(crate) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |s: &str| s.to_lowercase().replace(['_', ' '], "-");
    // The distance is quadratic; nothing that long was meant as a key.
    if word.chars().count() > 100 {
        return None;
    }
    let word = fold(word);
    let score = |candidate: &str| {
        let candidate = fold(candidate);
        let d = distance(&word, &candidate);
        let limit = (word.chars().count().max(candidate.chars().count()) / 3).max(1);
        let inside = word.len() >= 3 && (candidate.contains(&word) || word.contains(&candidate));
        if d <= limit {
            Some(d)
        } else if inside {
            Some(limit + d)
        } else {
            None
        }
    };
    candidates.into_iter().filter_map(|c| score(c).map(|s| (s, c))).min_by_key(|(s, _)| *s).map(|(_, c)| c)
}

/// The help that goes with an unknown word: the guess, if any, and what is known.
pub(crate) fn help(word: &str, candidates: &[&str]) -> Option<String> {
    if candidates.is_empty() {
        return None;
    }
    let known = list(candidates);
    Some(match closest(word, candidates.iter().copied()) {
        Some(guess) => format!("did you mean `{guess}`? Known here: {known}"),
        None => format!("known here: {known}"),
    })
}

/// Words in backquotes, with commas.
pub(crate) fn list(words: &[&str]) -> String {
    words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{closest, distance};

    #[test]
    fn distances_of_known_pairs() {
        for (a, b, d) in [
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("promt", "prompt", 1),
            ("bacth", "batch", 1),
            ("ca", "abc", 3),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (d, d), "{a} {b}");
        }
    }

    #[test]
    fn guesses_what_was_meant_and_only_that() {
        let keys = ["model", "mode", "batch", "prompt", "new-tokens", "gpt2-124m-generate"];
        for (word, guess) in [
            ("promt", Some("prompt")),
            ("new_tokens", Some("new-tokens")),
            ("NEW-TOKENS", Some("new-tokens")),
            ("gpt2-124m", Some("gpt2-124m-generate")),
            ("zebra", None),
            ("", None),
        ] {
            assert_eq!(closest(word, keys), guess, "{word}");
        }
        assert_eq!(closest(&"p".repeat(5000), keys), None);
    }
}
