//! Utilisation and fragmentation along the run, by arm: the mean over the replications.

use crate::engine::Span;
use crate::outcome::comparison::{Along, Comparison};
use crate::outcome::study::Replicate;
use crate::report::comparison::footer;
use crate::report::format::short;

use super::super::axes::Axis;
use super::super::canvas::{Frame, picture};
use super::super::paint::Picture;
use super::super::study::foot;
use super::{LINES, legend, legend_height, lines, of_all, place, width};

/// Curves, and what they are called.
const CURVES: [(&str, &str); 7] = [
    ("cpu_requested_ratio", "cpu requested, share of Ready nodes"),
    ("memory_requested_ratio", "memory requested, share of Ready nodes"),
    ("fragmentation_ratio", "fragmentation, share of free cpu that fits no typical pod"),
    ("gpu_fragmentation_ratio", "GPU fragmentation, share of idle GPUs that fit no typical pod"),
    ("gpu_allocation_percent", "GPUs allocated, per cent of all"),
    ("gpu_fragmentation_percent", "GPUs fragmented, per cent of all"),
    ("gpu_fragmentation_of_idle_percent", "GPUs fragmented, per cent of idle ones"),
];

/// The pictures of a block: the curve's name, and the picture.
pub(super) fn draw(comparison: &Comparison, block: usize) -> Vec<(&'static str, Picture)> {
    CURVES.iter().filter_map(|(name, words)| Some((*name, one(comparison, block, name, words)?))).collect()
}

fn one(comparison: &Comparison, block: usize, name: &str, words: &str) -> Option<Picture> {
    let runs = &comparison.replicates[block];
    let means: Vec<Vec<f64>> = runs.iter().take(LINES).map(|runs| mean(runs, name)).collect();
    let highest = means.iter().flatten().copied().fold(0.0, f64::max);
    if highest <= 0.0 {
        return None;
    }
    let entries = lines(comparison);
    let height = legend_height((72, 976), &entries);
    let end = match comparison.blocks[block].along {
        Along::Time(span) => span,
        Along::Demand(_) => Span(1),
    };
    let frame = Frame { left: 72, right: 976, top: 96, bottom: 366, end, max: highest * 1.08 };
    Some(picture(1000, (frame.bottom + 52 + height + 24) as u32, |canvas| {
        let title = format!("{}: {words}", place(comparison, block));
        canvas.title(&title, &format!("mean over replications{}", of_all(comparison)));
        match comparison.blocks[block].along {
            Along::Time(_) => frame.time_axis(canvas),
            Along::Demand(last) => {
                let axis = Axis { low: 0.0, high: f64::from(last), from: frame.left, to: frame.right };
                axis.across(canvas, frame.top, frame.bottom, "GPU demand that has arrived, per cent of all GPUs");
            }
        }
        frame.value_axis(canvas, "", short);
        for (arm, (curve, (colour, _))) in means.iter().zip(&entries).enumerate() {
            let last = curve.len().saturating_sub(1).max(1) as i64;
            let x = |index: usize| frame.left + (i64::from(frame.right - frame.left) * index as i64 / last) as i32;
            let points: Vec<(i32, i32)> =
                curve.iter().enumerate().map(|(index, value)| (x(index), frame.y(*value))).collect();
            canvas.line(&points, colour, width(comparison, arm));
        }
        legend(canvas, (72, 976), frame.bottom + 58, &entries);
        foot(canvas, frame.bottom + 58 + height, &footer(comparison, "means over replications, no intervals"));
    }))
}

/// The mean of a curve over the replications that have it; empty if none has.
fn mean(runs: &[Replicate], name: &str) -> Vec<f64> {
    let curves: Vec<&Vec<f64>> = runs.iter().filter_map(|run| run.curve(name)).map(|curve| &curve.means).collect();
    let length = curves.iter().map(|curve| curve.len()).min().unwrap_or(0);
    (0..length).map(|index| curves.iter().map(|curve| curve[index]).sum::<f64>() / curves.len() as f64).collect()
}
