//! What is behind the figures of a cell, folded away.

use maud::{Markup, html};
use portbench_records::{Outcome, Parity, Record, Trial};

use super::counted;
use super::slug::slug;
use super::table::{Column, Data, Table, number, words};
use crate::compilation::{COMPILATION_COLUMNS, COMPILATION_NUMERIC, compilation_cells};
use crate::lowering::{LOWERING_COLUMNS, lowering_cells};
use crate::telemetry::{TELEMETRY_COLUMNS, TELEMETRY_NUMERIC, telemetry_cells};
use portbench_chart::number;

/// A fold with the parity, the ops, the trials and the command of a cell. `key` tells it from the other folds of its page.
pub(crate) fn details(heading: &str, key: &str, run: &str, record: &Record) -> Markup {
    let id = slug(key);
    html! {
        details.fold {
            summary { (heading) @if record.outcome != Outcome::Measured { " · " (record.outcome.name()) } }
            @if let Some(detail) = &record.detail { p { (detail) } }
            @if let Some(check) = &record.parity { (parity(&id, check)) }
            @if let Some(lowering) = &record.lowering { (ops(&id, &lowering_cells(lowering))) }
            @if !record.trials.is_empty() { (trials(&id, &record.trials)) }
            (compilations(&id, &compilation_cells(&record.trials)))
            @if record.trials.iter().any(|t| t.measurement.accelerator.is_some()) { (telemetry(&id, &record.trials)) }
            p.note { "Record " code { (record.cell.id()) ".json" } " of run " code { (run) } "; measure it again:" }
            p.recipe { code { (command(record)) } }
        }
    }
}

/// The command that measures a cell again, on a machine that has its device.
fn command(record: &Record) -> String {
    let cell = &record.cell;
    let mut text = format!(
        "portbench run {} --backend {}@{} --numerics {} --trials {}",
        cell.workload,
        cell.backend,
        cell.device,
        cell.numerics,
        record.trials.len().max(1)
    );
    if cell.replicas > 1 {
        text.push_str(&format!(" --replicas {}", cell.replicas));
    }
    if let Some(flags) = record.backend.as_ref().and_then(|backend| backend.settings.get("chosen-flags")) {
        text.push_str(&format!(" {flags}"));
    }
    text
}

const PARITY: [Column; 10] = [
    words("output"),
    number("elements"),
    number("not finite"),
    number("error"),
    number("same type on the CPU"),
    number("R"),
    number("largest difference"),
    number("cosine"),
    number("top-1"),
    words("verdict"),
];

fn parity(id: &str, parity: &Parity) -> Markup {
    let size = parity.reduced.as_ref().map_or_else(
        || "Checked at full size.".to_owned(),
        |reduced| format!("Checked at a smaller size: {reduced}."),
    );
    let mut table =
        Table::new(format!("{id}-parity"), html! { "Parity. " (size) " Rule: " (parity.rule) "." }, &PARITY);
    for output in &parity.outputs {
        let count = |n: u64| Data::number(n as f64, n);
        table.row([
            Data::text(html! { code { (output.name) } }),
            count(output.elements),
            count(output.non_finite),
            Data::optional(output.error, number::plain),
            Data::optional(output.same_dtype_error, number::plain),
            Data::optional(output.ratio, number::plain),
            Data::optional(output.max_abs, number::plain),
            Data::optional(output.cosine, |c| format!("{c:.7}")),
            Data::optional(output.top1_agreement, |t| format!("{:.1} %", 100.0 * t)),
            if output.passed {
                Data::text(html! { span.good { "passed" } })
            } else {
                Data::text(html! { span.bad { "failed" } })
            },
        ]);
    }
    html! { (table) }
}

fn ops(id: &str, rows: &[[String; 7]]) -> Markup {
    let columns: Vec<Column> = LOWERING_COLUMNS
        .iter()
        .enumerate()
        .map(|(i, head)| if i < 4 { words(head) } else { number(head) })
        .collect();
    let mut table = Table::new(
        format!("{id}-ops"),
        "How each kind of op ran. Shares are of the arithmetic and the traffic of its entry.",
        &columns,
    );
    for row in rows {
        table.row(row.iter().enumerate().map(|(i, text)| {
            let value = text.trim_end_matches(" %").parse::<f64>().ok();
            match (i < 4, value) {
                (false, Some(value)) => Data::number(value, text),
                _ if i == 2 && text == "decomposed" => Data::text(html! { span.doubt { (text) } }),
                _ => Data::text(text),
            }
        }));
    }
    html! { (table) }
}

fn compilations(id: &str, rows: &[[String; 7]]) -> Markup {
    let caption = "What compiling cost. A cached entry was compiled before; its seconds, size and memory are those of that time.";
    listed(format!("{id}-compilations"), caption, COMPILATION_COLUMNS, &COMPILATION_NUMERIC, rows, "not seen")
}

fn telemetry(id: &str, trials: &[Trial]) -> Markup {
    let caption = "What machine and accelerator did while samples were taken. Power of a Neuron device is a share of something unpublished.";
    let rows = telemetry_cells(trials);
    listed(format!("{id}-telemetry"), caption, TELEMETRY_COLUMNS, &TELEMETRY_NUMERIC, &rows, "")
}

/// Rows of texts, those below the heads in `numeric` being numbers or `missing`; nothing where there are none.
fn listed<const N: usize>(
    id: String,
    caption: &str,
    heads: [&'static str; N],
    numeric: &[&str],
    rows: &[[String; N]],
    missing: &str,
) -> Markup {
    if rows.is_empty() {
        return html! {};
    }
    let numeric = |head: &str| numeric.contains(&head);
    let columns = heads.map(|head| if numeric(head) { number(head) } else { words(head) });
    let mut table = Table::new(id, caption, &columns);
    for row in rows {
        table.row(row.iter().zip(heads).map(|(text, head)| {
            match text.parse::<f64>().ok().filter(|_| numeric(head)) {
                Some(value) => Data::number(value, text),
                None if numeric(head) => Data::nothing(missing),
                None => Data::text(text),
            }
        }));
    }
    html! { (table) }
}

const TRIALS: [Column; 10] = [
    number("trial"),
    number("order in the run"),
    number("start"),
    number("compile"),
    number("first execution"),
    number("parity check"),
    number("warm-up"),
    words("settled"),
    words("barrier"),
    number("other load"),
];

fn trials(id: &str, trials: &[Trial]) -> Markup {
    let mut table = Table::new(
        format!("{id}-trials"),
        "The trials, each a process of its own. Warm-up is discarded.",
        &TRIALS,
    );
    let time = |seconds: Option<f64>| Data::optional(seconds, number::seconds);
    for (place, trial) in trials.iter().enumerate() {
        let (phases, measurement) = (&trial.phases, &trial.measurement);
        table.row([
            Data::number(place as f64, place),
            Data::number(trial.order as f64, trial.order),
            time(phases.start),
            time(phases.compile),
            time(phases.first_execute),
            time(phases.parity),
            Data::number(
                measurement.warmup.seconds,
                html! {
                    (number::seconds(measurement.warmup.seconds))
                    span.sub { (counted(measurement.warmup.executions as usize, "execution")) }
                },
            ),
            match measurement.warmup.settled {
                Some(true) => Data::text("yes"),
                Some(false) => Data::text(html! { span.doubt { "no" } }),
                None => Data::nothing("too few to tell"),
            },
            match measurement.barrier {
                Some(b) if b.honest => Data::text("waits"),
                Some(_) => Data::text(html! { span.bad { "does not wait" } }),
                None => Data::nothing("not tested"),
            },
            Data::optional(measurement.telemetry.other_load_cores, |cores| {
                format!("{} cores", number::plain(cores))
            }),
        ]);
    }
    html! { (table) }
}
