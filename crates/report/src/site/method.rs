//! How the figures came about, and what they do not say.

use maud::{Markup, html};

use super::frame::{GAPS, METHOD, Page};
use super::model::Site;
use super::overview::prices;
use crate::html::{Column, Data, Table, date, number, words};
use portbench_chart::number;

pub(super) fn page(site: &Site<'_>) -> Page {
    let content = html! {
        h1 { "Method and limits" }
        p.lead { "What was done to get the figures of this site, and what they do not say." }
        div.prose { (method()) }
        h2 id="prices" { "Prices" }
        (costs(site))
        div.prose { (limits()) }
        h2 id="runs" { "Runs" }
        (runs(site))
    };
    Page { path: METHOD.to_owned(), title: "Method and limits".to_owned(), content }
}

fn method() -> Markup {
    html! {
        h2 id="same-work" { "The same work" }
        p {
            "A workload is one static graph, and every back end runs that graph. Its fingerprint is in each record: two figures with one fingerprint are about the same program. "
            "Cells of one name whose programs, shapes, units or timers differ are kept apart, and "
            a href={ (GAPS) "#apart" } { "what differs" } " is said."
        }
        h2 id="parity" { "Right before fast" }
        p {
            "Before anything is timed, a cell's outputs are compared with the same program in f64 arithmetic. Errors are relative: the norm of the difference over the norm of what is right. "
            "R is the error over that of the same element type computed plainly on the CPU: about 1 where the platform rounds as it must, and far above where something is wrong. "
            "Each record has the rule that decided. A cell that fails is " em { "incorrect" } " and has no times. "
            em { "Smaller size" } ": the check ran on a smaller copy of the program, which the record names."
        }
        h2 id="timing" { "Timing" }
        p {
            "Each trial is a process of its own; the trials of all cells take turns in a random order. A trial compiles, executes once, checks parity if it is the one that does, warms up by time and then samples; "
            "a sample is one timed group of executions, closed by one barrier, and the barrier is tested. What a timer encloses stands with each comparison: "
            em { "device-resident" } " leaves inputs and results on the device, " em { "host-to-host" } " copies them."
        }
        h2 id="intervals" { "Intervals" }
        p {
            "Intervals are at 95 % and count trials as the unit that varies: Student's t with two to five trials, the hierarchical bootstrap with more. "
            "The interval of a ratio is Fieller's or the bootstrap's. A percentile with too few samples is not estimated, and no outlier is dropped."
        }
        p {
            em { "Faster" } " and " em { "slower" } " are said where the interval of the ratio leaves 1 out and the difference is at least 2 %. Each verdict stands alone: among many, a few come by chance "
            "(" code { "portbench compare" } " corrects for that between two runs)."
        }
        h2 id="ported" { "Ported" }
        p {
            em { "Native" } ": the back end has a kernel for the op. " em { "Decomposed" } ": it was put together from simpler ops, for the reason that the page of the workload gives. "
            em { "Unsupported" } ": neither, and the cell did not run."
        }
        h2 id="bounds" { "Latency bounds" }
        p {
            "Under server traffic latency counts from the scheduled arrival. A bound holds at the 99th percentile with 99 % confidence: so many queries must lie within it for those that lie over it "
            "(MLPerf's early-stopping rule, over the queries of all trials)."
        }
        h2 id="origins" { "Measured, published, projected" }
        p {
            "Figures without another mark were measured in the runs below. What others published is on pages and in sections of its own, with a double line at its edge; what was computed from a model of the hardware has a dashed one. "
            "The three share no table, no comparison and no line of a chart."
        }
    }
}

fn costs(site: &Site<'_>) -> Markup {
    html! {
        dl.facts {
            @for (place, entry) in site.platforms.iter().enumerate() {
                dt { (entry.label) }
                dd { (prices(site, place)) }
            }
        }
        p {
            "Cost is the price of an hour over the work of an hour, with the interval of the throughput. It is the price of the whole instance: "
            em { "by 1 of 8 devices" } " means that one was measured and all are paid. "
            @if site.utilisation < 1.0 { "Of the time that is paid, " (number::plain(100.0 * site.utilisation)) " % does useful work. " }
            "Compiling and idle time are not in it; " code { "portbench cost" } " has both. Whether a run was made on the instance whose price counts for it, the record cannot tell."
        }
    }
}

fn limits() -> Markup {
    html! {
        h2 id="limits" { "Limits" }
        ul {
            li { "Weights are generated unless a comparison says otherwise: speed does not depend on their values, quality does, and parity compares with the same weights." }
            li { "Platforms are measured one after another, so what differs between two of them includes what differs between two machines of one kind." }
            li { "A median over comparisons weighs a small kernel as much as a whole model. Look at the work that is yours." }
            li { "One device against one device says nothing of a whole instance, unless the row has replicas." }
            li { "Three trials make wide intervals: an interval that spans 1 shows neither a difference nor that there is none." }
            li { "What stands under " a href=(GAPS) { "Not measured" } " is part of the result." }
        }
    }
}

const RUNS: [Column; 6] =
    [words("run"), words("suite"), words("began"), number("trials"), number("seed"), words("portbench")];

fn runs(site: &Site<'_>) -> Markup {
    let mut table =
        Table::new("runs-table", "How each run was set up; its records hold the raw samples.", &RUNS).fixed();
    for run in &site.runs {
        let machine = &run.info.environment;
        table.row([
            Data::text(html! { code { (run.id) } }),
            Data::text(&run.info.suite),
            Data::text(date(run.info.started)),
            Data::number(run.info.trials as f64, run.info.trials),
            Data::number(run.info.seed as f64, run.info.seed),
            Data::text(html! { (machine.portbench) @if let Some(commit) = &machine.commit { " " code { (commit) } } }),
        ]);
    }
    html! { (table) }
}
