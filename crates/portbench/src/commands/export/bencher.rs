//! Bencher Metric Format: benchmark, measure, `value` with `lower_value` and `upper_value`.

use portbench_records::RecordHead;
use serde_json::{Map, Value, json};

/// The figures of a run's cells; only what was measured is in it.
pub(super) fn metrics(heads: &[RecordHead]) -> Value {
    let mut benchmarks = Map::new();
    for head in heads {
        let measures: Map<String, Value> = head
            .figures
            .iter()
            .filter_map(|figure| {
                let [value, low, high] = figure.estimate()?;
                let measure = json!({ "value": value, "lower_value": low, "upper_value": high });
                Some((figure.metric.name().to_owned(), measure))
            })
            .collect();
        if !measures.is_empty() {
            benchmarks.insert(head.cell.id(), Value::Object(measures));
        }
    }
    Value::Object(benchmarks)
}
