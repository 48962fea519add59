//! A picture as PNG: plotters fills the shapes on a finer grid, words are laid over it from the shipped font.

use std::collections::HashMap;

use plotters::prelude::{BitMapBackend, DrawingBackend, RGBColor};

use crate::canvas::{Anchor, Canvas, Item, Point, Shape, Style};
use crate::error::ChartError;
use crate::font::{self, CAPITAL};
use crate::theme::{Ink, Rgb, Theme};

/// Largest scale of a PNG.
pub(crate) const MOST: u32 = 4;

/// Points of the finer grid in a pixel, along either axis.
const fn fineness(scale: u32) -> u32 {
    if scale == 1 { 3 } else { 2 }
}

/// The picture at `scale` times its size.
pub(crate) fn write(canvas: &Canvas, theme: Theme, scale: u32, name: &str) -> Result<Vec<u8>, ChartError> {
    if !(1..=MOST).contains(&scale) {
        return Err(ChartError::Scale { scale, most: MOST });
    }
    let size = |length: f64| (length.ceil().max(1.0) as u32) * scale;
    let (width, height) = (size(canvas.width), size(canvas.height));
    let step = fineness(scale);
    let fine = (width * step, height * step);
    let Rgb(r, g, b) = theme.colour(Ink::Paper);
    let mut pixels = [r, g, b].repeat(fine.0 as usize * fine.1 as usize);
    let failed = |message: String| ChartError::Draw { chart: name.to_owned(), message };
    {
        let mut painter = Painter {
            backend: BitMapBackend::with_buffer(&mut pixels, fine),
            theme,
            unit: f64::from(scale * step),
        };
        painter
            .rectangle((0.0, 0.0), (canvas.width + 1.0, canvas.height + 1.0), Ink::Paper)
            .map_err(failed)?;
        for item in &canvas.items {
            if let Item::Shape(shape) = item {
                painter.shape(shape).map_err(failed)?;
            }
        }
    }
    let mut pixels = coarser(&pixels, (width, height), step);
    for item in &canvas.items {
        if let Item::Shape(Shape::Words { text, at, style }) = item {
            words(&mut pixels, (width, height), text, *at, *style, theme, f64::from(scale));
        }
    }
    encode(&pixels, width, height).map_err(|source| ChartError::Encode { chart: name.to_owned(), source })
}

struct Painter<'a> {
    backend: BitMapBackend<'a>,
    theme: Theme,
    /// Points of the fine grid in a pixel of the canvas.
    unit: f64,
}

impl Painter<'_> {
    fn at(&self, (x, y): Point) -> (i32, i32) {
        ((x * self.unit).round() as i32, (y * self.unit).round() as i32)
    }

    fn colour(&self, ink: Ink) -> RGBColor {
        let Rgb(r, g, b) = self.theme.colour(ink);
        RGBColor(r, g, b)
    }

    fn shape(&mut self, shape: &Shape) -> Result<(), String> {
        match shape {
            Shape::Words { .. } => Ok(()),
            Shape::Area { points, ink } => self.area(points, *ink),
            Shape::Disc { at, radius, ink } => self.disc(*at, *radius, *ink),
            Shape::Line { points, ink, width, dash: None } => self.line(points, *ink, *width),
            Shape::Line { points, ink, width, dash: Some(dash) } => {
                for piece in dashes(points, *dash) {
                    self.line(&piece, *ink, *width)?;
                }
                Ok(())
            }
        }
    }

    fn rectangle(&mut self, from: Point, to: Point, ink: Ink) -> Result<(), String> {
        let ((left, top), (right, bottom)) = (self.at(from), self.at(to));
        if right <= left || bottom <= top {
            return Ok(());
        }
        let colour = self.colour(ink);
        // The last point of a plotters rectangle is inside it.
        let drawn = self.backend.draw_rect((left, top), (right - 1, bottom - 1), &colour, true);
        drawn.map_err(|e| e.to_string())
    }

    fn area(&mut self, points: &[Point], ink: Ink) -> Result<(), String> {
        if let [a, b, c, d] = *points
            && a.1 == b.1
            && b.0 == c.0
            && c.1 == d.1
            && d.0 == a.0
        {
            return self.rectangle((a.0.min(c.0), a.1.min(c.1)), (a.0.max(c.0), a.1.max(c.1)), ink);
        }
        let colour = self.colour(ink);
        let around: Vec<(i32, i32)> = points.iter().map(|p| self.at(*p)).collect();
        self.backend.fill_polygon(around, &colour).map_err(|e| e.to_string())
    }

    fn disc(&mut self, at: Point, radius: f64, ink: Ink) -> Result<(), String> {
        let colour = self.colour(ink);
        let radius = (radius * self.unit).round().max(1.0) as u32;
        self.backend.draw_circle(self.at(at), radius, &colour, true).map_err(|e| e.to_string())
    }

    /// Each stretch as an area of its own, with round joints between them.
    fn line(&mut self, points: &[Point], ink: Ink, width: f64) -> Result<(), String> {
        let half = width / 2.0;
        // plotters fills the points on a polygon's edge as well.
        let inner = half - 0.5 / self.unit;
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            if x0 == x1 || y0 == y1 {
                let (x, y) = if x0 == x1 { (half, 0.0) } else { (0.0, half) };
                let from = (x0.min(x1) - x, y0.min(y1) - y);
                self.rectangle(from, (x0.max(x1) + x, y0.max(y1) + y), ink)?;
                continue;
            }
            let length = (x1 - x0).hypot(y1 - y0);
            let (across, along) = ((y1 - y0) / length * inner, (x1 - x0) / length * inner);
            let corners = [
                (x0 + across, y0 - along),
                (x1 + across, y1 - along),
                (x1 - across, y1 + along),
                (x0 - across, y0 + along),
            ];
            self.area(&corners, ink)?;
        }
        if width >= 1.5 {
            for joint in points.iter().skip(1).take(points.len().saturating_sub(2)) {
                self.disc(*joint, half - 1.0 / self.unit, ink)?;
            }
        }
        Ok(())
    }
}

/// A line cut into its dashes.
fn dashes(points: &[Point], (on, off): (f64, f64)) -> Vec<Vec<Point>> {
    let mut pieces: Vec<Vec<Point>> = Vec::new();
    let mut piece = points.first().map(|p| vec![*p]).unwrap_or_default();
    let (mut drawing, mut left) = (true, on.max(0.1));
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            if length <= left {
                left -= length;
                piece.push(to);
                break;
            }
            let part = left / length;
            from = (from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part);
            piece.push(from);
            if drawing {
                pieces.push(piece);
            }
            piece = vec![from];
            drawing = !drawing;
            left = if drawing { on } else { off }.max(0.1);
        }
    }
    if drawing && piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

/// The mean of each pixel's points.
fn coarser(fine: &[u8], (width, height): (u32, u32), fineness: u32) -> Vec<u8> {
    let (width, height, step) = (width as usize, height as usize, fineness as usize);
    let line = width * step * 3;
    let mut pixels = Vec::with_capacity(width * height * 3);
    let mut sums = vec![0u32; width * 3];
    for y in 0..height {
        sums.fill(0);
        for row in fine[y * step * line..(y + 1) * step * line].chunks_exact(line) {
            for (sum, points) in sums.chunks_exact_mut(3).zip(row.chunks_exact(step * 3)) {
                for point in points.chunks_exact(3) {
                    for (sum, value) in sum.iter_mut().zip(point) {
                        *sum += u32::from(*value);
                    }
                }
            }
        }
        let points = fineness * fineness;
        pixels.extend(sums.iter().map(|sum| ((sum + points / 2) / points) as u8));
    }
    pixels
}

/// Shades between ink and ground in letters: few enough for the colours of most pictures to fit into a palette.
const SHADES: f32 = 15.0;

fn words(
    pixels: &mut [u8],
    (width, height): (u32, u32),
    text: &str,
    at: Point,
    style: Style,
    theme: Theme,
    scale: f64,
) {
    let size = style.size * scale;
    let Rgb(r, g, b) = theme.colour(style.ink);
    let back = match style.anchor {
        Anchor::Left => 0.0,
        Anchor::Middle => 0.5,
        Anchor::Right => 1.0,
    } * font::drawn_width(text, size, style.weight);
    let down = size * CAPITAL / 2.0;
    let origin = if style.upright {
        (at.0 * scale + down, at.1 * scale + back)
    } else {
        (at.0 * scale - back, at.1 * scale + down)
    };
    let (left, base) = (origin.0.round() as i64, origin.1.round() as i64);
    font::draw(text, size, style.weight, |dx, dy, cover| {
        let (x, y) = if style.upright { (left + dy, base - dx) } else { (left + dx, base + dy) };
        if !(0..i64::from(width)).contains(&x) || !(0..i64::from(height)).contains(&y) {
            return;
        }
        let place = (y as usize * width as usize + x as usize) * 3;
        let cover = (cover.clamp(0.0, 1.0) * SHADES).round() / SHADES;
        for (value, ink) in pixels[place..place + 3].iter_mut().zip([r, g, b]) {
            let mixed = f32::from(*value) + (f32::from(ink) - f32::from(*value)) * cover;
            *value = mixed.round() as u8;
        }
    });
}

/// With a palette, which makes the file several times smaller.
fn encode(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let (palette, places) = indexed(pixels);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette);
    encoder.set_compression(png::Compression::Balanced);
    encoder.set_filter(png::Filter::NoFilter);
    encoder.write_header()?.write_image_data(&places)?;
    Ok(file)
}

/// Most colours of a palette.
const PALETTE: usize = 256;

/// A palette of the most frequent colours, and for each pixel the place of its own. Where there are more, the rarest, which are shades at the edges of shapes, become the nearest that is kept.
fn indexed(pixels: &[u8]) -> (Vec<u8>, Vec<u8>) {
    // Most pixels have the colour of the one before.
    let mut stretches: Vec<([u8; 3], u32)> = Vec::new();
    for pixel in pixels.chunks_exact(3) {
        let colour = [pixel[0], pixel[1], pixel[2]];
        match stretches.last_mut() {
            Some((last, length)) if *last == colour => *length += 1,
            _ => stretches.push((colour, 1)),
        }
    }
    let mut counts: HashMap<[u8; 3], u32> = HashMap::new();
    for (colour, length) in &stretches {
        *counts.entry(*colour).or_default() += length;
    }
    let mut frequent: Vec<([u8; 3], u32)> = counts.into_iter().collect();
    frequent.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let (kept, rare) = frequent.split_at(frequent.len().min(PALETTE));
    let mut places: HashMap<[u8; 3], u8> =
        kept.iter().zip(0..=u8::MAX).map(|((c, _), at)| (*c, at)).collect();
    let distance = |a: [u8; 3], b: [u8; 3]| -> u32 {
        a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    for (colour, _) in rare {
        let nearest = kept.iter().zip(0..=u8::MAX).min_by_key(|((c, _), _)| distance(*c, *colour));
        places.extend(nearest.map(|(_, at)| (*colour, at)));
    }
    let palette = kept.iter().flat_map(|(colour, _)| *colour).collect();
    let mut placed = Vec::with_capacity(pixels.len() / 3);
    for (colour, length) in &stretches {
        let place = places.get(colour).copied().unwrap_or_default();
        placed.resize(placed.len() + *length as usize, place);
    }
    (palette, placed)
}
