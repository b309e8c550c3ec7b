//! Phases of loops that a recording cannot show, fitted to the first thing each decides.

use serde_json::Value;

use crate::engine::Span;

use super::case::{Case, Phases};
use super::recorded::list;
use super::story::Story;

/// The phases with which the first transitions come as recorded.
///
/// # Errors
/// As [`Case::simulate`].
pub fn fit(case: &Case) -> Result<Phases, String> {
    let mut phases = Phases { seed: 1, ..Phases::default() };
    if let Some((node, first)) = first_transition(&case.story) {
        let with = |monitor| Phases { monitor, ..phases };
        phases = closest(case, with, Span::from_secs(5), first, |story| transition_of(story, &node))?;
    } else if let Some(first) = first_registration(&case.story) {
        let with = |monitor| Phases { monitor, ..phases };
        phases = closest(case, with, Span::from_secs(5), first, first_registration)?;
    }
    if let Some((node, first)) = first_collected(case) {
        let with = |pod_gc| Phases { pod_gc, ..phases };
        phases = closest(case, with, Span::from_secs(20), first, |story| first_removal(story, &node))?;
    }
    if counts_from_stored_times(case) {
        phases = closest_story(case, (0..20).map(|step| Phases { second: Span::from_millis(step * 50), ..phases }))?;
    }
    Ok(phases)
}

/// Whether something in the case counts from timestamps that the API keeps in whole seconds.
fn counts_from_stored_times(case: &Case) -> bool {
    let text = case.data["setup"]["objects"].to_string() + &case.data["actions"].to_string();
    ["minReadySeconds", "\"Job\"", "startingDeadlineSeconds"].iter().any(|word| text.contains(word))
}

/// The candidate with which pods are created, and leave, closest to the recorded instants.
fn closest_story(case: &Case, candidates: impl Iterator<Item = Phases>) -> Result<Phases, String> {
    let times = |story: &Story| {
        let mut times: Vec<f64> =
            story.pods.iter().flat_map(|pod| [Some(pod.created), pod.marked, pod.removed]).flatten().collect();
        times.sort_by(f64::total_cmp);
        times
    };
    let recorded = times(&case.story);
    let mut best = (f64::INFINITY, Phases::default());
    for phases in candidates {
        let (story, _) = case.simulate(phases, case.duration())?;
        let ours = times(&story);
        let apart: f64 = recorded.iter().zip(&ours).map(|(r, o)| (r - o).abs().min(5.0)).sum();
        let error = apart + 5.0 * recorded.len().abs_diff(ours.len()) as f64;
        if error < best.0 {
            best = (error, phases);
        }
    }
    Ok(best.1)
}

/// The phase within `period` with which an instant is closest to the recorded one: the best of 25, then
/// moved by what it is still off.
fn closest(
    case: &Case,
    with: impl Fn(Span) -> Phases,
    period: Span,
    recorded: f64,
    instant: impl Fn(&Story) -> Option<f64>,
) -> Result<Phases, String> {
    let until = (recorded + period.as_secs_f64() + 1.0).min(case.duration());
    let off = |phase: Span| -> Result<f64, String> {
        let (story, _) = case.simulate(with(phase), until)?;
        Ok(instant(&story).map_or(f64::MAX, |t| recorded - t))
    };
    let mut best = (f64::INFINITY, Span::ZERO);
    for step in 0..25 {
        let phase = Span(period.0 / 25 * step);
        let off = off(phase)?;
        if off.abs() < f64::abs(best.0) {
            best = (off, phase);
        }
    }
    let nanos = (best.1.0 as i64 + (best.0.clamp(-1.0, 1.0) * 1e9) as i64).rem_euclid(period.0 as i64);
    let moved = Span(nanos.unsigned_abs());
    Ok(with(if off(moved)?.abs() < f64::abs(best.0) { moved } else { best.1 }))
}

/// The first thing a monitor pass did: a node Unknown, or a NoExecute taint of its own that came or
/// went.
fn first_transition(story: &Story) -> Option<(String, f64)> {
    let firsts = story.nodes.keys().filter_map(|node| Some((node.clone(), transition_of(story, node)?)));
    firsts.min_by(|a, b| a.1.total_cmp(&b.1))
}

/// When a pass first saw a node.
fn first_registration(story: &Story) -> Option<f64> {
    story.events.iter().find(|event| event.reason == "RegisteredNode").map(|event| event.t)
}

fn transition_of(story: &Story, node: &str) -> Option<f64> {
    let node = story.nodes.get(node)?;
    let unknown = node.ready.iter().filter(|(t, status)| *t > 0.0 && status == "Unknown").map(|(t, _)| *t);
    let own = |taints: &[String]| {
        taints.iter().filter(|taint| taint.starts_with("node.kubernetes.io/") && taint.ends_with(":NoExecute")).count()
    };
    let tainted = node.taints.windows(2).filter(|pair| own(&pair[0].1) != own(&pair[1].1)).map(|pair| pair[1].0);
    unknown.chain(tainted.filter(|t| *t > 0.0)).min_by(f64::total_cmp)
}

/// The node of the first pod that garbage collection removed, and when: a node that was deleted, or
/// put out of service.
fn first_collected(case: &Case) -> Option<(String, f64)> {
    let struck: Vec<&str> = list(&case.data["actions"])
        .iter()
        .filter(|action| {
            let deletes = action["action"] == "delete" && action["kind"] == "Node";
            deletes || action["patch"].to_string().contains("out-of-service")
        })
        .filter_map(|action| action["name"].as_str())
        .collect();
    let since = list(&case.data["actions"])
        .iter()
        .find(|action| action["name"].as_str().is_some_and(|name| struck.contains(&name)))
        .and_then(|action| action["t"].as_f64())?;
    let collected = case.story.pods.iter().filter(|pod| {
        pod.node.as_deref().is_some_and(|node| struck.contains(&node)) && pod.removed.is_some_and(|t| t > since)
    });
    collected.filter_map(|pod| Some((pod.node.clone()?, pod.removed?))).min_by(|a, b| a.1.total_cmp(&b.1))
}

fn first_removal(story: &Story, node: &str) -> Option<f64> {
    let of_node = story.pods.iter().filter(|pod| pod.node.as_deref() == Some(node));
    of_node.filter_map(|pod| pod.removed).filter(|t| *t > 0.0).min_by(f64::total_cmp)
}

/// When the controller manager's leader was succeeded, in seconds.
pub(super) fn succession(data: &Value, component: &str) -> Option<f64> {
    let holders = list(&data["highlights"]["leaseHolder"][component]);
    holders.iter().filter_map(|holder| holder[0].as_f64()).find(|t| *t > 0.0)
}
