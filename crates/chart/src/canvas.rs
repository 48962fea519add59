//! What is drawn, as shapes in pixels, before anybody decides on colours and on a file format.

use crate::font::{self, Weight};
use crate::theme::Ink;

/// A point, from the left and from the top.
pub(crate) type Point = (f64, f64);

/// Where words stand relative to their point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Left,
    Middle,
    Right,
}

/// How words look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Style {
    pub(crate) size: f64,
    pub(crate) weight: Weight,
    pub(crate) ink: Ink,
    pub(crate) anchor: Anchor,
    /// Read from below, turned by a quarter.
    pub(crate) upright: bool,
}

impl Style {
    /// Words of that size, in the ink of words that matter, to the right of their point.
    pub(crate) const fn of(size: f64) -> Self {
        Self { size, weight: Weight::Regular, ink: Ink::Text, anchor: Anchor::Left, upright: false }
    }

    pub(crate) const fn bold(mut self) -> Self {
        self.weight = Weight::Bold;
        self
    }

    pub(crate) const fn ink(mut self, ink: Ink) -> Self {
        self.ink = ink;
        self
    }

    pub(crate) const fn at(mut self, anchor: Anchor) -> Self {
        self.anchor = anchor;
        self
    }

    pub(crate) const fn upright(mut self) -> Self {
        self.upright = true;
        self
    }

    /// Width of words in this style.
    pub(crate) fn width(&self, text: &str) -> f64 {
        font::width(text, self.size, self.weight)
    }

    /// The words shortened to some width.
    pub(crate) fn fitted(&self, text: &str, room: f64) -> String {
        font::fitted(text, self.size, self.weight, room)
    }

    /// The words in lines of some width.
    pub(crate) fn wrapped(&self, text: &str, room: f64) -> Vec<String> {
        font::wrapped(text, self.size, self.weight, room)
    }
}

/// A shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// A line through points, with the lengths of its dashes and gaps if it has any.
    Line { points: Vec<Point>, ink: Ink, width: f64, dash: Option<(f64, f64)> },
    /// A filled polygon.
    Area { points: Vec<Point>, ink: Ink },
    /// A filled circle.
    Disc { at: Point, radius: f64, ink: Ink },
    /// Words, centred on their point from top to bottom.
    Words { text: String, at: Point, style: Style },
}

/// A shape, or the beginning or end of what belongs together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Shape(Shape),
    /// What follows is one mark, and this is said of it to those who point at it.
    Open(String),
    Close,
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Canvas {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) items: Vec<Item>,
}

impl Canvas {
    /// An empty picture of that width; its height is set once it is known.
    pub(crate) const fn new(width: f64) -> Self {
        Self { width, height: 0.0, items: Vec::new() }
    }

    fn push(&mut self, shape: Shape) {
        let finite = |p: &Point| p.0.is_finite() && p.1.is_finite();
        let sound = match &shape {
            Shape::Line { points, .. } => points.len() > 1 && points.iter().all(finite),
            Shape::Area { points, .. } => points.len() > 2 && points.iter().all(finite),
            Shape::Disc { at, .. } => finite(at),
            Shape::Words { at, text, .. } => finite(at) && !text.is_empty(),
        };
        if sound {
            self.items.push(Item::Shape(shape));
        }
    }

    /// Draws one mark, of which something is said.
    pub(crate) fn mark(&mut self, tip: impl Into<String>, draw: impl FnOnce(&mut Self)) {
        self.items.push(Item::Open(tip.into()));
        draw(self);
        self.items.push(Item::Close);
    }

    pub(crate) fn line(&mut self, points: Vec<Point>, ink: Ink, width: f64) {
        self.push(Shape::Line { points, ink, width, dash: None });
    }

    pub(crate) fn dashed(&mut self, points: Vec<Point>, ink: Ink, width: f64, dash: Option<(f64, f64)>) {
        self.push(Shape::Line { points, ink, width, dash });
    }

    pub(crate) fn area(&mut self, points: Vec<Point>, ink: Ink) {
        self.push(Shape::Area { points, ink });
    }

    /// A filled rectangle between two corners.
    pub(crate) fn rectangle(&mut self, (left, top): Point, (right, bottom): Point, ink: Ink) {
        if right > left && bottom > top {
            self.area(vec![(left, top), (right, top), (right, bottom), (left, bottom)], ink);
        }
    }

    /// The outline of a rectangle, inside its corners.
    pub(crate) fn frame(
        &mut self,
        (left, top): Point,
        (right, bottom): Point,
        ink: Ink,
        width: f64,
        dash: Option<(f64, f64)>,
    ) {
        let (l, t, r, b) = (left + width / 2.0, top + width / 2.0, right - width / 2.0, bottom - width / 2.0);
        if r > l && b > t {
            self.dashed(vec![(l, t), (r, t), (r, b), (l, b), (l, t)], ink, width, dash);
        }
    }

    /// Slanted lines over a rectangle.
    pub(crate) fn hatch(&mut self, (left, top): Point, (right, bottom): Point, ink: Ink) {
        const EVERY: f64 = 6.0;
        let (width, height) = (right - left, bottom - top);
        let mut start = EVERY / 2.0;
        while start < width + height && start.is_finite() {
            let lower = if start <= height { (left, top + start) } else { (left + start - height, bottom) };
            let upper = if start <= width { (left + start, top) } else { (right, top + start - width) };
            self.line(vec![lower, upper], ink, 1.0);
            start += EVERY;
        }
    }

    pub(crate) fn disc(&mut self, at: Point, radius: f64, ink: Ink) {
        self.push(Shape::Disc { at, radius, ink });
    }

    pub(crate) fn words(&mut self, text: impl Into<String>, at: Point, style: Style) {
        self.push(Shape::Words { text: text.into(), at, style });
    }

    /// Words in the middle of an x, but not over the sides of the picture.
    pub(crate) fn centred(&mut self, text: &str, (x, y): Point, style: Style) {
        let half = style.width(text) / 2.0 + 3.0;
        let x = if half * 2.0 < self.width { x.clamp(half, self.width - half) } else { x };
        self.words(text, (x, y), style.at(Anchor::Middle));
    }

    /// Words in lines below each other, the first centred on the point; says where the next line would be.
    pub(crate) fn lines(&mut self, lines: &[String], (x, mut y): Point, style: Style) -> f64 {
        for line in lines {
            self.words(line.clone(), (x, y), style);
            y += style.size * LINE_HEIGHT;
        }
        y
    }
}

/// From one line of words to the next, over their size.
pub(crate) const LINE_HEIGHT: f64 = 1.35;
