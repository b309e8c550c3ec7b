//! Box plot: quartiles and whiskers of each arm, with every replication as a point.
//!
//! Whiskers reach to the outermost points within 1.5 times the height of the box (Tukey, *Exploratory Data Analysis*,
//! 1977).

use plotters::style::{Color, RGBColor};

use crate::outcome::comparison::{Compared, Comparison};
use crate::report::comparison::{about, footer};

use super::super::axes::Axis;
use super::super::canvas::{BLUE, Canvas, INK, picture};
use super::super::paint::Picture;
use super::super::study::foot;
use super::{axis_words, names_width, place, row_name};

const ROW: i32 = 36;
/// Blue at 25 % on white.
const BOX: RGBColor = RGBColor(191, 220, 236);

/// The picture; `None` without a finite value.
pub(super) fn draw(comparison: &Comparison, metric: &Compared, block: usize) -> Option<Picture> {
    let arms = &metric.results[block];
    let all = || arms.iter().flat_map(|arm| &arm.sample).copied().filter(|value| value.is_finite());
    all().next()?;
    let left = 40 + names_width(comparison);
    let (top, bottom) = (84, 92 + ROW * arms.len() as i32);
    let axis = Axis::around(all(), left, 976);
    Some(picture(1000, bottom as u32 + 82, |canvas| {
        canvas.title(&format!("{}: {}", place(comparison, block), metric.metric), &about(metric));
        axis.across(canvas, top, bottom, &axis_words(metric));
        for (row, (name, arm)) in comparison.arms.iter().zip(arms).enumerate() {
            let y = top + 4 + ROW * row as i32 + ROW / 2;
            row_name(canvas, left - 12, y, name, row == comparison.baseline);
            let mut sample: Vec<f64> = arm.sample.iter().copied().filter(|value| value.is_finite()).collect();
            sample.sort_by(f64::total_cmp);
            one(canvas, &axis, &sample, y);
            points(canvas, &axis, &arm.sample, y);
        }
        let method = "median, quartiles, whiskers to 1.5 box heights, a point a replication";
        foot(canvas, bottom + 60, &footer(comparison, method));
    }))
}

fn one(canvas: &Canvas, axis: &Axis, sorted: &[f64], y: i32) {
    let (Some(low), Some(middle), Some(high)) = (quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75))
    else {
        return;
    };
    let reach = 1.5 * (high - low);
    let within: Vec<f64> = sorted.iter().copied().filter(|x| *x >= low - reach && *x <= high + reach).collect();
    let (first, last) = (within.first().copied().unwrap_or(low), within.last().copied().unwrap_or(high));
    canvas.line(&[(axis.at(first), y), (axis.at(last), y)], &INK, 1);
    for end in [first, last] {
        canvas.line(&[(axis.at(end), y - 6), (axis.at(end), y + 6)], &INK, 1);
    }
    canvas.block((axis.at(low), y - 11), (axis.at(high).max(axis.at(low) + 1), y + 11), &BOX);
    canvas.line(&[(axis.at(middle), y - 11), (axis.at(middle), y + 11)], &INK, 2);
}

/// Points side by side in a fixed pattern, so that equal ones can be told apart.
fn points(canvas: &Canvas, axis: &Axis, sample: &[f64], y: i32) {
    for (index, value) in sample.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        let (x, y) = (axis.at(*value), y - 8 + (index as i32 * 5) % 17);
        canvas.area(&[(x - 3, y), (x, y - 3), (x + 3, y), (x, y + 3)], &BLUE.mix(0.75));
    }
}

/// Linear between order statistics.
pub(super) fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let position = q * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    Some(below + (position - position.floor()) * (above - below))
}
