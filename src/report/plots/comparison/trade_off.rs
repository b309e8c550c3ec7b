//! The trade-off of the first two metrics: one across, the other up, each arm a point with both intervals. Where
//! arms are values of two parameters, those with the same value of the first are one line.

use plotters::style::RGBColor;

use crate::outcome::comparison::Comparison;
use crate::outcome::study::Estimate;
use crate::report::comparison::{confident, footer};

use super::super::axes::Axis;
use super::super::canvas::{Canvas, GREY, INK, PALE, picture};
use super::super::paint::{Hold, Picture, width_of};
use super::super::study::foot;
use super::{COLOURS, axis_words, legend, legend_height, place};

const TOP: i32 = 92;
const BOTTOM: i32 = 520;
const RIGHT: i32 = 960;

/// An arm: its place, its colour and what stands beside it.
struct Spot {
    across: Estimate,
    up: Estimate,
    line: usize,
    words: String,
}

/// The picture; `None` without two metrics that have a mean under at least two arms.
pub(super) fn draw(comparison: &Comparison, block: usize) -> Option<Picture> {
    let (first, second) = (comparison.metrics.first()?, comparison.metrics.get(1)?);
    let lines = lines(comparison);
    let spot = |arm: usize| {
        let mean = |metric: &crate::outcome::comparison::Compared| metric.results[block].get(arm)?.summary.t;
        let (line, words) = line_and_words(comparison, &lines, arm);
        Some(Spot { across: mean(first)?, up: mean(second)?, line, words })
    };
    let spots: Vec<Spot> = (0..comparison.arms.len()).filter_map(spot).collect();
    if spots.len() < 2 {
        return None;
    }
    let left = 110;
    let across = Axis::around(spots.iter().flat_map(|spot| [spot.across.low, spot.across.high]), left, RIGHT - 60);
    let up = Axis::around(spots.iter().flat_map(|spot| [spot.up.low, spot.up.high]), BOTTOM, TOP);
    let entries: Vec<(RGBColor, String)> =
        lines.iter().enumerate().map(|(line, name)| (COLOURS[line % COLOURS.len()], name.clone())).collect();
    let below = if entries.is_empty() { 0 } else { legend_height((left, RIGHT), &entries) };
    Some(picture(1000, (BOTTOM + 96 + below) as u32, |canvas| {
        let title = format!("{}: {} against {}", place(comparison, block), second.metric, first.metric);
        canvas.title(
            &title,
            "the mean of each with its intervals; what is better in both lies nearer to the corner of both",
        );
        across.across(canvas, TOP, BOTTOM, &axis_words(first));
        for tick in up.ticks() {
            canvas.line(&[(left, up.at(tick)), (RIGHT - 60, up.at(tick))], &PALE, 1);
            canvas.text((left - 8, up.at(tick)), &super::super::axes::label(tick), 12.0, Hold::Right, GREY);
        }
        canvas.text((24, TOP - 16), &axis_words(second), 12.0, Hold::Left, GREY);
        draw_lines(canvas, &spots, (&across, &up), lines.len());
        spots.iter().for_each(|spot| draw_spot(canvas, spot, &across, &up));
        if !entries.is_empty() {
            legend(canvas, (left, RIGHT), BOTTOM + 62, &entries);
        }
        foot(canvas, BOTTOM + 74 + below, &footer(comparison, &confident(comparison, "t intervals")));
    }))
}

/// The values of the first of several parameters, in order; none if arms are something else or they are too many.
fn lines(comparison: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    for parameters in comparison.arm_parameters.iter().filter(|parameters| parameters.len() > 1) {
        let name = named(&parameters[0]);
        if !lines.contains(&name) {
            lines.push(name);
        }
    }
    if lines.len() > COLOURS.len() { Vec::new() } else { lines }
}

fn named((path, value): &(String, String)) -> String {
    format!("{} {value}", path.rsplit('.').next().unwrap_or(path))
}

fn line_and_words(comparison: &Comparison, lines: &[String], arm: usize) -> (usize, String) {
    let parameters = comparison.arm_parameters.get(arm).filter(|parameters| parameters.len() > 1 && !lines.is_empty());
    match parameters {
        None => (0, comparison.arms[arm].clone()),
        Some(parameters) => {
            let line = lines.iter().position(|line| *line == named(&parameters[0])).unwrap_or(0);
            (line, parameters[1..].iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", "))
        }
    }
}

fn draw_lines(canvas: &Canvas, spots: &[Spot], (across, up): (&Axis, &Axis), lines: usize) {
    for line in 0..lines {
        let own = spots.iter().filter(|spot| spot.line == line);
        let points: Vec<(i32, i32)> = own.map(|spot| (across.at(spot.across.value), up.at(spot.up.value))).collect();
        if points.len() > 1 {
            canvas.line(&points, &COLOURS[line % COLOURS.len()], 1);
        }
    }
}

fn draw_spot(canvas: &Canvas, spot: &Spot, across: &Axis, up: &Axis) {
    let colour = COLOURS[spot.line % COLOURS.len()];
    let (x, y) = (across.at(spot.across.value), up.at(spot.up.value));
    canvas.line(&[(across.at(spot.across.low), y), (across.at(spot.across.high), y)], &colour, 1);
    canvas.line(&[(x, up.at(spot.up.low)), (x, up.at(spot.up.high))], &colour, 1);
    canvas.area(&[(x - 5, y), (x, y - 5), (x + 5, y), (x, y + 5)], &colour);
    let fits = x + 10 + width_of(&spot.words, 11.0) < RIGHT + 30;
    let (at, hold) = if fits { (x + 8, Hold::Left) } else { (x - 8, Hold::Right) };
    canvas.text((at, y - 9), &spot.words, 11.0, hold, INK);
}
