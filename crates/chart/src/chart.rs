//! A chart: what is drawn, and everything that travels with it.

use crate::canvas::{Canvas, LINE_HEIGHT, Style};
use crate::data::Data;
use crate::error::ChartError;
use crate::form::{Form, Room};
use crate::marker::{self, Provenance};
use crate::theme::{Ink, State, Theme};
use crate::{png, svg};

/// A drawn chart with everything that travels with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Its files' names without an ending, of `a-z0-9.-` alone.
    pub name: String,
    /// What kind of chart it is, as on the command line.
    pub kind: &'static str,
    /// Title.
    pub title: String,
    /// What the marks mean: unit, number of trials, interval.
    pub subtitle: String,
    /// One or two sentences for those who do not see it, with the main values.
    pub description: String,
    /// What stands below: software and hardware, dates of prices, and every point that is not drawn, with the reason.
    pub notes: Vec<String>,
    /// The numbers behind it.
    pub data: Data,
    pub(crate) legend: Vec<Key>,
    pub(crate) form: Form,
}

/// An entry of the legend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A series: a platform, and where its numbers come from.
    Series {
        /// Name.
        label: String,
        /// Its number, which decides on colour and marker.
        series: usize,
        /// Where its numbers come from.
        provenance: Provenance,
    },
    /// A state.
    State {
        /// What it means here.
        label: String,
        /// Which.
        state: State,
    },
}

/// Width that a picture is laid out for, in pixels.
const WIDE: f64 = 960.0;
const NARROW: f64 = 420.0;
/// Most notes on the picture; the others stand beside it.
const NOTES: usize = 8;

impl Chart {
    /// As SVG, 960 pixels wide, with tooltips.
    ///
    /// # Errors
    /// [`ChartError::Draw`].
    pub fn svg(&self, theme: Theme) -> Result<String, ChartError> {
        Ok(self.write_svg(theme, false))
    }

    /// As SVG for a phone held upright: 420 pixels wide, laid out anew, with words of the same size.
    ///
    /// # Errors
    /// [`ChartError::Draw`].
    pub fn narrow_svg(&self, theme: Theme) -> Result<String, ChartError> {
        Ok(self.write_svg(theme, true))
    }

    /// As PNG at `scale` times 960 pixels of width.
    ///
    /// # Errors
    /// [`ChartError::Scale`] for a scale of 0 or above 4, [`ChartError::Draw`], [`ChartError::Encode`].
    pub fn png(&self, theme: Theme, scale: u32) -> Result<Vec<u8>, ChartError> {
        png::write(&self.canvas(false), theme, scale, &self.name)
    }

    fn write_svg(&self, theme: Theme, narrow: bool) -> String {
        let layout = if narrow { "narrow" } else { "wide" };
        let id = format!("{}-{layout}-{}", self.name.replace('.', "-"), theme.name());
        svg::write(&self.canvas(narrow), theme, &id, &self.title, &self.description)
    }

    fn canvas(&self, narrow: bool) -> Canvas {
        let width = if narrow { NARROW } else { WIDE };
        let margin = if narrow { 12.0 } else { 20.0 };
        let mut canvas = Canvas::new(width);
        let mut room = Room { left: margin, right: width - margin, top: 0.0, narrow };
        let title = Style::of(if narrow { 16.0 } else { 19.0 }).bold();
        let mut y = margin + title.size * 0.6;
        y = canvas.lines(&title.wrapped(&self.title, room.width()), (room.left, y), title);
        let subtitle = Style::of(12.5).ink(Ink::Muted);
        y = canvas.lines(&subtitle.wrapped(&self.subtitle, room.width()), (room.left, y), subtitle);
        room.top = self.draw_legend(&mut canvas, room, y + 2.0) + 6.0;
        let bottom = self.form.draw(&mut canvas, room);
        canvas.height = (self.draw_notes(&mut canvas, room, bottom + 8.0) + margin * 0.5).ceil();
        canvas
    }

    /// Entries side by side, in as many lines as they take.
    fn draw_legend(&self, canvas: &mut Canvas, room: Room, top: f64) -> f64 {
        const SIGN: f64 = 16.0;
        let style = Style::of(12.5);
        let named = matches!(&self.form, Form::Plot(plot) if plot.names_all(room.narrow));
        let keys: Vec<&Key> = if named { Vec::new() } else { self.legend.iter().collect() };
        let (mut x, mut y) = (room.left, top + 8.0);
        for key in &keys {
            let label = match key {
                Key::Series { label, provenance: Provenance::Measured, .. } | Key::State { label, .. } => {
                    label.clone()
                }
                Key::Series { label, provenance, .. } => format!("{label} ({})", provenance.name()),
            };
            let words = style.fitted(&label, room.width() - SIGN);
            let width = SIGN + style.width(&words);
            if x > room.left && x + width > room.right {
                (x, y) = (room.left, y + 20.0);
            }
            match key {
                Key::Series { series, provenance, .. } => {
                    marker::draw(canvas, (x + 5.0, y), *series, *provenance, false);
                }
                Key::State { state, .. } => {
                    canvas.rectangle((x, y - 5.0), (x + 10.0, y + 5.0), Ink::State(*state));
                }
            }
            canvas.words(words, (x + SIGN, y), style);
            x += width + 20.0;
        }
        if keys.is_empty() { top } else { y + 14.0 }
    }

    fn draw_notes(&self, canvas: &mut Canvas, room: Room, top: f64) -> f64 {
        let style = Style::of(11.0).ink(Ink::Muted);
        let mut y = top;
        for note in self.notes.iter().take(NOTES) {
            y = canvas.lines(&style.wrapped(note, room.width()), (room.left, y), style);
        }
        if self.notes.len() > NOTES {
            let more =
                format!("{} more notes stand beside the chart in the report.", self.notes.len() - NOTES);
            canvas.words(more, (room.left, y), style);
            y += style.size * LINE_HEIGHT;
        }
        y
    }
}
