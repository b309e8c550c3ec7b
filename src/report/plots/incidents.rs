//! Incidents over the whole run: a row for each kind of fault, a block for each incident from the fault until whole.

use std::collections::BTreeMap;

use plotters::style::{Color, RGBColor};

use crate::engine::{Span, Time};
use crate::outcome::{Incident, Outcome};

use super::super::format::duration;
use super::canvas::{BLUE, Canvas, Frame, GREY, INK, ORANGE, PALE, RED, picture};
use super::paint::{Hold, Picture, width_of};

/// Rows drawn; of more kinds, those with the most incidents.
const ROWS: usize = 24;
const ROW: i32 = 30;
/// Incidents of a row that are drawn one by one.
const BLOCKS: usize = 200;
/// Room for the words to the right of the rows.
const WORDS: i32 = 210;

/// The picture; `None` without incidents.
pub(super) fn draw(outcome: &Outcome) -> Option<Picture> {
    let mut kinds: BTreeMap<&str, Vec<&Incident>> = BTreeMap::new();
    for incident in &outcome.incidents {
        let verb = outcome.actions.get(incident.action).map_or("", |action| action.verb.as_str());
        kinds.entry(verb).or_default().push(incident);
    }
    let mut rows: Vec<(&str, Vec<&Incident>)> = kinds.into_iter().collect();
    if rows.is_empty() {
        return None;
    }
    rows.sort_by_key(|(_, incidents)| std::cmp::Reverse(incidents.len())); // stable: then by name
    rows.truncate(ROWS);
    let left = 40 + rows.iter().map(|(verb, _)| width_of(verb, 12.0)).max().unwrap_or(0).clamp(60, 260);
    let bottom = 84 + ROW * rows.len() as i32;
    let frame = Frame { left, right: 1000 - WORDS, top: 84, bottom, end: outcome.duration, max: 1.0 };
    Some(picture(1000, bottom as u32 + 70, |canvas| {
        let total = outcome.incidents.len();
        let below = format!(
            "{total} in {} under seed {}, each from the fault until its workload was whole",
            duration(outcome.duration),
            outcome.run.seed
        );
        canvas.title("Incidents", &below);
        frame.time_axis(canvas);
        for (index, (verb, incidents)) in rows.iter().enumerate() {
            let y = frame.top + ROW * index as i32;
            canvas.text((left - 10, y + ROW / 2), verb, 12.0, Hold::Right, INK);
            canvas.block((frame.left, y + ROW / 2), (frame.right, y + ROW / 2 + 1), &PALE);
            if incidents.len() > BLOCKS {
                density(canvas, &frame, incidents, (y + 5, y + ROW - 5), outcome);
            }
            for incident in incidents.iter().filter(|_| incidents.len() <= BLOCKS) {
                let (from, to) = (incident.fault, incident.whole.unwrap_or(Time(outcome.duration.0)));
                let (from, to) = (frame.x(from), frame.x(to));
                let place = ((from, y + 5), (to.max(from + 1), y + ROW - 5));
                canvas.block(place.0, place.1, &colour(incident).mix(0.55));
            }
            canvas.text((frame.right + 12, y + ROW / 2), &words(incidents), 12.0, Hold::Left, GREY);
        }
        let entries = [(ORANGE, "failure"), (BLUE, "planned"), (RED, "not whole again")];
        canvas.legend(frame.right, bottom + 46, &entries);
    }))
}

/// A row with too many blocks to tell apart: the more incidents are open in a column of pixels, the darker it is.
fn density(canvas: &Canvas, frame: &Frame, incidents: &[&Incident], (top, bottom): (i32, i32), outcome: &Outcome) {
    let mut open = vec![0_u32; (frame.right - frame.left).max(1) as usize + 1];
    for incident in incidents {
        let end = incident.whole.unwrap_or(Time(outcome.duration.0));
        let (from, to) = (frame.x(incident.fault) - frame.left, frame.x(end) - frame.left);
        let columns = from.max(0) as usize..=(to.max(from) as usize).min(open.len() - 1);
        open[columns].iter_mut().for_each(|column| *column += 1);
    }
    let most = f64::from(open.iter().copied().max().unwrap_or(1).max(1));
    for (column, count) in open.iter().enumerate().filter(|(_, count)| **count > 0) {
        let x = frame.left + column as i32;
        let shade = 0.1 + 0.9 * f64::from(*count) / most;
        canvas.block((x, top), (x + 1, bottom), &colour(incidents[0]).mix(shade));
    }
}

fn colour(incident: &Incident) -> RGBColor {
    match (incident.whole, incident.planned) {
        (None, _) if !incident.undecided => RED,
        (_, true) => BLUE,
        (_, false) => ORANGE,
    }
}

/// How many, and the middle of their recovery times.
fn words(incidents: &[&Incident]) -> String {
    let mut lengths: Vec<Span> = incidents.iter().filter_map(|incident| incident.recovery()).collect();
    lengths.sort_unstable();
    match lengths.get(lengths.len().saturating_sub(1) / 2) {
        Some(middle) => format!("{} · median {}", incidents.len(), duration(*middle)),
        None => incidents.len().to_string(),
    }
}
