//! One line a value: bars from 0 or dots, with intervals.

use super::Room;
use crate::axis::{Axis, Format};
use crate::canvas::{Anchor, Canvas, Style};
use crate::marker::{self, Provenance};
use crate::theme::Ink;

/// A value with its interval; both ends are the value where nothing is known of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The value.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// A value of which no interval is known.
    #[must_use]
    pub const fn exact(value: f64) -> Self {
        Self { value, low: value, high: value }
    }

    fn is_finite(&self) -> bool {
        self.value.is_finite()
    }
}

/// One line: up to two values of the same thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What is measured, such as a workload. Written once for lines in sequence.
    pub label: String,
    /// What is special about this line.
    pub detail: String,
    /// Number of the platform, which has a colour of its own.
    pub series: usize,
    /// Where the values come from.
    pub provenance: Provenance,
    /// The values; the second one is drawn hollow.
    pub values: Vec<Interval>,
}

/// Lines of one unit, over one scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What the scale counts.
    pub title: String,
    /// How its numbers are written.
    pub format: Format,
    /// Bars from 0 where the scale has a zero, else dots.
    pub bars: bool,
    /// The lines, in order.
    pub lines: Vec<Bar>,
}

/// Panels below each other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bars {
    pub(crate) panels: Vec<Panel>,
}

const LABEL: Style = Style::of(12.5);
const DETAIL: Style = Style::of(12.5).ink(Ink::Muted);
const TICK: Style = Style::of(11.5).ink(Ink::Muted);
const HEAD: f64 = 30.0;
const FOOT: f64 = 34.0;
/// Between a label and its detail, and between labels and the scale.
const GAP: f64 = 8.0;

/// Where things are from left to right.
struct Columns {
    /// Where labels begin, and how wide they are.
    labels: f64,
    label: f64,
    /// Where details end.
    details: f64,
    scale: (f64, f64),
    line: f64,
}

impl Bars {
    pub(crate) fn draw(&self, canvas: &mut Canvas, room: Room) -> f64 {
        let columns = self.columns(room);
        let mut top = room.top;
        for panel in &self.panels {
            top = panel.draw(canvas, room, &columns, top);
        }
        top
    }

    fn columns(&self, room: Room) -> Columns {
        let lines = || self.panels.iter().flat_map(|p| &p.lines);
        let words = self
            .panels
            .iter()
            .flat_map(|p| {
                p.lines.iter().filter_map(|l| Some(LABEL.width(&p.format.value(l.values.first()?.value))))
            })
            .fold(0.0, f64::max);
        let right = room.right - words - GAP;
        if room.narrow {
            return Columns {
                labels: room.left,
                label: room.width() * 0.5,
                details: room.right,
                scale: (room.left + 4.0, right),
                line: 40.0,
            };
        }
        let widest = |width: &dyn Fn(&Bar) -> f64, most: f64| {
            lines().map(width).fold(0.0, f64::max).min(room.width() * most)
        };
        let details = widest(&|l| DETAIL.width(&l.detail), 0.36);
        let labels = widest(&|l| LABEL.width(&l.label), (0.58 - details / room.width()).min(0.34));
        let gap = if labels > 0.0 && details > 0.0 { 1.5 * GAP } else { 0.0 };
        let details_at = room.left + labels + gap + details;
        Columns {
            labels: room.left,
            label: labels,
            details: details_at,
            scale: (details_at + 1.5 * GAP, right),
            line: 22.0,
        }
    }
}

impl Panel {
    fn draw(&self, canvas: &mut Canvas, room: Room, columns: &Columns, top: f64) -> f64 {
        let values: Vec<f64> = self
            .lines
            .iter()
            .flat_map(|line| &line.values)
            .filter(|v| v.is_finite())
            // An interval that reaches towards 0 or to infinity must not stretch the scale.
            .flat_map(|v| [v.value, v.low.max(v.value / 10.0), v.high.min(v.value * 10.0)])
            .collect();
        let axis = Axis::of_positive(&values, columns.scale);
        let first = top + HEAD;
        let bottom = first + columns.line * self.lines.len() as f64;
        let title = if axis.is_logarithmic() {
            format!("{}, logarithmic scale", self.title)
        } else {
            self.title.clone()
        };
        let style = Style::of(13.5).bold();
        canvas.words(style.fitted(&title, room.width()), (room.left, top + HEAD / 2.0), style);
        let span = columns.scale.1 - columns.scale.0;
        for tick in axis.ticks((span / 90.0).clamp(2.0, 6.0) as usize) {
            let x = axis.at(tick);
            canvas.line(vec![(x, first), (x, bottom + 4.0)], Ink::Grid, 1.0);
            canvas.centred(&self.format.tick(tick), (x, bottom + 14.0), TICK);
        }
        let bars = self.bars && !axis.is_logarithmic();
        for (i, line) in self.lines.iter().enumerate() {
            let y = first + columns.line * i as f64;
            let repeated = i > 0 && self.lines[i - 1].label == line.label;
            self.draw_line(canvas, columns, &axis, line, (y, bars, repeated, room));
        }
        bottom + FOOT
    }

    fn draw_line(
        &self,
        canvas: &mut Canvas,
        columns: &Columns,
        axis: &Axis,
        line: &Bar,
        (top, bars, repeated, room): (f64, bool, bool, Room),
    ) {
        let (words_at, y) = if room.narrow {
            (top + 10.0, top + 27.0)
        } else {
            (top + columns.line / 2.0, top + columns.line / 2.0)
        };
        let label = if repeated { String::new() } else { LABEL.fitted(&line.label, columns.label) };
        let taken = if room.narrow { LABEL.width(&label) } else { columns.label };
        let space = columns.details - columns.labels - if taken > 0.0 { taken + GAP } else { 0.0 };
        canvas.words(label, (columns.labels, words_at), LABEL);
        if room.narrow && repeated {
            let detail = DETAIL.fitted(&line.detail, room.width());
            canvas.words(detail, (columns.labels, words_at), DETAIL);
        } else {
            let detail = DETAIL.fitted(&line.detail, space);
            canvas.words(detail, (columns.details, words_at), DETAIL.at(Anchor::Right));
        }
        let values: Vec<String> =
            line.values.iter().map(|v| self.format.interval(v.value, v.low, v.high)).collect();
        let tip =
            format!("{} {}: {} ({})", line.label, line.detail, values.join(", "), line.provenance.name());
        canvas.mark(tip, |canvas| {
            for (i, value) in line.values.iter().enumerate().filter(|(_, v)| v.is_finite()) {
                let (x, low, high) = (axis.at(value.value), axis.at(value.low), axis.at(value.high));
                let ink = Ink::Series(line.series);
                if bars {
                    let half = 6.5;
                    marker::bar(
                        canvas,
                        (columns.scale.0, y - half),
                        (x, y + half),
                        line.series,
                        line.provenance,
                    );
                }
                if high > low {
                    canvas.line(vec![(low, y), (high, y)], ink, 1.8);
                    // Caps inside the dot would hide it.
                    if bars || high - low > 14.0 {
                        for end in [low, high] {
                            canvas.line(vec![(end, y - 4.0), (end, y + 4.0)], ink, 1.8);
                        }
                    }
                }
                if !bars {
                    marker::draw(canvas, (x, y), line.series, line.provenance, i > 0);
                }
            }
        });
        if let Some(first) = line.values.first() {
            canvas.words(self.format.value(first.value), (columns.scale.1 + GAP, y), LABEL);
        }
    }
}
