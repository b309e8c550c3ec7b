//! Distributions by arm: of a metric over the replications, and of the recovery time over the incidents.

use plotters::style::RGBColor;

use crate::engine::{Span, Time};
use crate::outcome::comparison::{Compared, Comparison};
use crate::report::comparison::{about, footer};

use super::super::axes::Axis;
use super::super::canvas::{Canvas, Frame, GREY, PALE, picture};
use super::super::paint::{Hold, Picture};
use super::super::study::foot;
use super::{LINES, axis_words, legend, legend_height, lines, of_all, place, width};

const LEFT: i32 = 72;
const RIGHT: i32 = 976;
const TOP: i32 = 92;
const BOTTOM: i32 = 352;

/// The share of replications up to each value; `None` if no arm has two different values.
pub(super) fn of_metric(comparison: &Comparison, metric: &Compared, block: usize) -> Option<Picture> {
    let arms = &metric.results[block];
    let all = || arms.iter().flat_map(|arm| &arm.sample).copied().filter(|value| value.is_finite());
    let first = all().next()?;
    if all().all(|value| value == first) {
        return None;
    }
    let axis = Axis::around(all(), LEFT, RIGHT);
    let entries = lines(comparison);
    let height = legend_height((LEFT, RIGHT), &entries);
    Some(picture(1000, (BOTTOM + 52 + height + 24) as u32, |canvas| {
        let title = format!("{}: {} over replications", place(comparison, block), metric.metric);
        canvas.title(&title, &format!("share of replications up to a value{}; {}", of_all(comparison), about(metric)));
        axis.across(canvas, TOP, BOTTOM, &axis_words(metric));
        shares(canvas);
        for (index, (arm, (colour, _))) in arms.iter().zip(&entries).enumerate() {
            let mut sample = arm.sample.clone();
            sample.sort_by(f64::total_cmp);
            let n = sample.len() as f64;
            let finite = sample.iter().filter(|value| value.is_finite()).enumerate();
            let points = finite.map(|(index, value)| (axis.at(*value), (index + 1) as f64 / n));
            canvas.line(&steps(points), colour, width(comparison, index));
        }
        legend(canvas, (LEFT, RIGHT), BOTTOM + 58, &entries);
        foot(canvas, BOTTOM + 58 + height, &footer(comparison, "empirical distributions over replications"));
    }))
}

/// The share of incidents over within so long; `None` without a recovery.
pub(super) fn of_recovery(comparison: &Comparison, block: usize) -> Option<Picture> {
    let recovery = &comparison.blocks[block].recovery;
    let last = recovery.iter().take(LINES).flatten().map(|point| point.at).fold(0.0, f64::max);
    if recovery.iter().all(Vec::is_empty) {
        return None;
    }
    let end = Span(((last * 1.05).max(1.0) * 1e9) as u64);
    let frame = Frame { left: LEFT, right: RIGHT, top: TOP, bottom: BOTTOM, end, max: 1.0 };
    let entries: Vec<(RGBColor, String)> = lines(comparison);
    let height = legend_height((LEFT, RIGHT), &entries);
    Some(picture(1000, (BOTTOM + 34 + height + 24) as u32, |canvas| {
        let title = format!("{}: how long recovery takes", place(comparison, block));
        canvas.title(&title, &format!("share of incidents that were whole again within so long{}", of_all(comparison)));
        frame.time_axis(canvas);
        shares(canvas);
        for (index, (points, (colour, _))) in recovery.iter().zip(&entries).enumerate() {
            let points = points.iter().map(|point| (frame.x(Time((point.at * 1e9) as u64)), point.share.value));
            canvas.line(&steps(points), colour, width(comparison, index));
        }
        legend(canvas, (LEFT, RIGHT), BOTTOM + 42, &entries);
        foot(canvas, BOTTOM + 42 + height, &footer(comparison, "incidents of all replications together"));
    }))
}

/// The axis of shares.
fn shares(canvas: &Canvas) {
    for fifth in 0..=5 {
        let y = row(f64::from(fifth) / 5.0);
        canvas.line(&[(LEFT, y), (RIGHT, y)], &PALE, 1);
        canvas.text((LEFT - 8, y), &format!("{} %", fifth * 20), 12.0, Hold::Right, GREY);
    }
}

fn row(share: f64) -> i32 {
    BOTTOM - (share * f64::from(BOTTOM - TOP)).round() as i32
}

/// The corners of a distribution's line, from the left border to the right one.
fn steps(points: impl Iterator<Item = (i32, f64)>) -> Vec<(i32, i32)> {
    let mut corners = vec![(LEFT, BOTTOM)];
    let mut before = BOTTOM;
    for (x, share) in points {
        corners.extend([(x, before), (x, row(share))]);
        before = row(share);
    }
    corners.push((RIGHT, before));
    corners
}
