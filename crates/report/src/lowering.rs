//! How the ops of a cell ran: native, decomposed or not at all.

use portbench_backend::{Lowering, LoweringReport};

/// Heads of the table's columns.
pub const LOWERING_COLUMNS: [&str; 7] = ["entry", "op", "how", "by or why", "count", "FLOPs", "bytes"];

/// One line a kind of op, with its share of the arithmetic and of the traffic of its entry.
#[must_use]
pub fn lowering_cells(report: &LoweringReport) -> Vec<[String; 7]> {
    let total = |entry: &str| {
        let rows = report.ops.iter().filter(|op| op.entry == entry);
        rows.fold((0u64, 0u64), |(flops, bytes), op| {
            (flops.saturating_add(op.flops), bytes.saturating_add(op.bytes))
        })
    };
    let share = |part: u64, whole: u64| {
        if whole == 0 { String::new() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
    };
    report
        .ops
        .iter()
        .map(|op| {
            let (flops, bytes) = total(&op.entry);
            let (how, why) = match &op.lowering {
                Lowering::Native { kernel } => ("native", kernel.clone()),
                Lowering::Decomposed { reason } => ("decomposed", reason.clone()),
            };
            [
                op.entry.clone(),
                op.op.clone(),
                how.to_owned(),
                why,
                op.count.to_string(),
                share(op.flops, flops),
                share(op.bytes, bytes),
            ]
        })
        .collect()
}
