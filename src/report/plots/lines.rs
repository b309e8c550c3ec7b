//! Quantities of the whole cluster over time, as lines.

use plotters::style::{Color, RGBColor};

use crate::outcome::{Outcome, Series};

use super::super::format::{duration, short};
use super::canvas::{Frame, picture, placed};
use super::paint::Picture;

/// One picture of lines.
pub(super) struct Lines {
    /// The title.
    pub(super) title: &'static str,
    /// The line below it.
    pub(super) below: &'static str,
    /// What the value axis counts.
    pub(super) unit: &'static str,
    /// Series, colour and words for the legend.
    pub(super) series: &'static [(&'static str, RGBColor, &'static str)],
    /// Values are shares, shown as percentages.
    pub(super) share: bool,
}

/// The picture; `None` without data.
pub(super) fn draw(outcome: &Outcome, lines: &Lines) -> Option<Picture> {
    let found: Vec<(&Series, RGBColor, &str)> = lines
        .series
        .iter()
        .filter_map(|(name, colour, words)| Some((outcome.series(name, None)?, *colour, *words)))
        .collect();
    if found.is_empty() {
        return None;
    }
    let highest = found.iter().flat_map(|(series, _, _)| &series.points).map(|point| point.max).fold(0.0, f64::max);
    let floor = if lines.share { 0.112 } else { 2.2 };
    let frame =
        Frame { left: 72, right: 976, top: 76, bottom: 316, end: outcome.duration, max: (highest * 1.12).max(floor) };
    let marks = placed(&frame, super::actions(outcome), 3);
    let frame = frame.lowered(marks.height());
    Some(picture(1000, frame.bottom as u32 + 60, |canvas| {
        canvas.title(lines.title, &format!("{}, over {}", lines.below, duration(outcome.duration)));
        frame.time_axis(canvas);
        let percent = |value: f64| format!("{}%", short(value * 100.0));
        frame.value_axis(canvas, lines.unit, |value| if lines.share { percent(value) } else { short(value) });
        marks.draw(canvas, &frame);
        for (series, colour, _) in &found {
            let corners = frame.steps(&series.points, |point| point.mean);
            canvas.area(&frame.under(&corners), &colour.mix(0.10));
            canvas.line(&corners, colour, 2);
        }
        let entries: Vec<(RGBColor, &str)> = found.iter().map(|(_, colour, words)| (*colour, *words)).collect();
        canvas.legend(frame.right, frame.bottom + 40, &entries);
    }))
}
