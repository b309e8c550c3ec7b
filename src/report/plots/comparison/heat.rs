//! Heat map of a sweep of two parameters: the mean of a metric at each pair of values.

use plotters::style::RGBColor;

use crate::outcome::comparison::{ArmResult, Compared, Comparison};
use crate::report::comparison::{about, digits, footer};

use super::super::canvas::{INK, picture};
use super::super::paint::{Hold, Picture, width_of};
use super::super::study::foot;
use super::file_name;

const CELL: (i32, i32) = (96, 44);

/// A point of the sweep: its two values, and what came out.
struct Spot<'a> {
    values: [&'a str; 2],
    arm: &'a ArmResult,
}

/// The pictures, one for each policy: what to put behind the file's name, and the picture.
pub(super) fn draw(comparison: &Comparison, metric: &Compared) -> Vec<(String, Picture)> {
    if comparison.arms_are != "policy" {
        let spots = comparison.arm_parameters.iter().zip(&metric.results[0]);
        let spots = spots.filter_map(|(parameters, arm)| spot(parameters, arm)).collect();
        let names = names(comparison.arm_parameters.first());
        return one(comparison, metric, names, spots, "").map(|picture| (String::new(), picture)).into_iter().collect();
    }
    let of_arm = |(index, name): (usize, &String)| {
        let spots = comparison.blocks.iter().zip(&metric.results);
        let spots = spots.filter_map(|(block, arms)| spot(&block.parameters, &arms[index])).collect();
        let names = names(comparison.blocks.first().map(|block| &block.parameters));
        one(comparison, metric, names, spots, name).map(|picture| (format!("-{}", file_name(name)), picture))
    };
    comparison.arms.iter().enumerate().take(super::LINES).filter_map(of_arm).collect()
}

fn names(parameters: Option<&Vec<(String, String)>>) -> [&str; 2] {
    match parameters.map(Vec::as_slice) {
        Some([(one, _), (other, _)]) => [one, other],
        _ => ["", ""],
    }
}

fn spot<'a>(parameters: &'a [(String, String)], arm: &'a ArmResult) -> Option<Spot<'a>> {
    match parameters {
        [(_, one), (_, other)] => Some(Spot { values: [one, other], arm }),
        _ => None,
    }
}

/// Values in the order they come.
fn distinct<'a>(spots: &[Spot<'a>], which: usize) -> Vec<&'a str> {
    let mut values = Vec::new();
    for spot in spots {
        if !values.contains(&spot.values[which]) {
            values.push(spot.values[which]);
        }
    }
    values
}

fn one(
    comparison: &Comparison,
    metric: &Compared,
    names: [&str; 2],
    spots: Vec<Spot<'_>>,
    arm: &str,
) -> Option<Picture> {
    let (rows, columns) = (distinct(&spots, 0), distinct(&spots, 1));
    let grid = rows.len() >= 2 && columns.len() >= 2 && rows.len() * columns.len() == spots.len();
    if !grid || columns.len() > 12 || rows.len() > 16 {
        return None; // a Latin hypercube has no two points in a row
    }
    let mean = |spot: &Spot<'_>| spot.arm.summary.moments.map(|(mean, _)| mean);
    let means: Vec<f64> = spots.iter().filter_map(mean).collect();
    let (low, high) = means.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
    let left = 60 + rows.iter().map(|row| width_of(row, 12.0)).max().unwrap_or(0).max(width_of(names[0], 12.0));
    let (top, width) = (124, (left + CELL.0 * columns.len() as i32 + 40).max(900));
    let bottom = top + CELL.1 * rows.len() as i32;
    Some(picture(width as u32, bottom as u32 + 60, |canvas| {
        let of = if arm.is_empty() { String::new() } else { format!(" under {arm}") };
        canvas.title(&format!("{}: {}{of}", comparison.name, metric.metric), &format!("mean of {}", about(metric)));
        canvas.text((left - 12, top - 14), names[0], 12.0, Hold::Right, INK);
        canvas.text((left, top - 36), names[1], 12.0, Hold::Left, INK);
        for (index, column) in columns.iter().enumerate() {
            canvas.text((left + CELL.0 * index as i32 + CELL.0 / 2, top - 14), column, 12.0, Hold::Middle, INK);
        }
        for (index, row) in rows.iter().enumerate() {
            canvas.text((left - 12, top + CELL.1 * index as i32 + CELL.1 / 2), row, 12.0, Hold::Right, INK);
        }
        for spot in &spots {
            let place = |values: &[&str], value: &str| values.iter().position(|other| *other == value).unwrap_or(0);
            let x = left + CELL.0 * place(&columns, spot.values[1]) as i32;
            let y = top + CELL.1 * place(&rows, spot.values[0]) as i32;
            let share = mean(spot).map_or(0.0, |mean| if high > low { (mean - low) / (high - low) } else { 0.5 });
            let (fill, ink) = shade(share);
            canvas.block((x + 1, y + 1), (x + CELL.0 - 1, y + CELL.1 - 1), &fill);
            let words = super::super::super::comparison::mean(spot.arm);
            canvas.text((x + CELL.0 / 2, y + CELL.1 / 2), &words, 12.0, Hold::Middle, ink);
        }
        let method = format!("mean over replications, from {} (pale) to {} (dark)", digits(low), digits(high));
        foot(canvas, bottom + 32, &footer(comparison, &method));
    }))
}

/// From white to dark blue, and the colour of text upon it. One hue, so that it reads in grey as well.
fn shade(share: f64) -> (RGBColor, RGBColor) {
    let mixed = |from: u8, to: u8| (f64::from(from) + share * (f64::from(to) - f64::from(from))).round() as u8;
    let fill = RGBColor(mixed(236, 0), mixed(244, 68), mixed(250, 120));
    (fill, if share > 0.55 { RGBColor(255, 255, 255) } else { INK })
}
