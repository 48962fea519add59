//! Drawing on an SVG through plotters, in pixels.

use plotters::coord::Shift;
use plotters::element::{Circle, PathElement, Rectangle};
use plotters::prelude::{
    BLACK, Color, DrawingArea, IntoDrawingArea, IntoFont, RGBColor, SVGBackend, ShapeStyle, Text, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, TextStyle};

use crate::error::ReportError;
use crate::page::escape;

/// Colours that people with any colour vision tell apart (Okabe and Ito 2008), dark enough on white.
pub(crate) const PALETTE: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 86, 86),
    RGBColor(150, 110, 0),
];

/// Light lines behind what matters.
pub(crate) const GRID: RGBColor = RGBColor(221, 221, 221);

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Anchor {
    Left,
    Middle,
    Right,
}

/// A canvas of one chart.
pub(crate) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    chart: &'static str,
}

impl<'a> Canvas<'a> {
    pub(crate) fn new(
        svg: &'a mut String,
        chart: &'static str,
        size: (u32, u32),
    ) -> Result<Self, ReportError> {
        let canvas = Self { area: SVGBackend::with_string(svg, size).into_drawing_area(), chart };
        canvas.done(canvas.area.fill(&WHITE))?;
        Ok(canvas)
    }

    fn done<E: std::error::Error + Send + Sync>(
        &self,
        result: Result<(), plotters::drawing::DrawingAreaErrorKind<E>>,
    ) -> Result<(), ReportError> {
        result.map_err(|e| ReportError::Draw { chart: self.chart, message: e.to_string() })
    }

    pub(crate) fn line(&self, points: &[(i32, i32)], color: RGBColor, width: u32) -> Result<(), ReportError> {
        let style = ShapeStyle { color: color.to_rgba(), filled: false, stroke_width: width };
        self.done(self.area.draw(&PathElement::new(points.to_vec(), style)))
    }

    pub(crate) fn bar(&self, from: (i32, i32), to: (i32, i32), color: RGBColor) -> Result<(), ReportError> {
        self.done(self.area.draw(&Rectangle::new([from, to], color.mix(0.35).filled())))
    }

    pub(crate) fn dot(&self, at: (i32, i32), color: RGBColor, filled: bool) -> Result<(), ReportError> {
        let style = ShapeStyle { color: color.to_rgba(), filled, stroke_width: 2 };
        self.done(self.area.draw(&Circle::new(at, 4, style)))
    }

    pub(crate) fn text(
        &self,
        text: &str,
        at: (i32, i32),
        size: i32,
        anchor: Anchor,
        bold: bool,
    ) -> Result<(), ReportError> {
        let horizontal = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let font = ("sans-serif", size).into_font();
        let font = if bold { font.style(FontStyle::Bold) } else { font };
        let style = TextStyle::from(font).color(&BLACK).pos(Pos::new(horizontal, VPos::Center));
        self.done(self.area.draw(&Text::new(text.to_owned(), at, style)))
    }

    pub(crate) fn finish(self) -> Result<(), ReportError> {
        self.done(self.area.present())
    }
}

/// The SVG with a name and a description for those who do not see it.
pub(crate) fn described(svg: &str, title: &str, description: &str) -> String {
    let words = format!("<title>{}</title>\n<desc>{}</desc>\n", escape(title), escape(description));
    match svg.find("<svg").and_then(|start| svg[start..].find('>').map(|end| start + end + 1)) {
        Some(inside) => format!("{}\n{words}{}", &svg[..inside], svg[inside..].trim_start_matches('\n')),
        None => svg.to_owned(),
    }
}

/// At most `most` characters, an ellipsis in the middle where some are left out.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= most {
        return text.to_owned();
    }
    let tail = most / 3;
    let head = most - tail - 1;
    let start: String = characters[..head].iter().collect();
    let end: String = characters[characters.len() - tail..].iter().collect();
    format!("{start}…{end}")
}
