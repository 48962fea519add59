//! What can be had together of two things: throughput or cost against interactivity.

use super::{Head, series_key};
use crate::axis::{Format, Scale};
use crate::chart::Chart;
use crate::curve::{Better, frontier};
use crate::data::{Data, digits};
use crate::form::Form;
use crate::form::plot::{Curve, Dimension, Join, Plot, Spot};
use crate::marker::Provenance;

/// A point: what one setting gives.
#[derive(Clone, Debug, PartialEq)]
pub struct FrontierPoint {
    /// The setting, such as a batch size.
    pub label: String,
    /// How fast a single user is served; more is better.
    pub x: f64,
    /// What all users together get or cost.
    pub y: f64,
    /// Its interval, where it is known.
    pub interval: Option<(f64, f64)>,
}

/// The settings of one platform.
#[derive(Clone, Debug, PartialEq)]
pub struct FrontierCurve {
    /// Whose.
    pub label: String,
    /// Number of its platform.
    pub series: usize,
    /// Where the points come from.
    pub provenance: Provenance,
    /// The points.
    pub points: Vec<FrontierPoint>,
}

/// Points of several platforms, with a curve through those that no other one of the same platform beats. The curve is Steffen's, which stays between the points.
#[derive(Clone, Debug, PartialEq)]
pub struct Frontier {
    /// What the horizontal axis counts.
    pub x: String,
    /// What the vertical axis counts.
    pub y: String,
    /// How its numbers are written.
    pub format: Format,
    /// Which way the vertical axis is good.
    pub better: Better,
    /// The platforms.
    pub curves: Vec<FrontierCurve>,
}

/// A span of values for which a linear scale is too coarse.
const WIDE: f64 = 20.0;

/// The largest value over the smallest.
fn widest(curves: &[FrontierCurve]) -> f64 {
    let values = curves.iter().flat_map(|c| &c.points).map(|p| p.y).filter(|y| y.is_finite() && *y > 0.0);
    let (low, high) = values.fold((f64::INFINITY, 0.0), |(l, h), y| (y.min(l), y.max(h)));
    high / low
}

impl Frontier {
    /// The chart; `None` without a point that can be drawn.
    #[must_use]
    pub fn chart(self, kind: &'static str, head: Head) -> Option<Chart> {
        let mut data = Data::new(&[
            "platform",
            "provenance",
            "setting",
            &self.x,
            &self.y,
            "low",
            "high",
            "on the frontier",
        ]);
        let (mut curves, mut legend, mut said, mut notes) = (Vec::new(), Vec::new(), Vec::new(), head.notes);
        for curve in &self.curves {
            let drawable = |p: &&FrontierPoint| p.x.is_finite() && p.y.is_finite() && p.x > 0.0 && p.y > 0.0;
            for point in curve.points.iter().filter(|p| !drawable(p)) {
                notes.push(format!("Not drawn: {} {}: no number above 0.", curve.label, point.label));
            }
            let points: Vec<&FrontierPoint> = curve.points.iter().filter(drawable).collect();
            let pairs: Vec<(f64, f64)> = points.iter().map(|p| (p.x, p.y)).collect();
            let best = frontier(&pairs, self.better);
            for (i, point) in points.iter().enumerate() {
                let (low, high) = point.interval.unzip();
                data.row([
                    curve.label.clone(),
                    curve.provenance.name().to_owned(),
                    point.label.clone(),
                    digits(point.x),
                    digits(point.y),
                    digits(low),
                    digits(high),
                    if best.contains(&i) { "yes" } else { "no" }.to_owned(),
                ]);
            }
            let Some(&fastest) = best.last() else { continue };
            said.push(format!(
                "{} up to {} at {}",
                curve.label,
                self.format.value(points[fastest].y),
                Format::Plain.value(points[fastest].x)
            ));
            legend.push(series_key(&curve.label, curve.series, curve.provenance));
            let spot = |i: usize| Spot {
                x: points[i].x,
                y: points[i].y,
                y_interval: points[i].interval,
                tip: self.tip(curve, points[i]),
            };
            let of = |places: Vec<usize>| Curve {
                points: places.into_iter().map(spot).collect(),
                provenance: curve.provenance,
                marks: true,
                ..Curve::line(&curve.label, curve.series, [])
            };
            let beaten = (0..points.len()).filter(|i| !best.contains(i)).collect();
            curves.push(Curve { join: Join::None, named: false, hollow: true, ..of(beaten) });
            curves.push(Curve { join: Join::Monotone, ..of(best) });
        }
        if curves.is_empty() {
            return None;
        }
        // Costs near standstill are many times those at full load.
        let wide = self.better == Better::Lower && widest(&self.curves) > WIDE;
        let plot = Plot {
            x: Dimension::new(&self.x, Scale::Linear, Format::Plain).with_zero(),
            y: if wide {
                Dimension::new(&self.y, Scale::Logarithmic, self.format)
            } else {
                Dimension::new(&self.y, Scale::Linear, self.format).with_zero()
            },
            curves,
            guides: Vec::new(),
            key: Vec::new(),
        };
        Some(Chart {
            name: head.name,
            kind,
            description: format!("{} against {}: {}.", self.y, self.x, said.join("; ")),
            title: head.title,
            subtitle: head.subtitle,
            notes,
            data,
            legend,
            form: Form::Plot(plot),
        })
    }

    fn tip(&self, curve: &FrontierCurve, point: &FrontierPoint) -> String {
        let y = match point.interval {
            Some((low, high)) => self.format.interval(point.y, low, high),
            None => self.format.value(point.y),
        };
        let x = Format::Plain.value(point.x);
        format!("{} {}: {y} at {x} ({})", curve.label, point.label, curve.provenance.name())
    }
}
