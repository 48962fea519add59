//! Values of many runs over time, a panel a series: levels, change points, declared breaks.

use super::{Head, series_key};
use crate::axis::Format;
use crate::chart::{Chart, Key};
use crate::data::{Data, digits};
use crate::form::Form;
use crate::form::trend::{self, Mark, Panel, Sign};
use crate::marker::Provenance;

/// A run of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendPoint {
    /// The run, for people.
    pub run: String,
    /// When: seconds since some time that all panels share.
    pub at: f64,
    /// Value.
    pub value: f64,
    /// Its interval.
    pub interval: (f64, f64),
}

/// A place where a series goes on at another level.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendShift {
    /// The first point after it.
    pub at: usize,
    /// What happened there.
    pub words: String,
    /// What it is.
    pub sign: TrendSign,
}

/// What a shift is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrendSign {
    /// Another platform, which is known.
    Declared,
    /// A change point for the better.
    Better,
    /// A change point for the worse.
    Worse,
}

/// A series.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendSeries {
    /// Whose.
    pub label: String,
    /// What is said of its latest run.
    pub verdict: String,
    /// What its values count, with their unit and which way is better.
    pub counts: String,
    /// Number of its platform.
    pub series: usize,
    /// The platform.
    pub platform: String,
    /// How its values are written.
    pub format: Format,
    /// The runs, oldest first.
    pub points: Vec<TrendPoint>,
    /// Shifts, in order of their places.
    pub shifts: Vec<TrendShift>,
    /// Levels of the segments between them, one more than there are shifts.
    pub levels: Vec<f64>,
    /// How many of the latest runs are out of line: they have a ring, and the last level ends before them.
    pub out_of_line: usize,
}

/// Series over one time axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    /// Title of the time axis.
    pub time: String,
    /// Places and words on it.
    pub ticks: Vec<(f64, String)>,
    /// The series, from the top.
    pub series: Vec<TrendSeries>,
}

impl Trend {
    /// The chart; `None` where no series has two points that can be drawn.
    #[must_use]
    pub fn chart(self, kind: &'static str, head: Head) -> Option<Chart> {
        let mut data =
            Data::new(&["series", "platform", "run", "seconds", "value", "low", "high", "level", "shift"]);
        let (mut panels, mut notes, mut said) = (Vec::new(), head.notes, Vec::new());
        let mut legend: Vec<Key> = Vec::new();
        for series in self.series {
            for (i, point) in series.points.iter().enumerate() {
                let shift = series.shifts.iter().find(|shift| shift.at == i);
                data.row([
                    series.label.clone(),
                    series.platform.clone(),
                    point.run.clone(),
                    digits(point.at),
                    digits(point.value),
                    digits(point.interval.0),
                    digits(point.interval.1),
                    digits(series.level(i)),
                    shift.map(|shift| shift.words.clone()).unwrap_or_default(),
                ]);
            }
            if series.points.iter().filter(|p| p.at.is_finite() && p.value.is_finite()).count() < 2 {
                notes.push(format!("Not drawn: {}: fewer than two runs.", series.label));
                continue;
            }
            said.push(format!("{} on {}: {}", series.label, series.platform, series.verdict));
            let key = series_key(&series.platform, series.series, Provenance::Measured);
            if !legend.contains(&key) {
                legend.push(key);
            }
            panels.push(series.panel());
        }
        if panels.is_empty() {
            return None;
        }
        Some(Chart {
            name: head.name,
            kind,
            description: format!("Values of runs over time. {}.", said.join("; ")),
            title: head.title,
            subtitle: head.subtitle,
            notes,
            data,
            legend,
            form: Form::Trend(trend::Trend { time: self.time, ticks: self.ticks, panels }),
        })
    }
}

impl TrendSeries {
    /// The level of a point's segment.
    fn level(&self, point: usize) -> Option<f64> {
        self.levels.get(self.shifts.iter().filter(|shift| shift.at <= point).count()).copied()
    }

    fn panel(self) -> Panel {
        let starts: Vec<usize> = std::iter::once(0).chain(self.shifts.iter().map(|s| s.at)).collect();
        let ends = starts.iter().skip(1).copied().chain([self.points.len()]);
        let at = |i: usize| self.points.get(i).map_or(f64::NAN, |point| point.at);
        let in_line = self.points.len().saturating_sub(self.out_of_line);
        let levels = starts.iter().zip(ends).zip(&self.levels);
        let levels = levels
            // A level that is itself out of line is drawn as well.
            .map(|((start, end), level)| {
                (*start, if in_line > *start { end.min(in_line) } else { end }, *level)
            })
            .filter(|(start, end, _)| end > start)
            .map(|(start, end, level)| (at(start), at(end - 1), level))
            .collect();
        let mark = |shift: &TrendShift| Mark {
            // Between the two runs.
            at: f64::midpoint(at(shift.at.saturating_sub(1)), at(shift.at)),
            words: shift.words.clone(),
            sign: match shift.sign {
                TrendSign::Declared => Sign::Declared,
                TrendSign::Better => Sign::Better,
                TrendSign::Worse => Sign::Worse,
            },
        };
        let spot = |(i, point): (usize, &TrendPoint)| trend::Spot {
            out_of_line: i >= in_line,
            at: point.at,
            value: point.value,
            interval: point.interval,
            tip: format!(
                "{}: {}",
                point.run,
                self.format.interval(point.value, point.interval.0, point.interval.1)
            ),
        };
        Panel {
            marks: self.shifts.iter().map(mark).collect(),
            spots: self.points.iter().enumerate().map(spot).collect(),
            levels,
            label: format!("{} on {}", self.label, self.platform),
            verdict: self.verdict,
            counts: self.counts,
            series: self.series,
            format: self.format,
        }
    }
}
