//! Serving pods over time: the quantiles over the replications, as a fan. Curves are never averaged into one
//! that no run had (Poulin and Kane, RESS 216, 2021).

use plotters::style::RGBColor;

use crate::engine::Time;
use crate::outcome::study::{Fan, Study};
use crate::report::format::short;
use crate::report::study::footer;

use super::super::canvas::{BLUE, Frame, INK, nice_step, picture};
use super::super::paint::Picture;
use super::foot;

/// Blue at 18 % and at 42 % on white: opaque, so that pieces that meet do not darken each other.
const OUTER: RGBColor = RGBColor(209, 229, 241);
const INNER: RGBColor = RGBColor(148, 196, 223);

/// The picture.
pub(super) fn draw(study: &Study, fan: &Fan) -> Picture {
    let values = || fan.quantiles.iter().flatten().chain(&fan.desired);
    let highest = values().fold(1.0_f64, |a, b| a.max(*b));
    let base = base(values().fold(highest, |a, b| a.min(*b)), highest);
    let max = ((highest - base) * 1.12).max(2.0);
    let frame = Frame { left: 72, right: 976, top: 92, bottom: 362, end: study.duration, max };
    let n = fan.quantiles.len().max(1) as u64;
    let x = |index: usize| frame.x(Time((u128::from(study.duration.0) * index as u128 / u128::from(n)) as u64));
    let steps = |values: &mut dyn Iterator<Item = f64>| -> Vec<(i32, i32)> {
        values
            .enumerate()
            .flat_map(|(index, value)| [(x(index), frame.y(value - base)), (x(index + 1), frame.y(value - base))])
            .collect()
    };
    let quantile = |which: usize| steps(&mut fan.quantiles.iter().map(|quantiles| quantiles[which]));
    let between = |low: usize, high: usize| {
        let mut area = quantile(low);
        area.extend(quantile(high).into_iter().rev());
        area
    };
    picture(1000, 446, |canvas| {
        let cut = if base > 0.0 { format!("; the axis begins at {}", short(base)) } else { String::new() };
        let below = format!("the fewest in each 1/{n} of the run, over all replications{cut}");
        canvas.title(&format!("{}: pods serving", fan.workload), &below);
        frame.time_axis(canvas);
        frame.value_axis(canvas, "pods", |value| short(value + base));
        canvas.area(&between(0, 4), &OUTER);
        canvas.area(&between(1, 3), &INNER);
        canvas.dashed(&steps(&mut fan.desired.iter().copied()), &INK, 1);
        canvas.line(&quantile(2), &BLUE, 2);
        let entries =
            [(INK, "wanted (mean)"), (BLUE, "median"), (INNER, "half of the runs"), (OUTER, "nine tenths of the runs")];
        canvas.legend(frame.right, frame.bottom + 40, &entries);
        foot(canvas, 428, &footer(study, "quantiles over replications"));
    })
}

/// Where the axis begins: at 0, unless all values lie in its upper half, where they could not be told apart.
fn base(lowest: f64, highest: f64) -> f64 {
    let step = nice_step((highest - lowest).max(2.0));
    if lowest < 0.5 * highest { 0.0 } else { ((lowest / step).floor() - 1.0).max(0.0) * step }
}
