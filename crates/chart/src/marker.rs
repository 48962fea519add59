//! How the points and lines of a series look: its colour and marker, and where its numbers come from.

use crate::canvas::{Canvas, Point};
use crate::theme::{COLOURS, Ink};

/// Where the numbers of a series come from; the three never look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provenance {
    /// Measured here: filled marks, full lines.
    Measured,
    /// Published by somebody: hollow marks, dashed lines.
    Published,
    /// Computed from a model of the hardware: crosses, hatched bars, dotted lines.
    Projected,
}

impl Provenance {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Published => "published",
            Self::Projected => "projected",
        }
    }

    /// Dashes and gaps of its lines.
    pub(crate) const fn dash(self) -> Option<(f64, f64)> {
        match self {
            Self::Measured => None,
            Self::Published => Some((7.0, 4.0)),
            Self::Projected => Some((1.5, 3.5)),
        }
    }
}

const RADIUS: f64 = 4.2;

/// Corners of the marker of a series: its shape changes where colours begin again. None is a circle.
fn corners(series: usize, (x, y): Point, radius: f64) -> Option<Vec<Point>> {
    match series / COLOURS % 4 {
        0 => None,
        1 => {
            let r = radius * 0.9;
            Some(vec![(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)])
        }
        2 => {
            let r = radius * 1.2;
            Some(vec![(x, y - r), (x + r, y + r * 0.8), (x - r, y + r * 0.8)])
        }
        _ => {
            let r = radius * 1.3;
            Some(vec![(x, y - r), (x + r, y), (x, y + r), (x - r, y)])
        }
    }
}

/// Draws the mark of one value. A hollow one has the ground's colour inside.
pub(crate) fn draw(canvas: &mut Canvas, at: Point, series: usize, provenance: Provenance, hollow: bool) {
    let ink = Ink::Series(series);
    if provenance == Provenance::Projected {
        for (dx, dy) in [(1.0, 1.0), (1.0, -1.0)] {
            let r = RADIUS * 0.95;
            canvas.line(vec![(at.0 - dx * r, at.1 - dy * r), (at.0 + dx * r, at.1 + dy * r)], ink, 2.0);
        }
        return;
    }
    let mut fill = |radius: f64, ink: Ink| match corners(series, at, radius) {
        None => canvas.disc(at, radius, ink),
        Some(points) => canvas.area(points, ink),
    };
    fill(RADIUS, ink);
    if hollow || provenance == Provenance::Published {
        fill(RADIUS - 1.8, Ink::Paper);
    }
}

/// Draws a bar of a value, which begins at 0.
pub(crate) fn bar(canvas: &mut Canvas, from: Point, to: Point, series: usize, provenance: Provenance) {
    let ink = Ink::Series(series);
    match provenance {
        Provenance::Measured => canvas.rectangle(from, to, Ink::Tint(series)),
        Provenance::Published => canvas.frame(from, to, ink, 1.2, provenance.dash()),
        Provenance::Projected => {
            canvas.hatch(from, to, Ink::Tint(series));
            canvas.frame(from, to, Ink::Tint(series), 1.0, None);
        }
    }
}
