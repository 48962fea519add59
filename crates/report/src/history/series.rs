//! One cell over time: its values, its levels, and where they change.

use std::collections::BTreeMap;

use portbench_measure::{Metric, Unit};
use portbench_records::Cell;
use portbench_stats::change_point::segments;
use portbench_stats::regression::{self, Held, SMALLEST};
use portbench_stats::{ChangeOptions, ChangePoint, Direction, Sample, Standing, change_points, noise};

use super::accuracy::{self, Drift};
use super::read::{Nights, Seen, Sight};
use super::stack::{Change, words};

/// A cell's metric on one hardware, with one program and one set of settings, over the runs that measured it.
#[derive(Clone, Debug)]
pub struct Series {
    /// The cell.
    pub cell: Cell,
    /// Its hardware, as a report names it.
    pub hardware: String,
    /// The suite of its latest run.
    pub suite: String,
    /// What is followed.
    pub metric: Metric,
    /// Unit of work of a throughput.
    pub unit: Unit,
    /// The runs, oldest first; one at least.
    pub points: Vec<Point>,
    /// Declared breaks and change points, in order of their places.
    pub shifts: Vec<Shift>,
    /// What began the series where an older one of its cell ended: another program or other settings, for people.
    pub begun: Option<String>,
    /// Whether a newer series of the same cell goes on in its place.
    pub ended: bool,
    /// Whether its latest run is of tonight.
    pub tonight: bool,
    /// The latest runs beside their baseline, of a series of tonight with runs enough; counted from [`Series::first`].
    pub held: Option<Held>,
    /// Its p-value, adjusted for all series of tonight.
    pub adjusted_p: Option<f64>,
    /// What may be said of tonight.
    pub standing: Option<Standing>,
    /// Whether the number of trials is why nothing can be claimed of a change.
    pub out_of_reach: bool,
    /// How its error moved, where that is known.
    pub drift: Option<Drift>,
}

/// A run of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The run.
    pub run: String,
    /// When it began, seconds since 1970-01-01.
    pub started: u64,
    /// Value, lower and upper end of its interval.
    pub estimate: [f64; 3],
    /// The value of each trial.
    pub trials: Vec<f64>,
}

/// A place where a series goes on at another level.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    /// The first point after it.
    pub at: usize,
    /// Level before: the median of the segment that ends.
    pub before: f64,
    /// Level after.
    pub after: f64,
    /// What kind of shift.
    pub kind: Break,
    /// What changed between the two runs.
    pub changed: Vec<Change>,
}

impl Shift {
    /// How far the level moved, relative to the one before.
    #[must_use]
    pub fn change(&self) -> f64 {
        (self.after - self.before) / self.before.abs()
    }
}

/// Why a series has a new segment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Break {
    /// Another platform: no regression, whatever it does to the level.
    Declared,
    /// A change point, with its p-value.
    ChangePoint(f64),
}

/// What tells series apart.
type Key<'a> = (&'a str, &'a str, &'a str, &'a str, &'a BTreeMap<String, String>, Metric);

/// All series, by cell and metric, then by when they began.
pub(super) fn follow(nights: &Nights) -> Vec<Series> {
    let mut groups: BTreeMap<Key<'_>, Vec<(&Sight, &Seen)>> = BTreeMap::new();
    for sight in &nights.sights {
        let digest = nights.runs[sight.run].plan.get(&sight.id).map_or("", String::as_str);
        for seen in &sight.figures {
            let key =
                (&*sight.id, &*sight.hardware, &*sight.fingerprint, digest, &sight.settings, seen.metric);
            groups.entry(key).or_default().push((sight, seen));
        }
    }
    let mut groups: Vec<(Key<'_>, Vec<(&Sight, &Seen)>)> = groups.into_iter().collect();
    groups.sort_by_key(|((cell, hardware, .., metric), points)| (*cell, *hardware, *metric, points[0].0.run));
    let same = |a: &Key<'_>, b: &Key<'_>| (a.0, a.1, a.5) == (b.0, b.1, b.5);
    let mut all: Vec<Series> = Vec::new();
    for (place, (key, points)) in groups.iter().enumerate() {
        let before = place.checked_sub(1).map(|p| &groups[p].0).filter(|before| same(before, key));
        let begun = before.map(|before| begun(before, key));
        let mut series = one(nights, points, begun);
        let last = points[points.len() - 1].0;
        series.ended = groups
            .iter()
            .any(|(other, points)| same(other, key) && points[points.len() - 1].0.run > last.run);
        series.tonight = !series.ended && nights.tonight(last.run);
        // Of a cell with two metrics the error is told once.
        let first = last.figures.first().is_some_and(|seen| seen.metric == series.metric);
        series.drift = accuracy::drift(nights, &points.iter().map(|(sight, _)| *sight).collect::<Vec<_>>())
            .filter(|_| first && series.tonight);
        hold(&mut series);
        all.push(series);
    }
    all
}

/// Why a series is another one than that before it.
fn begun(before: &Key<'_>, after: &Key<'_>) -> String {
    let short = |fingerprint: &str| fingerprint.get(..12).unwrap_or(fingerprint).to_owned();
    if before.2 != after.2 {
        return format!("another program: {} -> {}", short(before.2), short(after.2));
    }
    match Change::between(before.4, after.4) {
        changes if changes.is_empty() => {
            "other settings: inputs, weights, parity check, options, flags or timing".to_owned()
        }
        changes => format!("other settings: {}", words(&changes)),
    }
}

fn one(nights: &Nights, points: &[(&Sight, &Seen)], begun: Option<String>) -> Series {
    let (first, seen) = points[0];
    let last = points[points.len() - 1].0;
    let point = |(sight, seen): &(&Sight, &Seen)| {
        let run = &nights.runs[sight.run];
        Point {
            run: run.id.clone(),
            started: run.started,
            estimate: seen.estimate,
            trials: seen.trials.clone(),
        }
    };
    let mut series = Series {
        cell: first.cell.clone(),
        hardware: first.hardware.clone(),
        suite: nights.runs[last.run].line.suite.clone(),
        metric: seen.metric,
        unit: first.unit,
        points: points.iter().map(point).collect(),
        shifts: Vec::new(),
        begun,
        ended: false,
        tonight: false,
        held: None,
        adjusted_p: None,
        standing: None,
        out_of_reach: false,
        drift: None,
    };
    let changed =
        |at: usize| nights.stacks[points[at - 1].0.stack].changes(&nights.stacks[points[at].0.stack]);
    let breaks: Vec<usize> =
        (1..points.len()).filter(|&at| changed(at).iter().any(Change::declared)).collect();
    let mut places: Vec<(usize, Break)> = breaks.iter().map(|&at| (at, Break::Declared)).collect();
    let bounds: Vec<usize> = std::iter::once(0).chain(breaks.iter().copied()).chain([points.len()]).collect();
    for pair in bounds.windows(2) {
        let found = steps(&series.values()[pair[0]..pair[1]]);
        places.extend(found.iter().map(|step| (pair[0] + step.index, Break::ChangePoint(step.p))));
    }
    places.sort_by_key(|(at, _)| *at);
    let values = series.values();
    let ends = places.iter().skip(1).map(|(at, _)| *at).chain([points.len()]);
    let starts = std::iter::once(0).chain(places.iter().map(|(at, _)| *at));
    let shift = |(((at, kind), end), start): ((&(usize, Break), usize), usize)| Shift {
        at: *at,
        before: median(&values[start..*at]),
        after: median(&values[*at..end]),
        kind: *kind,
        changed: changed(*at),
    };
    series.shifts = places.iter().zip(ends).zip(starts).map(shift).collect();
    series
}

/// Change points of values within which nothing was declared, with steps that exceed their noise.
fn steps(values: &[f64]) -> Vec<ChangePoint> {
    let smallest = noise(values).map_or(SMALLEST, |noise| noise.threshold.max(SMALLEST));
    change_points(values, &ChangeOptions { smallest, ..ChangeOptions::default() }).unwrap_or_default()
}

fn median(values: &[f64]) -> f64 {
    Sample::new(values.to_vec()).map_or(f64::NAN, |sample| sample.median())
}

/// Holds the latest run of a series of tonight against those since the last declared break. What cannot be held, such as values of 0, has no verdict.
fn hold(series: &mut Series) {
    if !series.tonight {
        return;
    }
    let first = series.first();
    let trials: Vec<Vec<f64>> = series.points[first..].iter().map(|point| point.trials.clone()).collect();
    let changes = series.shifts.iter().filter(|shift| shift.at > first).map(|shift| shift.at - first);
    series.held = regression::hold(&trials, &changes.collect::<Vec<_>>()).ok().flatten();
}

impl Series {
    /// Which way it is good.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        if self.metric.higher_is_better() { Direction::HigherIsBetter } else { Direction::LowerIsBetter }
    }

    /// The values: of each run the mean of its trials.
    #[must_use]
    pub fn values(&self) -> Vec<f64> {
        let mean = |point: &Point| point.trials.iter().sum::<f64>() / point.trials.len() as f64;
        self.points.iter().map(mean).collect()
    }

    /// The first point since the last declared break.
    #[must_use]
    pub fn first(&self) -> usize {
        self.shifts.iter().rev().find(|s| s.kind == Break::Declared).map_or(0, |s| s.at)
    }

    /// The segments between shifts, each with its level, the median of its values.
    #[must_use]
    pub fn levels(&self) -> Vec<(std::ops::Range<usize>, f64)> {
        let (places, values): (Vec<usize>, _) =
            (self.shifts.iter().map(|shift| shift.at).collect(), self.values());
        segments(values.len(), &places)
            .into_iter()
            .map(|part| (part.clone(), median(&values[part])))
            .collect()
    }

    /// The latest point.
    #[must_use]
    pub fn latest(&self) -> &Point {
        &self.points[self.points.len() - 1]
    }
}
