//! The loss over the steps of a training cell.

use portbench_measure::LossPoint;

use crate::axis::Axis;
use crate::canvas::{Anchor, Canvas, GRID, PALETTE, shortened};
use crate::cells_chart::WIDTH;
use crate::error::ReportError;
use crate::number;

const HEIGHT: i32 = 400;
const LEFT: i32 = 80;
const RIGHT: i32 = WIDTH - 170;
const TOP: i32 = 50;
const BOTTOM: i32 = HEIGHT - 60;

/// Training and held-out loss, with the target if there is one. `None` if there is nothing to draw.
pub(crate) fn draw(
    cell: &str,
    losses: &[LossPoint],
    evaluations: &[LossPoint],
    target: Option<f64>,
) -> Result<Option<String>, ReportError> {
    let all = || losses.iter().chain(evaluations).filter(|p| p.loss.is_finite());
    if all().count() < 2 {
        return Ok(None);
    }
    let mut svg = String::new();
    let canvas = Canvas::new(&mut svg, "loss", (WIDTH as u32, HEIGHT as u32))?;
    let steps: Vec<f64> = all().map(|p| p.step as f64).collect();
    let values: Vec<f64> = all().map(|p| p.loss).chain(target).collect();
    let x = Axis::from_zero(&steps, (LEFT, RIGHT));
    let y = Axis::around(&values, (BOTTOM, TOP));
    canvas.text(&format!("Loss of {}", shortened(cell, 80)), (16, 22), 18, Anchor::Left, true)?;
    for tick in y.ticks(6) {
        canvas.line(&[(LEFT, y.at(tick)), (RIGHT, y.at(tick))], GRID, 1)?;
        canvas.text(&number::tick(tick), (LEFT - 10, y.at(tick)), 13, Anchor::Right, false)?;
    }
    for tick in x.ticks(6) {
        canvas.line(&[(x.at(tick), BOTTOM), (x.at(tick), BOTTOM + 5)], GRID, 1)?;
        canvas.text(&format!("{tick:.0}"), (x.at(tick), BOTTOM + 18), 13, Anchor::Middle, false)?;
    }
    canvas.text("optimiser steps", ((LEFT + RIGHT) / 2, HEIGHT - 18), 14, Anchor::Middle, false)?;
    if let Some(target) = target {
        let color = PALETTE[4];
        for start in (LEFT..RIGHT).step_by(14) {
            canvas.line(&[(start, y.at(target)), ((start + 7).min(RIGHT), y.at(target))], color, 2)?;
        }
        canvas.text(
            &format!("target {}", number::plain(target)),
            (RIGHT + 12, y.at(target) + 14),
            13,
            Anchor::Left,
            false,
        )?;
    }
    for (points, color, name, dots) in
        [(losses, PALETTE[0], "training batch", false), (evaluations, PALETTE[1], "held-out text", true)]
    {
        let pixels: Vec<(i32, i32)> = points
            .iter()
            .filter(|p| p.loss.is_finite())
            .map(|p| (x.at(p.step as f64), y.at(p.loss)))
            .collect();
        let Some(&(_, last)) = pixels.last() else { continue };
        canvas.line(&pixels, color, if dots { 3 } else { 1 })?;
        if dots {
            for pixel in &pixels {
                canvas.dot(*pixel, color, true)?;
            }
        }
        let row = if dots { TOP + 30 } else { TOP + 8 };
        canvas.line(&[(RIGHT + 12, row), (RIGHT + 36, row)], color, 3)?;
        canvas.text(name, (RIGHT + 42, row), 13, Anchor::Left, false)?;
        if let (true, Some(final_loss)) = (dots, points.last()) {
            canvas.text(&number::plain(final_loss.loss), (RIGHT + 12, last - 10), 13, Anchor::Left, true)?;
        }
    }
    canvas.finish()?;
    Ok(Some(svg))
}
