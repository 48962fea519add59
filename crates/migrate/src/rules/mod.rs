//! The rules: reviewed TOML in `data/`, and a file of one's own that lies over it.

mod document;
mod rule;
mod selection;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use crate::error::MigrateError;

pub use document::Source;
pub use rule::{Calibration, Confidence, OnStack, Rule, Scope};
pub use selection::{Selection, Word};

use document::Document;

/// Rules with the sources that they name.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    sources: BTreeMap<String, Source>,
}

/// The built-in files, in the order in which rules are listed.
const BUILT_IN: [(&str, &str); 9] = [
    ("sources.toml", include_str!("../../data/sources.toml")),
    ("rules/device.toml", include_str!("../../data/rules/device.toml")),
    ("rules/precision.toml", include_str!("../../data/rules/precision.toml")),
    ("rules/distributed.toml", include_str!("../../data/rules/distributed.toml")),
    ("rules/kernel.toml", include_str!("../../data/rules/kernel.toml")),
    ("rules/dynamic.toml", include_str!("../../data/rules/dynamic.toml")),
    ("rules/serving.toml", include_str!("../../data/rules/serving.toml")),
    ("rules/project.toml", include_str!("../../data/rules/project.toml")),
    ("rules/native.toml", include_str!("../../data/rules/native.toml")),
];

impl Rules {
    /// The built-in rules.
    #[must_use]
    pub fn built_in() -> &'static Self {
        #[expect(
            clippy::expect_used,
            reason = "the files are part of the program, and every test of this crate reads them"
        )]
        static RULES: LazyLock<Rules> = LazyLock::new(|| {
            let mut rules = Rules::default();
            for (name, text) in BUILT_IN {
                rules.lay(name, text).expect("data/ holds rules");
            }
            rules
        });
        &RULES
    }

    /// The built-in rules with a file laid over them: its rules replace those of their ids or are added, and `off` takes rules away.
    ///
    /// # Errors
    /// [`MigrateError::Read`] for a file that cannot be read, [`MigrateError::Rules`] with line and column for one that holds no rules.
    pub fn with_own(path: &Path) -> Result<Self, MigrateError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| MigrateError::Read { path: path.to_owned(), source })?;
        let mut rules = Self::built_in().clone();
        rules.lay(&path.display().to_string(), &text)?;
        Ok(rules)
    }

    /// Lays a document over these rules; `name` is for messages.
    ///
    /// # Errors
    /// [`MigrateError::Rules`].
    pub fn lay(&mut self, name: &str, text: &str) -> Result<(), MigrateError> {
        let wrong = |what: String| MigrateError::Rules { file: name.to_owned(), what };
        let document: Document = toml::from_str(text).map_err(|e| wrong(e.to_string()))?;
        self.sources.extend(document.sources);
        for id in &document.off {
            if !self.rules.iter().any(|r| r.id == *id) {
                return Err(wrong(format!(
                    "off = [\"{id}\"]: there is no such rule (`portbench list rules` has them)"
                )));
            }
        }
        self.rules.retain(|r| !document.off.contains(&r.id));
        for rule in document.rule {
            rule.check().map_err(|what| wrong(format!("rule {}: {what}", rule.id)))?;
            if let Some(missing) = rule.named_sources().find(|s| !self.sources.contains_key(*s)) {
                return Err(wrong(format!("rule {}: source `{missing}` stands in no [sources]", rule.id)));
            }
            match self.rules.iter_mut().find(|r| r.id == rule.id) {
                Some(held) => *held = rule,
                None => self.rules.push(rule),
            }
        }
        Ok(())
    }

    /// Every rule, in the order of the files.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of that id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|r| r.id == id)
    }

    /// Every source by its name.
    #[must_use]
    pub fn sources(&self) -> &BTreeMap<String, Source> {
        &self.sources
    }
}
