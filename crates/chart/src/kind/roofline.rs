//! Rooflines of hardware, and how near to them work came.

use super::{Head, series_key};
use crate::axis::{Format, Scale};
use crate::chart::Chart;
use crate::data::{Data, digits};
use crate::form::Form;
use crate::form::plot::{Curve, Dimension, Join, Plot, Spot};
use crate::marker::Provenance;
use crate::number;

/// What hardware allows: `min(flops, intensity * bandwidth)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Roof {
    /// The hardware and the number format.
    pub label: String,
    /// Peak in operations a second.
    pub flops: f64,
    /// Bandwidth in bytes a second.
    pub bandwidth: f64,
    /// Number of the platform whose own cells reached it; without one the peaks are published.
    pub series: Option<usize>,
}

impl Roof {
    fn provenance(&self) -> Provenance {
        if self.series.is_some() { Provenance::Measured } else { Provenance::Published }
    }
}

/// What work reached.
#[derive(Clone, Debug, PartialEq)]
pub struct RooflinePoint {
    /// Whose: the platform.
    pub platform: String,
    /// What was executed.
    pub label: String,
    /// Number of its platform.
    pub series: usize,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Operations for each byte that must move.
    pub intensity: f64,
    /// Operations a second.
    pub rate: f64,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
}

/// Roofs and points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roofline {
    /// The roofs.
    pub roofs: Vec<Roof>,
    /// The points.
    pub points: Vec<RooflinePoint>,
}

/// Most points that have their names beside the plot; more have numbers, and their names below it.
const NAMED: usize = 8;

impl Roofline {
    /// The chart; `None` without a point that can be drawn.
    #[must_use]
    pub fn chart(self, head: Head) -> Option<Chart> {
        let mut data = Data::new(&[
            "what",
            "platform",
            "provenance",
            "operations per byte",
            "operations per second",
            "low",
            "high",
            "peak operations per second",
            "bytes per second",
        ]);
        let sound = |p: &&RooflinePoint| [p.intensity, p.rate].iter().all(|v| v.is_finite() && *v > 0.0);
        let points: Vec<&RooflinePoint> = self.points.iter().filter(sound).collect();
        let mut notes = head.notes;
        for point in self.points.iter().filter(|p| !sound(p)) {
            notes
                .push(format!("Not drawn: {} on {}: no arithmetic is counted.", point.label, point.platform));
        }
        let xs = || points.iter().map(|p| p.intensity);
        let ridges = self.roofs.iter().map(|r| r.flops / r.bandwidth);
        let (low, high) =
            xs().chain(ridges).fold((f64::INFINITY, 0.0), |(l, h), x| (l.min(x), f64::max(h, x)));
        if points.is_empty() {
            return None;
        }
        let (low, high) = (low / 3.0, high * 3.0);
        let mut curves = Vec::new();
        for roof in &self.roofs {
            data.row([
                roof.label.clone(),
                String::new(),
                roof.provenance().name().to_owned(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                digits(roof.flops),
                digits(roof.bandwidth),
            ]);
            let at = |x: f64| (x, roof.flops.min(x * roof.bandwidth));
            let ridge = roof.flops / roof.bandwidth;
            let mut line = Curve::line(&roof.label, roof.series, [at(low), at(ridge), at(high)]);
            line.provenance = roof.provenance();
            (line.width, line.caption) = (1.6, Some(roof.label.clone()));
            curves.push(line);
        }
        let (mut legend, mut key) = (Vec::new(), Vec::new());
        let named = points.len() + self.roofs.len() <= NAMED;
        for (number, point) in (1..).zip(&points) {
            let tag = (!named).then(|| format!("{number}"));
            key.extend(tag.iter().map(|tag| (tag.clone(), point.label.clone())));
            let (low, high) = point.interval.unzip();
            data.row([
                point.label.clone(),
                point.platform.clone(),
                point.provenance.name().to_owned(),
                digits(point.intensity),
                digits(point.rate),
                digits(low),
                digits(high),
            ]);
            let platform = series_key(&point.platform, point.series, point.provenance);
            if !legend.contains(&platform) {
                legend.push(platform);
            }
            let rate = number::scaled(point.rate);
            let tip = format!(
                "{} on {}: {rate}FLOP/s at {} FLOP per byte ({})",
                point.label,
                point.platform,
                number::plain(point.intensity),
                point.provenance.name()
            );
            let spot = Spot { x: point.intensity, y: point.rate, y_interval: point.interval, tip };
            curves.push(Curve {
                points: vec![spot],
                provenance: point.provenance,
                join: Join::None,
                marks: true,
                named,
                tag,
                ..Curve::line(&point.label, point.series, [])
            });
        }
        let best = points.iter().max_by(|a, b| a.rate.total_cmp(&b.rate));
        let said = best.map(|p| {
            let rate = number::scaled(p.rate);
            let all = number::counted(points.len(), "point");
            format!("{all}; the fastest is {} on {} at {rate}FLOP/s.", p.label, p.platform)
        });
        let plot = Plot {
            x: Dimension::new("arithmetic intensity, FLOP per byte", Scale::Logarithmic, Format::Plain),
            y: Dimension::new("FLOP per second (more is better)", Scale::Logarithmic, Format::Short),
            curves,
            guides: Vec::new(),
            key,
        };
        Some(Chart {
            name: head.name,
            kind: "roofline",
            description: said.unwrap_or_default(),
            title: head.title,
            subtitle: head.subtitle,
            notes,
            data,
            legend,
            form: Form::Plot(plot),
        })
    }
}
