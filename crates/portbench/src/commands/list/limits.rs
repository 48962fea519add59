//! What Trainium and Inferentia2 cannot take.

use portbench_neuron::limits::{Platform, limits as all};

use crate::table::Table;

/// The table of limits: all of it, or what holds on a platform.
pub(super) fn limits(platform: Option<Platform>) -> Table {
    let mut table = Table::new(&[
        "limit",
        "verdict",
        "certainty",
        "targets",
        "lines",
        "SDK",
        "programs here",
        "what",
        "way out",
        "codes",
        "source",
        "date",
    ]);
    for limit in all().iter().filter(|l| platform.is_none_or(|p| l.holds_on(p))) {
        let targets: Vec<&str> = limit.targets.iter().map(|t| t.name()).collect();
        let lines: Vec<&str> = limit.lines.iter().map(|l| l.name()).collect();
        table.row([
            limit.id.clone(),
            limit.verdict.to_string(),
            limit.certainty.to_string(),
            targets.join(" "),
            lines.join(" "),
            limit.sdks(),
            limit.outside.as_ref().map_or_else(|| "checked".to_owned(), |why| format!("never: {why}")),
            limit.what.clone(),
            limit.way_out.clone(),
            limit.codes.join(" "),
            limit.source.clone(),
            limit.date.clone(),
        ]);
    }
    table
}
