//! Rows against columns, each cell coloured and worded.

use super::Room;
use crate::canvas::{Anchor, Canvas, Style};
use crate::font::wrapped;
use crate::theme::{Ink, OnFill, State};

/// What a cell is filled with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fill {
    /// From -1 through 0 to 1.
    Diverging(f64),
    State(State),
}

impl Fill {
    fn inks(self) -> (Ink, Ink) {
        match self {
            Self::Diverging(at) => (Ink::Diverging(at), Ink::On(OnFill::Diverging(at))),
            Self::State(state) => (Ink::State(state), Ink::On(OnFill::State(state))),
        }
    }
}

/// A cell of which something is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) fill: Fill,
    pub(crate) words: String,
    pub(crate) tip: String,
}

/// The scale of diverging colours: words at places from -1 to 1.
pub(crate) type Ramp = Vec<(f64, String)>;

/// The matrix. Every row has as many cells as there are columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matrix {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<(String, Vec<Option<Field>>)>,
    pub(crate) ramp: Option<Ramp>,
}

const LABEL: Style = Style::of(12.5);
const WORDS: Style = Style::of(11.5).at(Anchor::Middle);
const HEAD: Style = Style::of(11.5).ink(Ink::Muted);
const ROW: f64 = 24.0;
/// Longest column head that is read from below.
const UPRIGHT: f64 = 170.0;

impl Matrix {
    pub(crate) fn draw(&self, canvas: &mut Canvas, room: Room) -> f64 {
        let widest = self.rows.iter().map(|(label, _)| LABEL.width(label)).fold(0.0, f64::max);
        // Few columns leave more room for labels.
        let share = if room.narrow { 0.42..0.66 } else { 0.36..0.6 };
        let columns = self.columns.len() as f64 * 90.0;
        let most = (room.width() - columns).clamp(room.width() * share.start, room.width() * share.end);
        let labels = widest.min(most) + 10.0;
        let left = room.left + labels;
        let least = if room.narrow { 38.0 } else { 21.0 };
        let most = ((room.right - left) / least).floor().max(1.0) as usize;
        // Columns that do not fit side by side go into blocks below each other, of about the same size.
        let blocks = self.columns.len().div_ceil(most).max(1);
        let a_block = self.columns.len().div_ceil(blocks).max(1);
        let width = ((room.right - left) / a_block as f64).min(190.0);
        let mut top = room.top;
        for start in (0..self.columns.len()).step_by(a_block) {
            let end = (start + a_block).min(self.columns.len());
            top = self.block(canvas, room, (start, end), (left, width, top)) + 14.0;
        }
        match &self.ramp {
            Some(ramp) => draw_ramp(canvas, ramp, room, top),
            None => top,
        }
    }

    fn block(
        &self,
        canvas: &mut Canvas,
        room: Room,
        (start, end): (usize, usize),
        (left, width, top): (f64, f64, f64),
    ) -> f64 {
        let heads = &self.columns[start..end];
        let lines: Vec<Vec<String>> =
            heads.iter().map(|h| wrapped(h, HEAD.size, HEAD.weight, width - 8.0)).collect();
        let whole = |(head, lines): (&String, &Vec<String>)| {
            lines.len() <= 4 && lines.join(" ") == head.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let flat = heads.iter().zip(&lines).all(whole);
        let step = HEAD.size * crate::canvas::LINE_HEIGHT;
        let head_height = if flat {
            lines.iter().map(Vec::len).max().unwrap_or(1) as f64 * step + 6.0
        } else {
            heads.iter().map(|h| HEAD.width(h)).fold(0.0, f64::max).min(UPRIGHT) + 10.0
        };
        let first = top + head_height;
        for (i, (head, lines)) in heads.iter().zip(&lines).enumerate() {
            let middle = left + width * (i as f64 + 0.5);
            if flat {
                let y = first - 6.0 - lines.len() as f64 * step + step / 2.0;
                canvas.lines(lines, (middle, y), HEAD.at(Anchor::Middle));
            } else {
                canvas.words(HEAD.fitted(head, UPRIGHT), (middle, first - 6.0), HEAD.upright());
            }
        }
        for (r, (label, cells)) in self.rows.iter().enumerate() {
            let y = first + ROW * r as f64;
            let words = LABEL.fitted(label, left - room.left - 10.0);
            canvas.words(words, (left - 10.0, y + ROW / 2.0), LABEL.at(Anchor::Right));
            for (i, cell) in cells[start.min(cells.len())..end.min(cells.len())].iter().enumerate() {
                let x = left + width * i as f64;
                let (from, to) = ((x + 0.5, y + 0.5), (x + width - 1.5, y + ROW - 1.5));
                let Some(cell) = cell else {
                    canvas.frame(from, to, Ink::Grid, 1.0, None);
                    continue;
                };
                let (fill, on) = cell.fill.inks();
                canvas.mark(cell.tip.clone(), |canvas| {
                    canvas.rectangle(from, to, fill);
                    if WORDS.width(&cell.words) <= width - 4.0 {
                        canvas.words(
                            cell.words.clone(),
                            (x + width / 2.0, y + ROW / 2.0 - 0.5),
                            WORDS.ink(on),
                        );
                    }
                });
            }
        }
        first + ROW * self.rows.len() as f64
    }
}

fn draw_ramp(canvas: &mut Canvas, ramp: &Ramp, room: Room, top: f64) -> f64 {
    const STEPS: usize = 60;
    let width = 320f64.min(room.width() - 80.0);
    let left = room.left + 40.0;
    for i in 0..STEPS {
        let part = |i: usize| left + width * i as f64 / STEPS as f64;
        let at = (i as f64 + 0.5) / STEPS as f64 * 2.0 - 1.0;
        canvas.rectangle((part(i), top), (part(i + 1), top + 10.0), Ink::Diverging(at));
    }
    for (at, words) in ramp {
        let x = left + width * f64::midpoint(*at, 1.0);
        canvas.line(vec![(x, top + 10.0), (x, top + 14.0)], Ink::Muted, 1.0);
        canvas.words(words.clone(), (x, top + 23.0), HEAD.at(Anchor::Middle));
    }
    top + 36.0
}
