//! The rules of `migrate`, as a table.

use portbench_migrate::{Rule, Rules, Scope, Stack};

use crate::args::ListArgs;
use crate::failure::{Failure, usage};
use crate::table::Table;

/// The rules for a stack, with those of one's own.
pub(super) fn rules(args: &ListArgs) -> Result<Table, Failure> {
    let own = args.rules.as_deref().map(Rules::with_own).transpose().map_err(usage)?;
    let rules = own.as_ref().unwrap_or_else(|| Rules::built_in());
    let stack = args.stack.unwrap_or_default();
    let mut table = Table::new(&[
        "rule",
        "scope",
        "category",
        "severity",
        "confidence",
        "what to do",
        "pattern",
        "limits",
        "disputed",
        "on real ports",
        "sources",
    ]);
    for rule in rules.rules().iter().filter(|r| r.applies(stack)) {
        table.row(row(rule, rules, stack));
    }
    Ok(table)
}

fn row(rule: &Rule, rules: &Rules, stack: Stack) -> [String; 11] {
    let scopes: Vec<&str> = rule.scope.iter().copied().map(Scope::name).collect();
    let ports = rule.calibration.iter();
    let ports: Vec<String> =
        ports.map(|c| format!("{}: {} of {} files touched", c.port, c.touched, c.files)).collect();
    let sources = rule.sources(stack).iter().filter_map(|name| {
        let source = rules.sources().get(name)?;
        let address = source.address.as_ref().map(|a| format!(", {a}")).unwrap_or_default();
        Some(format!("{} ({}){address}", source.what, source.date))
    });
    [
        rule.id.clone(),
        scopes.join(" "),
        rule.category.to_string(),
        rule.severity(stack, stack.usual_execution()).to_string(),
        rule.confidence.to_string(),
        rule.action(stack).to_owned(),
        rule.pattern.clone(),
        rule.limits.join(" "),
        rule.disputed.clone().unwrap_or_default(),
        ports.join(", "),
        sources.collect::<Vec<_>>().join("; "),
    ]
}
