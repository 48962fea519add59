//! The charts of the site.

use maud::{Markup, html};

use super::folder::Folder;
use crate::charts::{About, Placed};
use crate::error::ReportError;
use crate::html::{Files, figure};

const CHARTS: &str = "charts/";

/// A chart as it stands on its page.
pub(super) struct Drawn<'a> {
    pub(super) placed: &'a Placed,
    figure: Markup,
}

/// Writes the files of every chart, and draws it for its page.
///
/// # Errors
/// [`ReportError::Chart`], [`ReportError::Write`].
pub(super) fn draw<'a>(placed: &'a [Placed], folder: &mut Folder) -> Result<Vec<Drawn<'a>>, ReportError> {
    let mut drawn = Vec::new();
    for placed in placed {
        for (name, content) in Files::of(placed)?.named(placed) {
            folder.add(&format!("{CHARTS}{name}"), &content)?;
        }
        // Pages of workloads and platforms lie in folders of their own.
        let up = if placed.about == About::Overview { "" } else { "../" };
        drawn.push(Drawn { placed, figure: figure(placed, &format!("{up}{CHARTS}"))? });
    }
    Ok(drawn)
}

/// The charts about something, with a heading.
pub(super) fn charts(drawn: &[Drawn<'_>], about: &About) -> Markup {
    let mut own = drawn.iter().filter(|each| each.placed.about == *about).peekable();
    html! {
        @if own.peek().is_some() {
            h2 id="charts" { "Charts" }
            @for each in own { (each.figure) }
        }
    }
}
