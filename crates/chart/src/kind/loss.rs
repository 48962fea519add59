//! Training loss over optimiser steps, of several platforms over each other.

use super::{Head, series_key};
use crate::axis::{Format, Scale};
use crate::chart::Chart;
use crate::data::{Data, digits};
use crate::form::Form;
use crate::form::plot::{Curve, Dimension, Guide, Join, Plot, Spot};
use crate::marker::Provenance;
use crate::number;

/// Losses of one cell.
#[derive(Clone, Debug, PartialEq)]
pub struct LossCurve {
    /// Whose.
    pub label: String,
    /// Number of its platform.
    pub series: usize,
    /// Step and loss on the training batch.
    pub training: Vec<(u64, f64)>,
    /// Step and loss on held-out text.
    pub held_out: Vec<(u64, f64)>,
}

/// Losses of the same training on several platforms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loss {
    /// The curves.
    pub curves: Vec<LossCurve>,
    /// Loss on held-out text that counts as trained.
    pub target: Option<f64>,
}

impl Loss {
    /// The chart; `None` where no curve has two points.
    #[must_use]
    pub fn chart(self, head: Head) -> Option<Chart> {
        let mut data = Data::new(&["platform", "loss of", "step", "loss"]);
        let (mut curves, mut legend, mut said) = (Vec::new(), Vec::new(), Vec::new());
        let mut notes = head.notes;
        for curve in &self.curves {
            let kinds = [("training batch", &curve.training), ("held-out text", &curve.held_out)];
            for (what, points) in kinds {
                for (step, loss) in points {
                    data.row([curve.label.clone(), what.to_owned(), step.to_string(), digits(*loss)]);
                }
                let lost = points.iter().filter(|(_, loss)| !loss.is_finite()).count();
                if lost > 0 {
                    let losses = if lost == 1 { "1 loss".to_owned() } else { format!("{lost} losses") };
                    notes.push(format!("Not drawn: {losses} of {} on the {what}: not finite.", curve.label));
                }
            }
            let points = |points: &[(u64, f64)]| {
                points.iter().map(|(step, loss)| (*step as f64, *loss)).collect::<Vec<_>>()
            };
            // One of the two carries the name.
            let evaluated = !curve.held_out.is_empty();
            let mut training = Curve::line(&curve.label, curve.series, points(&curve.training));
            (training.width, training.named) = (if evaluated { 0.9 } else { 1.6 }, !evaluated);
            curves.push(training);
            if evaluated {
                let mut held_out = Curve::line(&curve.label, curve.series, points(&curve.held_out));
                (held_out.width, held_out.marks, held_out.join) = (2.2, true, Join::Straight);
                for spot in &mut held_out.points {
                    spot.tip = tip(&curve.label, spot);
                }
                curves.push(held_out);
            }
            let finite = |points: &[(u64, f64)]| points.iter().rev().map(|p| p.1).find(|l| l.is_finite());
            if let Some(last) = finite(&curve.held_out).or_else(|| finite(&curve.training)) {
                said.push(format!("{} ends at {}", curve.label, number::plain(last)));
            }
            legend.push(series_key(&curve.label, curve.series, Provenance::Measured));
        }
        let drawable = |c: &Curve| c.points.iter().filter(|p| p.y.is_finite()).count() > 1;
        if !curves.iter().any(drawable) {
            return None;
        }
        let target = self.target.map(|at| Guide {
            label: format!("target {}", number::plain(at)),
            at,
            horizontal: true,
        });
        let plot = Plot {
            x: Dimension::new("optimiser steps", Scale::Linear, Format::Plain).with_zero(),
            y: Dimension::new("loss in nats (less is better)", Scale::Linear, Format::Plain),
            curves,
            guides: target.into_iter().collect(),
            key: Vec::new(),
        };
        Some(Chart {
            name: head.name,
            kind: "loss",
            description: format!("Loss over optimiser steps: {}.", said.join("; ")),
            title: head.title,
            subtitle: head.subtitle,
            notes,
            data,
            legend,
            form: Form::Plot(plot),
        })
    }
}

fn tip(label: &str, spot: &Spot) -> String {
    format!("{label}: {} on held-out text after {} steps", number::plain(spot.y), spot.x)
}
