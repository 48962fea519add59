//! Rules, compiled, and the text of one file.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexSet, RegexSetBuilder};

use crate::allow::{Allow, allows};
use crate::error::MigrateError;
use crate::finding::{Finding, Suppressed, Suppressor};
use crate::language::{Kind, Language};
use crate::lex::{Blanked, blank};
use crate::notebook;
use crate::python::{Guard, GuardKind, Module};
use crate::rules::{Rule, Rules, Scope, Selection};
use crate::severity::Severity;
use crate::stack::{Execution, Stack};
use crate::text::Lines;

/// For what, and which findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The stack to move to.
    pub stack: Stack,
    /// How models execute there; the stack's usual way if not given.
    pub execution: Option<Execution>,
    /// Which findings are wanted.
    pub selection: Selection,
}

impl Options {
    /// How models execute.
    #[must_use]
    pub fn execution(&self) -> Execution {
        self.execution.unwrap_or_else(|| self.stack.usual_execution())
    }
}

/// Rules, compiled for a stack.
#[derive(Debug)]
pub struct Matcher<'r> {
    all: &'r Rules,
    pub(crate) options: Options,
    rules: Vec<Compiled<'r>>,
    groups: Vec<(Kind, OnceLock<Option<Group>>)>,
}

#[derive(Debug)]
struct Compiled<'r> {
    rule: &'r Rule,
    severity: Severity,
    regex: Regex,
    guard: Option<Regex>,
}

/// The rules for one kind of file.
#[derive(Debug)]
struct Group {
    set: RegexSet,
    rules: Vec<usize>,
}

/// What was found in one file.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    pub(crate) findings: Vec<Finding>,
    /// Lines with code.
    pub(crate) lines: u64,
    /// What is wrong with comments that allow something.
    pub(crate) remarks: Vec<String>,
}

/// Room for the automaton of one group, in bytes: its states are made as they are met.
const AUTOMATON_BYTES: usize = 64 * 1024 * 1024;

impl<'r> Matcher<'r> {
    /// Compiles the rules that say something about the options' stack.
    ///
    /// # Errors
    /// [`MigrateError::Rules`] for a pattern that does not compile; [`Rules`] that were read have none.
    pub fn new(rules: &'r Rules, options: Options) -> Result<Self, MigrateError> {
        let mut compiled = Vec::new();
        for rule in rules.rules() {
            let severity = rule.severity(options.stack, options.execution());
            if !rule.applies(options.stack) || !options.selection.wants(rule, severity) {
                continue;
            }
            let wrong = |what: String| MigrateError::Rules { file: format!("rule {}", rule.id), what };
            let (regex, guard) = (rule.regex().map_err(wrong)?, rule.guard_regex().map_err(wrong)?);
            compiled.push(Compiled { rule, severity, regex, guard });
        }
        let kinds = Language::ALL.into_iter().flat_map(|language| {
            [true, false].map(|requirements| (Kind { language, requirements }, OnceLock::new()))
        });
        Ok(Self { all: rules, options, rules: compiled, groups: kinds.collect() })
    }

    /// The rules that it was made of.
    #[must_use]
    pub fn rules(&self) -> &'r Rules {
        self.all
    }

    /// What a file's name alone says.
    pub(crate) fn scan_name(&self, path: &str) -> Vec<Finding> {
        let by_name = self.rules.iter().filter(|c| c.rule.scope.contains(&Scope::File));
        let met = by_name.filter(|c| c.regex.is_match(path.as_bytes()));
        let snippet = path.rsplit('/').next().unwrap_or(path).to_owned();
        let place = Place { snippet, ..Place::default() };
        met.map(|c| self.finding(c, path, place.clone())).collect()
    }

    /// What a file's text says.
    ///
    /// # Errors
    /// [`MigrateError::Patterns`] where the patterns together are too large.
    pub(crate) fn scan(&self, path: &str, kind: Kind, text: &[u8]) -> Result<Scanned, MigrateError> {
        let mut scanned = Scanned::default();
        let Some(group) = self.group(kind)? else { return Ok(scanned) };
        match kind.language {
            Language::Notebook => {
                let Some(cells) = notebook::cells(text) else {
                    scanned.remarks.push(format!("{path}: no notebook of Python, and not read"));
                    return Ok(scanned);
                };
                for (cell, text) in cells {
                    let module = Module::read(text.as_bytes());
                    let unit = Unit { path, cell: Some(cell), text: text.as_bytes() };
                    self.scan_unit(group, &unit, &module.blanked, Some(&module), &mut scanned);
                }
            }
            Language::Python => {
                let module = Module::read(text);
                let unit = Unit { path, cell: None, text };
                self.scan_unit(group, &unit, &module.blanked, Some(&module), &mut scanned);
            }
            language => {
                let unit = Unit { path, cell: None, text };
                self.scan_unit(group, &unit, &blank(language, text), None, &mut scanned);
            }
        }
        Ok(scanned)
    }

    fn group(&self, kind: Kind) -> Result<Option<&Group>, MigrateError> {
        let Some((_, made)) = self.groups.iter().find(|(k, _)| *k == kind) else { return Ok(None) };
        if let Some(group) = made.get() {
            return Ok(group.as_ref());
        }
        let covered = |c: &Compiled<'_>| c.rule.scope.iter().any(|scope| scope.covers(kind));
        let rules: Vec<usize> = (0..self.rules.len()).filter(|i| covered(&self.rules[*i])).collect();
        let group = if rules.is_empty() {
            None
        } else {
            let set = RegexSetBuilder::new(rules.iter().map(|i| &self.rules[*i].rule.pattern))
                .unicode(false)
                .size_limit(AUTOMATON_BYTES)
                .dfa_size_limit(AUTOMATON_BYTES)
                .build()
                .map_err(MigrateError::Patterns)?;
            Some(Group { set, rules })
        };
        Ok(made.get_or_init(|| group).as_ref())
    }

    fn scan_unit(
        &self,
        group: &Group,
        unit: &Unit<'_>,
        blanked: &Blanked,
        module: Option<&Module>,
        scanned: &mut Scanned,
    ) {
        let lines = Lines::new(unit.text);
        let code = Lines::new(&blanked.code);
        let with_code = (0..code.len()).filter(|line| !code.bytes(*line).trim_ascii().is_empty());
        scanned.lines += with_code.count() as u64;
        let allows = allows(unit.text, blanked, &lines);
        let mut used = BTreeSet::new();
        for in_set in &group.set.matches(&blanked.code) {
            let compiled = &self.rules[group.rules[in_set]];
            let everywhere = compiled.rule.scope.iter().any(|s| *s != Scope::Forward);
            let mut last = None;
            for found in compiled.regex.find_iter(&blanked.code) {
                let blank = found.as_bytes().iter().take_while(|b| b.is_ascii_whitespace()).count();
                let start = found.start() + blank;
                if !everywhere && !module.is_some_and(|m| m.is_traced(start)) {
                    continue;
                }
                let line = lines.line(start);
                if last == Some(line) {
                    continue;
                }
                last = Some(line);
                let suppressed = suppressed(compiled, start, line, &allows, module, &lines, &mut used);
                let place = Place {
                    cell: unit.cell,
                    line: lines.number(start),
                    column: lines.column(line, start),
                    end_column: lines.column(line, found.end()),
                    snippet: lines.snippet(line),
                    function: module.map(|m| m.function(start)).unwrap_or_default(),
                    suppressed,
                };
                scanned.findings.push(self.finding(compiled, unit.path, place));
            }
        }
        scanned
            .findings
            .sort_by(|a, b| (a.cell, a.line, a.column, &a.rule).cmp(&(b.cell, b.line, b.column, &b.rule)));
        self.remark(unit, &allows, &used, scanned);
    }

    /// What is wrong with comments that allow something.
    fn remark(&self, unit: &Unit<'_>, allows: &[Allow], used: &BTreeSet<usize>, scanned: &mut Scanned) {
        for (i, allow) in allows.iter().enumerate() {
            let place = match unit.cell {
                Some(cell) => format!("{}: cell {cell}, line {}", unit.path, allow.line),
                None => format!("{}:{}", unit.path, allow.line),
            };
            let unknown = allow.rules().iter().find(|id| self.all.rule(id).is_none());
            let what = if let Some(id) = unknown {
                format!("`{id}` is no rule (`portbench list rules` has them)")
            } else if allow.rules().is_empty() {
                "names no rule: write `portbench: allow RULE reason`".to_owned()
            } else if allow.reason.is_empty() {
                format!(
                    "gives no reason, so that it allows nothing: write `portbench: allow {} reason`",
                    allow.rules().join(",")
                )
            } else if !used.contains(&i) && self.options.selection == Selection::default() {
                format!(
                    "allows {}, and nothing of it is found there: remove the comment",
                    allow.rules().join(", ")
                )
            } else {
                continue;
            };
            scanned.remarks.push(format!("{place}: {what}"));
        }
    }

    fn finding(&self, compiled: &Compiled<'_>, path: &str, place: Place) -> Finding {
        let (rule, stack) = (compiled.rule, self.options.stack);
        Finding {
            rule: rule.id.clone(),
            path: path.to_owned(),
            cell: place.cell,
            line: place.line,
            column: place.column,
            end_column: place.end_column,
            snippet: place.snippet,
            function: place.function,
            category: rule.category,
            severity: compiled.severity,
            confidence: rule.confidence,
            action: rule.action(stack).to_owned(),
            sources: rule.sources(stack).to_vec(),
            limits: rule.limits(stack).map(|limit| limit.id.clone()).collect(),
            suppressed: place.suppressed,
        }
    }
}

/// A text that has lines of its own.
struct Unit<'t> {
    path: &'t str,
    cell: Option<u32>,
    text: &'t [u8],
}

#[derive(Clone, Default)]
struct Place {
    cell: Option<u32>,
    line: u32,
    column: u32,
    end_column: u32,
    snippet: String,
    function: String,
    suppressed: Option<Suppressed>,
}

/// Why a finding does not count: a comment before a guard, an inner guard before an outer.
fn suppressed(
    compiled: &Compiled<'_>,
    at: usize,
    line: usize,
    allows: &[Allow],
    module: Option<&Module>,
    lines: &Lines<'_>,
    used: &mut BTreeSet<usize>,
) -> Option<Suppressed> {
    let covering = allows.iter().position(|a| !a.reason.is_empty() && a.covers(&compiled.rule.id, line));
    if let Some(i) = covering {
        used.insert(i);
        let allow = &allows[i];
        return Some(Suppressed { by: Suppressor::Comment, line: allow.line, why: allow.reason.clone() });
    }
    let module = module?;
    let own = |guard: &Guard| compiled.guard.as_ref().is_some_and(|regex| regex.is_match(&guard.condition));
    let words = lines.bytes(line).trim_ascii_start();
    let imports = words.starts_with(b"import ") || words.starts_with(b"from ");
    module.guards(at).find_map(|guard| {
        let by = match guard.kind {
            GuardKind::Cuda | GuardKind::Condition if own(guard) => Suppressor::Guard,
            GuardKind::Cuda => Suppressor::Guard,
            GuardKind::OptionalImport if imports => Suppressor::OptionalImport,
            _ => return None,
        };
        let why = match guard.kind {
            GuardKind::OptionalImport => "the import may fail".to_owned(),
            _ => condition_words(&guard.condition),
        };
        Some(Suppressed { by, line: lines.number(guard.at), why })
    })
}

/// A condition on one line.
fn condition_words(condition: &[u8]) -> String {
    String::from_utf8_lossy(condition).split_whitespace().collect::<Vec<_>>().join(" ")
}
