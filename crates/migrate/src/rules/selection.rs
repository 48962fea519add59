//! Which findings are wanted.

use std::str::FromStr;

use super::{Rule, Rules};
use crate::category::Category;
use crate::error::MigrateError;
use crate::severity::Severity;

/// A category, a severity, or ids of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Rules of a category.
    Category(Category),
    /// Findings of a severity.
    Severity(Severity),
    /// The rule of an id; with `*` at its end, those whose ids begin so.
    Id(String),
}

impl FromStr for Word {
    type Err = MigrateError;

    fn from_str(word: &str) -> Result<Self, MigrateError> {
        if let Some(category) = Category::named(word) {
            return Ok(Self::Category(category));
        }
        if let Some(severity) = Severity::named(word) {
            return Ok(Self::Severity(severity));
        }
        // Ids of the built-in rules are in capitals, so a word in small letters is a category or severity that was mistyped.
        if word.chars().any(|c| c.is_ascii_uppercase() || c == '*') {
            return Ok(Self::Id(word.to_owned()));
        }
        Err(MigrateError::Word {
            given: word.to_owned(),
            categories: Category::ALL.map(Category::name).join(", "),
            severities: Severity::ALL.map(Severity::name).join(", "),
        })
    }
}

impl Word {
    fn means(&self, rule: &Rule, severity: Severity) -> bool {
        match self {
            Self::Category(category) => rule.category == *category,
            Self::Severity(wanted) => severity == *wanted,
            Self::Id(id) => match id.strip_suffix('*') {
                Some(begin) => rule.id.starts_with(begin),
                None => rule.id == *id,
            },
        }
    }
}

/// Which findings are wanted: those that `only` means (all if it is empty) and `except` does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Any of these; all findings if there are none.
    pub only: Vec<Word>,
    /// None of these.
    pub except: Vec<Word>,
}

impl Selection {
    /// Whether every id in it means a rule.
    ///
    /// # Errors
    /// [`MigrateError::NoRule`].
    pub fn check(&self, rules: &Rules) -> Result<(), MigrateError> {
        for word in self.only.iter().chain(&self.except) {
            if let Word::Id(id) = word
                && !rules.rules().iter().any(|rule| word.means(rule, rule.severity))
            {
                return Err(MigrateError::NoRule { given: id.clone() });
            }
        }
        Ok(())
    }

    /// Whether a finding of the rule with that severity is wanted.
    #[must_use]
    pub fn wants(&self, rule: &Rule, severity: Severity) -> bool {
        let only = self.only.is_empty() || self.only.iter().any(|w| w.means(rule, severity));
        only && !self.except.iter().any(|w| w.means(rule, severity))
    }
}
