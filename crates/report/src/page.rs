//! The page: one HTML file with everything in it.

use std::collections::HashSet;

use portbench_chart::escape;
use portbench_records::{Environment, Outcome, Record, RunInfo};

use crate::charts::Placed;
use crate::lowering::{LOWERING_COLUMNS, lowering_cells};
use crate::row::{COLUMNS, NUMERIC, Row};
use crate::write::MOST;
use portbench_chart::number;

/// Most rows of the page's table.
const MOST_ROWS: usize = 1000;

/// A chart as the page shows it.
pub(crate) struct Picture<'a> {
    pub(crate) placed: &'a Placed,
    pub(crate) svg: String,
}

/// What the page shows of the cells, gathered record by record.
#[derive(Default)]
pub(crate) struct Details {
    parity: String,
    lowering: String,
    spec: String,
}

/// Columns that hold numbers, in any of the page's tables; they stand at the right.
const AT_RIGHT: [&str; 8] =
    ["elements", "error", "same type on the CPU", "max abs", "cosine", "count", "FLOPs", "bytes"];

fn table<R: AsRef<[String]>>(columns: &[&str], rows: impl IntoIterator<Item = R>) -> String {
    let classes: Vec<&str> = columns
        .iter()
        .map(|c| if NUMERIC.contains(c) || AT_RIGHT.contains(c) { " class=\"n\"" } else { "" })
        .collect();
    let mut html = String::from("<div class=\"wide\"><table><thead><tr>");
    for (column, class) in columns.iter().zip(&classes) {
        html.push_str(&format!("<th scope=\"col\"{class}>{}</th>", escape(column)));
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        for (cell, class) in row.as_ref().iter().zip(&classes) {
            html.push_str(&format!("<td{class}>{}</td>", escape(cell)));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    html
}

impl Details {
    /// Takes what the page shows of a record's parity check, lowering and timing.
    pub(crate) fn add(&mut self, record: &Record) {
        let id = escape(&record.cell.id());
        if let Some(parity) = &record.parity {
            let number = |v: Option<f64>| v.map(number::plain).unwrap_or_default();
            let rows = parity.outputs.iter().map(|o| {
                [
                    o.name.clone(),
                    o.elements.to_string(),
                    number(o.error),
                    number(o.same_dtype_error),
                    number(o.ratio),
                    number(o.max_abs),
                    o.cosine.map(|c| format!("{c:.7}")).unwrap_or_default(),
                    o.top1_agreement.map(|t| format!("{:.1} %", 100.0 * t)).unwrap_or_default(),
                    if o.passed { "passed".to_owned() } else { "failed".to_owned() },
                ]
            });
            let columns = [
                "output",
                "elements",
                "error",
                "same type on the CPU",
                "R",
                "max abs",
                "cosine",
                "top-1",
                "verdict",
            ];
            let size = parity.reduced.as_ref().map_or_else(
                || "Checked at full size.".to_owned(),
                |r| format!("Checked at a smaller size: {}.", escape(r)),
            );
            let verdict = if parity.passed { "passed" } else { "failed" };
            self.parity.push_str(&format!(
                "<details><summary>{id}: {verdict}</summary><p>{size} Rule: {}</p>{}</details>\n",
                escape(&parity.rule),
                table(&columns, rows)
            ));
        }
        if let Some(lowering) = &record.lowering {
            let decomposed = lowering_cells(lowering).iter().filter(|row| row[2] == "decomposed").count();
            self.lowering.push_str(&format!(
                "<details><summary>{id}: {} kinds of op, {decomposed} decomposed</summary>{}</details>\n",
                lowering.ops.len(),
                table(&LOWERING_COLUMNS, lowering_cells(lowering))
            ));
        }
        if self.spec.is_empty() {
            let backend = record.backend.as_ref();
            let pairs = |map: &std::collections::BTreeMap<String, String>| {
                map.iter().map(|(k, v)| [k.clone(), v.clone()]).collect::<Vec<_>>()
            };
            if let Some(backend) = backend {
                let rows = pairs(&backend.versions).into_iter().chain(pairs(&backend.settings));
                self.spec = table(&["of the backend", ""], rows);
            }
        }
    }
}

/// The page of a run.
pub(crate) fn page(
    info: &RunInfo,
    id: &str,
    rows: &[Row],
    charts: &[Picture<'_>],
    details: &Details,
) -> String {
    let measured = rows.iter().filter(|r| r.outcome == Outcome::Measured).count();
    let machine = &info.environment;
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>portbench: {suite}</title><style>{STYLE}</style></head><body>\n\
         <h1>portbench: {suite}</h1>\n<p>Run {id}: {measured} of {planned} cells measured, {trials} trials each, on {cpu} ({cpus} CPUs, {memory}), {os}.</p>\n",
        suite = escape(&info.suite),
        id = escape(id),
        planned = info.plan.len(),
        trials = info.trials,
        cpu = escape(&machine.cpu),
        cpus = machine.cpus,
        memory = number::bytes(machine.memory_bytes as f64),
        os = escape(&machine.os),
    );
    html.push_str("<h2>Figures</h2>\n");
    html.push_str(&table(&COLUMNS, rows.iter().take(MOST_ROWS).map(Row::cells)));
    if rows.len() > MOST_ROWS {
        html.push_str(&format!(
            "<p>The first {MOST_ROWS} of {} cells; report.md lists all of them.</p>\n",
            rows.len()
        ));
    }
    if rows.len() > MOST {
        html.push_str(&format!("<p>Charts and details show the first {MOST} cells.</p>\n"));
    }
    html.push_str(&latency_bounds(rows));
    html.push_str(&not_ended(info, rows));
    let told: Vec<&Row> = rows.iter().filter(|row| row.detail.is_some()).take(MOST_ROWS).collect();
    if !told.is_empty() {
        html.push_str("<h2>Not measured, or doubtful</h2>\n<ul>");
        for row in told {
            html.push_str(&format!(
                "<li><b>{}</b> ({}): {}</li>\n",
                escape(&row.id),
                row.outcome,
                escape(row.detail.as_deref().unwrap_or_default())
            ));
        }
        html.push_str("</ul>\n");
    }
    for picture in charts {
        let Placed { chart, recipe, .. } = picture.placed;
        let notes: String = chart.notes.iter().map(|note| format!("<li>{}</li>", escape(note))).collect();
        html.push_str(&format!(
            "<figure>{}<figcaption><details><summary>Numbers, notes, and how to draw it again</summary><ul>{notes}\
             <li><a href=\"{name}.csv\">numbers</a>, <a href=\"{name}.png\">PNG</a></li><li><code>{}</code></li></ul></details></figcaption></figure>\n",
            picture.svg,
            escape(recipe),
            name = chart.name,
        ));
    }
    for (title, text, content) in
        [("Parity", PARITY, &details.parity), ("How each op ran", LOWERING, &details.lowering)]
    {
        if !content.is_empty() {
            html.push_str(&format!("<h2>{title}</h2>\n<p>{text}</p>\n{content}"));
        }
    }
    html.push_str("<h2>Machine and settings</h2>\n");
    html.push_str(&environment(machine));
    html.push_str(&details.spec);
    html.push_str(&format!("<h2>How to read this</h2>\n{READING}\n</body></html>\n"));
    html
}

/// Whether server cells keep their latency bounds.
fn latency_bounds(rows: &[Row]) -> String {
    let judged: Vec<&Row> = rows.iter().filter(|row| !row.bounds.is_empty()).take(MOST_ROWS).collect();
    if judged.is_empty() {
        return String::new();
    }
    let mut html = format!("<h2>Latency bounds</h2>\n<p>{BOUNDS}</p><ul>");
    for (row, words) in judged.iter().flat_map(|row| row.bounds.iter().map(move |words| (row, words))) {
        html.push_str(&format!("<li><b>{}</b>: {}</li>\n", escape(&row.id), escape(words)));
    }
    html.push_str("</ul>\n");
    html
}

/// Cells of the plan that have no record: the run was stopped, or is still going on.
fn not_ended(info: &RunInfo, rows: &[Row]) -> String {
    let ended: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let ids = info.plan.iter().map(|entry| entry.cell.id());
    let missing: Vec<String> = ids.filter(|id| !ended.contains(id.as_str())).collect();
    if missing.is_empty() {
        return String::new();
    }
    let mut html = format!(
        "<h2>Not ended</h2>\n<p>{} planned cells have no record; resuming the run measures them.</p><ul>",
        missing.len()
    );
    for id in missing.iter().take(MOST) {
        html.push_str(&format!("<li>{}</li>\n", escape(id)));
    }
    html.push_str("</ul>\n");
    html
}

fn environment(machine: &Environment) -> String {
    let mut rows = vec![
        ["portbench".to_owned(), machine.portbench.clone()],
        ["operating system".to_owned(), machine.os.clone()],
        ["kernel".to_owned(), machine.kernel.clone()],
        ["architecture".to_owned(), machine.arch.clone()],
        ["CPU".to_owned(), machine.cpu.clone()],
        ["usable CPUs".to_owned(), machine.cpus.to_string()],
        ["memory".to_owned(), number::bytes(machine.memory_bytes as f64)],
    ];
    rows.extend(machine.facts.iter().map(|(k, v)| [k.clone(), v.clone()]));
    table(&["of the machine", ""], rows)
}

const PARITY: &str = "Before anything is timed, each cell's outputs are compared with the same program in f64 arithmetic. \
    Errors are relative: the norm of the difference over the norm of what is right. R is the error over that of the same element type \
    computed plainly on the CPU.";

const BOUNDS: &str = "A bound holds at the 99th percentile, with 99 % confidence: so many queries must lie within it for those that lie over it \
    (MLPerf's early-stopping rule, over the queries of all trials).";

const LOWERING: &str = "What the backend had a kernel for, and what had to be put together from simpler ops.";

const READING: &str = "<p>Every figure was measured here. Intervals are at 95 % and count trials (process launches) as the unit that varies; \
    a percentile with too few samples says so instead of guessing. A cell whose outputs are wrong has no times. Each JSON record \
    holds the raw samples, the settings and the program's fingerprint: two figures with one fingerprint are about the same work.</p>";

const STYLE: &str = ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#1b1b1b;background:#fff}\
    h1{font-size:1.6em}h2{font-size:1.2em;margin-top:2em}.wide{overflow-x:auto}table{border-collapse:collapse;font-size:13px;margin:.5em 0}\
    th,td{text-align:left;padding:.3em .7em;border-bottom:1px solid #ddd;vertical-align:top}th{background:#f4f4f4}td{font-variant-numeric:tabular-nums}.n{text-align:right;white-space:nowrap}\
    figure{margin:1.5em 0;overflow-x:auto}figure svg{max-width:100%;height:auto;min-width:640px}summary{cursor:pointer;padding:.2em 0}\
    @media print{details{display:block}}\
    @media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}th{background:#262626}th,td{border-color:#3a3a3a}}";
