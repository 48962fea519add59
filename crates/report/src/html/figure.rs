//! Charts on pages: drawn in the page, with links to the same as files.

use maud::{Markup, PreEscaped, html};
use portbench_chart::Theme;

use super::counted;
use crate::charts::Placed;
use crate::error::ReportError;

/// Pixels of a PNG for one of the chart.
const PNG_SCALE: u32 = 2;

/// The files of a chart, each with its content.
pub(crate) struct Files(Vec<(&'static str, Vec<u8>)>);

/// What the endings of the files are called.
const ENDINGS: [(&str, &str); 4] =
    [(".csv", "numbers (CSV)"), (".svg", "SVG"), ("-dark.svg", "SVG, dark"), (".png", "PNG")];

impl Files {
    /// Draws them.
    ///
    /// # Errors
    /// [`ReportError::Chart`].
    pub(crate) fn of(placed: &Placed) -> Result<Self, ReportError> {
        let chart = &placed.chart;
        let contents = [
            chart.data.csv().into_bytes(),
            chart.svg(Theme::Light)?.into_bytes(),
            chart.svg(Theme::Dark)?.into_bytes(),
            chart.png(Theme::Light, PNG_SCALE)?,
        ];
        Ok(Self(ENDINGS.iter().map(|(ending, _)| *ending).zip(contents).collect()))
    }

    /// Names and contents.
    pub(crate) fn named(self, placed: &Placed) -> impl Iterator<Item = (String, Vec<u8>)> {
        self.0.into_iter().map(|(ending, content)| (format!("{}{ending}", placed.chart.name), content))
    }
}

/// A chart in the page's colours, for wide and for narrow windows; `folder` leads to its files.
///
/// # Errors
/// [`ReportError::Chart`].
pub(crate) fn figure(placed: &Placed, folder: &str) -> Result<Markup, ReportError> {
    let chart = &placed.chart;
    let (wide, narrow) = (chart.svg(Theme::Page)?, chart.narrow_svg(Theme::Page)?);
    Ok(html! {
        figure.chart {
            div.wide { (PreEscaped(wide)) }
            div.narrow { (PreEscaped(narrow)) }
            figcaption {
                @if !chart.notes.is_empty() {
                    details.fold {
                        summary { (counted(chart.notes.len(), "note")) }
                        ul { @for note in &chart.notes { li { (note) } } }
                    }
                }
                p.files {
                    @for (ending, words) in ENDINGS { a href={ (folder) (chart.name) (ending) } { (words) } }
                }
                p.recipe { code { (placed.recipe) } }
            }
        }
    })
}
