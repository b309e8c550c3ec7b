//! Where the recovery time goes on average: a bar a stage, with its interval.

use crate::engine::{Span, Time};
use crate::outcome::STAGES;
use crate::outcome::study::Study;
use crate::report::format::duration;
use crate::report::study::{confident, footer};

use super::super::canvas::{Frame, INK, picture};
use super::super::paint::{Hold, Picture};
use super::super::stages::COLOURS;
use super::foot;

const ROW: i32 = 40;

/// The picture; `None` without a recovery.
pub(super) fn draw(study: &Study) -> Option<Picture> {
    let longest = study.stages.iter().map(|stage| stage.high.max(stage.value)).fold(0.0, f64::max);
    if study.stages.is_empty() {
        return None;
    }
    let bottom = 92 + ROW * STAGES.len() as i32;
    let end = Span(((longest * 1.18).max(1.0) * 1e9) as u64);
    let frame = Frame { left: 110, right: 976, top: 84, bottom, end, max: 1.0 };
    let x = |seconds: f64| frame.x(Time((seconds.max(0.0) * 1e9) as u64));
    Some(picture(1000, bottom as u32 + 82, |canvas| {
        let total: f64 = study.stages.iter().map(|stage| stage.value).sum();
        let mean = duration(Span((total * 1e9) as u64));
        let below = format!("mean time of each stage of a recovery; together {mean}");
        canvas.title("Where the recovery time goes", &below);
        frame.time_axis(canvas);
        for (row, ((stage, name), colour)) in study.stages.iter().zip(STAGES).zip(COLOURS).enumerate() {
            let y = 88 + ROW * row as i32 + ROW / 2;
            canvas.text((frame.left - 10, y), name, 13.0, Hold::Right, INK);
            let (mean, low, high) = (x(stage.value), x(stage.low), x(stage.high));
            canvas.block((frame.left, y - 11), (mean.max(frame.left + 1), y + 11), &colour);
            canvas.line(&[(low, y), (high, y)], &INK, 2);
            canvas.line(&[(low, y - 6), (low, y + 6)], &INK, 2);
            canvas.line(&[(high, y - 6), (high, y + 6)], &INK, 2);
            let words = duration(Span((stage.value * 1e9) as u64));
            canvas.text((high.max(mean) + 10, y), &words, 12.0, Hold::Left, INK);
        }
        foot(canvas, bottom + 58, &footer(study, &confident(study, "t intervals over replications")));
    }))
}
