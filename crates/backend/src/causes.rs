//! Errors as people read them.

use std::env;
use std::error::Error;

/// The error and its causes in one line, `what: why: why`. A cause that the text before it ends with is not repeated.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}

/// The text without what names the user: the home directory becomes `~`, and any other directory of the user's name `USER`.
#[must_use]
pub fn without_user(text: &str) -> String {
    let given = |name| env::var(name).ok().filter(|value| value.len() > 1);
    let user = given("USER").or_else(|| given("LOGNAME"));
    scrubbed(text, given("HOME").as_deref(), user.as_deref())
}

fn scrubbed(text: &str, home: Option<&str>, user: Option<&str>) -> String {
    let mut text = text.to_owned();
    if let Some(home) = home {
        text = replaced(&text, home.trim_end_matches('/'), "~");
    }
    if let Some(user) = user {
        text = replaced(&text, &format!("/{user}"), "/USER");
    }
    text
}

/// The text with every `name` replaced that is not the beginning of a longer one.
fn replaced(text: &str, name: &str, with: &str) -> String {
    let mut parts = text.split(name);
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let longer = part.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-'));
        done.push_str(if longer { name } else { with });
        done.push_str(part);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::scrubbed;

    #[test]
    fn nobody_is_named() {
        let told = |text| scrubbed(text, Some("/home/al/"), Some("al"));
        assert_eq!(told("cannot read /home/al/.cache/x: gone"), "cannot read ~/.cache/x: gone");
        assert_eq!(told("/home/al: /scratch/al/cache, /data/al"), "~: /scratch/USER/cache, /data/USER");
        // Others, and what only begins like it.
        assert_eq!(told("/home/alice/x al /all"), "/home/alice/x al /all");
        assert_eq!(scrubbed("/home/al", None, None), "/home/al");
    }
}
