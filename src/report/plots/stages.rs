//! Where the time of each recovery went: one bar an incident, cut into its stages.

use plotters::style::{Color, RGBColor};

use crate::engine::{Span, Time};
use crate::outcome::{Incident, Outcome, STAGES};

use super::super::format::duration;
use super::canvas::{BLUE, Canvas, Frame, GREEN, GREY, INK, ORANGE, PURPLE, RED, SKY, picture};
use super::paint::{Hold, Picture, width_of};

/// Bars drawn; of more incidents, those that took longest.
const BARS: usize = 40;
const ROW: i32 = 26;
/// A colour for each stage.
pub(super) const COLOURS: [RGBColor; 6] = [RED, ORANGE, PURPLE, SKY, BLUE, GREEN];

/// The picture; `None` without incidents.
pub(super) fn draw(outcome: &Outcome) -> Option<Picture> {
    let mut incidents: Vec<&Incident> = outcome.incidents.iter().collect();
    if incidents.is_empty() {
        return None;
    }
    let total = incidents.len();
    if total > BARS {
        incidents.sort_by_key(|incident| (std::cmp::Reverse(length(incident)), incident.fault));
        incidents.truncate(BARS);
    }
    let names: Vec<String> = incidents.iter().map(|incident| name(incident)).collect();
    let left = 40 + names.iter().map(|name| width_of(name, 12.0)).max().unwrap_or(0).clamp(60, 360);
    // an incident that never ended must not dwarf those that did
    let recovered = incidents.iter().filter_map(|incident| incident.recovery()).max();
    let longest =
        recovered.unwrap_or_else(|| incidents.iter().map(|incident| length(incident)).max().unwrap_or_default());
    let longest = longest.0.max(1_000_000_000);
    let bottom = 96 + ROW * incidents.len() as i32;
    let end = Span(longest + longest / 8);
    let frame = Frame { left, right: 976, top: 84, bottom, end, max: 1.0 };
    Some(picture(1000, bottom as u32 + 70, |canvas| {
        let many = if total > BARS { format!(" · the {BARS} longest of {total}") } else { String::new() };
        canvas.title("Where the recovery time went", &format!("time since the fault, by stage{many}"));
        frame.time_axis(canvas);
        for (row, (incident, name)) in incidents.iter().zip(&names).enumerate() {
            let y = 90 + ROW * row as i32;
            canvas.text((left - 10, y + ROW / 2), &clipped(name), 12.0, Hold::Right, INK);
            bar(canvas, &frame, incident, y);
        }
        let entries: Vec<(RGBColor, &str)> = COLOURS.into_iter().zip(STAGES).collect();
        canvas.legend(976, bottom + 46, &entries);
    }))
}

fn name(incident: &Incident) -> String {
    format!("{} · {}", incident.workload, incident.label)
}

fn clipped(name: &str) -> String {
    let short: String = name.chars().take(52).collect();
    if short.len() < name.len() { format!("{short}…") } else { short }
}

/// The recovery, or the time until the end of the run.
fn length(incident: &Incident) -> Span {
    incident.recovery().unwrap_or(incident.end.since(incident.fault))
}

fn bar(canvas: &Canvas, frame: &Frame, incident: &Incident, y: i32) {
    let (top, bottom) = (y + 4, y + ROW - 4);
    let end = frame.x(Time(length(incident).0));
    match incident.stages() {
        Some(stages) => {
            let mut from = Span::ZERO;
            for (stage, colour) in stages.iter().zip(COLOURS) {
                let to = from + stage.span;
                let (left, right) = (frame.x(Time(from.0)), frame.x(Time(to.0)));
                if stage.span > Span::ZERO {
                    canvas.block((left, top), (right.max(left + 1), bottom), &colour);
                }
                from = to;
            }
            canvas.text((end + 8, y + ROW / 2), &duration(length(incident)), 12.0, Hold::Left, INK);
        }
        None => {
            canvas.block((frame.left, top), (end, bottom), &GREY.mix(0.35));
            let words = format!("not whole again within the run, {} later", duration(length(incident)));
            canvas.text((frame.left + 8, y + ROW / 2), &words, 12.0, Hold::Left, INK);
        }
    }
}
