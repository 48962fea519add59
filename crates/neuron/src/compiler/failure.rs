//! Why a compilation failed, read from how the compiler ended and from what it printed.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::codes::{Refusal, meaning};

/// Longest message that is kept, in characters.
const MOST_CHARACTERS: usize = 400;

/// Why it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The compiler refused the program.
    Refused(Refusal),
    /// The compiler was killed, as the kernel does when the host's memory is exhausted.
    HostMemory,
    /// It ran past its time limit of this many seconds.
    TimeLimit(u64),
    /// It crashed by this signal.
    Crashed(i32),
    /// It ended without an artefact and without a code.
    Failed,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Refused(refusal) => refusal.name(),
            Self::HostMemory => "host-memory",
            Self::TimeLimit(_) => "time-limit",
            Self::Crashed(_) => "crashed",
            Self::Failed => "failed",
        })
    }
}

/// A compilation that failed: a result that is stored, and that stays until something changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Why.
    pub cause: Cause,
    /// The compiler's code, such as `NCC_EVRF013`.
    pub code: Option<String>,
    /// The op that it names, in the compiler's words.
    pub op: Option<String>,
    /// What it said, on one line, without directories.
    pub message: String,
}

/// How the compiler ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this exit status.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// It was stopped at its time limit of this many seconds.
    TimeLimit(u64),
}

impl Failure {
    /// Reads a failure from the compiler's end and its output, in which the lines may have prefixes of loggers.
    #[must_use]
    pub fn read(end: End, output: &str) -> Self {
        let coded = output.lines().enumerate().find_map(|(i, line)| Some((i, code(line)?)));
        if let End::TimeLimit(seconds) = end {
            let message = format!("stopped after {seconds} s");
            return Self { cause: Cause::TimeLimit(seconds), code: None, op: None, message };
        }
        if let Some((line, (code, rest))) = coded {
            let after: Vec<&str> = output.lines().skip(line + 1).take(3).collect();
            let op = named_op(rest).or_else(|| after.iter().find_map(|l| instruction(l)));
            let cause = Cause::Refused(meaning(code).0);
            return Self { cause, code: Some(code.to_owned()), op, message: one_line(rest) };
        }
        let (cause, message) = match end {
            End::Signal(9) | End::Exit(137) => (Cause::HostMemory, "killed (signal 9)".to_owned()),
            End::Signal(signal) => (Cause::Crashed(signal), format!("ended by signal {signal}")),
            // The driver's own codes for a sub-process that died: 128 and the signal.
            _ if output.contains("[F137]") => (Cause::HostMemory, last_words(output)),
            _ if output.contains("[F134]") => (Cause::Crashed(6), last_words(output)),
            _ if output.contains("[F139]") => (Cause::Crashed(11), last_words(output)),
            End::Exit(status) => (Cause::Failed, format!("exit status {status}: {}", last_words(output))),
            End::TimeLimit(_) => (Cause::Failed, String::new()),
        };
        Self { cause, code: None, op: None, message }
    }

    /// What to do about it.
    #[must_use]
    pub fn way_out(&self) -> &'static str {
        match self.cause {
            Cause::Refused(_) => {
                self.code.as_deref().map_or("read the compiler's log", |code| meaning(code).1)
            }
            Cause::HostMemory => {
                "compile on a host with more memory, one program at a time, or at --optlevel 1; artefacts can be copied to the device's host"
            }
            Cause::TimeLimit(_) => {
                "raise the time limit (`portbench compile --limit SECONDS`), or compile at --optlevel 1"
            }
            Cause::Crashed(_) => {
                "try another version of the compiler or another --optlevel, and report it to AWS with its log"
            }
            Cause::Failed => "read the compiler's log",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(code) = &self.code {
            write!(f, "{code}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(op) = &self.op {
            write!(f, " (op {op})")?;
        }
        write!(f, "; {}", self.way_out())
    }
}

/// A code in a line, and what follows it.
fn code(line: &str) -> Option<(&str, &str)> {
    let start = line.find("NCC_")?;
    let (head, rest) = (&line[start..], &line[start + 4..]);
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let name = &rest[..length];
    let letters = name.chars().take_while(char::is_ascii_uppercase).count();
    let well_formed =
        letters >= 1 && name.len() >= letters + 3 && name[letters..].chars().all(|c| c.is_ascii_digit());
    well_formed.then(|| (&head[..4 + length], rest[length..].trim_start_matches([']', ':', ' '])))
}

/// The op that a message names: `Operator topk is ...`, `Operation sort is ...`, `... with operator multiply.`
fn named_op(message: &str) -> Option<String> {
    let mut words = message.split_whitespace();
    while let Some(word) = words.next() {
        if ["operator", "operation"].contains(&word.to_ascii_lowercase().as_str()) {
            let name = words.next()?.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            let plain =
                ["is", "was", "used", "not", "that", "with", "using", "and", "to", "has", "for", "of"];
            if !name.is_empty() && !plain.contains(&name) {
                return Some(name.to_owned());
            }
        }
    }
    None
}

/// The op of a line of HLO, `%sort.16 = (f32[16,256], s32[16,256]) sort(%p0, ...), ...`.
fn instruction(line: &str) -> Option<String> {
    let (name, definition) = line.split_once(" = ")?;
    if !name.trim_start().starts_with('%') {
        return None;
    }
    let mut depth = 0usize;
    let end = definition.find(|c: char| {
        match c {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ' ' && depth == 0
    })?;
    let op = definition[end..].trim_start().split('(').next()?;
    let word = !op.is_empty() && op.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    word.then(|| op.to_owned())
}

fn last_words(output: &str) -> String {
    let last = output.lines().rev().find(|l| !l.trim().is_empty());
    last.map_or_else(|| "it printed nothing".into(), one_line)
}

/// A message on one line of bounded length; of paths only the file is kept, since directories name users.
fn one_line(text: &str) -> String {
    let word = |w: &str| match w.find('/') {
        Some(at) if w[at..].len() > 1 && w[..at].chars().all(|c| !c.is_alphanumeric()) => {
            let file = w.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            format!("{}{file}", &w[..at])
        }
        _ => w.to_owned(),
    };
    let words: Vec<String> = text.split_whitespace().map(word).collect();
    words.join(" ").chars().take(MOST_CHARACTERS).collect()
}
