//! Curves and points over two axes.

use super::Room;
use crate::axis::{Axis, Format, Scale};
use crate::canvas::{Anchor, Canvas, Point, Style};
use crate::curve::Steffen;
use crate::marker::{self, Provenance};
use crate::theme::Ink;

/// An axis of a plot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dimension {
    /// What it counts, with its unit.
    pub(crate) title: String,
    pub(crate) scale: Scale,
    pub(crate) format: Format,
    /// Whether a linear scale begins at 0.
    pub(crate) from_zero: bool,
    /// Values that the scale must hold besides those drawn.
    pub(crate) holds: Vec<f64>,
}

impl Dimension {
    pub(crate) fn new(title: &str, scale: Scale, format: Format) -> Self {
        Self { title: title.to_owned(), scale, format, from_zero: false, holds: Vec::new() }
    }

    pub(crate) fn with_zero(mut self) -> Self {
        self.from_zero = true;
        self
    }

    pub(crate) fn holding(mut self, values: impl IntoIterator<Item = f64>) -> Self {
        self.holds.extend(values);
        self
    }

    fn axis(&self, values: impl Iterator<Item = f64>, pixels: (f64, f64)) -> Axis {
        let values: Vec<f64> = values.chain(self.holds.iter().copied()).collect();
        match self.scale {
            Scale::Linear if self.from_zero => Axis::from_zero(&values, pixels),
            Scale::Linear => Axis::around(&values, pixels),
            Scale::Logarithmic => Axis::logarithmic(&values, pixels),
            Scale::Quantile => Axis::quantile(&values, pixels),
        }
    }

    /// The title, and how the scale grows where that is not by equal steps.
    fn words(&self) -> String {
        match self.scale {
            Scale::Logarithmic => format!("{}, logarithmic scale", self.title),
            Scale::Linear | Scale::Quantile => self.title.clone(),
        }
    }

    fn shows(&self, value: f64) -> bool {
        value.is_finite() && (self.scale != Scale::Logarithmic || value > 0.0)
    }
}

/// How the points of a curve are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    /// Not at all.
    None,
    Straight,
    /// Steffen's monotone cubic, in the axes' own scales.
    Monotone,
}

/// Points of one series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Curve {
    pub(crate) label: String,
    /// Number of its platform; without one it is a line behind what matters.
    pub(crate) series: Option<usize>,
    pub(crate) provenance: Provenance,
    pub(crate) join: Join,
    pub(crate) width: f64,
    /// Whether each point has a mark.
    pub(crate) marks: bool,
    /// Whether the marks are hollow.
    pub(crate) hollow: bool,
    /// Whether the label stands at the curve's end.
    pub(crate) named: bool,
    /// Words above its right end, where names do not stand there.
    pub(crate) caption: Option<String>,
    /// A few letters beside each of its marks, which the plot's key explains.
    pub(crate) tag: Option<String>,
    pub(crate) points: Vec<Spot>,
    /// Lower and upper ends of an area around the curve: x, low, high.
    pub(crate) band: Vec<[f64; 3]>,
}

/// A point, with its intervals and what is said of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spot {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) y_interval: Option<(f64, f64)>,
    pub(crate) tip: String,
}

impl Curve {
    fn ink(&self) -> Ink {
        self.series.map_or(Ink::Muted, Ink::Series)
    }

    pub(crate) fn line(
        label: &str,
        series: impl Into<Option<usize>>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        let spot = |(x, y)| Spot { x, y, y_interval: None, tip: String::new() };
        Self {
            label: label.to_owned(),
            series: series.into(),
            provenance: Provenance::Measured,
            join: Join::Straight,
            width: 2.0,
            marks: false,
            hollow: false,
            named: true,
            caption: None,
            tag: None,
            points: points.into_iter().map(spot).collect(),
            band: Vec::new(),
        }
    }
}

/// A straight line across the plot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Guide {
    pub(crate) label: String,
    pub(crate) at: f64,
    /// Across from left to right at a y; else from bottom to top at an x.
    pub(crate) horizontal: bool,
}

/// The plot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plot {
    pub(crate) x: Dimension,
    pub(crate) y: Dimension,
    pub(crate) curves: Vec<Curve>,
    pub(crate) guides: Vec<Guide>,
    /// What the tags mean, below the plot.
    pub(crate) key: Vec<(String, String)>,
}

const TICK: Style = Style::of(11.5).ink(Ink::Muted);
const AXIS: Style = Style::of(12.5).ink(Ink::Muted);
const NAME: Style = Style::of(12.0);
const TAG: Style = Style::of(10.5);
/// Most curves whose names stand at their ends.
const NAMED: usize = 10;

impl Plot {
    /// Whether names stand at the ends of the curves, so that no legend is needed.
    pub(crate) fn names_at_ends(&self, narrow: bool) -> bool {
        !narrow && (1..=NAMED).contains(&self.curves.iter().filter(|c| c.named).count())
    }

    /// Whether every series has a name at an end.
    pub(crate) fn names_all(&self, narrow: bool) -> bool {
        let named = |series| self.curves.iter().any(|c| c.named && c.series == series);
        self.names_at_ends(narrow) && self.curves.iter().all(|c| c.named || named(c.series))
    }

    pub(crate) fn draw(&self, canvas: &mut Canvas, room: Room) -> f64 {
        let height = if room.narrow { 300.0 } else { 400.0 };
        let named = self.names_at_ends(room.narrow);
        let shown = |c: &'_ Curve| -> Vec<Spot> {
            c.points.iter().filter(|p| self.x.shows(p.x) && self.y.shows(p.y)).cloned().collect()
        };
        let all: Vec<Spot> = self.curves.iter().flat_map(shown).collect();
        let ys = all.iter().flat_map(|p| {
            let (low, high) = p.y_interval.unwrap_or((p.y, p.y));
            // An interval must not stretch the scale without end.
            [p.y, low.max(p.y.min(p.y / 3.0)), high.min(p.y.max(p.y * 3.0))]
        });
        let guides =
            |horizontal| self.guides.iter().filter(move |g| g.horizontal == horizontal).map(|g| g.at);
        let bands = self.curves.iter().flat_map(|c| &c.band).flat_map(|b| [b[1], b[2]]);
        let top = room.top + 24.0;
        let bottom = top + height;
        let y = self.y.axis(ys.chain(bands).chain(guides(true)), (bottom, top));
        let ticks = y.ticks(6);
        let widest = ticks.iter().map(|t| TICK.width(&self.y.format.tick(*t))).fold(0.0, f64::max);
        let left = room.left + widest + 10.0;
        let names = self.curves.iter().filter(|c| c.named && named).map(|c| NAME.width(&c.label));
        let names = names.fold(0.0, f64::max).min(room.width() * 0.24);
        let right = room.right - if names > 0.0 { names + 26.0 } else { 10.0 };
        let x = self.x.axis(all.iter().map(|p| p.x).chain(guides(false)), (left, right));
        canvas.words(AXIS.fitted(&self.y.words(), room.width()), (room.left, room.top + 6.0), AXIS);
        for tick in ticks {
            canvas.line(vec![(left, y.at(tick)), (right, y.at(tick))], Ink::Grid, 1.0);
            canvas.words(self.y.format.tick(tick), (left - 8.0, y.at(tick)), TICK.at(Anchor::Right));
        }
        self.x_axis(canvas, &x, (left, right, bottom));
        self.draw_guides(canvas, &x, &y, (left, right, top, bottom));
        for curve in &self.curves {
            draw_curve(canvas, curve, &shown(curve), &x, &y, self);
        }
        let taken = if named {
            self.names(canvas, &x, &y, (right + 10.0, room.right, top, bottom));
            Vec::new()
        } else {
            self.captions(canvas, &x, &y, (left, right, top, bottom))
        };
        self.tags(canvas, &x, &y, (left, right), taken);
        self.key(canvas, room, bottom + 52.0)
    }

    /// Beside each mark that has one, its tag: where nothing else stands, if there is such a place. `taken` are middles and widths of other words.
    fn tags(
        &self,
        canvas: &mut Canvas,
        x: &Axis,
        y: &Axis,
        (left, right): (f64, f64),
        mut taken: Vec<(Point, f64)>,
    ) {
        /// Width of a mark.
        const MARK: f64 = 9.0;
        const SIDES: [(f64, f64); 6] =
            [(9.0, -7.0), (-9.0, -7.0), (9.0, 7.0), (-9.0, 7.0), (0.0, -14.0), (0.0, 14.0)];
        let tagged = self.curves.iter().filter(|c| c.tag.is_some()).flat_map(|c| &c.points);
        taken.extend(tagged.map(|p| ((x.at(p.x), y.at(p.y)), MARK)));
        for curve in &self.curves {
            let Some(tag) = &curve.tag else { continue };
            let width = TAG.width(tag);
            for spot in curve.points.iter().filter(|p| self.x.shows(p.x) && self.y.shows(p.y)) {
                let mark = (x.at(spot.x), y.at(spot.y));
                let place = |(dx, dy): (f64, f64)| (mark.0 + dx + dx.signum() * width / 2.0, mark.1 + dy);
                let free = |at: &Point| {
                    let apart = |(other, wide): &(Point, f64)| {
                        (other.0 - at.0).abs() > (width + wide) / 2.0 + 1.0 || (other.1 - at.1).abs() > 10.0
                    };
                    at.0 - width / 2.0 > left && at.0 + width / 2.0 < right && taken.iter().all(apart)
                };
                let at = SIDES.map(place).into_iter().find(free).unwrap_or_else(|| place(SIDES[0]));
                canvas.centred(tag, at, TAG);
                taken.push((at, width));
            }
        }
    }

    /// What the tags mean, in columns.
    fn key(&self, canvas: &mut Canvas, room: Room, top: f64) -> f64 {
        const LINE: f64 = 16.0;
        let columns = if room.narrow { 1 } else { 2 };
        let lines = self.key.len().div_ceil(columns).max(1);
        let width = room.width() / columns as f64;
        for (i, (tag, words)) in self.key.iter().enumerate() {
            let at = (room.left + width * (i / lines) as f64, top + LINE * ((i % lines) as f64 + 0.5));
            canvas.words(tag.clone(), (at.0 + 16.0, at.1), TAG.at(Anchor::Right));
            canvas.words(TICK.fitted(words, width - 34.0), (at.0 + 22.0, at.1), TICK);
        }
        if self.key.is_empty() { top } else { top + LINE * lines as f64 + 6.0 }
    }

    fn x_axis(&self, canvas: &mut Canvas, x: &Axis, (left, right, bottom): (f64, f64, f64)) {
        canvas.line(vec![(left, bottom), (right, bottom)], Ink::Muted, 1.0);
        let mut free = f64::NEG_INFINITY;
        for tick in x.ticks(((right - left) / 85.0).clamp(2.0, 9.0) as usize) {
            let (at, words) = (x.at(tick), self.x.format.tick(tick));
            canvas.line(vec![(at, bottom), (at, bottom + 5.0)], Ink::Muted, 1.0);
            let half = TICK.width(&words) / 2.0;
            if at - half > free + 6.0 {
                canvas.centred(&words, (at, bottom + 16.0), TICK);
                free = at + half;
            }
        }
        let title = AXIS.fitted(&self.x.words(), right - left);
        canvas.words(title, ((left + right) / 2.0, bottom + 36.0), AXIS.at(Anchor::Middle));
    }

    fn draw_guides(
        &self,
        canvas: &mut Canvas,
        x: &Axis,
        y: &Axis,
        (left, right, top, bottom): (f64, f64, f64, f64),
    ) {
        for guide in self.guides.iter().filter(|g| g.at.is_finite()) {
            let dash = Some((4.0, 4.0));
            let style = Style::of(11.5).ink(Ink::Muted);
            if guide.horizontal {
                let at = y.at(guide.at);
                canvas.dashed(vec![(left, at), (right, at)], Ink::Muted, 1.2, dash);
                let above = if at - 9.0 > top { at - 9.0 } else { at + 9.0 };
                canvas.words(style.fitted(&guide.label, right - left - 8.0), (left + 6.0, above), style);
            } else {
                let at = x.at(guide.at);
                canvas.dashed(vec![(at, top), (at, bottom)], Ink::Muted, 1.2, dash);
                let (anchor, beside) =
                    if at - left > right - at { (Anchor::Right, at - 6.0) } else { (Anchor::Left, at + 6.0) };
                let words = style.fitted(&guide.label, (at - left).max(right - at) - 8.0);
                canvas.words(words, (beside, top + 8.0), style.at(anchor));
            }
        }
    }

    /// Names beside the ends of the curves, as near as they fit below each other.
    fn names(
        &self,
        canvas: &mut Canvas,
        x: &Axis,
        y: &Axis,
        (left, right, top, bottom): (f64, f64, f64, f64),
    ) {
        const LINE: f64 = 14.5;
        let end = |curve: &Curve| {
            let shown = curve.points.iter().filter(|p| self.x.shows(p.x) && self.y.shows(p.y));
            let last = shown.max_by(|a, b| a.x.total_cmp(&b.x))?;
            Some((x.at(last.x), y.at(last.y)))
        };
        let mut ends: Vec<(Point, &Curve)> =
            self.curves.iter().filter(|c| c.named).filter_map(|c| Some((end(c)?, c))).collect();
        ends.sort_by(|a, b| a.0.1.total_cmp(&b.0.1));
        let words: Vec<Vec<String>> =
            ends.iter().map(|(_, c)| NAME.wrapped(&c.label, right - left - 10.0)).collect();
        let heights: Vec<f64> = words.iter().map(|lines| lines.len().max(1) as f64 * LINE + 3.0).collect();
        let mut places: Vec<f64> = ends.iter().map(|(at, _)| at.1).collect();
        spread(&mut places, &heights, (top, bottom));
        for (((at, curve), place), lines) in ends.into_iter().zip(places).zip(words) {
            if (at.0 - left).abs() > 14.0 || (at.1 - place).abs() > 5.0 {
                canvas.line(vec![(at.0 + 5.0, at.1), (left - 4.0, place)], Ink::Grid, 1.0);
            }
            canvas.disc((left + 1.0, place), 3.0, curve.ink());
            let first = place - (lines.len() as f64 - 1.0) * LINE / 2.0;
            for (i, line) in lines.into_iter().enumerate() {
                canvas.words(line, (left + 9.0, first + LINE * i as f64), NAME);
            }
        }
    }

    /// Words inside the plot, above the right ends of the curves that have them; says where their middles are and how wide they are.
    fn captions(
        &self,
        canvas: &mut Canvas,
        x: &Axis,
        y: &Axis,
        (left, right, top, bottom): (f64, f64, f64, f64),
    ) -> Vec<(Point, f64)> {
        let style = Style::of(11.5).at(Anchor::Right);
        let end = |curve: &Curve| {
            let caption = curve.caption.clone()?;
            let last = curve.points.last().filter(|p| self.x.shows(p.x) && self.y.shows(p.y))?;
            Some((x.at(last.x).min(right), y.at(last.y) - 10.0, caption, curve.ink()))
        };
        let mut ends: Vec<(f64, f64, String, Ink)> = self.curves.iter().filter_map(end).collect();
        ends.sort_by(|a, b| a.1.total_cmp(&b.1));
        // Upwards, away from the lines.
        let mut places: Vec<f64> = ends.iter().rev().map(|e| -e.1).collect();
        spread(&mut places, &vec![14.0; ends.len()], (-bottom, -top + 14.0));
        let mut taken = Vec::new();
        for ((at, _, caption, ink), place) in ends.into_iter().rev().zip(places) {
            let words = style.fitted(&caption, (at - left) * 0.7);
            let width = style.width(&words);
            taken.push(((at - width / 2.0, -place), width));
            canvas.words(words, (at, -place), style.ink(ink));
        }
        taken
    }
}

/// Moves sorted places apart so that things of these heights do not overlap, within bounds where there is room.
fn spread(places: &mut [f64], heights: &[f64], (low, high): (f64, f64)) {
    let apart = |i: usize| f64::midpoint(heights[i - 1], heights[i]);
    for i in 1..places.len() {
        places[i] = places[i].max(places[i - 1] + apart(i));
    }
    if let Some(last) = places.last_mut() {
        *last = last.min(high);
    }
    for i in (1..places.len()).rev() {
        places[i - 1] = places[i - 1].min(places[i] - apart(i)).max(low);
    }
}

fn draw_curve(canvas: &mut Canvas, curve: &Curve, shown: &[Spot], x: &Axis, y: &Axis, plot: &Plot) {
    let ink = curve.ink();
    let band: Vec<&[f64; 3]> = curve.band.iter().filter(|b| b.iter().all(|v| v.is_finite())).collect();
    if band.len() > 1 {
        let upper = band.iter().map(|b| (x.at(b[0]), y.at(b[2])));
        let lower = band.iter().rev().map(|b| (x.at(b[0]), y.at(b[1])));
        canvas.area(upper.chain(lower).collect(), curve.series.map_or(Ink::Grid, Ink::Tint));
    }
    let pixels: Vec<Point> = shown.iter().map(|p| (x.at(p.x), y.at(p.y))).collect();
    let through = match curve.join {
        Join::None => Vec::new(),
        Join::Straight => pixels.clone(),
        Join::Monotone => monotone(shown, x, y),
    };
    if through.len() > 1 {
        let dash = curve.provenance.dash();
        canvas.mark(curve.label.clone(), |canvas| canvas.dashed(through, ink, curve.width, dash));
    }
    for (spot, at) in shown.iter().zip(pixels).filter(|_| curve.marks) {
        canvas.mark(spot.tip.clone(), |canvas| {
            if let Some((low, high)) = spot.y_interval
                && plot.y.shows(high)
            {
                let (low, high) = (y.at(low), y.at(high));
                if (low - high).abs() > 9.0 {
                    canvas.line(vec![(at.0, low), (at.0, high)], ink, 1.4);
                    for end in [low, high] {
                        canvas.line(vec![(at.0 - 4.0, end), (at.0 + 4.0, end)], ink, 1.4);
                    }
                }
            }
            if let Some(series) = curve.series {
                marker::draw(canvas, at, series, curve.provenance, curve.hollow);
            } else {
                canvas.disc(at, 2.5, ink);
            }
        });
    }
}

/// Steffen's curve between the points, and never beyond them.
fn monotone(spots: &[Spot], x: &Axis, y: &Axis) -> Vec<Point> {
    const STEPS: usize = 12;
    let knots: Vec<(f64, f64)> = spots.iter().map(|s| (s.x, s.y)).collect();
    let Some(curve) = Steffen::through(&knots) else {
        return knots.iter().map(|k| (x.at(k.0), y.at(k.1))).collect();
    };
    let mut points = Vec::with_capacity(knots.len() * STEPS);
    for pair in knots.windows(2) {
        for step in 0..STEPS {
            let at = pair[0].0 + (pair[1].0 - pair[0].0) * step as f64 / STEPS as f64;
            points.push((x.at(at), y.at(curve.at(at))));
        }
    }
    points.extend(knots.last().map(|k| (x.at(k.0), y.at(k.1))));
    points
}
