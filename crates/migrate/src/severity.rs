//! How much a finding asks for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a finding asks for, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Context, a good sign, or a silent change of meaning; nothing to edit.
    Info,
    /// A mechanical edit of text.
    Auto,
    /// A small local edit with a known replacement.
    Low,
    /// One site has to be designed again, or a feature is lost and has a workaround.
    Medium,
    /// To be written anew: a kernel, shapes, control flow, a framework.
    High,
    /// No way on any current Neuron stack.
    Blocker,
}

impl Severity {
    /// Every severity, from least to most.
    pub const ALL: [Self; 6] = [Self::Info, Self::Auto, Self::Low, Self::Medium, Self::High, Self::Blocker];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Auto => "auto",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Blocker => "blocker",
        }
    }

    /// The severity of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// The kind of work.
    #[must_use]
    pub const fn work(self) -> Work {
        match self {
            Self::Info => Work::Nothing,
            Self::Auto => Work::Automatic,
            Self::Low | Self::Medium => Work::Small,
            Self::High => Work::Rewriting,
            Self::Blocker => Work::Blocker,
        }
    }

    /// The order of time that a site takes, in the words of SYCLomatic's migration report: low effort is minutes, medium is hours, high is
    /// writing anew. It is no measurement, and there is no sum of it.
    #[must_use]
    pub const fn order(self) -> &'static str {
        match self {
            Self::Info => "none",
            Self::Auto => "seconds",
            Self::Low => "minutes",
            Self::Medium => "hours",
            Self::High => "days",
            Self::Blocker => "no way known",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The kinds of work that severities come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Nothing to edit.
    Nothing,
    /// A program could do it.
    Automatic,
    /// A person does it on the spot.
    Small,
    /// Something is written anew.
    Rewriting,
    /// There is no way.
    Blocker,
}

impl Work {
    /// Those that are work, from least to most.
    pub const ALL: [Self; 4] = [Self::Automatic, Self::Small, Self::Rewriting, Self::Blocker];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Automatic => "automatic",
            Self::Small => "small",
            Self::Rewriting => "rewriting",
            Self::Blocker => "blocker",
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
