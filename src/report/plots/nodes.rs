//! Nodes over time: a strip of states for each, and heat maps of their load.

use std::collections::BTreeMap;

use plotters::style::RGBColor;

use crate::engine::Time;
use crate::outcome::{NodeRow, NodeState, Outcome, Series};

use super::super::format::duration;
use super::canvas::{Canvas, Frame, GREY, INK, ORANGE, PALE, RED, SKY, picture, placed};
use super::paint::{Hold, Picture, width_of};

/// Nodes drawn; of more, those with the most changes of state, or the first.
const ROWS: usize = 40;
const STATES: [NodeState; 4] = [NodeState::Ready, NodeState::Cordoned, NodeState::Unnoticed, NodeState::NotReady];

/// The strip of states; `None` without nodes.
pub(super) fn states(outcome: &Outcome) -> Option<Picture> {
    let mut nodes: Vec<&NodeRow> = outcome.nodes.iter().collect();
    if nodes.is_empty() {
        return None;
    }
    if nodes.len() > ROWS {
        nodes.sort_by_key(|node| std::cmp::Reverse(node.states.len())); // stable: first added first
        nodes.truncate(ROWS);
    }
    let row = row_height(nodes.len());
    let frame = frame(outcome, nodes.iter().map(|node| node.name.as_str()), row);
    let marks = placed(&frame, super::actions(outcome), 3);
    let frame = frame.lowered(marks.height());
    let below = if nodes.len() < outcome.nodes.len() {
        format!("the {} with the most changes of {} nodes", nodes.len(), outcome.nodes.len())
    } else {
        "as the API shows them; a failure is red from the moment the control plane notices it".to_string()
    };
    Some(picture(1000, frame.bottom as u32 + 70, |canvas| {
        canvas.title("Nodes", &below);
        frame.time_axis(canvas);
        for (index, node) in nodes.iter().enumerate() {
            let y = frame.top + row * index as i32;
            canvas.text((frame.left - 10, y + row / 2), &node.name, 12.0, Hold::Right, INK);
            strip(canvas, &frame, node, y + 2, y + row - 2);
        }
        marks.draw(canvas, &frame);
        let entries = STATES.map(|state| (colour(state), words(state)));
        canvas.legend(frame.right, frame.bottom + 46, &entries);
    }))
}

fn strip(canvas: &Canvas, frame: &Frame, node: &NodeRow, top: i32, bottom: i32) {
    for (index, (at, state)) in node.states.iter().enumerate() {
        let end = node.states.get(index + 1).map_or(Time(frame.end.0), |(at, _)| *at);
        if *state != NodeState::Gone {
            let left = frame.x(*at);
            canvas.block((left, top), (frame.x(end).max(left + 1), bottom), &colour(*state));
        }
    }
}

fn colour(state: NodeState) -> RGBColor {
    match state {
        NodeState::Ready => RGBColor(127, 205, 187),
        NodeState::Cordoned => SKY,
        NodeState::Unnoticed => ORANGE,
        NodeState::NotReady => RED,
        NodeState::Gone => PALE,
    }
}

fn words(state: NodeState) -> &'static str {
    match state {
        NodeState::Ready => "Ready",
        NodeState::Cordoned => "cordoned",
        NodeState::Unnoticed => "silent, not noticed",
        NodeState::NotReady => "NotReady",
        NodeState::Gone => "gone",
    }
}

/// What a heat map shows of each node.
pub(super) struct Heat {
    /// The series.
    pub(super) series: &'static str,
    /// The title.
    pub(super) title: &'static str,
    /// Whether values are shares (of 1) rather than counts.
    pub(super) share: bool,
}

/// A heat map of one series over nodes and time; `None` without data.
pub(super) fn heat(outcome: &Outcome, heat: &Heat) -> Option<Picture> {
    let mut all: Vec<&Series> = outcome.series.iter().filter(|series| series.name == heat.series).collect();
    if all.is_empty() {
        return None;
    }
    if all.len() > ROWS {
        all = most_interesting(all, outcome);
    }
    let highest = all.iter().flat_map(|series| &series.points).map(|point| point.max).fold(0.0, f64::max);
    let full = if heat.share { 1.0 } else { highest.max(1.0) };
    let row = row_height(all.len());
    let frame = frame(outcome, all.iter().filter_map(|series| series.label("node")), row);
    let marks = placed(&frame, super::actions(outcome), 3);
    let frame = frame.lowered(marks.height());
    let of = if all.len() < outcome.nodes.len() {
        format!("{} of {} nodes, those that failed first and others", all.len(), outcome.nodes.len())
    } else {
        "each node".to_string()
    };
    Some(picture(1000, frame.bottom as u32 + 70, |canvas| {
        canvas.title(heat.title, &format!("on {of}, over {}", duration(outcome.duration)));
        for (index, series) in all.iter().enumerate() {
            let y = frame.top + row * index as i32;
            canvas.text((frame.left - 10, y + row / 2), series.label("node").unwrap_or(""), 12.0, Hold::Right, INK);
            heat_row(canvas, &frame, series, (y + 1, y + row - 1), full);
        }
        frame_axis_only(canvas, &frame);
        marks.draw(canvas, &frame);
        scale(canvas, &frame, full, heat.share);
    }))
}

/// Half of the rows for those with the most changes of state, the rest for the others, in the order of all.
fn most_interesting<'a>(all: Vec<&'a Series>, outcome: &Outcome) -> Vec<&'a Series> {
    let changes: BTreeMap<&str, usize> =
        outcome.nodes.iter().map(|node| (node.name.as_str(), node.states.len())).collect();
    let changes = |series: &Series| series.label("node").and_then(|node| changes.get(node)).copied().unwrap_or(0);
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(changes(all[*index]))); // stable: first added first
    let mut calm = order.split_off(ROWS / 2);
    let mut rows = order;
    calm.sort_by_key(|index| (changes(all[*index]), *index));
    rows.extend(calm.into_iter().take(ROWS / 2));
    rows.sort_unstable();
    rows.into_iter().map(|index| all[index]).collect()
}

/// One row, drawn in pixels of time: the mean over each column's steps, weighted by their width.
fn heat_row(canvas: &Canvas, frame: &Frame, series: &Series, (top, bottom): (i32, i32), full: f64) {
    let mut pieces: Vec<(i32, i32, RGBColor)> = Vec::new();
    for (index, point) in series.points.iter().enumerate() {
        let end = series.points.get(index + 1).map_or(Time(frame.end.0), |next| next.at);
        let (left, right) = (frame.x(point.at), frame.x(end));
        let colour = shade(point.mean / full);
        match pieces.last_mut() {
            Some(last) if last.2 == colour && last.1 == left => last.1 = right,
            _ if right > left => pieces.push((left, right, colour)),
            _ => (),
        }
    }
    for (left, right, colour) in pieces {
        canvas.block((left, top), (right, bottom), &colour);
    }
}

/// From near white through blue to dark: readable without colours, too.
fn shade(share: f64) -> RGBColor {
    const STOPS: [(f64, f64, f64); 4] =
        [(244.0, 246.0, 248.0), (158.0, 202.0, 225.0), (33.0, 113.0, 181.0), (8.0, 29.0, 88.0)];
    let place = share.clamp(0.0, 1.0) * 3.0;
    let index = (place as usize).min(2);
    let part = place - index as f64;
    let mix = |from: f64, to: f64| (from + (to - from) * part).round() as u8;
    let (from, to) = (STOPS[index], STOPS[index + 1]);
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// The scale of colours below the map.
fn scale(canvas: &Canvas, frame: &Frame, full: f64, share: bool) {
    let (left, top) = (frame.right - 260, frame.bottom + 38);
    for step in 0..100 {
        let x = left + step * 2;
        canvas.block((x, top), (x + 2, top + 14), &shade(f64::from(step) / 99.0));
    }
    let most = if share { "100%".to_string() } else { format!("{full:.0}") };
    canvas.text((left - 8, top + 7), "0", 12.0, Hold::Right, GREY);
    canvas.text((left + 208, top + 7), &most, 12.0, Hold::Left, GREY);
}

fn frame_axis_only(canvas: &Canvas, frame: &Frame) {
    let flat = Frame { top: frame.bottom, ..*frame };
    flat.time_axis(canvas);
}

fn row_height(rows: usize) -> i32 {
    (480 / rows.max(1) as i32).clamp(14, 30)
}

fn frame<'a>(outcome: &Outcome, names: impl Iterator<Item = &'a str> + Clone, row: i32) -> Frame {
    let widest = names.clone().map(|name| width_of(name, 12.0)).max().unwrap_or(0);
    let top = 76;
    Frame {
        left: 40 + widest.clamp(40, 300),
        right: 976,
        top,
        bottom: top + row * names.count() as i32,
        end: outcome.duration,
        max: 1.0,
    }
}
