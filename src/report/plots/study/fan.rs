//! Serving pods over time: the quantiles over the replications, as a fan. Curves are never averaged into one
//! that no run had (Poulin and Kane, RESS 216, 2021).

use plotters::style::RGBColor;

use crate::engine::Time;
use crate::outcome::study::{Fan, Study};
use crate::report::format::short;
use crate::report::study::footer;

use super::super::canvas::{BLUE, Frame, INK, picture};
use super::super::paint::Picture;
use super::foot;

/// Blue at 18 % and at 42 % on white: opaque, so that pieces that meet do not darken each other.
const OUTER: RGBColor = RGBColor(209, 229, 241);
const INNER: RGBColor = RGBColor(148, 196, 223);

/// The picture.
pub(super) fn draw(study: &Study, fan: &Fan) -> Picture {
    let highest = fan.quantiles.iter().flatten().chain(&fan.desired).fold(1.0_f64, |a, b| a.max(*b));
    let frame =
        Frame { left: 72, right: 976, top: 92, bottom: 362, end: study.duration, max: (highest * 1.12).max(2.0) };
    let n = fan.quantiles.len().max(1) as u64;
    let x = |index: usize| frame.x(Time((u128::from(study.duration.0) * index as u128 / u128::from(n)) as u64));
    let steps = |values: &mut dyn Iterator<Item = f64>| -> Vec<(i32, i32)> {
        values
            .enumerate()
            .flat_map(|(index, value)| [(x(index), frame.y(value)), (x(index + 1), frame.y(value))])
            .collect()
    };
    let quantile = |which: usize| steps(&mut fan.quantiles.iter().map(|quantiles| quantiles[which]));
    let between = |low: usize, high: usize| {
        let mut area = quantile(low);
        area.extend(quantile(high).into_iter().rev());
        area
    };
    picture(1000, 446, |canvas| {
        canvas.title(&format!("{}: pods serving", fan.workload), "at each instant, over all replications");
        frame.time_axis(canvas);
        frame.value_axis(canvas, "pods", short);
        canvas.area(&between(0, 4), &OUTER);
        canvas.area(&between(1, 3), &INNER);
        canvas.dashed(&steps(&mut fan.desired.iter().copied()), &INK, 1);
        canvas.line(&quantile(2), &BLUE, 2);
        let entries =
            [(INK, "wanted (mean)"), (BLUE, "median"), (INNER, "half of the runs"), (OUTER, "nine tenths of the runs")];
        canvas.legend(frame.right, frame.bottom + 40, &entries);
        foot(canvas, 428, &footer(study, "quantiles over replications, of means over 1/240 of the run"));
    })
}
