//! The shipped font: how wide words are, and their glyphs.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, ScaleFont, point};

/// Weight of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// Families that look like the shipped one, for viewers of SVG.
pub(crate) const FAMILIES: &str =
    "Inter, 'Helvetica Neue', Roboto, 'Segoe UI', Arial, 'Liberation Sans', sans-serif";

/// Height of a capital over the size; words are centred on half of it.
pub(crate) const CAPITAL: f64 = 0.727;

fn font(weight: Weight) -> Option<&'static FontRef<'static>> {
    static REGULAR: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    static BOLD: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    let read = |bytes| FontRef::try_from_slice(bytes).ok();
    match weight {
        Weight::Regular => REGULAR.get_or_init(|| read(include_bytes!("../font/Inter-Regular.otf"))),
        Weight::Bold => BOLD.get_or_init(|| read(include_bytes!("../font/Inter-SemiBold.otf"))),
    }
    .as_ref()
}

/// Size in pixels an em, as CSS counts it; `ab_glyph` counts the height of a line.
fn scale(font: &FontRef<'_>, size: f64) -> f32 {
    let em = font.units_per_em().unwrap_or(1000.0);
    (size * f64::from(font.height_unscaled()) / f64::from(em)) as f32
}

/// Width of words in pixels, with the little more that other fonts take.
pub(crate) fn width(text: &str, size: f64, weight: Weight) -> f64 {
    const OTHER_FONTS: f64 = 1.04;
    let Some(font) = font(weight) else { return text.chars().count() as f64 * size * 0.6 };
    let scaled = font.as_scaled(scale(font, size));
    let advances = text.chars().map(|c| f64::from(scaled.h_advance(scaled.glyph_id(c))));
    advances.sum::<f64>() * OTHER_FONTS
}

/// Calls `dot` with each pixel that the words cover and how much of it, from 0 to 1; the baseline begins at the origin.
pub(crate) fn draw(text: &str, size: f64, weight: Weight, mut dot: impl FnMut(i64, i64, f32)) {
    let Some(font) = font(weight) else { return };
    let scaled = font.as_scaled(scale(font, size));
    let (mut x, mut last) = (0.0f32, None);
    for c in text.chars() {
        let id = scaled.glyph_id(c);
        if let Some(last) = last {
            x += scaled.kern(last, id);
        }
        if let Some(outline) = font.outline_glyph(id.with_scale_and_position(scaled.scale(), point(x, 0.0))) {
            let bounds = outline.px_bounds();
            let (left, top) = (bounds.min.x as i64, bounds.min.y as i64);
            outline.draw(|dx, dy, cover| dot(left + i64::from(dx), top + i64::from(dy), cover));
        }
        x += scaled.h_advance(id);
        last = Some(id);
    }
}

/// Width of words as [`draw`] draws them.
pub(crate) fn drawn_width(text: &str, size: f64, weight: Weight) -> f64 {
    let Some(font) = font(weight) else { return 0.0 };
    let scaled = font.as_scaled(scale(font, size));
    let (mut x, mut last) = (0.0f32, None);
    for c in text.chars() {
        let id = scaled.glyph_id(c);
        x += last.map_or(0.0, |last| scaled.kern(last, id)) + scaled.h_advance(id);
        last = Some(id);
    }
    f64::from(x)
}

/// At most `room` pixels of the words, an ellipsis in the middle where some are left out.
pub(crate) fn fitted(text: &str, size: f64, weight: Weight, room: f64) -> String {
    if width(text, size, weight) <= room {
        return text.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    let cut = |kept: usize| {
        let tail = kept / 3;
        let head: String = characters[..kept - tail].iter().collect();
        let end: String = characters[characters.len() - tail..].iter().collect();
        format!("{}…{}", head.trim_end(), end.trim_start())
    };
    (1..characters.len())
        .rev()
        .map(cut)
        .find(|text| width(text, size, weight) <= room)
        .unwrap_or_else(|| "…".to_owned())
}

/// The words in lines of at most `room` pixels, broken at blanks; a word that is longer alone is shortened.
pub(crate) fn wrapped(text: &str, size: f64, weight: Weight, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let joined = lines.last().map(|line| format!("{line} {word}"));
        match joined.filter(|joined| width(joined, size, weight) <= room) {
            Some(joined) => {
                lines.pop();
                lines.push(joined);
            }
            None => lines.push(fitted(word, size, weight, room)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Weight, fitted, width, wrapped};

    #[test]
    fn widths_are_those_of_the_font() {
        // Inter's advances of `i` and `m` are 496 and 1792 of 2048 units an em (Inter 4.0: `hmtx`).
        let (i, m) = (width("i", 100.0, Weight::Regular), width("m", 100.0, Weight::Regular));
        assert!((m / i - 3.6).abs() < 0.4, "{i} {m}");
        assert!(width("mm", 100.0, Weight::Bold) > width("mm", 100.0, Weight::Regular));
    }

    #[test]
    fn long_words_are_shortened_and_wrapped() {
        let long = "a-name-that-goes-on-and-on";
        let short = fitted(long, 12.0, Weight::Regular, 80.0);
        assert!(short.contains('…') && short.starts_with("a-n") && short.ends_with('n'), "{short}");
        assert!(width(&short, 12.0, Weight::Regular) <= 80.0);
        assert_eq!(fitted(long, 12.0, Weight::Regular, 1.0), "…");
        let lines = wrapped("some words that take several lines", 12.0, Weight::Regular, 90.0);
        assert!(lines.len() > 1 && lines.iter().all(|l| width(l, 12.0, Weight::Regular) <= 90.0));
    }
}
