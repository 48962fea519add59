//! Charts with one line a cell: throughput and latency with their intervals.

use std::collections::BTreeSet;

use portbench_measure::{Metric, Mode, Unit};

use crate::axis::Axis;
use crate::canvas::{Anchor, Canvas, GRID, PALETTE, shortened};
use crate::error::ReportError;
use crate::number;
use crate::row::Row;

/// Width of every chart.
pub(crate) const WIDTH: i32 = 960;
/// Where labels end and the scale begins.
const LEFT: i32 = 400;
const RIGHT: i32 = WIDTH - 90;
const LINE: i32 = 24;
const TITLE: i32 = 40;
const PANEL_HEAD: i32 = 34;
const PANEL_FOOT: i32 = 40;

/// A value with its interval on one line.
struct Mark {
    value: f64,
    low: f64,
    high: f64,
    /// Filled for the first kind of a line, hollow for the second.
    filled: bool,
}

struct Line {
    label: String,
    color: usize,
    marks: Vec<Mark>,
    words: String,
}

struct Panel {
    title: String,
    lines: Vec<Line>,
    /// Rates, which are bars where the scale has a zero; else times, which are dots.
    rates: bool,
}

/// Throughput of every measured cell, one panel a unit. `None` if there is nothing to draw.
pub(crate) fn throughput(rows: &[Row]) -> Result<Option<String>, ReportError> {
    let backends = backends(rows);
    let units = [Unit::Tokens, Unit::Images, Unit::Samples, Unit::Executions];
    let mut panels = Vec::new();
    for unit in units {
        let lines: Vec<Line> = rows
            .iter()
            .filter(|row| row.unit == unit)
            .filter_map(|row| {
                let [value, low, high] = row.estimate(Metric::Throughput)?;
                let marks = vec![Mark { value, low, high, filled: true }];
                Some(Line {
                    label: label(row),
                    color: color(row, &backends),
                    marks,
                    words: number::plain(value),
                })
            })
            .collect();
        if !lines.is_empty() {
            panels.push(Panel { title: format!("{unit} per second"), lines, rates: true });
        }
    }
    draw("throughput", "Throughput, with 95 % intervals (more is better)", &panels, &backends)
}

/// Latency of every measured cell: time per execution, to the first token, and per further token.
pub(crate) fn latency(rows: &[Row]) -> Result<Option<String>, ReportError> {
    let backends = backends(rows);
    let kinds: [(&str, [Metric; 2], bool); 3] = [
        ("time per execution or step", [Metric::LatencyP50, Metric::LatencyP99], false),
        ("generate: time to first token", [Metric::TtftP50, Metric::TtftP99], true),
        ("generate: time per further token", [Metric::TpotP50, Metric::TpotP99], true),
    ];
    let mut panels = Vec::new();
    for (title, metrics, generate) in kinds {
        let lines: Vec<Line> = rows
            .iter()
            .filter(|row| (row.mode == Mode::Generate) == generate)
            .filter_map(|row| {
                let marks: Vec<Mark> = metrics
                    .iter()
                    .enumerate()
                    .filter_map(|(i, metric)| {
                        let [value, low, high] = row.estimate(*metric)?;
                        Some(Mark { value, low, high, filled: i == 0 })
                    })
                    .collect();
                let first = marks.first()?.value;
                Some(Line {
                    label: label(row),
                    color: color(row, &backends),
                    marks,
                    words: number::seconds(first),
                })
            })
            .collect();
        if !lines.is_empty() {
            panels.push(Panel {
                title: format!("{title} (filled: median, hollow: p99)"),
                lines,
                rates: false,
            });
        }
    }
    draw("latency", "Latency, with 95 % intervals (less is better)", &panels, &backends)
}

/// Targets that have figures; one keeps its colour in every chart of a run.
fn backends(rows: &[Row]) -> Vec<String> {
    let drawn = rows.iter().filter(|row| !row.figures.is_empty());
    let names: BTreeSet<String> = drawn.map(Row::target).collect();
    names.into_iter().collect()
}

fn color(row: &Row, backends: &[String]) -> usize {
    let target = row.target();
    backends.iter().position(|b| *b == target).unwrap_or(0) % PALETTE.len()
}

fn label(row: &Row) -> String {
    let end = format!(" {} {}", row.scenario, row.numerics);
    let room = 56usize.saturating_sub(end.chars().count()).max(12);
    format!("{}{end}", shortened(&row.workload, room))
}

fn draw(
    chart: &'static str,
    title: &str,
    panels: &[Panel],
    backends: &[String],
) -> Result<Option<String>, ReportError> {
    if panels.is_empty() {
        return Ok(None);
    }
    let height: i32 = panels.iter().map(|p| PANEL_HEAD + LINE * p.lines.len() as i32 + PANEL_FOOT).sum();
    let legend = backends.len().div_ceil(3) as i32;
    let mut svg = String::new();
    let canvas = Canvas::new(&mut svg, chart, (WIDTH as u32, (TITLE + legend * LINE + height) as u32))?;
    canvas.text(title, (16, TITLE / 2), 20, Anchor::Left, true)?;
    for (i, backend) in backends.iter().enumerate() {
        let (x, y) = (24 + (i as i32 % 3) * 300, TITLE + LINE / 2 + (i as i32 / 3) * LINE);
        canvas.dot((x, y), PALETTE[i % PALETTE.len()], true)?;
        canvas.text(&shortened(backend, 36), (x + 12, y), 14, Anchor::Left, false)?;
    }
    let mut top = TITLE + legend * LINE;
    for panel in panels {
        draw_panel(&canvas, panel, top)?;
        top += PANEL_HEAD + LINE * panel.lines.len() as i32 + PANEL_FOOT;
    }
    canvas.finish()?;
    Ok(Some(svg))
}

fn draw_panel(canvas: &Canvas<'_>, panel: &Panel, top: i32) -> Result<(), ReportError> {
    let marks = panel.lines.iter().flat_map(|line| &line.marks);
    // An interval that reaches towards 0 must not stretch the scale.
    let values: Vec<f64> = marks.flat_map(|m| [m.value, m.low.max(m.value / 10.0), m.high]).collect();
    let axis = Axis::of_positive(&values, (LEFT, RIGHT));
    let bars = panel.rates && !axis.is_logarithmic();
    let first = top + PANEL_HEAD;
    let bottom = first + LINE * panel.lines.len() as i32;
    let scale = if axis.is_logarithmic() { ", logarithmic scale" } else { "" };
    canvas.text(&format!("{}{scale}", panel.title), (16, top + PANEL_HEAD / 2), 16, Anchor::Left, true)?;
    for tick in axis.ticks(5) {
        let x = axis.at(tick);
        canvas.line(&[(x, first), (x, bottom + 4)], GRID, 1)?;
        let words = if panel.rates { number::tick(tick) } else { number::tick_seconds(tick) };
        canvas.text(&words, (x, bottom + 16), 13, Anchor::Middle, false)?;
    }
    for (i, line) in panel.lines.iter().enumerate() {
        let y = first + LINE * i as i32 + LINE / 2;
        let color = PALETTE[line.color];
        canvas.text(&line.label, (LEFT - 10, y), 13, Anchor::Right, false)?;
        for mark in &line.marks {
            let (x, low, high) = (axis.at(mark.value), axis.at(mark.low), axis.at(mark.high));
            if bars {
                canvas.bar((LEFT, y - 7), (x, y + 7), color)?;
            }
            canvas.line(&[(low, y), (high, y)], color, 2)?;
            // Caps inside the dot would hide it.
            let caps = if bars || high - low > 14 { vec![low, high] } else { Vec::new() };
            for end in caps {
                canvas.line(&[(end, y - 4), (end, y + 4)], color, 2)?;
            }
            if !bars {
                canvas.dot((x, y), color, mark.filled)?;
            }
        }
        canvas.text(&line.words, (RIGHT + 12, y), 13, Anchor::Left, false)?;
    }
    Ok(())
}
