//! Panels over one time axis: the values of a series, its levels, and lines where it shifts.

use super::Room;
use crate::axis::{Axis, Format};
use crate::canvas::{Anchor, Canvas, Style};
use crate::theme::{Ink, State};

/// A series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Panel {
    pub(crate) label: String,
    pub(crate) verdict: String,
    pub(crate) counts: String,
    pub(crate) series: usize,
    pub(crate) format: Format,
    pub(crate) spots: Vec<Spot>,
    /// From, to, level.
    pub(crate) levels: Vec<(f64, f64, f64)>,
    pub(crate) marks: Vec<Mark>,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spot {
    pub(crate) at: f64,
    pub(crate) value: f64,
    pub(crate) interval: (f64, f64),
    pub(crate) tip: String,
    /// Whether it has a ring.
    pub(crate) out_of_line: bool,
}

/// A line from bottom to top, with words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mark {
    pub(crate) at: f64,
    pub(crate) words: String,
    pub(crate) sign: Sign,
}

/// What a mark means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Declared,
    Better,
    Worse,
}

/// The panels, from the top.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trend {
    pub(crate) time: String,
    pub(crate) ticks: Vec<(f64, String)>,
    pub(crate) panels: Vec<Panel>,
}

const TICK: Style = Style::of(11.5).ink(Ink::Muted);
const AXIS: Style = Style::of(12.5).ink(Ink::Muted);
const LABEL: Style = Style::of(13.0).bold();
const VERDICT: Style = Style::of(12.0).ink(Ink::Muted);
const WORDS: Style = Style::of(11.0).ink(Ink::Muted);
/// Height of a line of a mark's words.
const LINE: f64 = 14.0;
/// Most lines of words above a panel.
const LINES: usize = 4;
/// From a line to its words.
const BESIDE: f64 = 5.0;
/// Radius of a value.
const RADIUS: f64 = 2.6;

impl Trend {
    pub(crate) fn draw(&self, canvas: &mut Canvas, room: Room) -> f64 {
        let height = if room.narrow { 110.0 } else { 140.0 };
        let axes: Vec<(Axis, Vec<f64>)> = self.panels.iter().map(|panel| panel.axis((height, 0.0))).collect();
        let widest =
            self.panels.iter().zip(&axes).flat_map(|(panel, (_, ticks))| {
                ticks.iter().map(|tick| TICK.width(&panel.format.tick(*tick)))
            });
        let left = room.left + widest.fold(0.0, f64::max) + 10.0;
        let right = room.right - 8.0;
        let times =
            self.panels.iter().flat_map(|panel| &panel.spots).map(|spot| spot.at).filter(|at| at.is_finite());
        let (first, last) =
            times.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), at| (a.min(at), b.max(at)));
        // What happened lately has room for its words.
        let lately = |mark: &Mark| mark.at > last - (last - first) * 0.2;
        let marked = self.panels.iter().flat_map(|panel| &panel.marks).any(lately);
        let end = if marked { last + (last - first) * 0.15 } else { last };
        let x = Axis::around(&[first, end], (left, right));
        let mut top = room.top;
        for (panel, (y, ticks)) in self.panels.iter().zip(&axes) {
            top = panel.draw(canvas, (left, right, top, room), &x, (y, ticks, height), &self.ticks);
        }
        self.x_axis(canvas, &x, (left, right, top))
    }

    fn x_axis(&self, canvas: &mut Canvas, x: &Axis, (left, right, top): (f64, f64, f64)) -> f64 {
        let mut free = f64::NEG_INFINITY;
        for (tick, words) in self.ticks.iter().filter(|(at, _)| x.holds(*at)) {
            let (at, half) = (x.at(*tick), TICK.width(words) / 2.0);
            if at - half > free + 10.0 && at - half >= left - 20.0 && at + half <= right + 8.0 {
                canvas.line(vec![(at, top - 12.0), (at, top - 7.0)], Ink::Muted, 1.0);
                canvas.centred(words, (at, top + 4.0), TICK);
                free = at + half;
            }
        }
        canvas.words(self.time.clone(), (f64::midpoint(left, right), top + 23.0), AXIS.at(Anchor::Middle));
        top + 38.0
    }
}

impl Panel {
    /// The scale of the values, and its ticks. Intervals do not stretch it without end.
    fn axis(&self, pixels: (f64, f64)) -> (Axis, Vec<f64>) {
        let values = || self.spots.iter().map(|spot| spot.value).filter(|v| v.is_finite());
        let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let reach = (high - low).max(high.abs() * 0.02);
        let ends = self.spots.iter().flat_map(|spot| [spot.interval.0, spot.interval.1]);
        let ends = ends.filter(|v| v.is_finite()).map(|v| v.clamp(low - reach * 0.5, high + reach * 0.5));
        let levels = self.levels.iter().map(|(.., level)| *level);
        // Noise of a quiet series must not look like a storm.
        let least = [low - reach * 0.25, high + reach * 0.25];
        let all: Vec<f64> = values().chain(ends).chain(levels).chain(least).collect();
        let axis = Axis::around(&all, pixels);
        let ticks = axis.ticks(6);
        (axis, ticks)
    }

    /// Draws the panel below `top`; says where the next one may begin.
    fn draw(
        &self,
        canvas: &mut Canvas,
        (left, right, top, room): (f64, f64, f64, Room),
        x: &Axis,
        (y, ticks, height): (&Axis, &[f64], f64),
        times: &[(f64, String)],
    ) -> f64 {
        let mut at = top + 12.0;
        canvas.disc((room.left + 4.0, at), 4.0, Ink::Series(self.series));
        canvas.words(LABEL.fitted(&self.label, room.width() - 14.0), (room.left + 14.0, at), LABEL);
        for words in [&self.counts, &self.verdict] {
            at += 16.0;
            canvas.words(VERDICT.fitted(words, room.width() - 14.0), (room.left + 14.0, at), VERDICT);
        }
        let rows = self.rows(x, right);
        let lines = rows.iter().map(|(row, ..)| row + 1).max().unwrap_or(0);
        let plot = at + 12.0 + LINE * lines as f64;
        let bottom = plot + height;
        for tick in ticks {
            let at = plot + y.at(*tick);
            canvas.line(vec![(left, at), (right, at)], Ink::Grid, 1.0);
            canvas.words(self.format.tick(*tick), (left - 8.0, at), TICK.at(Anchor::Right));
        }
        for (time, _) in times.iter().filter(|(at, _)| x.holds(*at)) {
            canvas.line(vec![(x.at(*time), bottom), (x.at(*time), bottom + 3.0)], Ink::Muted, 1.0);
        }
        canvas.line(vec![(left, bottom), (right, bottom)], Ink::Muted, 1.0);
        for (mark, (row, words)) in self.marks.iter().zip(&rows) {
            let words_at = plot - LINE * (*row as f64 + 0.5);
            mark.draw(canvas, (x.at(mark.at), words_at, bottom), words);
        }
        self.draw_values(canvas, x, |value| plot + y.at(value));
        bottom + 18.0
    }

    fn draw_values(&self, canvas: &mut Canvas, x: &Axis, y: impl Fn(f64) -> f64) {
        let ink = Ink::Series(self.series);
        for (from, to, level) in self.levels.iter().filter(|level| level.2.is_finite()) {
            // A level of one run is seen as well.
            let (from, to) = (x.at(*from) - RADIUS, x.at(*to) + RADIUS);
            canvas.line(vec![(from, y(*level)), (to, y(*level))], Ink::Tint(self.series), 5.0);
        }
        for spot in self.spots.iter().filter(|spot| spot.at.is_finite() && spot.value.is_finite()) {
            let at = x.at(spot.at);
            let (low, high) = spot.interval;
            canvas.mark(spot.tip.clone(), |canvas| {
                if low.is_finite() && high.is_finite() && high > low {
                    canvas.line(vec![(at, y(low)), (at, y(high))], Ink::Tint(self.series), 1.2);
                }
                if spot.out_of_line {
                    canvas.disc((at, y(spot.value)), RADIUS + 4.0, Ink::Text);
                    canvas.disc((at, y(spot.value)), RADIUS + 2.6, Ink::Paper);
                }
                canvas.disc((at, y(spot.value)), RADIUS, ink);
            });
        }
    }

    /// Where the words of each mark stand, to the right of its line: row from below, words. They go above the lines that they would cross, and are cut at the plot's end.
    fn rows(&self, x: &Axis, right: f64) -> Vec<(usize, String)> {
        let mut places: Vec<(f64, usize, String)> = Vec::new();
        for mark in self.marks.iter().rev() {
            let at = x.at(mark.at);
            let words = WORDS.fitted(&mark.words, (right - at - BESIDE).max(0.0));
            let to = at + BESIDE + WORDS.width(&words) + 6.0;
            let above = places.iter().filter(|(other, ..)| *other < to).map(|(_, row, _)| row + 1).max();
            let mut row = above.unwrap_or(0);
            let mut words = words;
            if row >= LINES {
                // No row is left: the words end where the next line is.
                let next = places.last().map_or(right, |(other, ..)| *other);
                words = WORDS.fitted(&mark.words, (next - at - BESIDE - 4.0).max(0.0));
                row = LINES - 1;
            }
            places.push((at, row, words));
        }
        places.into_iter().rev().map(|(_, row, words)| (row, words)).collect()
    }
}

impl Mark {
    fn draw(&self, canvas: &mut Canvas, (at, words_at, bottom): (f64, f64, f64), words: &str) {
        canvas.mark(self.words.clone(), |canvas| {
            let line = vec![(at, words_at - 5.0), (at, bottom)];
            match self.sign {
                Sign::Declared => canvas.dashed(line, Ink::Muted, 1.2, Some((4.0, 4.0))),
                Sign::Better => canvas.line(line, Ink::State(State::Good), 2.0),
                Sign::Worse => canvas.line(line, Ink::State(State::Wrong), 2.0),
            }
            canvas.words(words.to_owned(), (at + BESIDE, words_at), WORDS);
        });
    }
}
