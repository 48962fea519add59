//! Efficiencies of applications from their best platform to their worst, with what is left of performance portability at each step.

use super::Room;
use crate::axis::{Axis, Format};
use crate::canvas::{Anchor, Canvas, Point, Style};
use crate::marker::{self, Provenance};
use crate::theme::Ink;

/// An application on one platform.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    /// Letter of the platform.
    pub(crate) letter: String,
    /// Number of its series.
    pub(crate) series: usize,
    pub(crate) efficiency: f64,
    pub(crate) tip: String,
}

/// An application: its supported platforms from the best to the worst, and the running PP over all platforms.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Application {
    pub(crate) label: String,
    /// Number of the series that its line is coloured as.
    pub(crate) series: Option<usize>,
    pub(crate) steps: Vec<Step>,
    pub(crate) running: Vec<f64>,
    pub(crate) pp: f64,
}

/// The cascade. Sewall, Pennycook et al., 10.1109/P3HPC51967.2020.00007.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cascade {
    pub(crate) applications: Vec<Application>,
    /// How many platforms there are.
    pub(crate) platforms: usize,
    /// Letter and name of each.
    pub(crate) key: Vec<(String, String)>,
}

const TICK: Style = Style::of(11.5).ink(Ink::Muted);
const NAME: Style = Style::of(12.0);
/// Height of an application's row of boxes.
const ROW: f64 = 22.0;
/// Between names and boxes: a piece of each line.
const SAMPLE: f64 = 26.0;
/// Dashes of the lines, so that applications of one colour are told apart.
const DASHES: [Option<(f64, f64)>; 4] = [None, Some((7.0, 3.0)), Some((2.0, 2.5)), Some((11.0, 4.0))];

/// How the line of an application looks.
fn stroke(place: usize, application: &Application) -> (Ink, Option<(f64, f64)>) {
    (application.series.map_or(Ink::Text, Ink::Series), DASHES[place % DASHES.len()])
}

impl Cascade {
    pub(crate) fn draw(&self, canvas: &mut Canvas, room: Room) -> f64 {
        let height = if room.narrow { 220.0 } else { 300.0 };
        // The key stands beside the lines.
        let height = if room.narrow { height } else { f64::max(height, self.key.len() as f64 * 17.0) };
        let (top, bottom) = (room.top + 24.0, room.top + 24.0 + height);
        let names = self.applications.iter().map(|a| NAME.width(&a.label)).fold(0.0, f64::max);
        let names = names.min(room.width() * if room.narrow { 0.28 } else { 0.24 });
        let left = room.left + names.max(34.0) + 10.0 + SAMPLE;
        let side = if room.narrow { 52.0 } else { (room.width() * 0.26).min(240.0) };
        let right = room.right - side - 14.0;
        let y = Axis::between(0.0, 1.1, (bottom, top));
        let step = (right - left) / self.platforms.max(1) as f64;
        let x = |k: usize| left + step * (k as f64 + 0.5);
        let style = Style::of(12.5).ink(Ink::Muted);
        canvas.words(
            style.fitted("efficiency (marks) and running PP (steps)", right - room.left),
            (room.left, room.top + 6.0),
            style,
        );
        for tick in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] {
            canvas.line(vec![(left, y.at(tick)), (right, y.at(tick))], Ink::Grid, 1.0);
            canvas.words(Format::Plain.tick(tick), (left - 8.0, y.at(tick)), TICK.at(Anchor::Right));
        }
        // What has the same value lies side by side.
        let aside = |place: usize| place as f64 - (self.applications.len() as f64 - 1.0) / 2.0;
        let gap = (step / (self.applications.len() as f64 + 1.0)).min(16.0);
        for (place, application) in self.applications.iter().enumerate() {
            let at = |pp: f64| y.at(pp) + aside(place) * 2.4;
            let running: Vec<Point> = application
                .running
                .iter()
                .enumerate()
                .flat_map(|(k, pp)| [(x(k) - step / 2.0, at(*pp)), (x(k) + step / 2.0, at(*pp))])
                .collect();
            let tip = format!("{}: running PP", application.label);
            let (ink, dash) = stroke(place, application);
            canvas.mark(tip, |canvas| canvas.dashed(running, ink, 1.8, dash));
        }
        for (place, application) in self.applications.iter().enumerate() {
            let at = |(k, s): (usize, &Step)| (x(k) + aside(place) * gap, y.at(s.efficiency));
            let points: Vec<Point> = application.steps.iter().enumerate().map(at).collect();
            canvas.line(points.clone(), Ink::Grid, 1.6);
            for (step, at) in application.steps.iter().zip(points) {
                canvas.mark(step.tip.clone(), |canvas| {
                    marker::draw(canvas, at, step.series, Provenance::Measured, false);
                });
            }
        }
        let end = self.boxes(canvas, room, (left, step, bottom + 26.0));
        let head = Style::of(12.5).ink(Ink::Muted);
        canvas.words("PP", (right + 14.0, bottom + 16.0), head);
        canvas.words(head.fitted("best platform first", right - left), (left, bottom + 16.0), head);
        self.totals(canvas, (right + 14.0, room.right, bottom + 26.0));
        if room.narrow {
            return self.letters(canvas, (room.left, room.right), end + 14.0);
        }
        self.letters(canvas, (right + 14.0, room.right), top + 6.0);
        end + 8.0
    }

    /// Below the lines: which platform each step is.
    fn boxes(&self, canvas: &mut Canvas, room: Room, (left, step, top): (f64, f64, f64)) -> f64 {
        let mut y = top;
        for (place, application) in self.applications.iter().enumerate() {
            let label = NAME.fitted(&application.label, left - SAMPLE - room.left - 10.0);
            canvas.words(label, (left - SAMPLE - 8.0, y + ROW / 2.0), NAME.at(Anchor::Right));
            let (ink, dash) = stroke(place, application);
            let piece = vec![(left - SAMPLE, y + ROW / 2.0), (left - 6.0, y + ROW / 2.0)];
            canvas.dashed(piece, ink, 1.8, dash);
            for k in 0..self.platforms {
                let from = (left + step * k as f64 + 1.0, y + 1.0);
                let to = (left + step * (k + 1) as f64 - 1.0, y + ROW - 1.0);
                let Some(on) = application.steps.get(k) else {
                    canvas.frame(from, to, Ink::Grid, 1.0, None);
                    continue;
                };
                canvas.mark(on.tip.clone(), |canvas| {
                    canvas.rectangle(from, to, Ink::Tint(on.series));
                    let style = Style::of(11.5).at(Anchor::Middle);
                    canvas.words(on.letter.clone(), (f64::midpoint(from.0, to.0), y + ROW / 2.0), style);
                });
            }
            y += ROW;
        }
        y
    }

    /// Beside its boxes: PP of each application.
    fn totals(&self, canvas: &mut Canvas, (left, right, top): (f64, f64, f64)) {
        const WORDS: f64 = 38.0;
        let axis = Axis::between(0.0, 1.0, (left, (right - WORDS).max(left)));
        for (i, application) in self.applications.iter().enumerate() {
            let y = top + ROW * i as f64;
            canvas.mark(format!("{}: PP {:.3}", application.label, application.pp), |canvas| {
                let end = axis.at(application.pp);
                canvas.rectangle((left, y + 4.0), (end, y + ROW - 4.0), Ink::Muted);
                canvas.words(format!("{:.2}", application.pp), (end + 6.0, y + ROW / 2.0), NAME);
            });
        }
    }

    /// Which letter is which platform.
    fn letters(&self, canvas: &mut Canvas, (left, right): (f64, f64), top: f64) -> f64 {
        let style = Style::of(11.5);
        let mut y = top;
        for (letter, name) in &self.key {
            canvas.words(style.fitted(&format!("{letter}: {name}"), right - left), (left, y), style);
            y += 17.0;
        }
        y
    }
}
