//! OpenMetrics text: a gauge a metric, its interval as two more, and one gauge that says how each cell ended.

use std::collections::BTreeMap;

use super::figures::Exported;

pub(super) fn text(runs: &[Exported]) -> String {
    let mut families: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |name: &str, labels: &str, value: String| {
        families
            .entry(format!("portbench_{}", name.replace('-', "_")))
            .or_default()
            .push(format!("{{{labels}}} {value}"));
    };
    for (run, head) in runs.iter().flat_map(|run| run.heads.iter().map(move |head| (run, head))) {
        let cell = &head.cell;
        let labels = [
            ("run", run.run.clone()),
            ("cell", cell.id()),
            ("workload", cell.workload.clone()),
            ("backend", cell.backend.clone()),
            ("device", cell.device.clone()),
            ("numerics", cell.numerics.to_string()),
            ("work", head.problem.unit.to_string()),
        ]
        .map(|(name, value)| format!("{name}=\"{}\"", label(&value)))
        .join(",");
        add("cell", &format!("{labels},outcome=\"{}\"", head.outcome), "1".to_owned());
        for figure in &head.figures {
            if let Some([value, low, high]) = figure.estimate() {
                let name = figure.metric.name();
                add(name, &labels, value.to_string());
                add(&format!("{name}-low"), &labels, low.to_string());
                add(&format!("{name}-high"), &labels, high.to_string());
            }
        }
    }
    let mut text = String::new();
    for (name, lines) in families {
        text.push_str(&format!("# TYPE {name} gauge\n"));
        for line in lines {
            text.push_str(&format!("{name}{line}\n"));
        }
    }
    text.push_str("# EOF\n");
    text
}

/// A label's value as OpenMetrics escapes it.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
