//! Forms of charts: rows of bars, curves over two axes, matrices, stacked bars, cascades, bars to both sides of a base, panels over time. Each knows its geometry and nothing of what it shows.

pub(crate) mod bars;
pub(crate) mod cascade;
pub(crate) mod matrix;
pub(crate) mod plot;
pub(crate) mod stacks;
pub(crate) mod tornado;
pub(crate) mod trend;

use crate::canvas::Canvas;
use bars::Bars;
use cascade::Cascade;
use matrix::Matrix;
use plot::Plot;
use stacks::Stacks;
use tornado::Tornado;
use trend::Trend;

/// The part of a canvas that is left for a form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    /// For a phone held upright.
    pub(crate) narrow: bool,
}

impl Room {
    pub(crate) fn width(&self) -> f64 {
        self.right - self.left
    }
}

/// What a chart draws below its title.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Form {
    Bars(Bars),
    Cascade(Cascade),
    Matrix(Matrix),
    Plot(Plot),
    Stacks(Stacks),
    Tornado(Tornado),
    Trend(Trend),
}

impl Form {
    /// Draws into the room; says where it ends below.
    pub(crate) fn draw(&self, canvas: &mut Canvas, room: Room) -> f64 {
        match self {
            Self::Bars(bars) => bars.draw(canvas, room),
            Self::Cascade(cascade) => cascade.draw(canvas, room),
            Self::Matrix(matrix) => matrix.draw(canvas, room),
            Self::Plot(plot) => plot.draw(canvas, room),
            Self::Stacks(stacks) => stacks.draw(canvas, room),
            Self::Tornado(tornado) => tornado.draw(canvas, room),
            Self::Trend(trend) => trend.draw(canvas, room),
        }
    }
}
