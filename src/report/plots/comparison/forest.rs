//! Forest plot: the paired difference of each arm from the baseline, with its interval.

use crate::outcome::comparison::{Better, Compared, Comparison, Difference};
use crate::report::comparison::{confident, digits, footer, p_value, verdict};

use super::super::axes::Axis;
use super::super::canvas::{BLUE, Canvas, GREY, INK, RED, picture};
use super::super::paint::{Hold, Picture};
use super::super::study::foot;
use super::{names_width, place, row_name};

const ROW: i32 = 34;
/// Where the words beside the picture begin.
const WORDS: i32 = 690;

/// The picture; `None` without a difference.
pub(super) fn draw(comparison: &Comparison, metric: &Compared, block: usize) -> Option<Picture> {
    let arms = &metric.results[block];
    let ends = arms.iter().filter_map(|arm| arm.difference.as_ref()).flat_map(|it| [it.mean.low, it.mean.high]);
    let ends: Vec<f64> = ends.collect();
    if ends.is_empty() {
        return None;
    }
    let left = 40 + names_width(comparison);
    let rows = arms.len() as i32 - 1;
    let (top, bottom) = (104, 112 + ROW * rows);
    let axis = Axis::around(ends.into_iter().chain([0.0]), left, WORDS - 30);
    let baseline = &comparison.arms[comparison.baseline];
    Some(picture(1000, bottom as u32 + 82, |canvas| {
        let direction = match metric.better {
            Better::More => "right is better",
            Better::Less => "left is better",
            Better::Neither => "neither way is better",
        };
        canvas.title(
            &format!("{}: {} against {baseline}", place(comparison, block), metric.metric),
            &format!("difference from {baseline}, paired by seed; {direction}, a line that crosses 0 shows nothing, nor does a grey one"),
        );
        axis.across(canvas, top, bottom, &format!("difference ({})", metric.unit));
        canvas.line(&[(axis.at(0.0), top - 6), (axis.at(0.0), bottom)], &INK, 1);
        for (x, words) in [(WORDS, "difference, interval"), (886, "p (Holm)"), (950, "")] {
            canvas.text((x, top - 12), words, 12.0, Hold::Left, GREY);
        }
        let others = comparison.arms.iter().zip(arms).enumerate().filter(|(index, _)| *index != comparison.baseline);
        for (row, (_, (name, arm))) in others.enumerate() {
            let y = top + 4 + ROW * row as i32 + ROW / 2;
            row_name(canvas, left - 12, y, name, false);
            match &arm.difference {
                Some(difference) => one(canvas, &axis, metric, difference, y),
                None => canvas.text((WORDS, y), "values missing or infinite", 12.0, Hold::Left, GREY),
            }
        }
        let method = format!("paired t intervals, Holm over {rows}");
        foot(canvas, bottom + 60, &footer(comparison, &confident(comparison, &method)));
    }))
}

fn one(canvas: &Canvas, axis: &Axis, metric: &Compared, difference: &Difference, y: i32) {
    let mean = difference.mean;
    let colour = match verdict(metric, difference) {
        "better" => BLUE,
        "worse" => RED,
        "more" | "less" => INK,
        _ => GREY,
    };
    canvas.line(&[(axis.at(mean.low), y), (axis.at(mean.high), y)], &colour, 2);
    for end in [mean.low, mean.high] {
        canvas.line(&[(axis.at(end), y - 5), (axis.at(end), y + 5)], &colour, 2);
    }
    let x = axis.at(mean.value);
    canvas.area(&[(x - 6, y), (x, y - 6), (x + 6, y), (x, y + 6)], &colour);
    let sign = if mean.value > 0.0 { "+" } else { "" };
    let words = format!("{sign}{} [{}, {}]", amount(mean.value), amount(mean.low), amount(mean.high));
    canvas.text((WORDS, y), &words, 12.0, Hold::Left, INK);
    canvas.text((886, y), &p_value(difference.holm), 12.0, Hold::Left, colour);
    let mark = match verdict(metric, difference) {
        "better" => "better",
        "worse" => "worse",
        "more" => "more",
        "less" => "less",
        _ => "-",
    };
    canvas.text((946, y), mark, 12.0, Hold::Left, colour);
}

/// A number, in millions from ten millions on, so that an interval fits beside its line.
fn amount(value: f64) -> String {
    if value.abs() >= 1e7 { format!("{}M", digits(value / 1e6)) } else { digits(value) }
}
