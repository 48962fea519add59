//! What every page has around its content.

use maud::{DOCTYPE, Markup, html};

use super::model::Site;

/// A page of the site.
pub(super) struct Page {
    /// File, `/` between its parts.
    pub(super) path: String,
    pub(super) title: String,
    /// Everything below the navigation, with its `h1`.
    pub(super) content: Markup,
}

pub(super) const OVERVIEW: &str = "index.html";
pub(super) const GAPS: &str = "not-measured.html";
pub(super) const PUBLISHED: &str = "published.html";
pub(super) const METHOD: &str = "method.html";
pub(super) const STYLE: &str = "assets/site.css";
pub(super) const SCRIPT: &str = "assets/site.js";

/// The way from a page up to the site's folder.
pub(super) fn up(path: &str) -> &'static str {
    if path.contains('/') { "../" } else { "" }
}

/// The page as a file.
pub(super) fn whole(site: &Site<'_>, page: &Page) -> String {
    let up = up(&page.path);
    let current = |path: &str| (page.path == path).then_some("page");
    let link =
        |path: &str, words: &str| html! { a href={ (up) (path) } aria-current=[current(path)] { (words) } };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "portbench " (env!("CARGO_PKG_VERSION")) };
                title { (page.title) " · portbench" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href={ (up) (STYLE) };
                script src={ (up) (SCRIPT) } defer="defer" {}
            }
            body {
                a.skip href="#content" { "Skip to content" }
                header.top {
                    a.brand href={ (up) (OVERVIEW) } { "portbench" }
                    nav aria-label="Site" {
                        ul {
                            li { (link(OVERVIEW, "Overview")) }
                            li { (menu("Workloads", site.workloads.iter().map(|w| (w.path.as_str(), w.name.as_str())), &link)) }
                            li { (menu("Platforms", site.platforms.iter().map(|p| (p.path.as_str(), p.label.as_str())), &link)) }
                            li { (link(GAPS, "Not measured")) }
                            @if !site.published.is_empty() { li { (link(PUBLISHED, "Published by others")) } }
                            li { (link(METHOD, "Method and limits")) }
                        }
                    }
                }
                main id="content" tabindex="-1" { (page.content) }
                footer.foot {
                    p {
                        "Written by portbench " (env!("CARGO_PKG_VERSION")) " from the runs "
                        @for (i, run) in site.runs.iter().enumerate() { @if i > 0 { ", " } code { (run.id) } }
                        ". Figures without another mark were measured in these runs; intervals are at 95 %."
                    }
                }
            }
        }
    }
    .into_string()
}

fn menu<'a>(
    words: &str,
    pages: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
    link: &dyn Fn(&str, &str) -> Markup,
) -> Markup {
    html! {
        details.menu {
            summary { (words) " (" (pages.len()) ")" }
            ul { @for (path, name) in pages { li { (link(path, name)) } } }
        }
    }
}
