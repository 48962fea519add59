//! A rule.

use std::collections::BTreeMap;
use std::fmt;

use portbench_neuron::limits::{Limit, limits};
use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::category::Category;
use crate::language::{Kind, Language};
use crate::severity::Severity;
use crate::stack::{Execution, Stack};

/// Where a rule looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Python, in files and notebooks.
    Python,
    /// Python that is compiled: `forward` and `*_forward`, what is handed to a compiler, what those call in the same file.
    Forward,
    /// C, C++ and CUDA.
    Cpp,
    /// CMake.
    Cmake,
    /// Lists of Python packages.
    Requirements,
    /// Dockerfiles.
    Docker,
    /// YAML.
    Yaml,
    /// TOML.
    Toml,
    /// Rust.
    Rust,
    /// Every file that is read, lists of packages aside.
    Any,
    /// The path of a file.
    File,
}

impl Scope {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Forward => "forward",
            Self::Cpp => "cpp",
            Self::Cmake => "cmake",
            Self::Requirements => "requirements",
            Self::Docker => "docker",
            Self::Yaml => "yaml",
            Self::Toml => "toml",
            Self::Rust => "rust",
            Self::Any => "any",
            Self::File => "file",
        }
    }

    /// Whether it takes in the text of such a file.
    #[must_use]
    pub fn covers(self, kind: Kind) -> bool {
        match self {
            Self::Python | Self::Forward => matches!(kind.language, Language::Python | Language::Notebook),
            Self::Cpp => kind.language == Language::Cpp,
            Self::Cmake => kind.language == Language::Cmake,
            Self::Requirements => kind.requirements,
            Self::Docker => kind.language == Language::Docker,
            Self::Yaml => kind.language == Language::Yaml,
            Self::Toml => kind.language == Language::Toml,
            Self::Rust => kind.language == Language::Rust,
            Self::Any => kind.language != Language::Requirements,
            Self::File => false,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How sure it is that what a pattern meets is what the rule means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// A word that means other things too, or a guess at the type of a value.
    Low,
    /// Nearly always what is meant.
    Medium,
    /// The pattern can hardly mean anything else.
    #[default]
    High,
}

impl Confidence {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What is different on a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OnStack {
    /// What to do there.
    #[serde(default)]
    pub action: Option<String>,
    /// How much that is.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// Who says so; the rule's own sources if nobody is named.
    #[serde(default)]
    pub sources: Vec<String>,
}

/// How often the rule pointed at a file that a real port then changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Calibration {
    /// The port, a source of the table.
    pub port: String,
    /// Source files with a finding of the rule before the port.
    pub files: u32,
    /// Those of them that the port touched.
    pub touched: u32,
}

/// A pattern, what it means, and what is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rule {
    /// Its name, unique in the table.
    pub id: String,
    /// Where it looks.
    pub scope: Vec<Scope>,
    /// What it looks for, in the syntax of the crate `regex`, over bytes.
    pub pattern: String,
    /// What kind of thing it is.
    pub category: Category,
    /// How much it asks for; of code that depends on values, when a model is traced.
    pub severity: Severity,
    /// How much under `torch.compile`, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile: Option<Severity>,
    /// How much where ops run one by one, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eager: Option<Severity>,
    /// What to do.
    pub action: String,
    /// What is different on a stack.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub on: BTreeMap<Stack, OnStack>,
    /// Stacks for which it says nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_on: Vec<Stack>,
    /// Who says so, by names in `[sources]`.
    pub sources: Vec<String>,
    /// How sure a match is.
    #[serde(default)]
    pub confidence: Confidence,
    /// Limits of Neuron that stand behind it, by their ids in `portbench list limits`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<String>,
    /// A condition under which the code is optional: findings inside such an `if` are suppressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
    /// What sources contradict each other about, if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disputed: Option<String>,
    /// How it did on real ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calibration: Vec<Calibration>,
    /// Text that it finds.
    #[serde(default)]
    pub hits: Vec<String>,
    /// Text that it leaves alone.
    #[serde(default)]
    pub misses: Vec<String>,
}

impl Rule {
    /// Whether it says anything about a stack.
    #[must_use]
    pub fn applies(&self, stack: Stack) -> bool {
        !self.not_on.contains(&stack)
    }

    /// How much it asks for there.
    #[must_use]
    pub fn severity(&self, stack: Stack, execution: Execution) -> Severity {
        if let Some(severity) = self.on.get(&stack).and_then(|on| on.severity) {
            return severity;
        }
        let other = match execution {
            Execution::Eager => self.eager,
            Execution::Compile => self.compile,
            Execution::Trace => None,
        };
        other.unwrap_or(self.severity)
    }

    /// What to do there.
    #[must_use]
    pub fn action(&self, stack: Stack) -> &str {
        self.on.get(&stack).and_then(|on| on.action.as_deref()).unwrap_or(&self.action)
    }

    /// Who says so, by names in `[sources]`.
    #[must_use]
    pub fn sources(&self, stack: Stack) -> &[String] {
        match self.on.get(&stack) {
            Some(on) if !on.sources.is_empty() => &on.sources,
            _ => &self.sources,
        }
    }

    /// The limits behind it that hold on a stack.
    pub fn limits(&self, stack: Stack) -> impl Iterator<Item = &'static Limit> {
        let line = stack.line();
        let named = limits().iter().filter(|limit| self.limits.contains(&limit.id));
        named.filter(move |limit| line.is_none_or(|line| limit.lines.contains(&line)))
    }

    /// Its pattern, compiled: over bytes, so that files need not be UTF-8.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn regex(&self) -> Result<Regex, String> {
        compiled(&self.pattern)
    }

    /// Its guard, compiled.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn guard_regex(&self) -> Result<Option<Regex>, String> {
        self.guard.as_deref().map(compiled).transpose()
    }

    /// Every source that it names.
    pub(super) fn named_sources(&self) -> impl Iterator<Item = &str> {
        let of_stacks = self.on.values().flat_map(|on| &on.sources);
        let of_ports = self.calibration.iter().map(|c| &c.port);
        self.sources.iter().chain(of_stacks).chain(of_ports).map(String::as_str)
    }

    /// What no type can hold.
    pub(super) fn check(&self) -> Result<(), String> {
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if self.id.is_empty() || !self.id.chars().all(word) {
            return Err("an id is made of letters, digits, `-` and `_`".into());
        }
        if self.scope.is_empty() {
            return Err("`scope` names nothing to look at".into());
        }
        if let Some(id) = self.limits.iter().find(|id| !limits().iter().any(|l| l.id == **id)) {
            return Err(format!("`{id}` is no limit (`portbench list limits` has them)"));
        }
        if self.regex()?.is_match(b"") {
            return Err("`pattern` matches nothing at all, so it would match everywhere".into());
        }
        self.guard_regex().map(|_| ())
    }
}

fn compiled(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).unicode(false).build().map_err(|e| e.to_string())
}
