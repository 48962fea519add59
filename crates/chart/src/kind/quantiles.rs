//! Distributions of latency: by percentile on HdrHistogram's axis, and cumulative.

use super::{Head, series_key};
use crate::axis::{Format, Scale};
use crate::chart::{Chart, Key};
use crate::data::{Data, digits};
use crate::form::Form;
use crate::form::plot::{Curve, Dimension, Guide, Plot};
use crate::marker::Provenance;

/// Latencies of one cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Latencies {
    /// Whose.
    pub label: String,
    /// Number of its platform.
    pub series: usize,
    /// How many were counted.
    pub count: u64,
    /// Quantile and the latency that it does not exceed, seconds, both rising.
    pub quantiles: Vec<(f64, f64)>,
    /// The same with the interval of the latency that is certain enough: quantile, low, high.
    pub band: Vec<[f64; 3]>,
}

/// The latencies of several cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quantiles {
    /// What was timed.
    pub what: String,
    /// The cells.
    pub cells: Vec<Latencies>,
}

impl Quantiles {
    /// Latency over percentiles, each nine as wide as the one before; `None` without a cell that has two points.
    #[must_use]
    pub fn percentiles(self, kind: &'static str, head: Head) -> Option<Chart> {
        let curve = |cell: &Latencies| Curve {
            band: cell.band.clone(),
            ..Curve::line(&cell.label, cell.series, cell.quantiles.iter().copied())
        };
        let plot = Plot {
            x: Dimension::new(
                "percentile: each nine as wide as the one before",
                Scale::Quantile,
                Format::Percent,
            ),
            y: Dimension::new(&format!("{} (less is better)", self.what), self.scale(), Format::Seconds)
                .with_zero(),
            curves: self.cells.iter().map(curve).collect(),
            guides: Vec::new(),
            key: Vec::new(),
        };
        self.chart(kind, head, plot)
    }

    /// Logarithmic where latencies span more than a factor of 20.
    fn scale(&self) -> Scale {
        let latencies =
            || self.cells.iter().flat_map(|c| c.quantiles.iter().map(|q| q.1)).filter(|l| *l > 0.0);
        let (low, high) = (latencies().fold(f64::INFINITY, f64::min), latencies().fold(0.0, f64::max));
        if high / low > 20.0 { Scale::Logarithmic } else { Scale::Linear }
    }

    /// Share of executions over latency; `None` without a cell that has two points.
    #[must_use]
    pub fn cumulative(self, kind: &'static str, head: Head) -> Option<Chart> {
        let curve = |cell: &Latencies| {
            Curve::line(&cell.label, cell.series, cell.quantiles.iter().map(|(q, latency)| (*latency, *q)))
        };
        let guide = |q: f64| Guide { label: format!("{} %", q * 100.0), at: q, horizontal: true };
        let plot = Plot {
            x: Dimension::new(&format!("{} (less is better)", self.what), self.scale(), Format::Seconds),
            y: Dimension::new("share of executions within it", Scale::Linear, Format::Percent)
                .with_zero()
                .holding([0.96]),
            curves: self.cells.iter().map(curve).collect(),
            guides: vec![guide(0.5), guide(0.99)],
            key: Vec::new(),
        };
        self.chart(kind, head, plot)
    }

    fn chart(self, kind: &'static str, head: Head, plot: Plot) -> Option<Chart> {
        if !self.cells.iter().any(|c| c.quantiles.len() > 1) {
            return None;
        }
        let mut data = Data::new(&["platform", "count", "quantile", "latency in seconds", "low", "high"]);
        for cell in &self.cells {
            for (q, latency) in &cell.quantiles {
                let band = cell.band.iter().find(|b| b[0] == *q);
                data.row([
                    cell.label.clone(),
                    cell.count.to_string(),
                    digits(*q),
                    digits(*latency),
                    digits(band.map(|b| b[1])),
                    digits(band.map(|b| b[2])),
                ]);
            }
        }
        let said = |cell: &Latencies| {
            let at = |wanted: f64| cell.quantiles.iter().find(|(q, _)| *q >= wanted).map(|(_, l)| *l);
            let median = at(0.5)?;
            let tail = at(0.99).map(|l| format!(", 99 % within {}", Format::Seconds.value(l)));
            let median = Format::Seconds.value(median);
            Some(format!("{}: half within {median}{}", cell.label, tail.unwrap_or_default()))
        };
        let said: Vec<String> = self.cells.iter().filter_map(said).collect();
        let legend: Vec<Key> =
            self.cells.iter().map(|c| series_key(&c.label, c.series, Provenance::Measured)).collect();
        Some(Chart {
            name: head.name,
            kind,
            description: format!("{}. {}.", self.what, said.join("; ")),
            title: head.title,
            subtitle: head.subtitle,
            notes: head.notes,
            data,
            legend,
            form: Form::Plot(plot),
        })
    }
}
