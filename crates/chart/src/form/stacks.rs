//! Bars that are divided into parts, which make up the whole.

use super::Room;
use crate::axis::{Axis, Format};
use crate::canvas::{Anchor, Canvas, Style};
use crate::theme::{Ink, OnFill, State};

/// A part of a bar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) state: State,
    /// Share of the whole, from 0 to 1.
    pub(crate) share: f64,
    pub(crate) words: String,
    pub(crate) tip: String,
}

/// A bar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stack {
    pub(crate) label: String,
    pub(crate) detail: String,
    pub(crate) parts: Vec<Part>,
}

/// The bars.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stacks {
    /// What the whole is.
    pub(crate) title: String,
    pub(crate) bars: Vec<Stack>,
}

const LABEL: Style = Style::of(12.5);
const DETAIL: Style = Style::of(12.5).ink(Ink::Muted);
const TICK: Style = Style::of(11.5).ink(Ink::Muted);

impl Stacks {
    pub(crate) fn draw(&self, canvas: &mut Canvas, room: Room) -> f64 {
        let widest = |width: &dyn Fn(&Stack) -> f64, most: f64| {
            self.bars.iter().map(width).fold(0.0, f64::max).min(room.width() * most)
        };
        let detail = widest(&|b| DETAIL.width(&b.detail), 0.32);
        let label = widest(&|b| LABEL.width(&b.label), (0.52 - detail / room.width()).min(0.34));
        let labels = label + 10.0 + detail;
        let left = if room.narrow { room.left } else { room.left + labels + 12.0 };
        let right = room.right - 22.0;
        let line = if room.narrow { 44.0 } else { 26.0 };
        let axis = Axis::between(0.0, 1.0, (left, right));
        let bottom = room.top + line * self.bars.len() as f64;
        for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let x = axis.at(tick);
            canvas.line(vec![(x, room.top), (x, bottom + 4.0)], Ink::Grid, 1.0);
            canvas.centred(&Format::Percent.tick(tick), (x, bottom + 14.0), TICK);
        }
        for (i, bar) in self.bars.iter().enumerate() {
            let top = room.top + line * i as f64;
            let repeated = i > 0 && self.bars[i - 1].label == bar.label;
            let (words_at, from, to) = if room.narrow {
                (top + 10.0, top + 19.0, top + 38.0)
            } else {
                (top + line / 2.0, top + 3.0, top + line - 3.0)
            };
            let space = if room.narrow { room.width() } else { labels };
            let words = if repeated {
                String::new()
            } else {
                LABEL.fitted(&bar.label, if room.narrow { space * 0.5 } else { label })
            };
            let taken = if room.narrow { LABEL.width(&words) } else { label };
            let detail = DETAIL.fitted(&bar.detail, space - taken - 8.0);
            canvas.words(words, (room.left, words_at), LABEL);
            canvas.words(detail, (room.left + space, words_at), DETAIL.at(Anchor::Right));
            draw_bar(canvas, bar, &axis, (from, to));
        }
        let style = Style::of(12.5).ink(Ink::Muted);
        let title = style.fitted(&self.title, right - left);
        canvas.words(title, (f64::midpoint(left, right), bottom + 32.0), style.at(Anchor::Middle));
        bottom + 46.0
    }
}

fn draw_bar(canvas: &mut Canvas, bar: &Stack, axis: &Axis, (top, bottom): (f64, f64)) {
    let style = Style::of(11.0).at(Anchor::Middle);
    let mut sum = 0.0;
    for part in bar.parts.iter().filter(|p| p.share.is_finite() && p.share > 0.0) {
        let (from, to) = (axis.at(sum), axis.at(sum + part.share));
        sum += part.share;
        canvas.mark(part.tip.clone(), |canvas| {
            // A gap between parts, where there is room for one.
            let gap = if to - from > 3.0 { 1.0 } else { 0.0 };
            canvas.rectangle((from, top), (to - gap, bottom), Ink::State(part.state));
            if style.width(&part.words) <= to - from - 8.0 {
                let at = (f64::midpoint(from, to - gap), f64::midpoint(top, bottom));
                canvas.words(part.words.clone(), at, style.ink(Ink::On(OnFill::State(part.state))));
            }
        });
    }
}
