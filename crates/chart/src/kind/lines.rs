//! Plain curves: cost over load, scaling over replicas, warm-up over executions.

use super::{Head, series_key};
use crate::axis::{Format, Scale};
use crate::chart::{Chart, Key};
use crate::data::{Data, digits};
use crate::form::Form;
use crate::form::plot::{Curve, Dimension, Guide, Join, Plot, Spot};
use crate::marker::Provenance;
use crate::number::counted;

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Coordinate {
    /// What it counts, with its unit.
    pub title: String,
    /// How it grows.
    pub scale: Scale,
    /// How its numbers are written.
    pub format: Format,
    /// Whether a linear scale begins at 0.
    pub from_zero: bool,
}

/// A point of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct LinePoint {
    /// Place.
    pub x: f64,
    /// Value.
    pub y: f64,
    /// Its interval, where it is known.
    pub interval: Option<(f64, f64)>,
}

/// Which points of a line have a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    /// None of them.
    None,
    /// The last one.
    End,
    /// Each.
    All,
}

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Whose.
    pub label: String,
    /// Number of its platform.
    pub series: usize,
    /// Where the points come from.
    pub provenance: Provenance,
    /// Which points have a mark.
    pub marks: Marks,
    /// The points, by rising x.
    pub points: Vec<LinePoint>,
}

/// Lines over two axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    /// Horizontal axis.
    pub x: Coordinate,
    /// Vertical axis.
    pub y: Coordinate,
    /// The lines.
    pub lines: Vec<Line>,
    /// Values across the plot that mean something, with words: of y.
    pub across: Vec<(f64, String)>,
    /// The same, of x.
    pub along: Vec<(f64, String)>,
}

impl Lines {
    /// The chart; `None` without a point that can be drawn. `say` tells in words what a line comes to.
    #[must_use]
    pub fn chart(
        self,
        kind: &'static str,
        head: Head,
        say: impl Fn(&Line) -> Option<String>,
    ) -> Option<Chart> {
        let mut data = Data::new(&["platform", "provenance", &self.x.title, &self.y.title, "low", "high"]);
        let mut notes = head.notes;
        let (mut curves, mut ends) = (Vec::new(), Vec::new());
        for line in &self.lines {
            let lost = line.points.iter().filter(|p| !p.x.is_finite() || !p.y.is_finite()).count();
            if lost > 0 {
                let (points, are) = (counted(lost, "point"), if lost == 1 { "is" } else { "are" });
                notes.push(format!("Not drawn: {points} of {} {are} not finite.", line.label));
            }
            for point in &line.points {
                let (low, high) = point.interval.unzip();
                data.row([
                    line.label.clone(),
                    line.provenance.name().to_owned(),
                    digits(point.x),
                    digits(point.y),
                    digits(low),
                    digits(high),
                ]);
            }
            let spot =
                |p: &LinePoint| Spot { x: p.x, y: p.y, y_interval: p.interval, tip: self.tip(line, p) };
            curves.push(Curve {
                points: line.points.iter().map(spot).collect(),
                provenance: line.provenance,
                marks: line.marks == Marks::All,
                // Parts of one line with a gap between them have one name, at the end.
                named: self
                    .lines
                    .iter()
                    .rfind(|l| l.label == line.label)
                    .is_some_and(|l| std::ptr::eq(l, line)),
                ..Curve::line(&line.label, line.series, [])
            });
            if line.marks == Marks::End {
                ends.push(Curve {
                    points: line.points.last().map(spot).into_iter().collect(),
                    provenance: line.provenance,
                    join: Join::None,
                    marks: true,
                    named: false,
                    ..Curve::line(&line.label, line.series, [])
                });
            }
        }
        // Over all lines, so that none hides them.
        curves.extend(ends);
        let any = self.lines.iter().any(|l| l.points.iter().any(|p| p.x.is_finite() && p.y.is_finite()));
        if !any {
            return None;
        }
        let guides = |of: &[(f64, String)], horizontal: bool| -> Vec<Guide> {
            of.iter().map(|(at, label)| Guide { label: label.clone(), at: *at, horizontal }).collect()
        };
        let dimension = |c: &Coordinate| {
            let dimension = Dimension::new(&c.title, c.scale, c.format);
            if c.from_zero { dimension.with_zero() } else { dimension }
        };
        let mut legend: Vec<Key> = Vec::new();
        for key in self.lines.iter().map(|l| series_key(&l.label, l.series, l.provenance)) {
            if !legend.contains(&key) {
                legend.push(key);
            }
        }
        let said: Vec<String> = self.lines.iter().filter_map(say).collect();
        let plot = Plot {
            x: dimension(&self.x),
            y: dimension(&self.y),
            curves,
            guides: [guides(&self.across, true), guides(&self.along, false)].concat(),
            key: Vec::new(),
        };
        Some(Chart {
            name: head.name,
            kind,
            description: format!("{} over {}. {}", self.y.title, self.x.title, said.join("; ")),
            title: head.title,
            subtitle: head.subtitle,
            notes,
            data,
            legend,
            form: Form::Plot(plot),
        })
    }

    fn tip(&self, line: &Line, point: &LinePoint) -> String {
        let y = match point.interval {
            Some((low, high)) => self.y.format.interval(point.y, low, high),
            None => self.y.format.value(point.y),
        };
        let x = self.x.format.value(point.x);
        format!("{}: {y} at {x} ({})", line.label, line.provenance.name())
    }
}
