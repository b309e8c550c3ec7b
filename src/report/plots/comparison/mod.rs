//! Pictures of a comparison. Each says how many replications there are, under which seeds, how its intervals were
//! made and of which scenarios it is.

mod boxes;
mod critical;
mod curves;
mod distributions;
mod forest;
mod heat;

use std::io;

use plotters::style::RGBColor;

use crate::outcome::comparison::{Compared, Comparison};
use crate::report::Files;

use super::canvas::{BLUE, Canvas, GREEN, GREY, INK, ORANGE, PURPLE, RED, SKY};
use super::paint::{Hold, Picture, width_of};
use super::{as_files, file_name};

/// Metrics drawn.
const METRICS: usize = 6;
/// Blocks drawn, each with pictures of its own.
const BLOCKS: usize = 6;
/// Lines in one picture.
const LINES: usize = 8;

/// Colours of lines, in the order of arms.
const COLOURS: [RGBColor; LINES] = [BLUE, ORANGE, GREEN, RED, PURPLE, SKY, INK, GREY];

/// All of them, as SVG and PNG.
pub(in crate::report) fn files(comparison: &Comparison) -> io::Result<Files> {
    let mut pictures: Vec<(String, Picture)> = Vec::new();
    let mut add = |name: String, picture: Option<Picture>| pictures.extend(picture.map(|it| (name, it)));
    for metric in comparison.metrics.iter().take(METRICS) {
        for block in 0..comparison.blocks.len().min(BLOCKS) {
            let name = |kind: &str| name(comparison, kind, &metric.metric, block);
            add(name("box"), boxes::draw(comparison, metric, block));
            add(name("forest"), forest::draw(comparison, metric, block));
            add(name("cdf"), distributions::of_metric(comparison, metric, block));
        }
        add(format!("ranks-{}", file_name(&metric.metric)), critical::draw(comparison, metric));
        for (suffix, picture) in heat::draw(comparison, metric) {
            add(format!("heat-{}{suffix}", file_name(&metric.metric)), Some(picture));
        }
    }
    for block in 0..comparison.blocks.len().min(BLOCKS) {
        add(name(comparison, "cdf", "recovery", block), distributions::of_recovery(comparison, block));
        for (curve, picture) in curves::draw(comparison, block) {
            add(name(comparison, "over-time", curve, block), Some(picture));
        }
    }
    as_files(&pictures)
}

fn name(comparison: &Comparison, kind: &str, metric: &str, block: usize) -> String {
    let label = &comparison.blocks[block].label;
    let suffix = if label.is_empty() { String::new() } else { format!("-{}", file_name(label)) };
    format!("{kind}-{}{suffix}", file_name(metric))
}

/// Where it was compared, to stand behind a title.
fn place(comparison: &Comparison, block: usize) -> String {
    match comparison.blocks[block].label.as_str() {
        "" => comparison.name.clone(),
        label if comparison.name == comparison.blocks[block].scenario => format!("{}, {label}", comparison.name),
        label => label.to_string(),
    }
}

/// The width that names of arms take.
fn names_width(comparison: &Comparison) -> i32 {
    comparison.arms.iter().map(|arm| width_of(arm, 12.0)).max().unwrap_or(0).clamp(60, 420)
}

/// A row's name, held at its right end.
fn row_name(canvas: &Canvas, right: i32, y: i32, name: &str, bold: bool) {
    match bold {
        true => canvas.bold((right, y), name, 12.0, Hold::Right, INK),
        false => canvas.text((right, y), name, 12.0, Hold::Right, INK),
    }
}

/// A legend over as many rows as it needs; returns the height it takes.
fn legend(canvas: &Canvas, (left, right): (i32, i32), top: i32, entries: &[(RGBColor, String)]) -> i32 {
    let (mut x, mut y) = (left, top);
    for (colour, words) in entries {
        let width = width_of(words, 12.0) + 42;
        if x > left && x + width > right {
            (x, y) = (left, y + 20);
        }
        canvas.block((x, y - 2), (x + 16, y + 2), colour);
        canvas.text((x + 22, y), words, 12.0, Hold::Left, INK);
        x += width;
    }
    y - top + 20
}

/// The rows that a legend of these entries takes, in pixels.
fn legend_height((left, right): (i32, i32), entries: &[(RGBColor, String)]) -> i32 {
    let (mut x, mut rows) = (left, 1);
    for (_, words) in entries {
        let width = width_of(words, 12.0) + 42;
        if x > left && x + width > right {
            (x, rows) = (left, rows + 1);
        }
        x += width;
    }
    rows * 20
}

/// Names of the arms that lines are drawn of, with their colours.
fn lines(comparison: &Comparison) -> Vec<(RGBColor, String)> {
    COLOURS.into_iter().zip(comparison.arms.iter().cloned()).collect()
}

/// How wide the line of an arm is: those drawn first are wider, so that equal ones show at the edges.
fn width(comparison: &Comparison, arm: usize) -> u32 {
    let later = comparison.arms.len().min(LINES).saturating_sub(arm + 1);
    2 + (later as u32 * 3).div_ceil(2).min(7)
}

/// `, the first 8 of 12`, if not all can be drawn.
fn of_all(comparison: &Comparison) -> String {
    match comparison.arms.len() {
        n if n > LINES => format!(", the first {LINES} of {n}"),
        _ => String::new(),
    }
}

/// The metric with its unit, for axes.
fn axis_words(metric: &Compared) -> String {
    if metric.unit.is_empty() { metric.metric.clone() } else { format!("{} ({})", metric.metric, metric.unit) }
}
