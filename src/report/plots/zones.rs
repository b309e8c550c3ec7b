//! Availability by zone: the share of each zone's nodes that are up, over time.

use std::collections::BTreeMap;

use plotters::style::Color;

use crate::engine::Time;
use crate::outcome::{NodeRow, NodeState, Outcome};

use super::super::format::duration;
use super::canvas::{Canvas, Frame, GREEN, GREY, INK, RED, picture};
use super::paint::{Hold, Picture, width_of};

/// Zones drawn.
const ROWS: usize = 24;
const ROW: i32 = 64;
/// Room for the words to the right of the rows.
const WORDS: i32 = 110;

/// The picture; `None` if no node is in a zone.
pub(super) fn draw(outcome: &Outcome) -> Option<Picture> {
    let mut zones: BTreeMap<&str, Vec<&NodeRow>> = BTreeMap::new();
    for node in outcome.nodes.iter().filter(|node| !node.zone.is_empty()) {
        zones.entry(&node.zone).or_default().push(node);
    }
    if zones.is_empty() || outcome.duration.0 == 0 {
        return None;
    }
    let zones: Vec<(&str, Vec<&NodeRow>)> = zones.into_iter().take(ROWS).collect();
    let left = 40 + zones.iter().map(|(zone, _)| width_of(zone, 12.0)).max().unwrap_or(0).clamp(60, 260);
    let bottom = 84 + ROW * zones.len() as i32;
    let frame = Frame { left, right: 1000 - WORDS, top: 84, bottom, end: outcome.duration, max: 1.0 };
    Some(picture(1000, bottom as u32 + 70, |canvas| {
        let below = format!("share of each zone's nodes that are up, over {}", duration(outcome.duration));
        canvas.title("Availability by zone", &below);
        frame.time_axis(canvas);
        for (index, (zone, nodes)) in zones.iter().enumerate() {
            let y = frame.top + ROW * index as i32;
            canvas.text((left - 10, y + ROW / 2), zone, 12.0, Hold::Right, INK);
            let up = row(canvas, &frame, &steps(nodes), (y + 8, y + ROW - 8), outcome);
            canvas.text((frame.right + 12, y + ROW / 2), &format!("{:.3}%", up * 100.0), 12.0, Hold::Left, GREY);
        }
        canvas.legend(frame.right, bottom + 46, &[(GREEN, "up, on average"), (RED, "down, at worst")]);
    }))
}

/// How many nodes exist and are up, from each instant on.
fn steps(nodes: &[&NodeRow]) -> Vec<(Time, i64, i64)> {
    let mut changes: BTreeMap<Time, (i64, i64)> = BTreeMap::new();
    for node in nodes {
        let mut before = (0, 0);
        for (at, state) in &node.states {
            let exists = i64::from(*state != NodeState::Gone);
            let up = i64::from(matches!(state, NodeState::Ready | NodeState::Cordoned));
            let change = changes.entry(*at).or_default();
            change.0 += exists - before.0;
            change.1 += up - before.1;
            before = (exists, up);
        }
    }
    let mut sums = (0, 0);
    let sum = |(at, (exists, up)): (Time, (i64, i64))| {
        sums = (sums.0 + exists, sums.1 + up);
        (at, sums.0, sums.1)
    };
    changes.into_iter().map(sum).collect()
}

/// One zone: a column of pixels for each stretch of time, with its mean and its worst; answers with the mean of all.
fn row(
    canvas: &Canvas,
    frame: &Frame,
    steps: &[(Time, i64, i64)],
    (top, bottom): (i32, i32),
    outcome: &Outcome,
) -> f64 {
    let columns = (frame.right - frame.left).max(1) as usize;
    let width = (outcome.duration.0 / columns as u64).max(1);
    let mut sums = vec![(0.0_f64, 0.0_f64, 1.0_f64); columns]; // node-time there, node-time up, least share
    for (index, (from, exists, up)) in steps.iter().enumerate() {
        let to = steps.get(index + 1).map_or(outcome.duration.0, |(at, ..)| at.0);
        let mut at = from.0;
        while at < to && *exists > 0 {
            let column = ((at / width) as usize).min(columns - 1);
            let end = if column == columns - 1 { to } else { to.min((column as u64 + 1) * width) };
            let (all, good, least) = &mut sums[column];
            *all += (end - at) as f64 * *exists as f64;
            *good += (end - at) as f64 * *up as f64;
            *least = least.min(*up as f64 / *exists as f64);
            at = end;
        }
    }
    let height = f64::from(bottom - top);
    for (column, (all, good, least)) in sums.iter().enumerate().filter(|(_, (all, ..))| *all > 0.0) {
        let x = frame.left + column as i32;
        let level = |share: f64| top + ((1.0 - share) * height).round() as i32;
        canvas.block((x, level(good / all)), (x + 1, bottom), &GREEN.mix(0.45));
        if *least < 1.0 {
            canvas.block((x, top), (x + 1, level(*least).max(top + 2)), &RED.mix(0.8));
        }
    }
    let (all, good) = sums.iter().fold((0.0, 0.0), |(all, good), sum| (all + sum.0, good + sum.1));
    if all > 0.0 { good / all } else { 1.0 }
}
