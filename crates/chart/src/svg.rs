//! A picture as SVG.

use std::fmt::Write as _;

use crate::canvas::{Anchor, Canvas, Item, Shape};
use crate::font::{self, CAPITAL, FAMILIES, Weight};
use crate::theme::{Ink, Theme};

/// Text that is safe inside XML elements and attributes.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // XML has no form for them.
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// A length with at most two digits after the point.
fn px(value: f64) -> String {
    let text = format!("{:.2}", value + 0.0);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// An attribute that colours, with what it becomes on a dark page.
fn paint(attribute: &str, ink: Ink, theme: Theme) -> String {
    let colour = theme.colour(ink).hex();
    match theme.colour_when_dark(ink) {
        None => format!(" {attribute}=\"{colour}\""),
        Some(dark) => {
            let dark = dark.hex();
            format!(" {attribute}=\"{colour}\" style=\"{attribute}:light-dark({colour},{dark})\"")
        }
    }
}

/// The picture as a standalone document that may stand inside HTML as well. `id` is unique on the page that it will stand on.
pub(crate) fn write(canvas: &Canvas, theme: Theme, id: &str, title: &str, description: &str) -> String {
    let (width, height) = (px(canvas.width), px(canvas.height));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-labelledby=\"{id}-title {id}-desc\" font-family=\"{}\">\n\
         <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>\n\
         <rect width=\"{width}\" height=\"{height}\"{}/>\n",
        escape(FAMILIES),
        escape(title),
        escape(description),
        paint("fill", Ink::Paper, theme),
    );
    for item in &canvas.items {
        match item {
            Item::Open(tip) => {
                let _ = writeln!(svg, "<g class=\"mark\"><title>{}</title>", escape(tip));
            }
            Item::Close => svg.push_str("</g>\n"),
            Item::Shape(shape) => write_shape(&mut svg, shape, theme),
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn write_shape(svg: &mut String, shape: &Shape, theme: Theme) {
    let points = |points: &[(f64, f64)]| {
        let each: Vec<String> = points.iter().map(|(x, y)| format!("{},{}", px(*x), px(*y))).collect();
        each.join(" ")
    };
    // Writing to a string does not fail.
    let _ = match shape {
        Shape::Line { points: through, ink, width, dash } => {
            let dash = dash.map(|(on, off)| format!(" stroke-dasharray=\"{} {}\"", px(on), px(off)));
            writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke-width=\"{}\" stroke-linejoin=\"round\"{}{}/>",
                points(through),
                px(*width),
                dash.unwrap_or_default(),
                paint("stroke", *ink, theme),
            )
        }
        Shape::Area { points: around, ink } => {
            writeln!(svg, "<polygon points=\"{}\"{}/>", points(around), paint("fill", *ink, theme))
        }
        Shape::Disc { at, radius, ink } => writeln!(
            svg,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"{}/>",
            px(at.0),
            px(at.1),
            px(*radius),
            paint("fill", *ink, theme),
        ),
        Shape::Words { text, at, style } => {
            let anchor = match style.anchor {
                Anchor::Left => "",
                Anchor::Middle => " text-anchor=\"middle\"",
                Anchor::Right => " text-anchor=\"end\"",
            };
            let weight = if style.weight == Weight::Bold { " font-weight=\"600\"" } else { "" };
            let down = style.size * CAPITAL / 2.0;
            let place = if style.upright {
                let (x, y) = (px(at.0 + down), px(at.1));
                format!("x=\"{x}\" y=\"{y}\" transform=\"rotate(-90 {x} {y})\"")
            } else {
                format!("x=\"{}\" y=\"{}\"", px(at.0), px(at.1 + down))
            };
            // Other fonts are wider or narrower than the one that the layout counts with.
            let long = font::drawn_width(text, style.size, style.weight);
            let long = if long > 0.0 {
                format!(" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\"", px(long))
            } else {
                String::new()
            };
            writeln!(
                svg,
                "<text {place} font-size=\"{}\"{long}{anchor}{weight}{}>{}</text>",
                px(style.size),
                paint("fill", style.ink, theme),
                escape(text),
            )
        }
    };
}
