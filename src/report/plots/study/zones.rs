//! Availability by zone: for each zone the share of node time that was lost, with its interval.

use crate::outcome::study::{Estimate, MetricSummary, Study};
use crate::report::study::{confident, footer};

use super::super::axes::Axis;
use super::super::canvas::{BLUE, GREY, INK, picture};
use super::super::paint::{Hold, Picture, width_of};
use super::foot;

/// Zones drawn.
const ROWS: usize = 30;
const ROW: i32 = 34;
/// Where the words beside the picture begin.
const WORDS: i32 = 760;

/// The picture; `None` without zones.
pub(super) fn draw(study: &Study) -> Option<Picture> {
    let rows: Vec<(&str, Estimate)> = study.metrics.iter().filter_map(zone).take(ROWS).collect();
    if rows.is_empty() {
        return None;
    }
    let left = 40 + rows.iter().map(|(zone, _)| width_of(zone, 13.0)).max().unwrap_or(0).clamp(60, 260);
    let (top, bottom) = (84, 92 + ROW * rows.len() as i32);
    let ends = rows.iter().flat_map(|(_, lost)| [lost.low, lost.high]);
    let axis = Axis::around(ends.chain([0.0]), left, WORDS - 30);
    Some(picture(1000, bottom as u32 + 82, |canvas| {
        canvas.title("Availability by zone", "share of each zone's node time that was not available");
        axis.across(canvas, top, bottom, "per cent of node time");
        for (row, (zone, lost)) in rows.iter().enumerate() {
            let y = top + 4 + ROW * row as i32 + ROW / 2;
            canvas.text((left - 12, y), zone, 13.0, Hold::Right, INK);
            let (mean, low, high) = (axis.at(lost.value), axis.at(lost.low), axis.at(lost.high));
            canvas.line(&[(low, y), (high, y)], &BLUE, 2);
            for end in [low, high] {
                canvas.line(&[(end, y - 5), (end, y + 5)], &BLUE, 2);
            }
            canvas.area(&[(mean - 6, y), (mean, y - 6), (mean + 6, y), (mean, y + 6)], &BLUE);
            let words = format!("{:.3} % available", 100.0 - lost.value);
            canvas.text((WORDS, y), &words, 12.0, Hold::Left, GREY);
        }
        foot(canvas, bottom + 60, &footer(study, &confident(study, "t intervals over replications")));
    }))
}

/// The zone of a row of `node_availability_ratio`, and what it lost, in per cent.
fn zone(metric: &MetricSummary) -> Option<(&str, Estimate)> {
    let zone = metric.metric.strip_prefix("node_availability_ratio{zone=\"")?.strip_suffix("\"}")?;
    let (mean, _) = metric.moments?;
    let of = metric.t.unwrap_or(Estimate { value: mean, low: mean, high: mean });
    let lost = |share: f64| (1.0 - share) * 100.0;
    Some((zone, Estimate { value: lost(of.value), low: lost(of.high), high: lost(of.low) }))
}
