//! Bars to both sides of a base, one line an assumption.

use super::Room;
use crate::axis::Axis;
use crate::canvas::{Anchor, Canvas, Style};
use crate::kind::{TornadoLine, TornadoPanel};
use crate::theme::Ink;

/// Panels below each other, each with a scale of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tornado {
    pub(crate) panels: Vec<TornadoPanel>,
    /// What lower and higher are.
    pub(crate) changes: [String; 2],
}

const LABEL: Style = Style::of(12.5);
const TICK: Style = Style::of(11.5).ink(Ink::Muted);
const HEAD: f64 = 30.0;
const FOOT: f64 = 34.0;
const LINE: f64 = 24.0;
/// Ends of the diverging colours: of an assumption that is lower, and that is higher.
const INKS: [Ink; 2] = [Ink::Diverging(-0.75), Ink::Diverging(0.75)];

impl Tornado {
    pub(crate) fn draw(&self, canvas: &mut Canvas, room: Room) -> f64 {
        let mut x = room.left;
        for (words, ink) in self.changes.iter().zip(INKS) {
            canvas.rectangle((x, room.top + 2.0), (x + 10.0, room.top + 12.0), ink);
            let words = LABEL.fitted(words, room.width() / 2.0 - 30.0);
            canvas.words(words.clone(), (x + 16.0, room.top + 7.0), LABEL);
            x += 16.0 + LABEL.width(&words) + 20.0;
        }
        let mut top = room.top + 20.0;
        for panel in &self.panels {
            top = draw_panel(canvas, room, panel, top);
        }
        top
    }
}

fn draw_panel(canvas: &mut Canvas, room: Room, panel: &TornadoPanel, top: f64) -> f64 {
    let style = Style::of(13.5).bold();
    let title = format!("{} (as assumed {})", panel.title, panel.format.value(panel.base));
    canvas.words(style.fitted(&title, room.width()), (room.left, top + HEAD / 2.0), style);
    let widest = panel.lines.iter().map(|l| LABEL.width(&l.label)).fold(0.0, f64::max);
    let labels = widest.min(room.width() * 0.34);
    let ends = panel.lines.iter().flat_map(|l| [l.lower, l.higher]);
    let words = ends.clone().map(|v| TICK.width(&panel.format.value(v))).fold(0.0, f64::max) + 8.0;
    let words = words.min(room.width() * 0.2);
    let (left, right) = (room.left + labels + 14.0 + words, room.right - words);
    let axis = Axis::around(&ends.chain([panel.base]).collect::<Vec<_>>(), (left, right));
    let first = top + HEAD;
    let bottom = first + LINE * panel.lines.len() as f64;
    for tick in axis.ticks(((right - left) / 90.0).clamp(3.0, 6.0) as usize) {
        let x = axis.at(tick);
        canvas.line(vec![(x, first), (x, bottom + 4.0)], Ink::Grid, 1.0);
        canvas.centred(&panel.format.tick(tick), (x, bottom + 14.0), TICK);
    }
    for (i, line) in panel.lines.iter().enumerate() {
        let y = first + LINE * (i as f64 + 0.5);
        canvas.words(LABEL.fitted(&line.label, labels), (room.left, y), LABEL);
        draw_line(canvas, &axis, (panel, line), y);
    }
    let base = axis.at(panel.base);
    canvas.line(vec![(base, first), (base, bottom + 4.0)], Ink::Text, 1.4);
    bottom + FOOT
}

fn draw_line(canvas: &mut Canvas, axis: &Axis, (panel, line): (&TornadoPanel, &TornadoLine), y: f64) {
    let format = panel.format;
    let tip = format!(
        "{}: {} when lower, {} when higher, {} as assumed (projected)",
        line.label,
        format.value(line.lower),
        format.value(line.higher),
        format.value(panel.base)
    );
    canvas.mark(tip, |canvas| {
        let base = axis.at(panel.base);
        for (value, ink) in [line.lower, line.higher].into_iter().zip(INKS) {
            let end = axis.at(value);
            canvas.rectangle((base.min(end), y - 8.0), (base.max(end), y + 8.0), ink);
            if value == panel.base {
                continue;
            }
            let (at, anchor) =
                if value < panel.base { (end - 5.0, Anchor::Right) } else { (end + 5.0, Anchor::Left) };
            canvas.words(format.value(value), (at, y), TICK.at(anchor));
        }
    });
}
