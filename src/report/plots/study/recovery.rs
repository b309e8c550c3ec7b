//! The distribution of the recovery time over all incidents, with its band.

use plotters::style::RGBColor;

use crate::engine::{Span, Time};
use crate::outcome::study::{CdfPoint, Study};
use crate::report::format::duration;
use crate::report::study::{confident, footer};

use super::super::canvas::{BLUE, Frame, picture};
use super::super::paint::Picture;
use super::foot;

/// Blue at 20 % on white.
const BAND: RGBColor = RGBColor(204, 227, 240);

fn span(seconds: f64) -> Span {
    Span((seconds * 1e9) as u64)
}

/// The points to draw: all, or those up to 99.5 % of the recoveries if the rest would leave no room for them.
fn shown(points: &[CdfPoint]) -> &[CdfPoint] {
    let whole = points.last().map_or(0.0, |last| last.share.value);
    let most = points.iter().position(|point| point.share.value >= whole * 0.995).map_or(0, |place| place + 1);
    match points.last() {
        Some(last) if most > 1 && last.at > 4.0 * points[most - 1].at => &points[..most],
        _ => points,
    }
}

/// The picture; `None` without a recovery.
pub(super) fn draw(study: &Study) -> Option<Picture> {
    let last = study.recovery.last()?;
    let shown = shown(&study.recovery);
    let end = span((shown.last()?.at * 1.05).max(1.0));
    let frame = Frame { left: 72, right: 976, top: 96, bottom: 366, end, max: 1.0 };
    let recoveries = || study.replicates.iter().flat_map(|run| &run.recoveries);
    let incidents = recoveries().count();
    Some(picture(1000, 446, |canvas| {
        let per_cent = |share: f64| (share * 1000.0).round() / 10.0;
        let never_dipped = recoveries().filter(|it| it.seconds == Some(0.0)).count() as f64 / incidents.max(1) as f64;
        let longest = match shown.len() < study.recovery.len() {
            true => format!(", the slowest {}", duration(span(last.at))),
            false => String::new(),
        };
        let below = format!(
            "share of {incidents} incidents whole again within so long: {} % at once, as service never dipped, {} % within the run{longest}",
            per_cent(never_dipped),
            per_cent(last.share.value)
        );
        canvas.title("How long recovery takes", &below);
        frame.time_axis(canvas);
        frame.value_axis(canvas, "share", |value| format!("{} %", (value * 100.0).round()));
        let steps = |of: fn(&CdfPoint) -> f64| -> Vec<(i32, i32)> {
            let mut corners = vec![(frame.left, frame.bottom)];
            for point in shown {
                let (x, y) = (frame.x(Time((point.at * 1e9) as u64)), frame.y(of(point)));
                let before = corners.last().map_or(frame.bottom, |last| last.1);
                corners.extend([(x, before), (x, y)]);
            }
            let end = corners.last().map_or(frame.bottom, |last| last.1);
            corners.push((frame.right, end));
            corners
        };
        let mut band = steps(|point| point.share.low);
        band.extend(steps(|point| point.share.high).into_iter().rev());
        canvas.area(&band, &BAND);
        canvas.line(&steps(|point| point.share.value), &BLUE, 2);
        canvas.legend(frame.right, frame.bottom + 40, &[(BLUE, "share recovered"), (BAND, "confidence band")]);
        foot(canvas, 428, &footer(study, &confident(study, "pointwise band, bootstrap over replications")));
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::study::Estimate;

    #[test]
    fn a_long_tail_is_told_and_not_drawn() {
        let point = |at: f64, share: f64| CdfPoint { at, share: Estimate { value: share, low: share, high: share } };
        let tail = [point(0.0, 0.3), point(350.0, 0.9), point(370.0, 0.996), point(12_000.0, 1.0)];
        assert_eq!(shown(&tail).len(), 3);
        let near = [point(0.0, 0.3), point(350.0, 0.9), point(370.0, 0.996), point(1_200.0, 1.0)];
        assert_eq!(shown(&near).len(), 4);
        assert_eq!(shown(&tail[..1]).len(), 1);
    }
}
