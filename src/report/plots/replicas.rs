//! The signature picture: what a workload wants, what serves, what the API believes, and what was lost.

use plotters::style::{Color, RGBColor};

use crate::engine::Time;
use crate::outcome::{Incident, Outcome, Point, Series, Workload};

use super::super::format::{duration, percent, short};
use super::canvas::{BLUE, Canvas, Frame, GREEN, GREY, INK, Mark, ORANGE, PURPLE, RED, picture, placed};
use super::paint::Picture;

/// Incidents whose every instant is labelled; of more, only fault and recovery are marked.
const LABELLED: usize = 3;
/// With more incidents than this, none is marked: the lines would hide the curve.
const MARKED: usize = 20;

/// Vermilion at 28 % on white.
const LOST: RGBColor = RGBColor(243, 210, 184);

/// The picture of one workload; `None` without its series.
pub(super) fn draw(outcome: &Outcome, workload: &Workload) -> Option<Picture> {
    let label = Some(("workload", workload.label.as_str()));
    let desired = outcome.series("pods_desired", label)?;
    let serving = outcome.series("pods_serving", label)?;
    let ready = outcome.series("pods_ready", label)?;
    let highest = [desired, serving, ready].into_iter().flat_map(|series| &series.points).map(|point| point.max);
    let max = (highest.fold(1.0, f64::max) * 1.12).max(2.0);
    let frame = Frame { left: 72, right: 976, top: 76, bottom: 346, end: outcome.duration, max };
    let marks = placed(&frame, marks(outcome, workload), 7);
    let frame = frame.lowered(marks.height());
    Some(picture(1000, frame.bottom as u32 + 60, |canvas| {
        canvas.title(&format!("{}: pods serving", workload.label), &story(outcome, workload));
        lost(canvas, &frame, desired, serving); // first: it is opaque, so that pieces that meet do not darken each other
        frame.time_axis(canvas);
        frame.value_axis(canvas, "pods", short);
        lines(canvas, &frame, desired, serving, ready);
        marks.draw(canvas, &frame);
        canvas.legend(
            frame.right,
            frame.bottom + 40,
            &[(INK, "wanted"), (BLUE, "serving"), (ORANGE, "Ready in the API"), (LOST, "unavailable")],
        );
    }))
}

fn story(outcome: &Outcome, workload: &Workload) -> String {
    let own = || outcome.incidents.iter().filter(|incident| *incident.workload == *workload.label);
    let lost = workload.unavailable_pod_nanos as f64 / 1e9;
    let cost = format!(
        "{} available, {} pod-seconds unavailable",
        workload.availability_ppm.map_or("-".to_string(), percent),
        short((lost * 10.0).round() / 10.0)
    );
    match (own().count(), own().next()) {
        (0, _) | (_, None) => cost,
        (1, Some(incident)) => match incident.recovery() {
            Some(recovery) => format!("{}: whole again after {} · {cost}", incident.label, duration(recovery)),
            None if incident.undecided => format!("{}: undecided at the end · {cost}", incident.label),
            None => format!("{}: not whole again within the run · {cost}", incident.label),
        },
        (many, _) => {
            let never = own().filter(|incident| incident.whole.is_none() && !incident.undecided).count();
            let worst = own().filter_map(Incident::recovery).max().map_or("-".to_string(), duration);
            format!("{many} incidents, longest recovery {worst}, {never} not whole again · {cost}")
        }
    }
}

/// Shades what is wanted and does not serve.
fn lost(canvas: &Canvas, frame: &Frame, desired: &Series, serving: &Series) {
    for (from, to, wanted, served) in together(desired, serving, Time(frame.end.0)) {
        if served < wanted {
            let (left, right) = (frame.x(from), frame.x(to).max(frame.x(from) + 1));
            canvas.block((left, frame.y(wanted)), (right, frame.y(served)), &LOST);
        }
    }
}

/// Both series cut at the steps of either: from, to, and the value of each.
fn together(one: &Series, other: &Series, end: Time) -> Vec<(Time, Time, f64, f64)> {
    let mut cuts: Vec<Time> = one.points.iter().chain(&other.points).map(|point| point.at).collect();
    cuts.push(end);
    cuts.sort_unstable();
    cuts.dedup();
    let value = |points: &[Point], at: Time| {
        let next = points.partition_point(|point| point.at <= at);
        next.checked_sub(1).map_or(0.0, |index| points[index].mean)
    };
    let piece = |pair: &[Time]| (pair[0], pair[1], value(&one.points, pair[0]), value(&other.points, pair[0]));
    cuts.windows(2).map(piece).collect()
}

fn lines(canvas: &Canvas, frame: &Frame, desired: &Series, serving: &Series, ready: &Series) {
    let served = frame.steps(&serving.points, |point| point.mean);
    canvas.area(&frame.under(&served), &BLUE.mix(0.10));
    let averaged = serving.points.iter().any(|point| point.min < point.max);
    if averaged {
        canvas.line(&frame.steps(&serving.points, |point| point.min), &BLUE.mix(0.45), 1);
    }
    canvas.dashed(&frame.steps(&desired.points, |point| point.mean), &INK, 1);
    canvas.line(&frame.steps(&ready.points, |point| point.mean), &ORANGE, 2);
    canvas.line(&served, &BLUE, 2);
}

/// The instants worth a line: of the incidents, and the operator's commands.
fn marks(outcome: &Outcome, workload: &Workload) -> Vec<Mark> {
    let own: Vec<&Incident> =
        outcome.incidents.iter().filter(|incident| *incident.workload == *workload.label).collect();
    let mut marks: Vec<Mark> = Vec::new();
    if own.len() <= MARKED {
        marks.extend(own.iter().flat_map(|incident| instants(incident, own.len() <= LABELLED)));
    }
    let told = |action: usize| own.iter().any(|incident| incident.action == action);
    if outcome.actions.len() <= MARKED {
        let others = outcome.actions.iter().enumerate().filter(|(index, _)| !told(*index));
        marks.extend(others.map(|(_, action)| mark(action.at, &action.label, GREY)));
    }
    marks
}

fn instants(incident: &Incident, all: bool) -> Vec<Mark> {
    let mut marks = vec![mark(incident.fault, &incident.label, RED)];
    let within = |at: &Time| incident.whole.is_none_or(|whole| *at <= whole);
    if all {
        let named = [
            (incident.detected, "noticed", ORANGE),
            (incident.last_evicted, "evicted", PURPLE),
            (incident.last_created, "replaced", PURPLE),
            (incident.returned, "node back", GREEN),
        ];
        for (at, words, colour) in named {
            marks.extend(at.filter(within).map(|at| mark(at, words, colour)));
        }
    }
    marks.extend(incident.whole.filter(|whole| *whole > incident.fault).map(|at| mark(at, "whole again", GREEN)));
    marks
}

fn mark(at: Time, words: &str, colour: RGBColor) -> Mark {
    Mark { at, words: words.to_string(), colour }
}
